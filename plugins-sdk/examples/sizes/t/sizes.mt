need smtp store
module sizes
client c connect 25
c < 220
c > EHLO client.example
c < 250
repeat 3
	c > MAIL FROM:<someone@example.com>
	c < 250
	c > RCPT TO:<anna@example.org>
	c < 250
	c > DATA
	c < 354
	c >> Subject: hello\r\n\r\nhello\r\n.\r\n
	c < 250
end
command metrics
expect output /\nhermod_sizes_messages_total.from="outside". 3\n/
expect output /\nhermod_sizes_messages_total.from="users". 0\n/
expect output /\nhermod_sizes_size_bytes_bucket.le="1000". 3\n/
# They go on over a reload.
reload
command metrics
expect output /\nhermod_sizes_messages_total.from="outside". 3\n/
