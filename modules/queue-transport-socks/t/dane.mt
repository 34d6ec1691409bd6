# A proxy that finds the addresses has no say in what a host must prove: DANE holds by
# the DNS of this server, with and without remote-dns.
need smtp auth queue smtp-client queue-transport-socks resolver-zone dane
include ../../../t/scenario/tls.inc
module dane
certificate good mx.far.example
certificate other mx.other.example
module queue { suppress: no, routes: { all: { transport: remote } } }
module queue-transport-socks { transports: { remote: { address: "203.0.113.99:1080", remote-dns: yes }, here: { address: "203.0.113.99:1080" } } }

# zone LINE LINE: what every DNS of this scenario has, and more.
define zone
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		mx.far.example. AAAA 2001:db8::9
		_25._tcp.mx.far.example. TLSA 3 1 1 ${good_11}
		$$SECURE yes far.example.
		$1
		$2
	}
end
zone "" ""
server mx listen 203.0.113.99:1080
submission u anna

# through BYTES: the proxy is asked for a name or an address, and is the host then.
define through
	mx accept
	mx bytes \x05\x01\x00
	mx >> \x05\x00
	mx bytes $1
	mx >> \x05\x00\x00\x01\x00\x00\x00\x00\x00\x00
	mx > 220 mx.far.example
	mx < EHLO mail.example.org
	mx >> 250-mx.far.example\r\n250 STARTTLS\r\n
	mx < STARTTLS
	mx starttls 220 go
end
set by_name \x05\x01\x00\x03\x0emx.far.example\x00\x19
set by_four \x05\x01\x00\x01\xcb\x00\x71\x09\x00\x19
set by_six \x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09\x00\x19
# arrives, waits: what becomes of it.
define arrives
	mx < EHLO
	mx > 250 mx.far.example
	expect log event="tls result" type=$1 outcome=success
	take
end
define waits
	mx closed anyway
	expect log event="tls result" type=tlsa outcome=validation-failure
end
define deferred
	expect log event=deferred to=x@far.example text=$1
	command queue drop --to x@far.example
end

# The proxy gets the name, and the host that it finds has to have the key.
server mx certificate good
send u x@far.example one ""
through $by_name
arrives tlsa
server mx certificate other
send u x@far.example two ""
through $by_name
waits
deferred /TLSA/
# So it is with addresses that are found here.
command queue transport here --all
expect exit 1
expect output /0 given/
send u x@far.example three ""
through $by_name
waits
command queue transport here --all
command queue schedule --all
through $by_six
waits
through $by_four
waits
deferred /TLSA/
server mx certificate good

# No answer about the addresses is no reason to do without DANE: the proxy may know an
# address, and whose it is nobody would know.
zone "$$FAIL failed mx.far.example." "$$FAIL no _tcp.mx.far.example."
send u x@far.example four ""
deferred /DNS/
zone "$$FAIL bogus mx.far.example." "$$FAIL no _tcp.mx.far.example."
send u x@far.example five ""
deferred /DNS/
# Nor is none about the records.
zone "$$FAIL failed _tcp.mx.far.example." ""
send u x@far.example six ""
deferred /TLSA.records/

# That there is no address here is an answer: the proxy may live in another network.
dns {
	far.example. MX 10 mx.far.example.
	$$SECURE yes far.example.
}
server mx certificate other
send u x@far.example seven ""
through $by_name
arrives none
# And it is no way around the records of a name without an address.
dns {
	far.example. MX 10 mx.far.example.
	_25._tcp.mx.far.example. TLSA 3 1 1 ${good_11}
	$$SECURE yes far.example.
}
send u x@far.example eight ""
through $by_name
waits
deferred /TLSA/

# A message that requires TLS goes to a host that has proved itself.
server mx certificate good
zone "" ""
send u x@far.example nine " REQUIRETLS"
through $by_name
mx < EHLO
mx >> 250-mx.far.example\r\n250 REQUIRETLS\r\n
mx < MAIL FROM:<anna@example.org> REQUIRETLS
mx > 450 4.2.0 later
mx < QUIT
mx > 221 bye
expect log event=deferred code=450
