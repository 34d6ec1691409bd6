# Servers with certificates of all kinds and TLSA records of all usages: the mail
# arrives, or waits (RFC 7672).
need smtp auth queue smtp-client queue-transport-direct resolver-zone dane
include tls.inc
module dane

certificate root authority
certificate inter by root authority
certificate good by inter mx.far.example
certificate old by inter expired mx.far.example
certificate other by inter mx.other.example
certificate self mx.far.example
certificate single by inter alone mx.far.example
# zone RECORD: the records of the host.
define zone
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		_2525._tcp.mx.far.example. TLSA $1
		$$SECURE yes far.example.
	}
end

zone "3 1 1 00"
server mx listen 203.0.113.9:2525
submission u anna

# arrives CERTIFICATE RECORD: the certificate is taken.
define arrives
	server mx certificate $1
	zone "$2"
	send u x@far.example "$1" ""
	secure
	expect log event="tls result" domain=mx.far.example type=tlsa outcome=success policy="$2"
	take
end

# waits CERTIFICATE RECORD: it is not, and nothing is sent in clear.
define waits
	server mx certificate $1
	zone "$2"
	send u x@far.example "$1" ""
	insecure
	expect log event="tls result" type=tlsa outcome=validation-failure remote=203.0.113.9
	expect log event=deferred to=x@far.example esc=4.7.5 text=/TLSA/
	command queue drop --to x@far.example
end

# anybody CERTIFICATE RECORD: no record can be used; TLS is all that is asked.
define anybody
	server mx certificate $1
	zone "$2"
	send u x@far.example "$1" ""
	secure
	expect log event="tls result" type=tlsa outcome=tlsa-invalid policy="$2"
	take
end

each s 0 1
	each m 0 1 2
		# DANE-EE: neither names nor dates nor signatures matter.
		arrives good "3 $s $m ${good_$s$m}"
		arrives old "3 $s $m ${old_$s$m}"
		arrives other "3 $s $m ${other_$s$m}"
		arrives self "3 $s $m ${self_$s$m}"
		waits self "3 $s $m ${good_$s$m}"
		waits good "3 $s $m ${inter_$s$m}"
		# DANE-TA: they do.
		arrives good "2 $s $m ${inter_$s$m}"
		arrives good "2 $s $m ${root_$s$m}"
		waits old "2 $s $m ${inter_$s$m}"
		waits other "2 $s $m ${inter_$s$m}"
		waits self "2 $s $m ${inter_$s$m}"
		waits self "2 $s $m ${self_$s$m}"
		# PKIX-TA and PKIX-EE mean nothing here (RFC 7672, 3.1.3).
		anybody good "0 $s $m ${inter_$s$m}"
		anybody self "1 $s $m ${good_$s$m}"
	end
end

# The record may hold the anchor that the server leaves out, and not its digest.
arrives single "2 0 0 ${inter_00}"
waits single "2 0 1 ${inter_01}"
# Unknown parameters, and a digest that is none.
anybody self "3 2 1 ${good_11}"
anybody self "3 1 3 ${good_11}"
anybody self "7 1 1 ${good_11}"
anybody self "3 1 1 00"
# One of several is enough, and SHA-512 outdoes SHA-256 of the same kind.
define several
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		_2525._tcp.mx.far.example. TLSA 3 1 1 ${good_11}
		_2525._tcp.mx.far.example. TLSA $1
		$$SECURE yes far.example.
	}
	server mx certificate good
	send u x@far.example several ""
end
several "2 0 1 ${self_01}"
secure
expect log event="tls result" type=tlsa outcome=success
take
several "3 1 2 ${self_12}"
insecure
expect log event=deferred esc=4.7.5
