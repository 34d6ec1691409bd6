# It greets every message and refuses whom it is told to; hermod-mailtest(7).
need smtp store
module hello { greeting: Good morning, refuse: [bert@example.org] }

client c connect 25
c < 220
c > EHLO client.example
c < 250
c > MAIL FROM:<someone@example.com>
c < 250
c > RCPT TO:<bert@example.org>
c < 550 5.7.1 this address only greets
c > RCPT TO:<anna@example.org>
c < 250
c > DATA
c < 354
c data <<END
	Subject: first

	Hello yourself.
END
c < 250
expect message anna INBOX 1 /\nX-Hello: Good morning\n/
expect mailbox bert INBOX 0
