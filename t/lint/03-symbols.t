#!/bin/bash
# What is exported, and which functions of the C library are used.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_builddir" || exit 99
command -v nm >/dev/null || skip_all "no nm"

lib=.libs/libhermod.so
nm -D --defined-only "$lib" | awk '{ print $NF }' |
grep -v '^hm_' | grep -v '^__\(asan\|ubsan\|odr_asan\|sancov\|start\|stop\)' |
nothing "libhermod.so exports hm_ names only"

for so in .modules/*.so; do
	[ -e "$so" ] || continue
	nm -D --defined-only "$so" | awk '{ print $NF }' |
	grep -v '^__\(asan\|ubsan\|odr_asan\|sancov\|start\|stop\)' |
	grep -vx hm_module | nothing "$so exports nothing but hm_module"
	try "$so exports hm_module" \
	    sh -c "nm -D --defined-only $so | grep -qw hm_module"
	readelf -d "$so" 2>/dev/null |
	sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | while read -r need; do
		[ ! -e ".modules/$need" ] || echo "$need"
	done | nothing "$so needs no other module"
done

# A declaration in a lower layer does not make the function one of it.
for layer in base run conf plug mail isolate serve program; do
	find "core/$layer" -maxdepth 2 -name '*.o' ! -name 'test-*' ! -name 'fuzz-*' \
	    ! -name 'main.o' 2>/dev/null | while read -r o; do
		# What a file left behind that has moved since says nothing.
		source=$top_srcdir/core/$layer/$(basename "$o" .o)
		[ -e "$source.c" ] || [ -e "$source.S" ] || continue
		nm -P "$o" | awk -v layer="$layer" -v o="$o" '
		$2 ~ /[TDBRC]/ { print "has", layer, $1 }
		$2 == "U" { print "calls", layer, $1, o }'
	done
done | awk '
!($2 in rank) { rank[$2] = ++layers }
$1 == "has" { home[$3] = $2 }
$1 == "calls" { calls[++n] = $0 }
END {
	for (i = 1; i <= n; i++) {
		split(calls[i], c, " ")
		if ((c[3] in home) && rank[home[c[3]]] > rank[c[2]])
			print c[4] ": " c[3] "   (" c[2] " must not know " \
			    home[c[3]] ")"
	}
}' | sort -u | nothing "core layers call only what is left of them"

# Unbounded, not reentrant, or silent about errors.
unsafe='strcpy strcat sprintf vsprintf stpcpy gets strtok gmtime localtime ctime
asctime strerror atoi atol atoll alloca mktemp tmpnam scanf sscanf'
# In modules also what blocks a loop thread.
blocking='sleep usleep nanosleep getaddrinfo gethostbyname system popen select
poll gethostbyaddr res_query'

pattern () {
	echo "$1" | tr -s ' \n' '||' | sed 's/|$//'
}
used () {
	find "$@" -name '*.o' ! -name 'test-*' ! -name 'fuzz-*' 2>/dev/null |
	while read -r o; do
		nm -u "$o" | awk -v o="$o" '{ sub(/@.*/, "", $NF)
			sub(/^__isoc99_/, "", $NF); sub(/^__/, "", $NF)
			sub(/_chk$/, "", $NF); print o ": " $NF }'
	done
}
calls () { # pattern, files...
	p=$1
	shift
	grep -nE "(^|[^A-Za-z0-9_.>])($p)[ ]?\(" "$@" /dev/null |
	grep -vE '(test|fuzz)-[a-z0-9-]*\.c:' | grep -vE ':[ 	]*(/?\*|//)'
}

used core modules | grep -E ": ($(pattern "$unsafe"))\$" |
nothing "no object calls a poisoned function"
used modules | grep -E ": ($(pattern "$blocking"))\$" |
nothing "no module calls what blocks"
(cd "$top_srcdir" && calls "$(pattern "$unsafe")" \
    $(find core modules include -name '*.[ch]')) |
nothing "no source names a poisoned function"

finish
