#!/bin/bash
# Modules keep no state of their own beside the instance: no writable data.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_builddir" || exit 99
command -v objdump >/dev/null || skip_all "no objdump"

objects=$(find modules -path '*/.libs/*.o' ! -path '*/t/*' 2>/dev/null)
[ -n "$objects" ] || skip_all "no module was built"

for o in $objects; do
	objdump -t "$o" | awk -v o="$o" '
	NF > 3 && $(NF - 2) ~ /^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)(\.|$)/ &&
	    $(NF - 2) !~ /^\.data\.rel\.ro/ && $0 ~ / O / &&
	    $NF !~ /^(\.L|__)/ { print o ": " $NF " in " $(NF - 2) }'
done | # Berkeley DB takes its file hooks without a context
grep -vE 'kv-bdb/\.libs/(file|journal)\.o: bdb_(hooked|thread|journals) ' |
grep -vE 'asan|ubsan|sancov| \*?\.L(ubsan|asan)| Lubsan' |
nothing "no module has mutable globals"

finish
