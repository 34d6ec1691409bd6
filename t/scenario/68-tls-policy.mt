# What must be proved of a host: by the DNS, by the message, by nobody.
need smtp auth queue smtp-client queue-transport-direct resolver-zone dane dns
include tls.inc
module dane
module dns
certificate good mx.far.example
certificate other mx.other.example

# zone LINE LINE LINE: what every DNS of this scenario has, and more.
define zone
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		$1
		$2
		$3
	}
end
set tlsa _2525._tcp.mx.far.example. TLSA 3 1 1 ${good_11}
set wrong _2525._tcp.mx.far.example. TLSA 3 1 1 ${other_11}
zone "" "" ""
server mx listen 203.0.113.9:2525
server mx listen [2001:db8::9]:2525
server mx certificate good
submission u anna

# waits REASON: nobody is dialled.
define waits
	send u x@far.example no ""
	expect log event=deferred to=x@far.example text=$1
	command queue drop --to x@far.example
end
# clear OUTCOME: TLS fails, and the mail goes in clear, in a connection of its own.
define clear
	send u x@far.example clear "$1"
	greet
	mx < STARTTLS
	mx > 220 go
	mx > no handshake
	greet
	expect log event="tls result" type=none outcome=validation-failure
	take
end

# Without the AD bit records mean nothing, whichever link of the chain lacks it
# (RFC 7672, 2.2): TLS is tried, and done without if it fails.
each name far.example. mx.far.example. _tcp.mx.far.example.
	zone "$wrong" "$$SECURE yes far.example." "$$SECURE no $name"
	send u x@far.example clear ""
	secure
	expect log event="tls result" domain=far.example type=none outcome=success policy=""
	take
	clear ""
end

# A host that takes nothing in clear, when TLS failed: it may work another time
# (RFC 3207, 4).
zone "" "" ""
send u x@far.example must ""
greet
mx < STARTTLS
mx > 220 go
mx > no handshake
greet
mx < MAIL
mx > 530 5.7.0 Must issue a STARTTLS command first
expect log event=deferred to=x@far.example code=530 esc=4.7.0
mx < QUIT
mx > 221
command queue drop --to x@far.example

# A signed zone that gives no answer is no zone without records.
each how bogus failed timeout
	zone "$tlsa" "$$SECURE yes far.example." "$$FAIL $how _tcp.mx.far.example."
	patience 40s
	waits "/TLSA.records/"
	patience 100ms
end
zone "$tlsa" "$$SECURE yes far.example." "$$FAIL bogus _tcp.mx.far.example."
send u x@far.example no ""
expect log event="tls result" domain=mx.far.example type=tlsa outcome=dnssec-invalid
expect log event=deferred esc=4.7.5
command queue drop --to x@far.example
# One kind of address of which nothing can be found out does not turn it off, neither in
# the host's zone nor behind its alias (RFC 7672, 2.2.2: what is known is secure).
each how failed bogus
	each type AAAA A
		dns {
			far.example. MX 10 mx.far.example.
			mx.far.example. A 203.0.113.9
			mx.far.example. AAAA 2001:db8::9
			$wrong
			$$SECURE yes far.example.
			$$FAIL $how mx.far.example. $type
		}
		send u x@far.example half ""
		insecure
		expect log event="tls result" domain=mx.far.example type=tlsa outcome=validation-failure
		expect log event=deferred esc=4.7.5
		command queue drop --to x@far.example
	end
end
# Both kinds: there is nobody to dial.
zone "$wrong" "$$SECURE yes far.example." "$$FAIL failed mx.far.example."
waits "/DNS/"
# And no kind of MX: neither the domain nor its hosts are known.
zone "$wrong" "$$SECURE yes far.example." "$$FAIL bogus far.example. MX"
waits "/DNS/"
# Nor does a record that does not match let mail go in clear.
zone "$wrong" "$$SECURE yes far.example." ""
send u x@far.example no ""
insecure
expect log event=deferred
command queue drop --to x@far.example

# A signed host without STARTTLS, or without a handshake, gets nothing.
zone "$tlsa" "$$SECURE yes far.example." ""
send u x@far.example no ""
mx accept
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
mx < QUIT
mx > 221 bye
expect log event="tls result" type=tlsa outcome=starttls-not-supported
expect log event=deferred esc=4.7.4
command queue drop --to x@far.example
send u x@far.example no ""
greet
mx < STARTTLS
mx > 220 go
mx > no handshake
mx closed anyway
expect log event="tls result" type=tlsa outcome=validation-failure
expect log event=deferred esc=4.7.5
command queue drop --to x@far.example
# A signed host without records may.
zone "" "$$SECURE yes far.example." ""
clear ""

