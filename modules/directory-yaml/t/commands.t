#!/bin/bash
# hermod domain, account and address on a stopped server: what they change in
# domains.yaml, what they leave alone, and what they refuse.
. "${top_srcdir:-.}/t/lib.sh"
make_trash
mkdir -p "$trash/conf.d"
printf 'hostname: localhost\ndata-dir: data\nuser: %s\n' "$(id -un)" \
    > "$trash/hermod.yaml"
echo "enabled: yes" > "$trash/conf.d/directory-yaml.yaml"

h () {
	"$HERMOD" -c "$trash" "$@"
}

# refused TEXT NAME COMMAND...: fails, and says TEXT.
refused () {
	local text=$1 name=$2 out
	shift 2
	if out=$(h "$@" 2>&1); then
		ok 1 "$name"
	else
		grep -qF -- "$text" <<< "$out"
		ok $? "$name: $text"
	fi
}

try "domain add" h domain add example.org
try "domain add, Unicode" h domain add bücher.example
refused "served already" "the same in A-labels" domain add xn--bcher-kva.example
refused "label" "no domain" domain add 'a b'
try "account add" h account add anna anna@example.org
refused "already" "account add again" account add anna x@example.org
refused "not in \"domains\"" "foreign domain" account add b b@nowhere.example
refused "two accounts" "taken address" account add bert ANNA@example.org
refused "separator" "subaddress" account add bert bert+x@example.org
try "account add, second" h account add bert bert@example.org
try "address add" h address add @bücher.example anna
refused "no account" "address of nobody" address add x@example.org carl
sed -i 's/^accounts:/accounts: # people/' "$trash/domains.yaml"
try "address remove" h address remove @bücher.example
grep -q '# people' "$trash/domains.yaml"
ok $? "comments survive"
refused "no account has" "address remove again" address remove @bücher.example
h account list --json | python3 -c '
import json, sys
rows = {r["account"]: r["addresses"] for r in json.load(sys.stdin)}
sys.exit(rows != {"anna": "anna@example.org", "bert": "bert@example.org"})'
ok $? "account list --json"
try "account remove" h account remove bert
h account list | grep -q bert && false || true
ok $? "bert is gone"
refused "not in \"domains\"" "a domain in use" domain remove example.org
printf 'domains:\n  a.example: {}\naccounts:\n  x: {adresses: [x@a.example]}\n' \
    > "$trash/domains.yaml"
refused 'did you mean "addresses"' "a misspelt option" account list
finish
