# A reload takes nothing from a session that is open: it keeps the settings it
# began with, while new ones get the new. What is wrong changes nothing.
need smtp imap
include common.inc
module smtp { max-message: 100K }

client old connect 25
old < 220
imap r anna
module smtp { max-message: 200K }
reload
old > EHLO client.example
old < /250.SIZE 102400\n/
client new connect 25
new < 220
new > EHLO client.example
new < /250.SIZE 204800\n/
command generations
expect output /2 +current/
expect output /1 +retired .*smtp session 1/

# Both deliver, and the session of the first generation hears of both.
deliver old x@example.com anna@example.org one
deliver new x@example.com anna@example.org two
r > a NOOP
r < * 2 EXISTS
r <* a OK

module smtp { max-mesage: 300K }
reload expect-fail "max-message"
module smtp { max-message: 1K }
reload expect-fail "64K"
module smtp { max-message: 300K }
conf domains.yaml { domains: [ }
reload expect-fail "domains.yaml"
conf domains.yaml {
	domains: {example.org: {}}
	accounts: {anna: {addresses: [anna@elsewhere.example]}}
}
reload expect-fail "elsewhere.example"
conf domains.yaml {
	domains: {example.org: {}}
	accounts: {anna: {addresses: [anna@example.org]}}
}
new > NOOP
new < 250
client third connect 25
third < 220
third > EHLO client.example
third < /250.SIZE 204800\n/

# Ports come and go; the sockets that stay lose nobody.
module smtp { mx: [25, 2525], max-message: 400K }
reload
client more connect 2525
more < 220
more > EHLO client.example
more < /250.SIZE 409600\n/
module smtp { mx: [25] }
reload
client gone connect 2525 refused
more > NOOP
more < 250
more > QUIT
more < 221
more closed

# The last session of a generation ends it.
old > QUIT
old < 221
r > z LOGOUT
r <* z OK
expect log event="generation closed" generation=1
expect no log level=error
