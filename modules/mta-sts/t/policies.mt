# MTA-STS over weeks of virtual time: what is fetched when, how long it holds, and
# what it does to mail (RFC 8461).
need smtp auth queue smtp-client queue-transport-direct resolver-zone mta-sts
include sts.inc

# The first message waits for the policy; the second finds it.
mail
policy enforce mx.far.example 604800
expect log event="MTA-STS policy fetched" domain=far.example id=1 mode=enforce seconds=604800
secure
expect log event="tls result" domain=far.example type=sts outcome=success policy="version: STSv1\nmode: enforce\nmx: mx.far.example\nmax_age: 604800"
take
mail
secure
take
expect no log event="MTA-STS policy fetched"
command mtasts list
expect output /far.example +enforce +1 +2026-11-20T12:00:00Z +2026-11-27T12:00:00Z/

# Enforced: certificates that an authority vouches for, or none of the mail.
# unproved CERTIFICATE OUTCOME: the mail waits.
define unproved
	server mx certificate $1
	mail
	insecure
	expect log event="tls result" type=sts outcome=$2 remote=203.0.113.9
	expect log event=deferred esc=4.7.5
	never
end
unproved old certificate-expired
unproved other certificate-host-mismatch
unproved self certificate-not-trusted
server mx certificate good
mail
mx accept
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
mx < QUIT
mx > 221 bye
expect log event="tls result" type=sts outcome=starttls-not-supported
expect log event=deferred esc=4.7.4
never
# It serves for mail that requires TLS (RFC 8689, 4.2.1).
send u x@far.example required " REQUIRETLS"
secure
mx < /^MAIL FROM:<anna@example.org> REQUIRETLS/
mx > 450 4.2.0 later
mx < QUIT
mx > 221 bye
expect log event=deferred code=450
never

# The record is gone, or nobody answers, or there are two: what was fetched holds.
each text "v=spf1 -all" "v=STSv1; id=;"
	record "$text"
	server mx certificate self
	mail
	insecure
	expect log event=deferred esc=4.7.5
	never
end
dns {
	far.example. MX 10 mx.far.example.
	mx.far.example. A 203.0.113.9
	_mta-sts.far.example. TXT "v=STSv1; id=2;"
	_mta-sts.far.example. TXT "v=STSv1; id=3;"
}
mail
insecure
expect log event=deferred esc=4.7.5
never
dns {
	far.example. MX 10 mx.far.example.
	mx.far.example. A 203.0.113.9
	$$FAIL failed _mta-sts.far.example.
}
mail
insecure
expect log event=deferred esc=4.7.5
never
# A restart forgets nothing.
u close
stop
start
submission u anna
mail
insecure
expect log event=deferred esc=4.7.5
never

# A new id: fetched anew. While that fails the former one holds, and nobody asks
# again for five minutes.
id 2
mail
answer "404 Not Found" text/plain "gone"
expect log event="no MTA-STS policy fetched" error=/404/
expect log event="tls result" domain=far.example type=sts outcome=sts-policy-fetch-error
insecure
expect log event=deferred
never
mail
insecure
never
later +5m
mail
policy enforce mx.elsewhere.example 604800
expect log event="MTA-STS policy fetched" id=2
# Now the host is not listed.
expect log event="tls result" type=sts outcome=validation-failure mx=mx.far.example
expect log event=deferred esc=4.7.5 text=/does.not.list/
never

# Testing: told, and never in the way.
id 3
mail
policy testing mx.elsewhere.example 604800
expect log event="tls result" type=sts outcome=validation-failure
secure
take
id 4
mail
policy testing *.far.example 604800
secure
expect log event="tls result" type=sts outcome=certificate-not-trusted
take
send u x@far.example plain ""
mx accept
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
expect log event="tls result" type=sts outcome=starttls-not-supported
take
send u x@far.example required " REQUIRETLS"
expect log event="given up" esc=5.7.30
# None: as without a policy.
id 5
mail
policy none *.far.example 86400
secure
expect log event="tls result" type=none outcome=success policy=""
take

# A policy is fetched anew each day, without any mail, and the id need not change.
id 6
server mx certificate good
mail
policy enforce mx.far.example 2592000
secure
take
later +24h
expect no log event=/MTA-STS.policy/
later +55m
policy enforce mx2.far.example 2592000
expect log event="MTA-STS policy fetched" id=6
# While that fails what is known holds, for all of its life: 30 days.
server web certificate elsewhere
repeat 4
	later +7d
	mail
	expect log event="tls result" type=sts outcome=validation-failure
	expect log event=deferred text=/does.not.list/
	never
end
# Then mail goes as to a domain without one.
later +3d
later +10m
mail
expect log event="tls result" type=sts outcome=sts-webpki-invalid
secure
expect log event="tls result" type=none outcome=success
take
# A record that is gone by then: it is forgotten.
record "v=spf1 -all"
later +2h
command mtasts list --json
expect output []

# Many messages at once: one fetch.
server web certificate web
id 7
repeat 5
	mail
end
policy testing mx.far.example 86400
expect log event="MTA-STS policy fetched"
secure
take
