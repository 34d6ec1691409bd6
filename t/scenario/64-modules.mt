# Each module can be switched off and on while the server runs: the rest goes on,
# or the refusal names who needs it and nothing changes.
need smtp imap auth simulate store kv-bdb blob-segment directory-yaml
include common.inc

smtp s
imap r anna

module disable simulate
module disable simulate
module enable simulate

module disable imap
client x connect 143 refused
client x connect 993 refused
deliver s x@example.com anna@example.org one
r > a NOOP
r < * 1 EXISTS
r <* a OK
module enable imap
imap y anna
y > a NOOP
y < a OK

module disable smtp
client x connect 25 refused
deliver s x@example.com anna@example.org two
s > QUIT
s < 221
s closed
module enable smtp

module disable store expect-fail "smtp"
module disable directory-yaml expect-fail "smtp"
module disable kv-bdb expect-fail "store"
module disable blob-segment expect-fail "store"
module disable auth expect-fail "imap"
smtp s
deliver s x@example.com anna@example.org still

# Without IMAP nobody needs passwords: submission goes, the MX stays.
module disable imap
module disable auth
client x connect 587 refused
smtp s
deliver s x@example.com anna@example.org three
module enable auth
module enable imap
submission u bert
deliver u bert@example.org anna@example.org four

module enable nonsense expect-fail "nonsense"
expect mailbox anna INBOX 5 unseen 5
