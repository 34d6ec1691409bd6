# Every message is seen, also those that come while it is off or the server is down.
need smtp imap store
module follow

define deliver
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
	c >> Subject: $1\r\n\r\nhello\r\n.\r\n
	c < 250
	c > QUIT
	c < 221
end

deliver one
expect log event="message seen" account=anna uid=1 count=1
deliver two
expect log event="message seen" account=anna uid=2
stop
expect no log event="message seen" uid=3

# It goes on where it was.
deliver three
expect log event="message seen" account=anna uid=3
module disable follow
each n 4 5 6
	deliver $n
end
expect no log event="message seen" uid=4
module enable follow
each n 4 5 6
	expect log event="message seen" account=anna uid=$n
end
# Nothing is seen twice.
expect no log event="message seen" account=anna
reload
deliver seven
expect log event="message seen" account=anna uid=7
