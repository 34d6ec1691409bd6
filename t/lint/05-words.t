#!/bin/bash
# Unfinished work and the workplace leave no trace in what we ship.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir" || exit 99

files=$(find core modules include t man conf.d plugins-sdk m4 build-aux .ci \
    README HACKING configure.ac Makefile.am run -type f 2>/dev/null |
    grep -vE '/corpus/|/fuzz-[^/]*\.t$|\.(o|lo|log|trs|so|la|a|pyc)$|\.libs/|05-words\.t' |
    grep -vE 'build-aux/(ltmain|config|compile|depcomp|missing|install|test|tap|ar)|m4/lt|m4/libtool')

grep -InE '\b(TODO|FIXME|XXX|HACK)\b|[nN]ot (yet )?implemented' $files |
grep -v 'X-XXX\|XXXXXX\|"TODO"' | nothing "nothing is left for later"
grep -IinE '/(home|root|work|Users)/[a-z]|\bissue #?[0-9]' $files |
grep -v '/root/\.\|\$HOME' | nothing "no path and no ticket of one workplace is mentioned"
grep -In 'shared/' $files |
grep -vE '\.\./shared/testdata|shared/(library|object|librar)' |
nothing "external data is named only as a default for HERMOD_TESTDATA"

# Only in a checkout: what is built stays out of it, what is written is in it.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1 && [ -e .git ]; then
	git ls-files | while read -r f; do
		[ "$(head -c 4 "$f" 2>/dev/null | tr -d '\0' | tail -c 3)" = ELF ] &&
		    echo "$f"
	done | nothing "no program was committed"
	for f in */*/Makefile.inc */Makefile.inc; do
		sed -n "s|^dist_[a-z_0-9]* += %D%|${f%/Makefile.inc}|p" "$f"
	done | tr ' ' '\n' | git check-ignore --stdin |
	nothing "nothing that is distributed is ignored by git"
else
	skip "not a git checkout"
fi

finish
