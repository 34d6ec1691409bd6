# Logging in to IMAP: what is offered when, wrong passwords, and how long guessing
# is let go on.
need imap auth
include common.inc
module auth { failures-per-minute: 3, failure-delay: 2s }

client c connect 143
c < /\[CAPABILITY .*STARTTLS.*LOGINDISABLED/
c > a LOGIN anna $password
c < a NO [PRIVACYREQUIRED]
c > b SELECT INBOX
c < b BAD
c > c STARTTLS
c < c OK
c starttls
c > d CAPABILITY
c < /^\* CAPABILITY .*AUTH=PLAIN/
c < d OK
c > e AUTHENTICATE PLAIN $plain_anna
c <* e OK
c > f AUTHENTICATE PLAIN $plain_anna
c < f BAD
c > g LOGOUT
c < * BYE
c < g OK
c closed

# Each failure is slow, and after some the address is shut out for a while.
client g connect 993 from 203.0.113.9 tls
g < * OK
repeat 3
	g > x LOGIN anna wrong$i
	g silent 1900ms
	clock +100ms
	g < x NO [AUTHENTICATIONFAILED]
end
g > y LOGIN anna $password
g < y NO [LIMIT]
g < * BYE
g closed
client g connect 993 from 203.0.113.9 tls
g < * OK
g > z LOGIN anna $password
g < z NO [LIMIT]
g <* * BYE
g closed

# Others are not, nor is the account.
imap o anna

# A minute later the address has room again; success takes its failures back.
clock +2m
client g connect 993 from 203.0.113.9 tls
g < * OK
g > z LOGIN anna $password
g <* z OK

# In a day there are five times as many, then it is over until the next day.
repeat 5
	clock +2m
	client w connect 993 from 203.0.113.77 tls
	w < * OK
	repeat 3
		w > x LOGIN nobody wrong
		clock +2s
		w < x NO [AUTHENTICATIONFAILED]
	end
	w close
end
clock +1h
client w connect 993 from 203.0.113.77 tls
w < * OK
w > x LOGIN anna $password
w < x NO [LIMIT]
clock +25h
client w connect 993 from 203.0.113.77 tls
w < * OK
w > x LOGIN anna $password
w <* x OK
