# Reports about DMARC and TLS: what may go in clear, how often they are tried, who
# hears of it when they do not arrive.
need smtp auth queue smtp-client queue-transport-direct resolver-zone post
include tls.inc
module post
module queue { runs-per-domain: 1 }
conf domains.yaml {
	postmaster: bert
	domains:
	  example.org: {}
	accounts:
	  anna: {addresses: [anna@example.org]}
	  bert: {addresses: [bert@example.org]}
}
dns {
	far.example. MX 10 mx.far.example.
	mx.far.example. A 203.0.113.9
	mx2.far.example. A 203.0.113.8
}
server mx listen 203.0.113.9:2525

# report KIND SENDER: one is written.
define report
	command post $1 $2 x@far.example {
		From: <$2>
		Subject: report
		X: x

		Text.
	}
end
# broken: the server offers TLS and cannot do it.
define broken
	greet
	mx < STARTTLS
	mx > 220 go
	mx > no handshake
end
# takes SENDER: it gets the message, in clear or not.
define takes
	mx < MAIL FROM:<$1>
	mx > 250 ok
	mx < RCPT TO:<x@far.example>
	mx > 250 ok
	mx < DATA
	mx > 354 go
	repeat 5
		mx < /^/
	end
	mx < /^\.$/
	mx > 250 2.0.0 taken
	expect log event=sent to=x@far.example
end
define bye
	mx < QUIT
	mx > 221 bye
end
set us postmaster@mail.example.org

# A DMARC report: over TLS, whatever the certificate is worth.
report dmarc $us
secure
expect log event="tls result" outcome=success kind=dmarc
takes $us
bye
# TLS that fails is not made up for; it waits, and the log of TLS hears of it.
report dmarc $us
broken
mx closed anyway
expect log event="tls result" type=none outcome=validation-failure kind=dmarc
expect log event=deferred to=x@far.example attempt=1 esc=4.7.5
# A server that refuses STARTTLS having offered it is no better.
command queue schedule --all
greet
mx < STARTTLS
mx > 454 4.7.0 TLS not available
bye
expect log event=deferred attempt=2 code=454
# It may have no TLS at all: then the report goes as all mail does.
command queue schedule --all
mx accept
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
takes $us
bye

# What other mail fell back to is no way for it: one connection each. And no kind of
# mail inherits it.
report ordinary anna@example.org
broken
greet
mx < MAIL FROM:<anna@example.org>
report dmarc $us
mx > 250 ok
mx < RCPT TO:<x@far.example>
mx > 250 ok
mx < DATA
mx > 354 go
repeat 5
	mx < /^/
end
mx < /^\.$/
mx > 250 2.0.0 taken
bye
broken
mx closed anyway
expect log event=deferred to=x@far.example esc=4.7.5
report ordinary anna@example.org
broken
greet
takes anna@example.org
bye

# Five attempts, without a notice of delay: the kind outlives the server.
stop
start
each n 2 3 4 5
	command queue schedule --all
	broken
	mx closed anyway
	expect log event=/deferred|given.up/ attempt=$n esc=4.7.5
end
expect log event=bounced to=x@far.example kind=dmarc
# The postmaster finds it when looking for it.
expect mailbox bert INBOX 0
expect mailbox bert INBOX/dmarc 1 unseen 0
expect message bert INBOX/dmarc 1 /\nAction: failed\n/
command queue retired
expect output /x@far.example.*failed/

# A report about TLS goes where TLS is what is wrong, and tells nothing of its way
# (RFC 8460).
report tls $us
broken
greet
takes $us
bye
expect no log event="tls result" kind=tls
# It is a report all the same: no notice of delay, five attempts; what is said of it
# is mail for whoever sent it.
report tls $us
mx accept
mx > 421 4.3.2 no
expect log event=deferred attempt=1 code=421
each n 2 3 4 5
	command queue schedule --all
	mx accept
	mx > 421 4.3.2 no
	expect log event=/deferred|given.up/ attempt=$n code=421
end
expect log event=bounced to=x@far.example kind=tls
expect mailbox bert INBOX 1
expect message bert INBOX 1 /\nAction: failed\n/
