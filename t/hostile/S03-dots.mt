# S03: transparency (RFC 5321, 4.5.2) at every place, byte for byte.
need smtp
include ../scenario/common.inc
smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s >> ..first: line\r\n\r\n..\r\n...\r\n..x\r\n.x\r\n a.\r\n.\r
s silent 1ms
s >> \n
s < 250 2.0.0
expect message anna INBOX 1 /\n\.first: line\n\n\.\n\.\.\n\.x\nx\n a\.\n$/

# Nothing at all, a dot cut from its line's end, and a message without a last
# line's end, which only BDAT can bring.
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s >> .
s silent 1ms
s >> \r\n
s < 250 2.0.0
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > BDAT 17 LAST
s >> Subject: x\r\n\r\n.\r\n
s < 250 2.0.0
expect message anna INBOX 3 /\nSubject: x\n\n\.\n$/
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > BDAT 17 LAST
s >> Subject: y\r\n\r\nend
s < 250 2.0.0
expect message anna INBOX 4 /\nSubject: y\n\nend$/
