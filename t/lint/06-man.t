#!/bin/bash
# Manual pages: well-formed, and in agreement with hooks.def and the modules.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir" || exit 99

pages=$(ls man/*.[1-8] modules/*/*.[1-8] 2>/dev/null)
for page in $pages; do
	if command -v mandoc >/dev/null; then
		mandoc -Tlint -Wwarning "$page" 2>&1 |
		grep -v 'referenced manual not found' |
		nothing "$page is well-formed"
	else
		skip "$page: no mandoc"
	fi
done

hooks=$(sed -n 's/^HM_\(DECIDE\|EVENT\)([ ]*\([a-z_]*\).*/\2/p' \
    include/hermod/hooks.def)
if [ -f man/hermod-hooks.7 ]; then
	for hook in $hooks; do
		grep -qE "^\.(Ss|It)( [A-Z][a-z])? $hook\b" man/hermod-hooks.7 ||
		    echo "$hook"
	done | nothing "every hook of hooks.def is in hermod-hooks(7)"
	sed -n 's/^\.Ss \([a-z_]*\)$/\1/p' man/hermod-hooks.7 |
	while read -r name; do
		echo "$hooks" | grep -qx "$name" || echo "$name"
	done | nothing "hermod-hooks(7) describes no other hook"
else
	skip "no man/hermod-hooks.7"
fi

sed -n 's/^HM_IFACE(\([a-z_]*\),.*/\1/p' include/hermod/iface/*.h |
while read -r iface; do
	grep -qx "\.Ss $iface" man/hermod-services.7 || echo "$iface"
done | nothing "every interface is in hermod-services(7)"

for d in modules/*/; do
	name=$(basename "$d")
	[ -f "$d$name.c" ] || continue
	for f in "$d$name.yaml" "${d}hermod-$name.7" "${d}Makefile.inc"; do
		[ -f "$f" ] || echo "$f"
	done
	ls "${d}t/" >/dev/null 2>&1 || echo "${d}t/"
done | nothing "a module has its face, sample, manual page, fragment and tests"

finish
