# The commands, and mail that is to wait (RFC 4865).
need smtp auth queue wire
include queue.inc

submission u anna
u > EHLO again
u < /250.FUTURERELEASE 5184000 2027-01-19T12:/
u > MAIL FROM:<anna@example.org> HOLDFOR=3600
u < 250
u > RCPT TO:<ok@far.example>
u < 250
u > RCPT TO:<bert@example.org>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\nSubject: later\r\n\r\nText.\r\n.\r\n
u < 250
clock +59m
expect no log event=wire
expect mailbox bert INBOX 0
clock +61s
expect log event=wire to=ok@far.example
expect mailbox bert INBOX 1

submission u anna
repeat 3
	send u anna@example.org temp$i@far.example s$i ""
end
send u anna@example.org temp@near.example n ""
expect log event=deferred to=temp@near.example
command queue list
expect output /temp1@far.example(.*\n)*.*temp3@far.example(.*\n)*.*temp@near.example/
command queue list --domain near.example --json
expect output /"to": ?"temp@near.example"/
command mailq --to temp2
expect output /temp2@far.example/
command queue list --submitted <1h --next <10m
expect output /temp1@far.example/
command queue list --submitted >1h
expect output /attempts[^\n]*\n?$/
command queue list --submitted yesterday
expect exit 2

command queue hold
expect exit 2
command queue hold --domain far.example
expect output 3 put on hold
clock +8m
expect log event=wire to=temp@near.example number=2
expect no log event=wire to=temp1@far.example
command queue list --hold yes
expect output /temp1@far.example(.*\n)*.*temp3/
command queue unhold --to temp1
expect log event=wire to=temp1@far.example number=2
command queue unhold --to temp2
expect log event=wire to=temp2@far.example number=2
command queue schedule --to temp2
expect output 1 scheduled
expect log event=wire to=temp2@far.example number=3
command queue schedule --to temp2 --in 2h
command queue fail --to temp2
expect output 1 given up
expect log event="given up" to=temp2@far.example
expect mailbox anna INBOX 1
expect message anna INBOX 1 /given up by the administrator/
command queue drop --to temp1
expect output 1 removed
command queue drop --to temp1
expect exit 1
clock +1d
expect log event="given up" to=temp@near.example
expect no log event=wire to=temp1@far.example
command queue unhold --all
command queue requiretls no --all
expect output 1 changed
command queue drop --all
command queue list --json
expect output []

# Limits name the setting.
module queue { max-outgoing-per-day: 2, max-first-time-per-day: 0 }
reload
submission v bert
send v bert@example.org ok@far.example 1 ""
send v bert@example.org ok@far.example 2 ""
v > MAIL FROM:<bert@example.org>
v < 250
v > RCPT TO:<ok@far.example>
v < 250
v > DATA
v < 354
v >> From: <bert@example.org>\r\n\r\nx\r\n.\r\n
v < /^451 4.7.1 .*max-outgoing-per-day/
clock +1d
clock +1m
submission v bert
send v bert@example.org ok@far.example 3 ""
