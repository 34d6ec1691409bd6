# A06: what a DNS may answer to who wants to send mail: circles, floods, odd names,
# wrong signatures, late answers. (Packets that mean harm are sent to the resolver in
# modules/resolver-getdns/t/hostile.t and to its parser by fuzz-wire.c.)
need smtp auth queue smtp-client queue-transport-direct resolver-zone dane
include ../scenario/tls.inc
module dane
certificate good mx.far.example
dns <<END
far.example. MX 10 mx.far.example.
mx.far.example. A 203.0.113.9
END
server mx listen 203.0.113.9:2525
submission u anna

# waits ESC: the mail does, and nobody is dialled.
define waits
	send u x@far.example odd ""
	expect log event=deferred to=x@far.example esc=$1 remote=/^$/
	command queue drop --all
end

# Circles and endless chains of aliases, of the domain and of its host.
dns <<END
far.example. CNAME near.example.
near.example. CNAME far.example.
END
waits 4.4.3
dns <<END
far.example. MX 10 mx.far.example.
mx.far.example. CNAME mx.far.example.
END
waits 4.4.3
dns <<END
far.example. CNAME a.far.example.
*.far.example. CNAME b.far.example.
END
waits 4.4.3

# Wrong signatures are no answer: not for the domain, its host, or its TLSA records.
each name far.example. mx.far.example. _tcp.mx.far.example.
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		$$SECURE yes far.example.
		$$FAIL bogus $name
	}
	waits /^4.7/
end

# No answer at all, within the time that one attempt has.
patience 2m
dns <<END
$FAIL timeout far.example.
END
waits 4.4.3
dns <<END
far.example. MX 10 mx.far.example.
mx.far.example. A 203.0.113.9
$SECURE yes far.example.
$FAIL timeout _tcp.mx.far.example.
END
waits 4.7.5
patience 100ms

# Names that are none of a host are left out; without another one there is none.
dns <<END
far.example. MX 1 a\032b.far.example.
far.example. MX 2 a\.b.far.example.
END
send u x@far.example odd ""
expect log event="given up" esc=5.4.4
dns <<END
far.example. MX 1 a\032b.far.example.
far.example. MX 2 mx.far.example.
mx.far.example. A 203.0.113.9
END
server mx certificate good
send u x@far.example odd ""
secure
take
