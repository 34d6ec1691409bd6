# S04: a command without end, and one that never ends.
need smtp imap
include ../scenario/common.inc
module smtp { timeout: 5m, data-timeout: 20m }
set a aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $a$a$a$a$a$a$a$a$a$a$a$a$a$a$a$a
set m $k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k

# Longer than RFC 5321 asks for is taken; at the limit it is over.
smtp s
s > NOOP $a$a$a$a$a$a$a$a$a$a
s < 250
s > NOOP $k
s < 250
s > NOOP $k$k
s < 500 5.5.2 line too long
s closed anyway
expect log event=refused code=500 text="line too long"

smtp s
repeat 4
	s >> $m
end
s < 500 5.5.2
s closed anyway

# A megabyte into IMAP, before the login.
client i connect 143
i < * OK
repeat 5
	i >> $m
end
i < /^\* (BAD|BYE) .*too long/
i closed anyway
expect log event="sent away" reason=/too.long/

# One byte in half a minute: each is in time, the line is not.
smtp s
s >> NO
repeat 9
	s silent 30s
	s >> O
end
clock +30s
s < 421 4.4.2
s closed
expect log event=refused code=421
client i connect 143
i < * OK
i >> a
i silent 29s
i >> a
clock +30s
i < * BYE
i closed
smtp s
s > QUIT
s < 221
