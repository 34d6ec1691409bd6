need smtp
module few-rcpts { limit: 1 }

client c connect 25
c < 220
c > EHLO client.example
c < 250
c > MAIL FROM:<someone@example.com>
c < 250
c > RCPT TO:<anna@example.org>
c < 250
c > RCPT TO:<bert@example.org>
c < 451 4.5.3 too many recipients
# Another connection begins anew.
client d connect 25
d < 220
d > EHLO client.example
d < 250
d > MAIL FROM:<someone@example.com>
d < 250
d > RCPT TO:<bert@example.org>
d < 250
