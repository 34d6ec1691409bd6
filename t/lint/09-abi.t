#!/bin/bash
# The binary interface only grows: today's headers against every kept set of
# former ones (t/sdk/abi-*), and the library against their functions.
. "${top_srcdir:-.}/t/lib.sh"
command -v python3 > /dev/null || skip_all "no python3"
top_builddir=$(cd "$top_builddir" && pwd)
cd "$top_srcdir" || exit 99
make_trash

# every FOLDER: includes all headers there that KEPT has.
every () {
	(cd "$1" && find hermod -name "*.h" | sort) | sed 's/.*/#include <&>/'
}

# sizes KEPT FOLDER: prints the size of each struct, where it may not grow.
sizes () {
	{
		every "$1"
		echo '#include <stdio.h>'
		echo 'int main(void) {'
		python3 t/lint/abi.py --structs "$1" | sed -n \
		    's/^\(struct [a-z0-9_]*\) fixed$/printf("\1: %zu\\n", sizeof(\1));/p'
		echo 'return 0; }'
	} > "$trash/sizes.c"
	${CC:-cc} -std=gnu11 -w -I"$2" -o "$trash/sizes" "$trash/sizes.c" &&
	    "$trash/sizes"
}

for kept in t/sdk/abi-*; do
	[ -d "$kept/hermod" ] || continue
	python3 t/lint/abi.py "$kept" include > "$trash/found" ||
	    echo "log abi.py failed" >> "$trash/found"
	for group in structs enums typedefs hooks log; do
		sed -n "s/^$group //p" "$trash/found" > "$trash/$group"
	done
	nothing "structs of ${kept##*/} only grew at their ends" < "$trash/structs"
	nothing "values of ${kept##*/} are what they were" < "$trash/enums"
	nothing "types of functions of ${kept##*/} are, too" < "$trash/typedefs"
	nothing "hooks of ${kept##*/} keep their numbers" < "$trash/hooks"
	nothing "what was added since ${kept##*/} is in the log of abi.h" \
	    < "$trash/log"

	sizes "$kept" "$kept" > "$trash/then" && [ -s "$trash/then" ]
	ok $? "structs of ${kept##*/} can be measured"
	sizes "$kept" include > "$trash/now"
	diff "$trash/then" "$trash/now" |
	nothing "structs of ${kept##*/} that have no size member did not grow"

	{
		every "$kept"
		python3 t/lint/abi.py --prototypes "$kept"
	} > "$trash/functions.c"
	try "functions of ${kept##*/} have the types they had" \
	    ${CC:-cc} -std=gnu11 -Wall -Werror -Iinclude -fsyntax-only \
	    "$trash/functions.c"
	lib=$top_builddir/.libs/libhermod.so
	if [ -e "$lib" ]; then
		nm -D --defined-only "$lib" | awk '{ print $NF }' > "$trash/have"
		sed -n 's/^HM_API .*[ *]\(hm_[a-z0-9_]*\)(.*/\1/p' \
		    "$trash/functions.c" | sort -u |
		grep -vxFf "$trash/have" |
		nothing "functions of ${kept##*/} are all still there"
	else
		skip "no libhermod.so"
	fi
done
finish
