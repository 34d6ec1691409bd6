# S13: commands in the packet of STARTTLS, which clear text could put under the
# shelter of TLS (CVE-2011-0411), are not run, before it or behind it.
need smtp imap
include ../scenario/common.inc
smtp s
s >> STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@example.com>\r\n
s < 554 5.5.0
s closed
expect log event=refused code=554
client s connect 587
s < 220
s > EHLO c
s < 250
s >> STARTTLS\r\nAUTH PLAIN $plain_anna\r\n
s < 554 5.5.0
s closed

# In IMAP what follows is taken for a broken handshake.
client i connect 143
i < * OK
i >> a STARTTLS\r\nb LOGIN anna $password\r\n
i < /^a (OK|BAD)/
i starttls refused
expect log event="TLS failed"
expect no log event="logged in"
# A record of TLS already there, too, is not decrypted as what came by it.
client s connect 25
s < 220
s > EHLO c
s < 250
s >> STARTTLS\r\n\x16\x03\x01\x00\x05hello
s < 554
s closed
