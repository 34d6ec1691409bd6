#!/bin/bash
# The suite of all resolvers, on getdns against a validating unbound.
. "${top_srcdir:-.}/t/lib.sh"
. "$top_srcdir/t/dns/lab.sh"
. "$top_srcdir/t/dns/suite.sh"
missing=$(lab_missing)
[ -z "$missing" ] || skip_all "not installed:" $missing
make_trash
lab_start > "$trash/log" 2>&1
ok $? "a DNS of our own"
[ "$tap_failed" -eq 0 ] || { sed 's/^/#   /' "$trash/log" "$trash"/lab/*.log
	finish; }
write_conf resolver-getdns <<END
servers: ["127.0.0.1:$lab_port"]
END
resolver_suite
finish
