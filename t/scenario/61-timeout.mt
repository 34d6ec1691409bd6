# Who says nothing is sent away: SMTP after its timeout wherever it stands, IMAP
# before and after the login, in IDLE too.
need smtp imap
include common.inc
module smtp { timeout: 5m, data-timeout: 20m }
module imap { login-timeout: 30s, idle-timeout: 30m }

client s connect 25
s < 220
s silent 299s
clock +1s
s < 421 4.4.2
s closed

smtp s
clock +4m
s > MAIL FROM:<x@example.com>
s < 250 2.1.0
clock +4m
s > RCPT TO:<anna@example.org>
s < 250 2.1.5
s silent 299s
clock +1s
s < 421 4.4.2
s closed

# Within a message too; and one that trickles is cut off as a whole.
smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s > Subject: begun
s silent 299s
clock +1s
s closed

smtp s
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
repeat 4
	s > one more line
	s silent 4m
end
s > and one more
clock +4m
s closed
expect mailbox anna INBOX 0

client r connect 993 tls
r < * OK
r silent 29s
clock +1s
r < * BYE
r closed

imap r anna
r silent 1799s
clock +1s
r < * BYE
r closed

imap r anna
clock +29m
r > a IDLE
r < +
r silent 1799s
clock +1s
r < * BYE
r closed
