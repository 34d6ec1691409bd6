# Q05: a server whose certificate changes, between attempts, between connections and
# behind a connection that is on: nothing is sent under a policy that the new one does
# not meet (RFC 7672, 2.2; RFC 8461, 5; RFC 8689, 4.2.1), and mail goes as soon as one
# does.
need smtp auth queue smtp-client queue-transport-direct resolver-zone mta-sts dane
include ../../modules/mta-sts/t/sts.inc
module dane
module queue { suppress: no, runs-per-domain: 1, max-first-time-per-day: 0 }
certificate next by ca mx.far.example
reload

# plain: no policy. sts ID: one by the DNS, to be fetched. signed DATA DATA: TLSA.
define plain
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
	}
end
define signed
	dns {
		far.example. MX 10 mx.far.example.
		mx.far.example. A 203.0.113.9
		_2525._tcp.mx.far.example. TLSA $1
		_2525._tcp.mx.far.example. TLSA $2
		$$SECURE yes far.example.
	}
end

# goes TYPE OUTCOME: the next attempt delivers, over TLS.
define goes
	secure
	expect log event="tls result" type=$1 outcome=$2
	take
end
# refused TYPE OUTCOME: TLS is broken off at the certificate; not a word is said in
# it, and the attempt ends with that: nobody comes back in clear.
define refused
	insecure
	expect log event="tls result" type=$1 outcome=$2
	expect log event=deferred to=x@far.example esc=4.7.5
	mx nobody 2s
end
# again: what waits is tried now.
define again
	command queue schedule --all
end

# ---- No policy: any certificate will do, each time.
plain
each which good self old other next
	server mx certificate $which
	mail
	goes none success
end

# ---- MTA-STS, enforced: the certificate goes bad between two attempts, in every way,
# and good again.
id 1
server mx certificate good
mail
policy enforce mx.far.example 604800
goes sts success
server mx certificate old
mail
refused sts certificate-expired
server mx certificate other
again
refused sts certificate-host-mismatch
server mx certificate self
again
refused sts certificate-not-trusted
# By itself, at the next attempt of the schedule.
server mx certificate next
later +29m
patience 2m
goes sts success
patience 100ms
# The same in a message that requires TLS.
server mx certificate other
send u x@far.example required " REQUIRETLS"
refused sts certificate-host-mismatch
server mx certificate good
again
secure
expect log event="tls result" type=sts outcome=success
mx < MAIL FROM:<anna@example.org> REQUIRETLS
mx > 450 4.2.0 later
mx < QUIT
mx > 221 bye
expect log event=deferred code=450
command queue drop --all
# The policy lists another host by now: nobody is called. Then it only tests.
id 2
mail
policy enforce mx.else.example 604800
expect log event="tls result" type=sts outcome=validation-failure
expect log event=deferred esc=4.7.5
id 3
again
policy testing mx.far.example 604800
goes sts success
server mx certificate other
mail
goes sts certificate-host-mismatch
command mtasts forget far.example

# ---- DANE: the key is another one than the record says.
signed "3 1 1 ${good_11}" "3 1 1 ${good_11}"
server mx certificate good
mail
goes tlsa success
server mx certificate next
mail
refused tlsa validation-failure
# A good rollover: both keys are published, and either is right (RFC 7671, 8.1).
signed "3 1 1 ${good_11}" "3 1 1 ${next_11}"
again
goes tlsa success
server mx certificate good
mail
goes tlsa success
# The records change, and the certificate does not.
signed "3 1 1 ${next_11}" "3 1 1 ${next_11}"
mail
refused tlsa validation-failure
# Of an authority: each certificate of it will do, while its name and dates are right.
signed "2 0 1 ${ca_01}" "2 0 1 ${ca_01}"
again
goes tlsa success
server mx certificate next
mail
goes tlsa success
server mx certificate other
send u x@far.example required " REQUIRETLS"
refused tlsa validation-failure
server mx certificate old
again
refused tlsa validation-failure
# No more TLSA records: nothing says now how the host could prove itself.
plain
again
expect log event="given up" to=x@far.example esc=5.7.30
server mx certificate good

# ---- A connection that is on. Its certificate was looked at; what the server would
# show to others does not matter to it.
# first: a message is being sent; second TO PARAMETERS: another waits for that run.
define first
	secure
	mx < MAIL FROM:<anna@example.org>
end
define second
	send u $1 second "$2"
end
# taken: the server takes what it was asked about, and stays.
define taken
	mx > 250 ok
	mx < RCPT TO
	mx > 250 ok
	mx < DATA
	mx > 354 go
	repeat 12
		mx < /^/
	end
	mx < /^\.$/
	mx > 250 2.0.0 taken
	expect log event=sent
end
define bye
	mx < QUIT
	mx > 221 bye
end
signed "3 1 1 ${good_11}" "3 1 1 ${good_11}"
mail
first
second y@far.example " REQUIRETLS"
server mx certificate other
taken
mx < MAIL FROM:<anna@example.org> REQUIRETLS
taken
bye
server mx certificate good

# It was opened without a policy: mail that requires TLS does not go over it.
plain
mail
first
second y@far.example " REQUIRETLS"
taken
bye
expect log event="given up" to=y@far.example esc=5.7.30
# Nor does any mail, when a policy came meanwhile and the connection is older than
# what was found out of the domain may be.
mail
first
second x@far.example ""
signed "3 1 1 ${next_11}" "3 1 1 ${next_11}"
clock +4m
mx > 250 ok
mx < RCPT TO
clock +2m
mx > 250 ok
mx < DATA
mx > 354 go
repeat 12
	mx < /^/
end
mx < /^\.$/
mx > 250 2.0.0 taken
expect log event=sent
bye
refused tlsa validation-failure
server mx certificate next
again
goes tlsa success
submission u anna

# The server ends each connection behind a message: the next one is judged anew.
server mx certificate good
signed "3 1 1 ${good_11}" "3 1 1 ${good_11}"
mail
first
second x@far.example ""
server mx certificate next
mx > 250 ok
mx < RCPT TO
mx > 250 ok
mx < DATA
mx > 354 go
repeat 12
	mx < /^/
end
mx < /^\.$/
mx >> 250 2.0.0 taken\r\n
mx close
expect log event=sent
refused tlsa validation-failure
command queue drop --all

# A host without TLS is as good as one with a wrong certificate.
mail
mx accept
mx > 220 mx.far.example
mx < EHLO
mx > 250 mx.far.example
bye
expect log event="tls result" type=tlsa outcome=starttls-not-supported
expect log event=deferred esc=4.7.4
