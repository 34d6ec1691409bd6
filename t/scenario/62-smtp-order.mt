# Commands out of order, unknown ones, and strangers.
need smtp
include common.inc

smtp s
s > RCPT TO:<anna@example.org>
s < 503 5.5.1
s > DATA
s < 503 5.5.1
s > MAIL FROM:<x@example.com>
s < 250
s > MAIL FROM:<x@example.com>
s < 503 5.5.1
s > DATA
s < /^(503|554) 5.5.1/
s > RCPT TO:<nobody@example.org>
s < 550 5.1.1
s > RCPT TO:<x@elsewhere.example>
s < 550 5.7.1
s > RCPT TO:<ANNA@Example.ORG>
s < 250
s > RSET
s < 250
s > RCPT TO:<anna@example.org>
s < 503 5.5.1
s > AUTH PLAIN AAAA
s < 503 5.5.1
s > NONSENSE
s < 500 5.5.1
s > NOOP
s < 250
s > QUIT
s < 221
s closed

# Not SMTP at all.
client h connect 25
h < 220
h > GET / HTTP/1.1
h < 500
h closed

# Talks before the greeting or before the answer to EHLO.
client e connect 25
e < 220
e >> EHLO x.example\r\nNOOP\r\n
e < 554
e closed

# Too many errors.
smtp b
repeat 20
	b > NONSENSE
	b < 500
end
b > NONSENSE
b < 500
b > NOOP
b < 421 4.7.0
b closed
