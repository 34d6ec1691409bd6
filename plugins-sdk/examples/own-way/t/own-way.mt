need smtp auth queue smtp-client queue-transport-smtp
module own-way { transport: office, domains: [far.example] }
module queue
module smtp-client
module queue-transport-smtp {
	transports:
	  office: {host: 203.0.113.9, port: 2525, tls: never}
}
server mx listen 203.0.113.9:2525

client c connect 465 tls
c < 220
c > EHLO [192.0.2.1]
c < 250
c > AUTH PLAIN $plain_anna
c < 235
c > MAIL FROM:<anna@example.org>
c < 250
c > RCPT TO:<x@far.example>
c < 250
c > DATA
c < 354
c >> From: <anna@example.org>\r\nSubject: hello\r\n\r\nhello\r\n.\r\n
c < 250
mx accept
mx > 220 mx.far.example
mx < EHLO mail.example.org
mx > 250 mx.far.example
mx < /^MAIL FROM:<anna@example.org>/
mx > 250 ok
mx < /^RCPT TO:<x@far.example>/
mx > 550 5.1.1 nobody
