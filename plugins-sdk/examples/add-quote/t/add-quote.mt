need smtp store quotes
module add-quote
start expect-fail "which no enabled module provides"
module quotes
client c connect 25
c < 220
c > EHLO client.example
c < 250
c > MAIL FROM:<someone@example.com>
c < 250
c > RCPT TO:<anna@example.org>
c < 250
c > DATA
c < 354
c >> Subject: hello\r\n\r\nhello\r\n.\r\n
c < 250
expect message anna INBOX 1 /\nX-Quote: [A-Z].*\.\n/
module disable quotes expect-fail "add-quote"
