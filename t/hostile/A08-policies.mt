# A08: MTA-STS policies that are too large, elsewhere, of another type, wrong, slow,
# or not there: mail goes as without one, unless one is known; testing never blocks.
need smtp auth queue smtp-client queue-transport-direct resolver-zone mta-sts
include ../../modules/mta-sts/t/sts.inc

# without OUTCOME: the fetch fails, which is told, and mail goes as to a domain that
# has no policy.
define without
	expect log event="no MTA-STS policy fetched" domain=far.example
	expect log event="tls result" domain=far.example type=sts outcome=$1
	secure
	expect log event="tls result" type=none outcome=success
	take
	later +5m
end
set good version: STSv1\r\nmode: enforce\r\nmx: mx.far.example\r\nmax_age: 86400\r\n

# Redirects, also to the right place, and whatever is no 200.
each status "301 Moved" "302 Found" "307 Elsewhere" "308 Elsewhere" "304 Not Modified"
	mail
	answer "$status" "text/plain\r\nLocation: https://mta-sts.far.example/x" "$good"
	without sts-policy-fetch-error
end
each status "204 Nothing" "404 Not Found" "410 Gone" "500 Broken" "503 Later"
	mail
	answer "$status" text/plain "$good"
	without sts-policy-fetch-error
end

# The wrong type.
each type text/html application/octet-stream text/plain2 text
	mail
	answer "200 OK" $type "$good"
	without sts-policy-invalid
end

# Too large: 10 MB announced, and never read; or without an end.
mail
answer "200 OK" "text/plain\r\nContent-Length: 10485760" "$good"
without sts-policy-invalid
set kilo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
set kilo x: $kilo$kilo$kilo$kilo$kilo$kilo$kilo\r\n
mail
request
web >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n$good
repeat 77
	web >> $kilo
end
web closed anyway
without sts-policy-invalid
mail
request
web >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n$good
web closed anyway
without sts-policy-invalid

# Two lengths, encodings that nobody asked for, lines of any length, no HTTP at all.
mail
answer "200 OK" "text/plain\r\nContent-Length: 10\r\nTransfer-Encoding: chunked" "$good"
without sts-policy-fetch-error
mail
answer "200 OK" "text/plain\r\nContent-Encoding: gzip" "$good"
without sts-policy-fetch-error
mail
request
web >> 220 mx.far.example ESMTP\r\n
web closed anyway
without sts-policy-fetch-error
mail
request
web >> HTTP/1.1 200 OK\n\n
web closed anyway
without sts-policy-fetch-error
mail
request
web >> HTTP/1.1 200 OK\r\n
repeat 100
	web >> X: $kilo
end
web >> X: y\r\n
web closed anyway
without sts-policy-fetch-error

# Cut off, orderly or not: half a policy is none.
mail
request
web >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n$good
web close
without sts-policy-fetch-error
mail
request
web >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n$good
web drop
without sts-policy-fetch-error

# Policies that are none.
each text "<html></html>" "version: STSv2\r\nmode: none\r\nmax_age: 1" "version: STSv1\r\nmode: enforce\r\nmax_age: 86400" "version: STSv1\r\nmode: enforce\r\nmx: *\r\nmax_age: 1"
	mail
	request
	web >> HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n$text
	web close
	without sts-policy-invalid
end

# A web server without a certificate of its name, of an authority, of today.
each which elsewhere self faded
	server web certificate $which
	mail
	web accept
	web closed anyway
	without sts-webpki-invalid
end
server web certificate web

# One that says nothing: the mail waits, not for long, and goes at the next attempt.
command mtasts forget far.example
mail
request
expect no log event="tls result"
patience 5s
expect log event=deferred text=/still.being.fetched/
clock +30s
expect log event="no MTA-STS policy fetched" error=/no.reply/
patience 100ms
command queue schedule --all
secure
take
later +5m

# An age beyond all measure counts as a year; names in Unicode are read.
dns {
	b\252cher.example. A 203.0.113.1
	far.example. MX 10 mx.xn--bcher-kva.example.
	mx.xn--bcher-kva.example. A 203.0.113.9
	mta-sts.far.example. A 203.0.113.80
	_mta-sts.far.example. TXT "v=STSv1; " "id=8"
}
certificate idn by ca mx.xn--bcher-kva.example
server mx certificate idn
mail
policy enforce "*.b\xc3\xbccher.example" 99999999999999999999
expect log event="MTA-STS policy fetched" id=8 seconds=31557600
secure
expect log event="tls result" type=sts outcome=success mx=mx.xn--bcher-kva.example
take

# The domain is an alias: its own policy counts, not that of whoever it points to.
dns {
	near.example. CNAME far.example.
	far.example. MX 10 mx.far.example.
	mx.far.example. A 203.0.113.9
	_mta-sts.far.example. TXT "v=STSv1; id=9"
	mta-sts.far.example. A 203.0.113.80
}
server mx certificate self
send u x@near.example alias ""
secure
expect log event="tls result" domain=near.example type=none outcome=success
take

# Known once, it holds, whatever the web server says now, and for mail only.
id 10
server mx certificate good
mail
policy enforce mx.far.example 86400
expect log event="MTA-STS policy fetched" id=10
secure
take
later +10m
id 11
mail
answer "404 Not Found" text/plain "gone"
expect log event="tls result" type=sts outcome=sts-policy-fetch-error
secure
expect log event="tls result" type=sts outcome=success
take
server mx certificate self
mail
insecure
expect log event=deferred esc=4.7.5
never

# Testing never blocks.
later +10m
id 12
mail
policy testing mx.elsewhere.example 86400
expect log event="tls result" type=sts outcome=validation-failure
secure
take
server mx certificate old
mail
expect log event="tls result" type=sts outcome=validation-failure
greet
mx < STARTTLS
mx > 220 go
mx > no handshake
greet
take
