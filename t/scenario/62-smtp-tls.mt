# STARTTLS: everything known before is forgotten, nothing sent in clear is run as
# if it had been protected, and a handshake may fail without harm.
need smtp imap auth
include common.inc

smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > STARTTLS
s < 220 2.0.0
s starttls
s > RCPT TO:<anna@example.org>
s < 503
s > MAIL FROM:<x@example.com>
s < 503
s > EHLO client.example
s < /^(250.(PIPELINING|SIZE|ENH|8BIT|SMTPUTF8|CHUNKING|BINARYMIME|LIMITS|REQUIRETLS|mail)[^\n]*\n?)+$/
s > STARTTLS
s < 503
deliver s x@example.com anna@example.org safe
expect message anna INBOX 1 /\n\tby mail.example.org with ESMTPS /

# Commands behind STARTTLS, in one packet with it (CVE-2011-0411).
smtp s
s >> STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n
s < 554
s closed
client r connect 143
r < * OK
r >> a STARTTLS\r\nb NOOP\r\n
r <* /^a (OK|BAD)/
r starttls refused
expect log event="TLS failed"

# Not TLS at all.
smtp s
s > STARTTLS
s < 220
s > QUIT
s closed anyway
client s connect 465
s > EHLO x.example
s closed anyway
smtp s
s > QUIT
s < 221
