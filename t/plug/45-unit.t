#!/bin/bash
# The unit for systemd, as far as that can be asked without being started by it.
. "${top_srcdir:-.}/t/lib.sh"
command -v systemd-analyze > /dev/null || skip_all 'needs systemd-analyze'
make_trash
unit=$trash/hermod.service
# What is not installed cannot be found: another program stands for it.
sed 's|^Exec\([A-Z][a-z]*\)=[^ ]*|Exec\1=/bin/true|' \
    "$top_builddir/systemd/hermod.service" > "$unit"
cp "$top_srcdir/systemd/hermod.socket" "$trash"
! grep -q '@' <(sed 's/@system-service//' "$unit"); ok $? 'all is filled in'
verify () {
	systemd-analyze verify --man=no "$@" 2>&1
}
verify "$unit" "$trash/hermod.socket" > "$trash/said"
if grep -q "Failed to initialize\|Failed to setup\|Unknown command" "$trash/said"; then
	diag "$(cat "$trash/said")"
	skip 'systemd-analyze does not work here'
else
	grep "hermod" "$trash/said" | nothing 'systemd finds nothing wrong with it'
	sed 's/^Restart=.*/Restart=allways/' "$unit" > "$trash/wrong.service"
	verify "$trash/wrong.service" | grep -q allways
	ok $? 'which it would'
fi
if said=$(systemd-analyze security --offline=yes --threshold=30 "$unit" 2>&1); then
	ok 0 'its exposure is small'
	diag "$(printf '%s\n' "$said" | tail -n 1)"
elif printf '%s\n' "$said" | grep -q 'unrecognized option\|Failed to init'; then
	skip 'systemd-analyze is too old'
else
	ok 1 'its exposure is small'
	diag "$said"
fi
finish
