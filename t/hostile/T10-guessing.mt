# T10: guessing from one network, which is shut out, and from many at one account,
# which is made slow. The list of who guessed does not grow without end.
need imap auth
include ../scenario/common.inc
module auth { failures-per-minute: 5, failure-delay: 1s }
module imap { connection-rate: 0 }

# All of an IPv6 /64 is one guesser; the next /64 is another.
repeat 5
	client g connect [2001:db8::1]:993 from [2001:db8:0:7::$i] tls
	g < * OK
	g > a LOGIN anna wrong
	clock +1s
	g < a NO [AUTHENTICATIONFAILED]
	g close
end
client g connect [2001:db8::1]:993 from [2001:db8:0:7:ffff::1] tls
g < * OK
g > a LOGIN anna $password
g < a NO [LIMIT]
client h connect [2001:db8::1]:993 from [2001:db8:0:8::1] tls
h < * OK
h > a LOGIN anna $password
h <* a OK

# One account from everywhere: no answer is refused, each takes longer, and the
# owner comes in.
repeat 200
	client w connect 993 from 198.18.$i.1 tls
	w < * OK
	w > a LOGIN bert wrong
	clock +5s
	w < a NO [AUTHENTICATIONFAILED]
	w close
end
client w connect 993 from 198.19.0.1 tls
w < * OK
w > a LOGIN bert wrong
w silent 4s
clock +1s
w < a NO [AUTHENTICATIONFAILED]
imap o bert
