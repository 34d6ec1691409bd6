# Which way out: forced, by account, by domain, by the server's routes, direct.
need smtp auth queue wire
include queue.inc
conf domains.yaml {
	domains:
	  example.org:
	    routes:
	      d: {to: [.net.example], transport: provider}
	accounts:
	  anna:
	    addresses: [anna@example.org]
	    routes:
	      a: {to: [a.example], transport: provider}
	  bert: {addresses: [bert@example.org]}
}
module queue {
	routes:
	  second: {to: [s.example], attempt: 2, transport: provider}
	  from: {from: [other.example], transport: provider}
}

submission u anna
send u anna@example.org ok@a.example x ""
expect log event=wire via=provider to=ok@a.example
send u anna@example.org ok@x.net.example x ""
expect log event=wire via=provider
send u anna@example.org ok@net.example x ""
expect log event=wire via=provider
send u anna@example.org ok@xnet.example x ""
expect log event=wire via=direct
send u anna@example.org once@s.example x ""
expect log event=wire via=direct number=1
clock +8m
expect log event=wire via=provider number=2
submission v bert
send v bert@example.org ok@a.example x ""
expect log event=wire via=direct

submission u anna
# Several recipients of one domain share a transaction, those of two do not.
u > MAIL FROM:<anna@example.org>
u < 250
each r ok1@z.example ok2@z.example ok3@y.example ok2@z.example
	u > RCPT TO:<$r>
	u < 250
end
u > DATA
u < 354
u >> From: <anna@example.org>\r\n\r\nText.\r\n.\r\n
u < 250
expect log event=wire to=ok1@z.example with=2
expect log event=sent to=ok3@y.example

# A message may be forced.
command queue holdrules add --to-domain h.example
expect output rule 1
submission u anna
send u anna@example.org ok@h.example x ""
expect log event="queued and held" to=ok@h.example
clock +1d
expect no log event=wire
command queue transport nowhere --domain h.example
expect exit 1
command queue transport provider --domain h.example
expect output 1 given
command queue unhold --domain h.example
expect log event=wire via=provider to=ok@h.example

# A transport that nobody has is a mistake of the configuration.
module queue { routes: {x: {transport: nowhere}} }
reload expect-fail "no module has a transport named"
