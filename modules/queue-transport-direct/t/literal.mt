# Address literals need no DNS; what must not be dialled is not.
need smtp auth queue smtp-client queue-transport-direct
include ../../../t/scenario/common.inc
module smtp-client
module queue { suppress: no }
module queue-transport-direct { port: 2525 }
server mx listen 203.0.113.9:2525

submission u anna
deliver u anna@example.org x@[203.0.113.9] one
mx accept
mx > 220 mx.far.example
mx < EHLO mail.example.org
mx > 250 mx.far.example
mx < MAIL FROM:<anna@example.org>
mx > 250 ok
mx < RCPT TO:<x@[203.0.113.9]>
mx > 550 5.1.1 no such user
mx < QUIT
mx > 221 bye
expect log event="given up" to=x@[203.0.113.9] code=550
expect message anna INBOX 1 /\nRemote-MTA: dns; \[203.0.113.9\]\n/

deliver u anna@example.org x@[127.0.0.1] two
expect log event="given up" to=x@[127.0.0.1] esc=5.7.1
deliver u anna@example.org x@[IPv6:::1] three
expect log event="given up" esc=5.7.1
deliver u anna@example.org x@[IPv6:::ffff:127.0.0.1] three
expect log event="given up" esc=5.7.1

# A host that does not answer, and names that nobody resolves, wait.
deliver u anna@example.org x@[203.0.113.10] four
expect log event=deferred to=x@[203.0.113.10] esc=4.4.1
deliver u anna@example.org x@far.example five
expect log event=deferred to=x@far.example esc=4.4.3
command queue list
expect output /no module resolves names/

# TLS that fails is done without, in a connection of its own.
deliver u anna@example.org y@[203.0.113.9] six
mx accept
mx > 220 mx.far.example
mx < EHLO
mx >> 250-mx.far.example\r\n250 STARTTLS\r\n
mx < STARTTLS
mx > 220 go
mx > no handshake
mx accept
mx > 220 mx.far.example
mx < EHLO
mx >> 250-mx.far.example\r\n250 STARTTLS\r\n
mx < MAIL
mx > 450 4.2.0 enough
mx < QUIT
mx > 221 bye
expect log event=deferred to=y@[203.0.113.9] code=450

# A message that requires TLS is not sent where nothing can prove it.
u > MAIL FROM:<anna@example.org> REQUIRETLS
u < 250
u > RCPT TO:<z@[203.0.113.9]>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\n\r\nx\r\n.\r\n
u < 250
expect log event="given up" to=z@[203.0.113.9] esc=5.7.30
