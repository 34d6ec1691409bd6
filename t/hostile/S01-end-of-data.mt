# S01: only CRLF "." CRLF ends a message. Whatever another server might take for
# its end is refused as what it looks like, and no second message comes of it.
need smtp
include ../scenario/common.inc

define begin
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<bert@example.org>
	s < 250
	s > DATA
	s < 354
end
smtp s

# In one packet, and with each byte that could be the decisive one by itself.
each end \n.\n \n.\r \r.\n \r.\r \n.\r\n \r.\r\n \r\n.\n \r\n.\r \r\n\0.\r\n \r\n.\r\r\n \r\r\n.\r\r\n \r\n.\0\r\n \r\n\0.\0\r\n
	begin
	s >> Subject: one\r\n\r\na${end}MAIL FROM:<evil@example.com>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\nSubject: two\r\n\r\nb\r\n.\r\n
	s < /^554 5.6.0 .*smuggling/
	expect log event=refused code=554 text=/smuggling/
	begin
	s >> Subject: one\r\n\r\na
	s silent 10ms
	s >> $end
	s silent 10ms
	s >> MAIL FROM:<evil@example.com>\r\n
	s silent 10ms
	s >> .\r\n
	s < 554 5.6.0
	# A message that is in order lets the session go on for long.
	begin
	s >> Subject: in order\r\n\r\ntext\r\n.\r\n
	s < 250
end
expect mailbox anna INBOX 0
expect mailbox bert INBOX 13

# The true end, byte by byte.
begin
each byte S u : \r \n \r \n x \r \n . \r
	s >> $byte
	s silent 1ms
end
s >> \n
s < 250 2.0.0
expect mailbox bert INBOX 14

# By chunks as by DATA; only BINARYMIME, which announces it, may bring such bytes.
each end \n.\n \r.\r
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<bert@example.org>
	s < 250
	s > BDAT 22
	s >> Subject: c\r\n\r\na${end}MAIL
	s < 250
	s > BDAT 21 LAST
	s >> \x20FROM:<e@x.example>\r\n
	s < 554 5.6.0
end
expect mailbox bert INBOX 14
