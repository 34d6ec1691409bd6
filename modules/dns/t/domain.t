#!/bin/bash
# hermod domain dnsrecords and dnscheck, and that the one satisfies the other.
. "${top_srcdir:-.}/t/lib.sh"
. "$top_srcdir/t/dns/lab.sh"
. "$top_srcdir/t/dns/suite.sh"
make_trash
: > "$trash/world.zone"
write_conf resolver-zone <<END
file: $trash/world.zone
END
printf 'enabled: yes\naddresses: [192.0.2.25, "2001:db8::25"]\n' \
    > "$trash/conf/conf.d/dns.yaml"
echo 'enabled: yes' > "$trash/conf/conf.d/directory-yaml.yaml"
printf 'domains: {example.org: {}, b\xc3\xbccher.example: {}}\naccounts: {}\n' \
    > "$trash/conf/domains.yaml"
run () {
	"$HERMOD" -c "$trash/conf" domain "$@" > "$trash/out" 2>&1
}
has () {
	grep -qF -- "$1" "$trash/out"
	ok $? "$2"
}

run dnsrecords example.org
ok $? "records of a domain"
has 'example.org. IN MX 10 mail.example.org.' "where its mail goes"
has 'mail.example.org. IN AAAA 2001:db8::25' "addresses of the host"
has '25.2.0.192.in-addr.arpa. IN PTR mail.example.org.' "and their names"
has '"v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 mx ~all"' "SPF"
has '_dmarc.example.org. IN TXT "v=DMARC1; p=none"' "DMARC; nobody signs"
grep -v '^;' "$trash/out" > "$trash/world.zone"
run dnscheck example.org
tap_status=$?
ok $tap_status "what is printed is what is checked"
[ $tap_status -eq 0 ] || sed 's/^/#   /' "$trash/out"
[ "$(grep -c '^ok ' "$trash/out")" -eq 8 ]
ok $? "eight records are good"

# Without the server, modules that were not opened are not asked.
if [ -e "$top_builddir/.modules/dkim.so" ]; then
	echo 'enabled: yes' > "$trash/conf/conf.d/dkim.yaml"
	run dnsrecords example.org
	ok $? "while the server is stopped, nobody with keys is asked for them"
	rm "$trash/conf/conf.d/dkim.yaml"
fi

sed -i -e 's/^_dmarc.*/_dmarc.example.org. IN TXT "v=DMARC1; p=reject"/' \
    -e 's/^\(example.org. IN TXT\).*/\1 "v=spf1 include:x -all"/' \
    -e '/PTR/d' -e 's/ MX 10 mail/ MX 10 old/' "$trash/world.zone"
run dnscheck example.org
[ $? -eq 1 ]
ok $? "what is wrong is said"
grep -q '^wrong *example.org *MX .*10 old.example.org' "$trash/out"
ok $? "mail that goes elsewhere"
grep -q '^wrong *25.2.0.192.in-addr.arpa *PTR *no such name' "$trash/out"
ok $? "an address without a name"
grep -q '^ok *_dmarc.example.org .*in other words' "$trash/out"
ok $? "another DMARC policy is the admin's right"
echo '$FAIL failed example.org.' >> "$trash/world.zone"
run dnscheck example.org
[ $? -eq 1 ] && grep -q '^unknown *example.org *MX *lookup failed' "$trash/out"
ok $? "no answer is not \"nothing\""

run dnsrecords bücher.example
ok $? "a domain in Unicode"
has 'xn--bcher-kva.example. IN MX 10' "as the DNS has it"
run dnsrecords other.example
[ $? -eq 1 ] && grep -q 'not served here' "$trash/out"
ok $? "a domain of others"
run dnscheck --json example.org
python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$trash/out"
ok $? "as JSON"
finish
