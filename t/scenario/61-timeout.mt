# Who says nothing is sent away: SMTP after its timeout, wherever it stands, and
# IMAP after half an hour, in IDLE or not.
need smtp imap
module smtp { timeout: 5m }

client s connect 25
s < 220
s silent 4m59s
clock +1s
s < 421 4.4.2
s closed

client s connect 25
s < 220
s > EHLO client.example
s < 250
clock +4m
s > MAIL FROM:<x@example.com>
s < 250 2.1.0
clock +4m
s > RCPT TO:<anna@example.org>
s < 250 2.1.5
clock +5m
s < 421 4.4.2
s closed
expect mailbox anna INBOX 0
