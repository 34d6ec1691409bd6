# Addresses that mail is not sent to any more: refused as such, or three messages in
# a row failed. The list is the account's own, and the admin may lift it.
need smtp auth queue wire
include queue.inc
submission u anna

# What its server says of an address is enough.
send u anna@example.org perm@far.example one ""
command queue suppress list anna
expect output /perm@far.example .* 550-5\.1\.1 no such/

# Other failures count: this one has no room today.
repeat 2
	send u anna@example.org full@far.example one ""
	expect log event="given up" to=full@far.example code=552
end
command queue suppress list anna
expect output /^account [^\n]*\nanna +perm@far.example [^\n]*\n$/
# A message that arrived ends the row; dots and what stands behind + do not matter.
send u anna@example.org ful.l@far.example two ""
expect log event=sent to=ful.l@far.example
repeat 2
	send u anna@example.org full+tag@far.example three ""
end
command queue suppress list anna
expect output /^account [^\n]*\nanna +perm@far.example [^\n]*\n$/
send u anna@example.org full@far.example four ""
expect log event="given up" to=full@far.example
command queue suppress list anna
expect output /full@far.example .*three messages in a row failed, the last one: 552 5\.2\.2 no room/
send u anna@example.org full@far.example five ""
expect no log event=wire to=full@far.example
expect mailbox anna INBOX 7
expect message anna INBOX 7 /not sent: this account's earlier mail .* three messages in a row/

# Another account's mail goes on.
submission v bert
send v bert@example.org full@far.example six ""
expect log event=wire to=full@far.example

# Lifted, it takes three again.
command queue suppress remove anna full@far.example
repeat 2
	send u anna@example.org full@far.example seven ""
	expect log event=wire to=full@far.example
end
command queue suppress list anna
expect output /^account [^\n]*\nanna +perm@far.example [^\n]*\n$/
send u anna@example.org full@far.example eight ""
command queue suppress list anna --json
expect output /"address": ?"full@far.example"/

# A server that never answers: after all attempts of three messages.
repeat 3
	send u anna@example.org temp@far.example nine ""
end
clock +2d
expect log event="given up" to=temp@far.example attempt=8
command queue suppress list anna
expect output /temp@far.example .*three messages in a row failed/
command queue suppress add bert perm@far.example
command queue suppress list bert
expect output /perm@far.example .*by the administrator/
