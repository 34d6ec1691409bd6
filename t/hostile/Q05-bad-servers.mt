# Q05: servers that get our mail and do what they like; much mail for a dead domain.
need smtp auth queue smtp-client queue-transport-direct queue-transport-submission
include outbound.inc
module queue { suppress: no, max-first-time-per-day: 0, runs: 8, runs-per-domain: 4, routes: { p: { to: [provider.example], transport: provider } } }
module queue-transport-submission { transports: { provider: { host: 203.0.113.8, port: 2587, tls: starttls, user: me, password: secret, mechanisms: [PLAIN, LOGIN] } } }
server mx listen 203.0.113.9:2525
server good listen 203.0.113.7:2525
server crawl listen 203.0.113.6:2525
server provider listen 203.0.113.8:2587
patience 2s
submission u anna

# waits TEXT: the last message did not leave; it is taken away.
define waits
	expect log event=deferred to=x@[203.0.113.9] text=$1
	command queue drop --to x@[203.0.113.9]
end
# goes: others get their mail meanwhile.
define goes
	send u y@[203.0.113.7] good
	greet good
	envelope good
	text good good
	good > 250 2.0.0 ok
	expect log event=sent to=y@[203.0.113.7]
	good < QUIT
	good > 221 bye
end

# A reply that never ends.
send u x@[203.0.113.9] one
mx accept
mx > 220 mx.far.example
mx < EHLO
repeat 201
	mx >> 250-and more and more and more\r\n
end
waits /talks.too.much|connection.was.lost/
# One line of megabytes, as a refusal: what is kept of it is little.
set k aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
set k $k$k$k$k$k$k$k$k$k$k$k$k$k$k$k$k
send u x@[203.0.113.9] two
greet mx
mx < MAIL
mx >> 451 
repeat 20
	mx >> $k
end
waits /not.answer.with.a.reply/
# Ten lines of three kilobytes are read, and cut where they are kept.
send u x@[203.0.113.9] three
greet mx
mx < MAIL
each n 1 2 3 4 5 6 7 8 9
	mx >> 451-4.2.0 $k$k$k\r\n
end
mx >> 451 4.2.0 $k$k$k\r\n
mx < QUIT
mx close
expect log event=deferred to=x@[203.0.113.9] code=451
command queue list
expect output /451-4.2.0 a{900}/
command queue drop --to x@[203.0.113.9]

# Codes that nobody knows, codes that change within, no code at all.
each reply "999 what" "199 what" "2x0 what" "250what" "hello there" "250-ok\r\n450 no"
	send u x@[203.0.113.9] code
	greet mx
	mx < MAIL
	mx >> $reply\r\n
	waits /not.answer.with.a.reply/
	mx closed anyway
end
# 354 where nothing was asked for; 250 in place of 354.
send u x@[203.0.113.9] code
greet mx
mx < MAIL
mx > 354 go on
mx < QUIT
mx > 221 bye
expect log event=deferred to=x@[203.0.113.9] code=354
command queue drop --to x@[203.0.113.9]
send u x@[203.0.113.9] code
greet mx
envelope mx
mx < DATA
mx > 250 taken
expect log event=deferred to=x@[203.0.113.9] code=250
mx closed anyway
command queue drop --to x@[203.0.113.9]

# 421 in the place of each reply: the rest waits, and nothing is sent twice.
send u x@[203.0.113.9] greeting
mx accept
mx > 421 4.3.2 not now
waits /421.4.3.2/
send u x@[203.0.113.9] mail
greet mx
mx < MAIL
mx > 421 4.3.2 not now
waits /421.4.3.2/
send u x@[203.0.113.9] data
greet mx
envelope mx
mx < DATA
mx > 421 4.3.2 not now
waits /421.4.3.2/
send u x@[203.0.113.9] end
greet mx
envelope mx
text mx end
mx > 421 4.3.2 not now
waits /421.4.3.2/
mx closed anyway

# A byte now and then is no answer: each reply has its time, whole.
patience 10m
send u x@[203.0.113.9] slow
mx accept
mx > 220 mx.far.example
mx < EHLO
each n 2 5 0 - h e l
	mx >> $n
	clock +45s
end
expect log event=deferred to=x@[203.0.113.9] text=/did.not.answer.in.time/
mx closed anyway
patience 2s
command queue drop --to x@[203.0.113.9]

# Who reads the text a little at a time is left alone as well.
set x $k${k}
submission u anna
u > MAIL FROM:<anna@example.org>
u < 250
u > RCPT TO:<x@[203.0.113.6]>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\nSubject: much\r\n\r\n
repeat 300
	u >> line $x\r\n
end
u >> .\r\n
u < 250
greet crawl
envelope crawl
crawl < DATA
crawl > 354 go on
repeat 15
	clock +4m
	repeat 8
		crawl < /^/
	end
end
expect log event=deferred to=x@[203.0.113.6] text=/did.not.answer.in.time/
crawl closed anyway
command queue drop --to x@[203.0.113.6]

# Who is silent for one message is not asked about the next ones of the run.
submission u anna
each n 1 2 3 4 5 6
	send u x$n@[203.0.113.9] silent
end
mx accept
patience 6m
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
mx < MAIL
goes
expect log event=deferred to=x1@[203.0.113.9] text=/did.not.answer.in.time/
patience 2s
command queue drop --domain [203.0.113.9]
submission u anna

# TLS that is dropped behind the handshake is not taken for none; what came in
# clear behind STARTTLS is no reply; a log-in is never given away.
send u x@provider.example auth
provider accept
provider > 220 provider.example
provider < EHLO
provider >> 250-provider.example\r\n250 AUTH PLAIN LOGIN\r\n
provider < QUIT
provider close
expect log event=deferred to=x@provider.example text=/TLS.is.required/
command queue drop --to x@provider.example
send u x@provider.example inject
provider accept
provider > 220 provider.example
provider < EHLO
provider >> 250-provider.example\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n
provider < STARTTLS
provider >> 220 go\r\n250-provider.example\r\n250 AUTH PLAIN LOGIN\r\n235 welcome\r\n
expect log event=deferred to=x@provider.example text=/TLS/
provider close
command queue drop --to x@provider.example

# A dead domain, with much mail, and one that is slow, hold up nobody.
repeat 300
	send u z$i@[203.0.113.50] dead
end
repeat 12
	send u w$i@[203.0.113.9] slow
end
goes
clock +8m
submission u anna
goes
