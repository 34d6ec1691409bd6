# S16: the client is gone before it hears that its message was stored: it is there
# once, whole, or not at all. What is sent again is a second message; the server
# does not guess that two are one.
need smtp
include ../scenario/common.inc
define begin
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
	s > DATA
	s < 354
end
smtp s
begin
s >> Message-ID: <1@example.com>\r\n\r\nwhole\r\n.\r\n
s drop
clock +1s
expect mailbox anna INBOX 1
expect message anna INBOX 1 /Message-ID: <1@example.com>\n\nwhole\n$/
smtp s
begin
s >> Message-ID: <1@example.com>\r\n\r\nwhole\r\n.\r\n
s < 250 2.0.0
expect mailbox anna INBOX 2

# The reply cannot be written.
smtp s
begin
fail write 2
s >> Message-ID: <2@example.com>\r\n\r\nwhole\r\n.\r\n
s closed anyway
fail write 0
expect mailbox anna INBOX 3

# Gone before the dot, at each place of it: nothing.
each end "text" "text\r" "text\r\n" "text\r\n." "text\r\n.\r"
	smtp s
	begin
	s >> Message-ID: <3@example.com>\r\n\r\n${end}
	s drop
	clock +1s
	expect log event="message broken off" from=x@example.com
end
expect mailbox anna INBOX 3
