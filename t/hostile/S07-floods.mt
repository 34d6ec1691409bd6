# S07: endless recipients, commands and log-ins come to an end.
need smtp imap auth
include ../scenario/common.inc
module smtp { max-recipients: 100 }
module auth { failures-per-minute: 10 }

smtp s
s > MAIL FROM:<x@example.com>
s < 250
repeat 100
	s > RCPT TO:<anna@example.org>
	s < 250 2.1.5
end
expect mailbox anna INBOX 0
s > RSET
s < 250

# The budget of commands without a message, whatever they are.
each verb NOOP RSET VRFY\x20x
	smtp f
	repeat 999
		f >> ${verb}\r\n
		f < 25
	end
	f > NOOP
	f < 421 4.7.0
	f closed
	expect log event=refused code=421 text=/commands/
end
# In one heap, they end at the same place.
smtp f
set n NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n
set n $n$n$n$n$n$n$n$n$n$n$n$n$n$n$n$n$n$n$n$n
f >> $n$n$n$n$n$n$n$n$n$n$n$n
repeat 999
	f < 250
end
f < 421 4.7.0
f closed anyway

# Recipients beyond the limit.
smtp r
r > MAIL FROM:<x@example.com>
r < 250
repeat 100
	r > RCPT TO:<anna@example.org>
	r < 250
end
repeat 20
	r > RCPT TO:<nobody$i@elsewhere.example>
	r < 550
end
r > NOOP
r < 250
r > RCPT TO:<nobody@elsewhere.example>
r < 550
r > NOOP
r < 421 4.7.0
r closed

# The same for IMAP before the login.
client i connect 143
i < * OK
repeat 199
	i > a NOOP
	i < a OK
end
i > a NOOP
i < a OK
i < * BYE too many commands
i closed

# Log-ins: the address is shut out, not the account.
client g connect 465 from 203.0.113.9 tls
g < 220
g > EHLO g
g < 250
repeat 9
	g > AUTH PLAIN AGFubmEAd3Jvbmc=
	clock +5s
	g < 535 5.7.8
end
g > AUTH PLAIN AGFubmEAd3Jvbmc=
clock +5s
g < 535
g closed
client g connect 465 from 203.0.113.9 tls
g < 220
g > EHLO g
g < 250
g > AUTH PLAIN $plain_anna
g < /^(421 4.7.0|235)/
submission o anna
