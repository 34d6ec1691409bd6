# suite.sh - what every provider of the service "resolver" must answer, asked
# with "hermod dns lookup". Sourced behind lib.sh and lab.sh.

# conf MODULE < settings: a configuration with that resolver: $trash/conf.
write_conf () {
	mkdir -p "$trash/conf/conf.d"
	cat > "$trash/conf/hermod.yaml" <<END
hostname: mail.example.org
data-dir: $trash/data
END
	echo 'enabled: yes' > "$trash/conf/conf.d/dns.yaml"
	{ echo 'enabled: yes'; cat; } > "$trash/conf/conf.d/$1.yaml"
}

# asks ARGUMENTS < expected output: times to live do not count, nor does the
# order of the records, nor who said it.
asks () {
	cat > "$trash/want"
	"$HERMOD" -c "$trash/conf" dns lookup "$@" \
	    > "$trash/out" 2> "$trash/err"
	{ grep '^;' "$trash/out"; grep -v '^;' "$trash/out" | sort; } |
	sed -e 's/"ttl": "[0-9]*"/"ttl": "N"/' -e 's/^\([^; ][^ ]*\) [0-9]* IN /\1 IN /' \
	    -e '/^; for the next/d' -e '/^; extended error/d' \
	    -e '/^; too many aliases/d' -e '/^; .* answered /d' > "$trash/got"
	diff -u "$trash/want" "$trash/got" > "$trash/diff"
	tap_status=$?
	ok $tap_status "$*"
	[ $tap_status -eq 0 ] ||
	    sed 's/^/#   /' "$trash/diff" "$trash/err" "$trash/out"
}

