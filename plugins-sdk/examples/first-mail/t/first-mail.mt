need smtp store kv-bdb
module first-mail
define deliver
	client c connect 25
	c < 220
	c > EHLO client.example
	c < 250
	c > MAIL FROM:<$1>
	c < 250
	c > RCPT TO:<anna@example.org>
	c < 250
	c > DATA
	c < 354
	c >> Subject: hello\r\n\r\nhello\r\n.\r\n
	c < 250
	c > QUIT
	c < 221
end
deliver one@example.com
deliver one@example.com
expect message anna INBOX 1 /\nX-First-Mail: yes\n/
expect message anna INBOX 2 /^Return-Path[^\n]*\n(Delivered-To|Received)/
# It is remembered.
stop
deliver one@example.com
deliver two@example.com
expect message anna INBOX 3 /^Return-Path[^\n]*\n(Delivered-To|Received)/
expect message anna INBOX 4 /\nX-First-Mail: yes\n/