# Aliases: behind secure ones the target's records, or the host's own.
set alias far.example. MX 10 alias.far.example.
dns {
	$alias
	alias.far.example. CNAME mx.far.example.
	mx.far.example. A 203.0.113.9
	$tlsa
	_2525._tcp.alias.far.example. TLSA 3 1 1 ${other_11}
	$$SECURE yes far.example.
}
send u x@far.example alias ""
secure
expect log event="tls result" domain=mx.far.example type=tlsa outcome=success
take
dns {
	$alias
	alias.far.example. CNAME mx.far.example.
	mx.far.example. A 203.0.113.9
	_2525._tcp.alias.far.example. TLSA 3 1 1 ${good_11}
	$$SECURE yes far.example.
}
send u x@far.example alias ""
secure
expect log event="tls result" domain=alias.far.example type=tlsa outcome=success
take
# Behind one into a zone that is not signed, only the host's own.
each alias_name alias.far.example.
	dns {
		far.example. MX 10 alias.far.example.
		alias.far.example. CNAME mx.near.example.
		mx.near.example. A 203.0.113.9
		_2525._tcp.mx.near.example. TLSA 3 1 1 ${good_11}
		_2525._tcp.alias.far.example. TLSA 3 1 1 ${other_11}
		$$SECURE yes far.example.
	}
	send u x@far.example alias ""
	insecure
	expect log event="tls result" domain=alias.far.example type=tlsa outcome=validation-failure
	expect log event=deferred
	command queue drop --to x@far.example
end
# A domain without MX is its own host, and so it is as an alias.
dns {
	far.example. CNAME mx.near.example.
	mx.near.example. A 203.0.113.9
	_2525._tcp.far.example. TLSA 3 1 1 ${good_11}
	$$SECURE yes far.example.
}
send u x@far.example alias ""
secure
expect log event="tls result" domain=far.example type=tlsa outcome=success
take

# A message that requires TLS needs a host that can be verified (RFC 8689, 4.2.1).
zone "" "$$SECURE yes far.example." ""
send u x@far.example required " REQUIRETLS"
expect log event="given up" esc=5.7.30
zone "_2525._tcp.mx.far.example. TLSA 1 1 1 ${good_11}" "$$SECURE yes far.example." ""
send u x@far.example required " REQUIRETLS"
expect log event="given up" esc=5.7.30
zone "$tlsa" "$$SECURE yes far.example." ""
send u x@far.example required " REQUIRETLS"
secure
mx < /^MAIL FROM:<anna@example.org> REQUIRETLS/
mx > 450 4.2.0 later
mx < QUIT
mx > 221 bye
expect log event=deferred
command queue drop --to x@far.example
# A server behind it that does not know it does not get it.
send u x@far.example required " REQUIRETLS"
greet
mx < STARTTLS
mx starttls 220 go
mx < EHLO
mx > 250 mx.far.example
mx < QUIT
mx > 221 bye
expect log event="given up" esc=5.7.30

# One that waives TLS goes anyhow: no policy is asked for, nothing is told.
define waive
	u > MAIL FROM:<anna@example.org>
	u < 250
	u > RCPT TO:<x@far.example>
	u < 250
	u > DATA
	u < 354
	u >> From: <anna@example.org>\r\nTLS-Required: No\r\n\r\nx\r\n.\r\n
	u < 250
end
zone "$wrong" "$$SECURE yes far.example." "$$FAIL bogus _tcp.mx.far.example."
waive
greet
mx < STARTTLS
mx > 220 go
mx > no handshake
greet
mx < MAIL
mx > 450 4.2.0 later
mx < QUIT
mx > 221 bye
expect log event=deferred code=450
expect no log event="tls result"
command queue drop --all

# A connection that was opened for it is not used for mail that waives nothing.
zone "$wrong" "$$SECURE yes far.example." ""
u > MAIL FROM:<anna@example.org>
u < 250
u > RCPT TO:<x@far.example>
u < 250
u > DATA
u < 354
u >> From: <anna@example.org>\r\nTLS-Required: No\r\n\r\nx\r\n.\r\n
u < 250
mx accept
send u y@far.example two ""
mx > 220 mx.far.example
mx < EHLO mail.example.org
mx > 250 mx.far.example
mx < MAIL FROM
mx > 250 ok
mx < RCPT TO:<x@far.example>
mx > 250 ok
mx < DATA
mx > 354 go
repeat 12
	mx < /^/
end
mx > 250 taken
mx < QUIT
mx > 221 bye
expect log event=sent to=x@far.example
insecure
expect log event=deferred to=y@far.example esc=4.7.5
command queue drop --all

# What to publish of our own.
command domain dnsrecords example.org
expect output /_25._tcp.mail.example.org. IN TLSA 3 1 1 [0-9a-f]{64}/
