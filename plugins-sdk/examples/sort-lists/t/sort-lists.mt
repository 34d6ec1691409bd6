need smtp store
module sort-lists { below: Forums }

client c connect 25
c < 220
c > EHLO client.example
c < 250
define message
	c > MAIL FROM:<someone@example.com>
	c < 250
	c > RCPT TO:<anna@example.org>
	c < 250
	c > DATA
	c < 354
	c >> $1\r\nSubject: hello\r\n\r\nhello\r\n.\r\n
	c < 250
end
message "List-Id: Friends of tea <tea.example.com>"
message "List-ID: <coffee-beans>"
message "List-Id: ../../escape"
message "X-List: none"
expect mailbox anna Forums/tea 1
expect mailbox anna Forums/coffee-beans 1
expect mailbox anna INBOX 2
