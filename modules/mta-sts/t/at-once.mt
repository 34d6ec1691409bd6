# So many policies are fetched at once; who waits for a turn, and does not get one in
# time, has mail that comes again. Many who want one policy share one fetch.
need smtp auth queue smtp-client queue-transport-direct resolver-zone mta-sts
include sts.inc
module mta-sts { ca-file: ca.crt, fetches: 2 }
certificate many by ca mta-sts.a.example mta-sts.b.example mta-sts.c.example mta-sts.d.example
certificate mxs by ca mx.a.example mx.b.example mx.c.example mx.d.example
reload
dns {
	$$ORIGIN example.
	a MX 10 mx.a
	b MX 10 mx.b
	c MX 10 mx.c
	d MX 10 mx.d
	*.a A 203.0.113.9
	*.b A 203.0.113.9
	*.c A 203.0.113.9
	*.d A 203.0.113.9
	mta-sts.a A 203.0.113.81
	mta-sts.b A 203.0.113.82
	mta-sts.c A 203.0.113.83
	mta-sts.d A 203.0.113.84
	_mta-sts.a TXT "v=STSv1; id=1;"
	_mta-sts.b TXT "v=STSv1; id=1;"
	_mta-sts.c TXT "v=STSv1; id=1;"
	_mta-sts.d TXT "v=STSv1; id=1;"
}
server mx certificate mxs

server wa listen 203.0.113.81:443 tls
server wb listen 203.0.113.82:443 tls
server wc listen 203.0.113.83:443 tls
server wd listen 203.0.113.84:443 tls
each name a b c d
	server w$name certificate many
end

# asked DOMAIN: its policy is asked for. answered DOMAIN: and sent.
define asked
	w$1 accept
	w$1 < GET /.well-known/mta-sts.txt HTTP/1.1
	w$1 < Host: mta-sts.$1.example
end
define answered
	w$1 >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nversion: STSv1\r\nmode: enforce\r\n
	w$1 >> mx: mx.$1.example\r\nmax_age: 604800\r\n
	w$1 close
	expect log event="MTA-STS policy fetched" domain=$1.example
end
define delivered
	secure
	expect log event="tls result" domain=$1.example type=sts outcome=success
	take
end
define write
	send u x@$1.example one ""
end

# Two of three are served at once, and the third when one of them is done.
write a
write b
write c
asked a
asked b
wc nobody 3s
answered b
delivered b
asked c
wa nobody 100ms
answered c
delivered c
answered a
delivered a

# Mail whose policy does not get a turn in time waits, and does not go as without one.
each name a b c
	command mtasts forget $name.example
end
write a
write b
write c
asked a
asked b
wc nobody 5s
expect log event=deferred to=x@c.example text=/still.being.fetched/
mx nobody 1s
# Its turn comes, though nobody waits for it any more.
answered a
asked c
answered c
command queue schedule --to x@c.example
delivered c
answered b
command queue schedule --all
delivered a
delivered b

# All who want one policy share a fetch.
each n 1 2 3
	send u x$n@d.example one ""
end
asked d
wd nobody 1s
answered d
delivered d
delivered d
delivered d
wd nobody 1s
command metrics
expect output /hermod_mta_sts_fetches_total\{result="good"\} 7\n/