resolver_suite () {
	asks MX secure.test <<'END'
; secure.test MX: found, secure (DNSSEC)
secure.test. IN MX 10 mx.secure.test.
secure.test. IN MX 20 mx2.secure.test.
END
	asks A Mx.Secure.Test. <<'END'
; mx.secure.test A: found, secure (DNSSEC)
mx.secure.test. IN A 192.0.2.1
mx.secure.test. IN A 192.0.2.2
END
	asks AAAA mx.secure.test <<'END'
; mx.secure.test AAAA: found, secure (DNSSEC)
mx.secure.test. IN AAAA 2001:db8::1
END
	asks TXT secure.test <<'END'
; secure.test TXT: found, secure (DNSSEC)
secure.test. IN TXT "something " "else"
secure.test. IN TXT "v=spf1 mx -all"
END
	asks TXT quotes.secure.test <<'END'
; quotes.secure.test TXT: found, secure (DNSSEC)
quotes.secure.test. IN TXT "say \"\\\" \255"
END
	asks TXT empty.secure.test <<'END'
; empty.secure.test TXT: found, secure (DNSSEC)
empty.secure.test. IN TXT ""
END
	asks TLSA _25._tcp.mx.secure.test <<'END'
; _25._tcp.mx.secure.test TLSA: found, secure (DNSSEC)
_25._tcp.mx.secure.test. IN TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
END
	asks SRV _imaps._tcp.secure.test <<'END'
; _imaps._tcp.secure.test SRV: found, secure (DNSSEC)
_imaps._tcp.secure.test. IN SRV 0 1 993 mx.secure.test.
END
	asks CAA secure.test <<'END'
; secure.test CAA: found, secure (DNSSEC)
secure.test. IN CAA 0 issue "ca.example"
END
	asks NS secure.test <<'END'
; secure.test NS: found, secure (DNSSEC)
secure.test. IN NS ns.secure.test.
END
	asks SOA secure.test <<'END'
; secure.test SOA: found, secure (DNSSEC)
secure.test. IN SOA ns.secure.test. hostmaster.secure.test. 1 3600 600 86400 60
END
	asks PTR odd.secure.test <<'END'
; odd.secure.test PTR: found, secure (DNSSEC)
odd.secure.test. IN PTR a\032b\046c.secure.test.
END
	asks MX nomail.secure.test <<'END'
; nomail.secure.test MX: found, secure (DNSSEC)
nomail.secure.test. IN MX 0 .
END
	asks TXT x.wild.secure.test <<'END'
; x.wild.secure.test TXT: found, secure (DNSSEC)
x.wild.secure.test. IN TXT "any"
END
	asks CAA secure.test --json <<'END'
[
]
{"name": "secure.test", "type": "CAA", "outcome": "ok", "secure": "yes", "ttl": "N", "aliases": "", "canonical": "secure.test", "data": "0 issue \"ca.example\"", "reason": ""}
END

	# Aliases.
	asks A web.secure.test <<'END'
; web.secure.test A: found, secure (DNSSEC)
mx.secure.test. IN A 192.0.2.1
mx.secure.test. IN A 192.0.2.2
web.secure.test. IN CNAME www.secure.test.
www.secure.test. IN CNAME mx.secure.test.
END
	asks CNAME web.secure.test <<'END'
; web.secure.test CNAME: found, secure (DNSSEC)
web.secure.test. IN CNAME www.secure.test.
END
	asks A out.secure.test <<'END'
; out.secure.test A: found, not secure
host.insecure.test. IN A 192.0.2.9
out.secure.test. IN CNAME host.insecure.test.
END
	asks CNAME out.secure.test <<'END'
; out.secure.test CNAME: found, secure (DNSSEC)
out.secure.test. IN CNAME host.insecure.test.
END
	asks A in.insecure.test <<'END'
; in.insecure.test A: found, not secure
in.insecure.test. IN CNAME mx.secure.test.
mx.secure.test. IN A 192.0.2.1
mx.secure.test. IN A 192.0.2.2
END
	asks TXT www.secure.test <<'END'
; www.secure.test TXT: no such record, secure (DNSSEC)
www.secure.test. IN CNAME mx.secure.test.
END
	asks A gone.secure.test <<'END'
; gone.secure.test A: no such name, secure (DNSSEC)
gone.secure.test. IN CNAME nowhere.secure.test.
END
	asks A dangling.secure.test <<'END'
; dangling.secure.test A: no such name, not secure
dangling.secure.test. IN CNAME nothing.insecure.test.
END
	asks A loop1.secure.test <<'END'
; loop1.secure.test A: lookup failed, not secure
END
	asks A c1.secure.test <<'END'
; c1.secure.test A: lookup failed, not secure
END
	asks A c14.secure.test <<'END'
; c14.secure.test A: found, secure (DNSSEC)
c14.secure.test. IN CNAME c15.secure.test.
c15.secure.test. IN CNAME c16.secure.test.
c16.secure.test. IN CNAME c17.secure.test.
c17.secure.test. IN CNAME c18.secure.test.
c18.secure.test. IN CNAME mx.secure.test.
mx.secure.test. IN A 192.0.2.1
mx.secure.test. IN A 192.0.2.2
END

	# What is not there.
	asks AAAA mx2.secure.test <<'END'
; mx2.secure.test AAAA: no such record, secure (DNSSEC)
END
	asks A b.c.secure.test <<'END'
; b.c.secure.test A: no such record, secure (DNSSEC)
END
	asks A no.secure.test <<'END'
; no.secure.test A: no such name, secure (DNSSEC)
END
	asks MX no.insecure.test <<'END'
; no.insecure.test MX: no such name, not secure
END
	asks TXT host.insecure.test <<'END'
; host.insecure.test TXT: no such record, not secure
END
	asks MX insecure.test <<'END'
; insecure.test MX: found, not secure
insecure.test. IN MX 10 host.insecure.test.
END
	asks MX bogus.test <<'END'
; bogus.test MX: DNSSEC validation failed, not secure
END
	asks A mx.bogus.test <<'END'
; mx.bogus.test A: DNSSEC validation failed, not secure
END

	# More than one answer may have; more than a datagram has.
	"$HERMOD" -c "$trash/conf" dns lookup A many.secure.test \
	    > "$trash/out"
	ok $? "A many.secure.test"
	head -n 1 "$trash/out" | grep -q 'found, secure (DNSSEC), some records' &&
	[ "$(wc -l < "$trash/out")" -eq 257 ]
	ok $? "the first 256 of 300 records, and that there are more"
}
