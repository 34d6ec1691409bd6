# S02: a CR or LF by itself, in a header, a body or a command, comes neither in
# nor out again.
need smtp imap
include ../scenario/common.inc
smtp s
each bare Subject:\x20a\rb\r\n\r\ntext\r\n Subject:\x20a\nb\r\n\r\ntext\r\n Subject:\x20a\r\n\r\nte\rxt\r\n Subject:\x20a\r\n\r\nte\nxt\r\n Subject:\x20a\r\n\r\ntext\r\r\n
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
	s > DATA
	s < 354
	s >> ${bare}.\r\n
	s < 554 5.6.0
	expect log event=refused code=554
end
expect mailbox anna INBOX 0

# A command with a CR in it; a line that ends without CR is the line it seems.
s >> NOOP\rRSET\r\n
s < 500 5.5.2
s >> NOOP\n
s < 250
