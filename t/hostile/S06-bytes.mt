# S06: NUL and bytes above ASCII where text belongs. Nothing is cut at a NUL.
need smtp imap
include ../scenario/common.inc
smtp s
each line NO\0OP NOOP\0 \0NOOP N\xc3OOP \x80\x81 NOOP\x1b[31m
	s >> ${line}\r\n
	s < 500 5.5
	expect log event=refused code=500
end
s > RSET
s < 250
each path <x\0@example.com> <x@example.com\0> <x@example.com>\0 <x\x07@example.com>
	s >> MAIL FROM:${path}\r\n
	s < 500 5.5.2
end
# International addresses want their extension; broken UTF-8 is no address.
s >> MAIL FROM:<\xd0\xb3@example.com>\r\n
s < 550 5.6.7
s >> MAIL FROM:<x@\xd0\xb3.example>\r\n
s < /^(550|553) 5.6.7/
s >> MAIL FROM:<\xff@example.com> SMTPUTF8\r\n
s < /^50[01] 5/
s >> MAIL FROM:<\xc0\xaf@example.com> SMTPUTF8\r\n
s < /^50[01] 5/
s > MAIL FROM:<x@example.com>
s < 250
s >> RCPT TO:<\xd0\xb3@example.org>\r\n
s < 553 5.6.7
s >> RCPT TO:<anna\0@example.org>\r\n
s < 500 5.5.2
s >> RCPT TO:<anna@example.org\0.evil.example>\r\n
s < 500 5.5.2
expect mailbox anna INBOX 0

client i connect 143
i < * OK
i >> a CAP\0ABILITY\r\n
i < a BAD
i < * BYE
i closed
client i connect 143
i < * OK
i > a NOOP
i < a OK
i >> a LOGIN an\0na x\r\n
i < /BAD/
i >> a LOGIN {5}\r\n
i < +
i >> an\0na {1}\r\n
i < /^(\+|a BAD)/
i close
