client r connect 993 tls
need smtp imap
r < * OK
r > a LOGIN anna $password
r <* a OK
r > b SELECT INBOX
r <* b OK
r > c IDLE
r < +
client s connect 25
s < 220
s > EHLO client.example
s < /250.SIZE/
s > MAIL FROM:<x@example.com>
s < 250
s > RCPT TO:<anna@example.org>
s < 250
s > DATA
s < 354
s data <<END
Subject: hi

there
END
s < 250
r < * 1 EXISTS
r > DONE
r <* c OK
r > d FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (Subject)])
r < /Subject: hi/
r < d OK
expect log event=delivered account=anna
expect mailbox anna INBOX 1 unseen 1
