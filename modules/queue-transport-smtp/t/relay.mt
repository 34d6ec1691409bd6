# A server that passes mail on, spoken to as RFC 5321 and its extensions say.
need smtp auth queue smtp-client queue-transport-smtp
include ../../../t/scenario/common.inc
module smtp-client
module queue { routes: { all: { transport: office } }, suppress: no }
module queue-transport-smtp {
	transports:
	  office: {host: 203.0.113.9, port: 2525, tls: never}
}
server mx listen 203.0.113.9:2525

define send
	$1 > MAIL FROM:<$2>
	$1 < 250
	$1 > RCPT TO:<$3> $5
	$1 < 250
	$1 > DATA
	$1 < 354
	$1 >> From: <$2>\r\nTo: <$3>\r\nSubject: $4\r\n\r\n..Text of $4.\r\n.\r\n
	$1 < 250 2.0.0
end

# trace NAME: the fields that this server put above the message.
define trace
	$1 < Received: from mail.example.org
	$1 < /^.by mail.example.org with /
	$1 < /^.\(TLS1.3 /
	$1 < /^.(for <|Fri, 20 Nov 2026 )/
end

# Without extensions, one command at a time; dots doubled.
submission u anna
send u anna@example.org x@far.example one ""
mx accept
mx > 220 mx.far.example
mx < EHLO mail.example.org
mx > 502 what?
mx < HELO mail.example.org
mx > 250 mx.far.example
mx < /^MAIL FROM:<anna@example.org>$/
mx > 250 ok
mx < /^RCPT TO:<x@far.example>$/
mx > 250 ok
mx < DATA
mx > 354 go on
trace mx
mx < /^.Fri, /
each line Date: Message-ID:
	mx < $line
end
mx < From: <anna@example.org>
mx < To: 
mx < Subject: one
mx < /^$/
mx < ..Text of one.
mx < /^\.$/
mx > 250 thanks
expect log event=sent to=x@far.example code=250
mx < QUIT
mx > 221 bye
mx closed

# Pipelined; what is known of the server is respected.
u > MAIL FROM:<anna@example.org> ENVID=abc RET=HDRS
u < 250
each r a@far.example b@far.example c@far.example d@far.example
	u > RCPT TO:<$r> NOTIFY=FAILURE
	u < 250
end
u > DATA
u < 354
u >> From: <anna@example.org>\r\nSubject: two\r\n\r\nT\xc3\xa9xt.\r\n.\r\n
u < 250
mx accept
mx > 220 mx.far.example
mx < EHLO
mx >> 250-mx.far.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 100000\r\n250-ENHANCEDSTATUSCODES\r\n250-LIMITS RCPTMAX=3\r\n250 DSN\r\n
mx < /^MAIL FROM:<anna@example.org> SIZE=[0-9]+ BODY=8BITMIME RET=HDRS ENVID=abc$/
mx < RCPT TO:<a@far.example> NOTIFY=FAILURE
mx < RCPT TO:<b@far.example> NOTIFY=FAILURE
mx < RCPT TO:<c@far.example> NOTIFY=FAILURE
mx >> 250 2.1.0 ok\r\n250 2.1.5 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n452 4.5.3 that is enough\r\n
mx < DATA
mx > 354 go on
trace mx
each line Date: Message-ID: From: Subject: "" Téxt. .
	mx < $line
end
mx > 250 2.0.0 ok
# Those it did not want at once come in another transaction.
mx < MAIL FROM:
mx < RCPT TO:<c@far.example>
mx < RCPT TO:<d@far.example>
mx >> 250 ok\r\n250 ok\r\n451 4.2.0 grey\r\n
mx < DATA
mx > 354 go on
trace mx
each line Date: Message-ID: From: Subject: "" Téxt. .
	mx < $line
end
mx > 250 2.0.0 ok
expect log event=sent to=a@far.example
expect log event=deferred to=d@far.example code=451 text="451 4.2.0 grey"
mx < QUIT
mx > 221
expect mailbox anna INBOX 1
expect message anna INBOX 1 /\nFinal-Recipient: rfc822; b@far.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; 203.0.113.9\n/
command queue drop --all

# MAIL's reply stands, even if the server hangs up behind it.
send u anna@example.org x@far.example three ""
mx accept
mx > 220 mx.far.example
mx < EHLO
mx >> 250-mx\r\n250 PIPELINING\r\n
mx < MAIL
mx < RCPT
mx > 550 5.7.1 not from you
mx close
expect log event="given up" to=x@far.example code=550 text="550 5.7.1 not from you"

# Nonsense, floods, silence, and a lost connection: later.
send u anna@example.org babble@far.example x ""
mx accept
mx > HTTP/1.1 400 Bad Request
expect log event=deferred to=babble@far.example text="/does not speak SMTP/"
send u anna@example.org flood@far.example x ""
mx accept
mx > 220 mx
mx < EHLO
repeat 201
	mx > 250-and so on
end
expect log event=deferred to=flood@far.example text="/talks too much/"
send u anna@example.org silence@far.example x ""
mx accept
mx > 220 mx
mx < EHLO
clock +6m
expect log event=deferred to=silence@far.example text="/did not answer in time/"
submission u anna
send u anna@example.org lost@far.example x ""
mx accept
mx > 220 mx
mx < EHLO
mx > 250 mx
mx < MAIL
mx > 250 ok
mx < RCPT
mx > 250 ok
mx < DATA
mx > 354 go
trace mx
mx < /^.Fri, /
each line Date: Message-ID: From: To: Subject: "" ..Text .
	mx < $line
end
mx drop
expect log event="no reply to a whole message: it may arrive twice"
expect log event=deferred to=lost@far.example text="/connection was lost/"
send u anna@example.org bye@far.example x ""
mx accept
mx > 421 4.3.2 not now
expect log event=deferred to=bye@far.example code=421
command queue drop --all

# A message that needs what the server has not got comes back.
u > MAIL FROM:<anna@example.org> SMTPUTF8
u < 250
u > RCPT TO:<é@far.example>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\n\r\nx\r\n.\r\n
u < 250
mx accept
mx > 220 mx
mx < EHLO
mx > 250 mx
expect log event="given up" to=é@far.example esc=5.6.7
# It did not say so: the report does not put words into its mouth.
expect mailbox anna INBOX 3
expect message anna INBOX 3 /\n +203.0.113.9 \[203.0.113.9\]:\n +the message has addresses/
mx < QUIT
mx > 221

# A client asks for SMTPUTF8 by habit: nobody else has to know it.
u > MAIL FROM:<anna@example.org> SMTPUTF8
u < 250
u > RCPT TO:<plain@far.example>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\n\r\nx\r\n.\r\n
u < 250
mx accept
mx > 220 mx
mx < EHLO
mx >> 250-mx\r\n250 SIZE 10\r\n
expect log event="given up" to=plain@far.example esc=5.3.4
mx < QUIT
mx > 221

# A transaction that came to nothing is reset before the next one.
module queue { routes: { all: { transport: office } }, suppress: no, runs-per-domain: 1 }
reload
submission u anna
send u anna@example.org none@far.example none ""
mx accept
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
send u anna@example.org some@far.example some ""
mx < MAIL
mx > 250 ok
mx < RCPT
mx > 550 5.1.1 no
expect log event="given up" to=none@far.example
mx < RSET
mx > 250 ok
mx < MAIL
mx > 550 5.7.1 no
expect log event="given up" to=some@far.example
mx < QUIT
mx close
