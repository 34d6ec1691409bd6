# Q06: a server that hangs up behind the dot may have the message or not: it is sent
# again, after the usual wait (RFC 5321, 4.5.4.1 and 6.1), and the log says so.
need smtp auth queue smtp-client queue-transport-direct
include outbound.inc
server mx listen 203.0.113.9:2525
submission u anna

# Without a reply; with a part of one; with the first of two lines.
each rest "" "250" "250-2.0.0 taken\r\n"
	send u x@[203.0.113.9] lost
	greet mx
	envelope mx
	text mx lost
	mx >> $rest
	mx close
	expect log event="no reply to a whole message: it may arrive twice" host=[203.0.113.9]
	expect log event=deferred to=x@[203.0.113.9] attempt=1 esc=4.4.2
	command queue drop --to x@[203.0.113.9]
end

# It comes again, once, and not before its time.
send u y@[203.0.113.9] again
greet mx
envelope mx
text mx again
mx drop
expect log event=deferred to=y@[203.0.113.9] attempt=1
clock +7m
expect no log event=sent to=y@[203.0.113.9]
clock +1m
greet mx
envelope mx
text mx again
mx > 250 2.0.0 taken
expect log event=sent to=y@[203.0.113.9] attempt=2
mx < QUIT
mx close

# A reply that was whole counts, whatever comes behind it.
submission u anna
send u z@[203.0.113.9] whole
greet mx
envelope mx
text mx whole
mx >> 250 2.0.0 taken\r\n451 no, not really\r\n
mx drop
expect log event=sent to=z@[203.0.113.9] attempt=1
clock +1h
expect no log event=sent to=z@[203.0.113.9]
