# S11: chunks (RFC 3030) are counted to the byte and never read as commands.
need smtp
include ../scenario/common.inc
module smtp { max-message: 64K }
smtp s
define begin
	s > MAIL FROM:<x@example.com>
	s < 250
	s > RCPT TO:<anna@example.org>
	s < 250
end

# Nothing, in one chunk and in many; commands within; a dot alone.
begin
s > BDAT 0 LAST
s < 250 2.0.0
begin
s >> BDAT 0\r\nBDAT 14\r\nSubject: v\r\n\r\nBDAT 0\r\nBDAT 34\r\nRSET\r\nQUIT\r\n.\r\nMAIL FROM:<e@e.e>\r\nBDAT 4 LAST\r\nend\n
s < 250
s < 250
s < 250
s < 250
s < 554 5.6.0
begin
s >> BDAT 14\r\nSubject: v\r\n\r\nBDAT 35\r\nRSET\r\nQUIT\r\n.\r\nMAIL FROM:<e@e.ex>\r\nBDAT 0 LAST\r\n
s < 250
s < 250
s < 250 2.0.0
expect message anna INBOX 2 /\n\nRSET\nQUIT\n\.\nMAIL FROM:<e@e.ex>\n$/

# RSET between chunks; DATA among them; RCPT behind them.
begin
s >> BDAT 4\r\nX: y
s < 250
s > DATA
s < 503 5.5.1
s > RCPT TO:<bert@example.org>
s < 503 5.5.1
s > MAIL FROM:<x@example.com>
s < 503 5.5.1
s > RSET
s < 250
s > BDAT 4
s >> NOOP
s < 503 5.5.1
begin
s >> BDAT 10 LAST\r\nSubject: z
s < 250
expect message anna INBOX 3 /Subject: z\n*$/

# Without an end it is no message.
begin
s >> BDAT 14\r\nSubject: n\r\n\r\n
s < 250
s > QUIT
s < 221
s closed
expect mailbox anna INBOX 3

# Sizes that are none: the chunk cannot be skipped, so it is over.
each size -1 +1 0x10 1.5 9223372036854775808 18446744073709551617 4x LAST "" "5 FIRST" "5 LAST LAST"
	smtp s
	begin
	s >> BDAT ${size}\r\nRSET\r\n
	s < 501 5.5.4
	s closed anyway
	expect log event=refused code=501
end
each size 9223372036854775807 4294967296 300000
	smtp s
	begin
	s > BDAT ${size} LAST
	s < 552 5.3.4
	s closed anyway
end

# Too large together: refused once, and the next message is in order.
smtp s
begin
s > BDAT 40000
repeat 400
	s >> 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
end
s < 250
s > BDAT 40000
repeat 400
	s >> 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
end
s < 552 5.3.4
deliver s x@example.com anna@example.org after
# A chunk that ends in the middle.
begin
s >> BDAT 100 LAST\r\nSubject: cut
s drop
expect log event="message broken off" error=/e/
expect mailbox anna INBOX 4
