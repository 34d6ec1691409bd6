need smtp auth store
module hide-client

client c connect 465 tls
c < 220
c > EHLO [192.0.2.1]
c < 250
c > AUTH PLAIN $plain_bert
c < 235
c > MAIL FROM:<bert@example.org>
c < 250
c > RCPT TO:<anna@example.org>
c < 250
c > DATA
c < 354
c data <<END
	From: bert@example.org
	User-Agent: Some Program 1.0
	 on Some System
	Subject: hello
	x-mailer: none

	The body may say User-Agent: all the same.
END
c < 250
expect message anna INBOX 1 /\nX-Removed: 2\n/
expect message anna INBOX 1 /\nFrom: bert@example.org\nSubject: hello\n/
expect message anna INBOX 1 /say User-Agent/
