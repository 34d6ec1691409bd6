# A session in IDLE goes through reloads, through the end of its own module, and
# hears of mail that later generations take.
need smtp imap auth
include common.inc

imap r anna
r > a IDLE
r < +
each n 1 2 3
	reload
	smtp s
	deliver s x@example.com anna@example.org number$n
	r < * $n EXISTS
	r < /^\* [0-9]+ RECENT/
	r < * $n FETCH
end
module disable imap
smtp s
deliver s x@example.com anna@example.org number4
r < * 4 EXISTS
r < /^\* [0-9]+ RECENT/
r < * 4 FETCH
command generations
expect output /1 +retired .*imap session 1/
client n connect 143 refused
module enable imap
imap n anna
n > a STORE 1 +FLAGS (\Flagged)
n <* a OK
r < /^\* 1 FETCH .*\\Flagged/
r > DONE
r < a OK
r > b FETCH 4 BODY.PEEK[TEXT]
r < /Text of number4/
r < b OK
r > c LOGOUT
r <* c OK
expect log event="generation closed" generation=1
