# Users send: only after log-in, only as themselves, with what was missing added.
need smtp auth
include common.inc

client u connect 587
u < 220
u > EHLO laptop
u < 250
u > AUTH PLAIN $plain_anna
u < 538 5.7.11
u > MAIL FROM:<anna@example.org>
u < 530 5.7.0
u > STARTTLS
u < 220 2.0.0
u starttls
u > EHLO laptop
u < /250.AUTH [-A-Z0-9 ]*SCRAM-SHA-256 /
u > AUTH PLAIN
u < 334
u > $plain_anna
u < 235 2.7.0
u > AUTH PLAIN $plain_anna
u < 503
u > MAIL FROM:<bert@example.org>
u < 550 5.7.1
u > MAIL FROM:<anna@example.org>
u < 250
u > RCPT TO:<x@elsewhere.example>
u < 550 5.7.1
u > RCPT TO:<bert@example.org>
u < 250
u > DATA
u < 354
u data <<END
	From: Anna <anna@example.org>
	Bcc: secret@example.org
	Subject: from Anna

	Hello.
END
u < 250 2.0.0
expect message bert INBOX 1 /\nMessage-ID: <[^>]+@mail.example.org>\n/
expect message bert INBOX 1 /\nDate: Fri, 20 Nov 2026 12:00:00 \+0000\n/
expect message bert INBOX 1 /^Return-Path: <anna@example.org>\n(X?[^B].*\n)*Subject: from Anna\n/

# Where the user was is nobody's business.
expect message bert INBOX 1 /^Return-Path: <anna@example.org>\nDelivered-To: bert@example.org\nReceived: from mail.example.org\n\tby mail.example.org with ESMTPSA id [^ ]+\n\t\(TLS1.3 [A-Z0-9_]+\)\n\tfor <bert@example.org>;\n\tFri, 20 Nov 2026 12:00:00 \+0000\n/

# Not as somebody else within the message either.
u > MAIL FROM:<anna@example.org>
u < 250
u > RCPT TO:<bert@example.org>
u < 250
u > DATA
u < 354
u data <<END
	From: Bert <bert@example.org>

	Hello.
END
u < 550 5.7.1
expect mailbox bert INBOX 1

submission v bert
deliver v bert@example.org anna@example.org answer
expect mailbox anna INBOX 1 unseen 1

# A wrong password is as wrong as an unknown user.
client w connect 465 tls
w < 220
w > EHLO laptop
w < 250
w > AUTH PLAIN AGFubmEAd3Jvbmc=
w silent 900ms
clock +100ms
w < 535 5.7.8
w > AUTH PLAIN AG5vYm9keQB3cm9uZw==
w silent 900ms
clock +100ms
w < 535 5.7.8
expect log event="failed authentication attempt" user=anna protocol=submissions
expect log event="failed authentication attempt" user=nobody
