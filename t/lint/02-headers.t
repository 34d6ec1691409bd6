#!/bin/bash
# The SDK: each header compiles alone as C11, is short, and is installed.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir" || exit 99

alone () {
	echo "#include <${1#include/}>" |
	${CC:-cc} -std=c11 -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c -
}
for h in include/hermod/*.h include/hermod/iface/*.h; do
	try "$h compiles alone" alone "$h"
done

wc -l include/hermod/*.h include/hermod/iface/*.h |
awk '$2 != "total" && $1 > 300' |
nothing "no header is longer than 300 lines"

for h in include/hermod/*.h include/hermod/*.def include/hermod/iface/*.h; do
	grep -q "%D%/${h#include/hermod/}\$" include/hermod/Makefile.inc ||
	    echo "$h"
done | nothing "every header is installed (include/hermod/Makefile.inc)"

grep -Ln '^#ifndef HERMOD_.*_H$' include/hermod/*.h include/hermod/iface/*.h |
nothing "every header guards itself"

finish
