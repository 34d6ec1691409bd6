#!/bin/bash
# Size: what fits into a head stays there. Aims: functions of 60 lines, files
# of 600. Limits: twice that for a function, 1,000 for a file.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir" || exit 99
make_trash

find core modules -name '*.[ch]' ! -name 'test-*' ! -name 'fuzz-*' |
sort > "$trash/files"
xargs cat < "$trash/files" > /dev/null || exit 99

xargs awk '
FNR == 1 { open = 0; name = "" }
/^[a-zA-Z_].*\(/ && !/^#/ { name = $0; sub(/\(.*/, "", name)
	sub(/.*[ *]/, "", name); first = FNR }
/^{/ { open = FNR }
/^}/ && open { print FNR - open - 1, FILENAME ":" first, name; open = 0 }
' < "$trash/files" | sort -rn > "$trash/functions"
diag "longest functions:"
diag "$(head -n 10 "$trash/functions")"
awk '$1 > 120' "$trash/functions" |
nothing "no function is longer than 120 lines"
awk '{ n++ } $1 > 60 { over++ } END { if (n && over > n * 7 / 100)
	print over " of " n }' "$trash/functions" |
nothing "at most 7 of 100 functions are longer than 60 lines"

xargs wc -l < "$trash/files" | grep -v ' total$' | sort -rn > "$trash/sizes"
diag "longest files:"
diag "$(head -n 10 "$trash/sizes")"
awk '$1 > 1000' "$trash/sizes" | nothing "no file is longer than 1,000 lines"

# Lines of code: without comments, blank lines and lone braces. The core is what
# modules are built on (the library) and what makes a server and a command line of
# it (the program); each layer counts, and belongs to one of them. The limits are
# what was reached and a small reserve: they go down with it. The aim is 15,000
# for the library.
lines () { # LAYER...
	for layer; do
		grep "^core/$layer/" "$trash/files"
	done | grep -vE '/t(-modules)?/' | xargs awk '
	FNR == 1 { comment = 0 }
	{ sub(/^[ \t]+/, "") }
	comment { comment = !/\*\// ; next }
	/^\/\*/ { comment = !/\*\//; next }
	/^$/ || /^[{}]+[;,]?$/ { next }
	{ n++ }
	END { print n + 0 }' /dev/null
}
budget () { # PART LIMIT LAYER...
	part=$1 limit=$2
	shift 2
	n=$(lines "$@")
	diag "$part: $n lines of code"
	for layer; do
		diag "    $layer: $(lines "$layer")"
	done
	[ "$n" -le "$limit" ]
	ok $? "the $part ($*) has at most $limit lines of code"
	counted="$counted $*"
}
budget library 19850 base run conf plug mail
budget program 6900 isolate serve program
for d in core/*/; do
	case " $counted " in *" $(basename "$d") "*) ;; *) echo "$d" ;; esac
done | nothing "every layer of the core is counted"

xargs awk 'length($0) > 100 { print FILENAME ":" FNR }' < "$trash/files" |
head -n 20 | nothing "no line is longer than 100 characters"
xargs grep -nE '[ 	]+$' < "$trash/files" | head -n 20 |
nothing "no white space at the end of a line"
finish
