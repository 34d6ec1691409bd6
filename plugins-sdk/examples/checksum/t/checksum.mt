need smtp store
module checksum
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
c >> \r\n123456789\r\n.\r\n
c < 250
expect message anna INBOX 1 /\nX-CRC32C: [0-9a-f]{8}\n/
# The same bytes have the same sum.
c > MAIL FROM:<someone@example.com>
c < 250
c > RCPT TO:<bert@example.org>
c < 250
c > DATA
c < 354
c >> \r\n123456789\r\n.\r\n
c < 250
expect message anna INBOX 1 /\nX-CRC32C: $sum\n/
expect message bert INBOX 1 /\nX-CRC32C: $sum\n/
