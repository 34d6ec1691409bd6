# A07: TLSA records of all usages with odd parameters, an expired certificate with
# 3 1 1, no AD bit, and more records than anybody needs.
need smtp auth queue smtp-client queue-transport-direct resolver-zone dane
include ../scenario/tls.inc
module dane
certificate old expired mx.far.example
certificate good mx.far.example

# tlsa SECURE LINE: records of the host.
define tlsa
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		$2
		$$SECURE $1 far.example.
	}
end
set at _2525._tcp.mx.far.example. TLSA
tlsa no ""
server mx listen 203.0.113.9:2525
server mx certificate old
submission u anna

# anybody: TLS is all that is asked for.
define anybody
	send u x@far.example odd ""
	secure
	expect log event="tls result" type=tlsa outcome=tlsa-invalid
	take
end
each usage 0 1 4 128 255
	each selector 0 1 2 255
		tlsa yes "$at $usage $selector 1 ${good_11}"
		anybody
	end
end
each selector 2 7 255
	tlsa yes "$at 3 $selector 1 ${good_11}"
	anybody
end
each matching 3 4 255
	tlsa yes "$at 3 1 $matching ${good_11}"
	anybody
end
each data 00 ${good_12} ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
	tlsa yes "$at 3 1 1 $data"
	anybody
	tlsa yes "$at 2 0 0 $data"
	anybody
end

# In clear it does not go there, whatever the record is worth.
tlsa yes "$at 0 0 1 ${good_11}"
send u x@far.example odd ""
greet
mx < STARTTLS
mx > 454 not now
mx < QUIT
mx > 221 bye
expect log event="tls result" type=tlsa outcome=starttls-not-supported
expect log event=deferred
command queue drop --all

# Expired, and named by the record: that is enough. The other one is not.
tlsa yes "$at 3 1 1 ${old_11}"
send u x@far.example old ""
secure
expect log event="tls result" type=tlsa outcome=success
take
tlsa yes "$at 3 1 1 ${good_11}"
send u x@far.example old ""
insecure
expect log event="tls result" type=tlsa outcome=validation-failure
expect log event=deferred esc=4.7.5
command queue drop --all

# Nobody vouches for the answer: as if there were none.
tlsa no "$at 3 1 1 ${good_11}"
send u x@far.example unsigned ""
secure
expect log event="tls result" domain=far.example type=none outcome=success
take

# One of several that matches is enough.
dns {
	far.example. MX 10 mx.far.example.
	mx.far.example. A 203.0.113.9
	$at 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
	$at 3 1 1 ${old_11}
	$$SECURE yes far.example.
}
send u x@far.example second ""
secure
expect log event="tls result" type=tlsa outcome=success
take
