#!/bin/bash
# Who may include whom: core layers point only left, modules see the SDK alone.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir" || exit 99

# The layer of each public header; a new header belongs into this list. Below the
# line of mail are the layers of the program: what they do, the library for modules
# does not know.
layers='
base types arena buf clock crc32c dir encode err log rand str
run fiber io net work
conf conf
plug abi command hooks metrics outbound plugin service session verdict
mail address charset compose dns header message mime spool
isolate
serve
program harness
'

includes () {
	awk '/^#[ \t]*include/ { print FILENAME ":" FNR ": " $0 }' "$@" /dev/null
}

for h in include/hermod/*.h; do
	name=$(basename "$h" .h)
	echo "$layers" | tr ' ' '\n' | grep -qx "$name" || echo "$h"
done | nothing "every public header has a layer (list in this script)"

includes core/*/*.[ch] | awk -v layers="$layers" '
BEGIN {
	n = split(layers, line, "\n")
	for (i = 1; i <= n; i++) {
		m = split(line[i], word, " ")
		if (m == 0)
			continue
		rank[word[1]] = ++ranks
		for (k = 2; k <= m; k++)
			header[word[k]] = word[1]
	}
	rank["iface"] = rank["mail"] # nouns of services
}
{
	split($1, path, "/")
	mine = path[2]
	if (path[3] ~ /^(test|fuzz)-/)
		next
	theirs = ""
	if (match($0, /<hermod\/iface\//))
		theirs = "iface"
	else if (match($0, /<hermod\/[a-z0-9_]+\.h>/))
		theirs = header[substr($0, RSTART + 8, RLENGTH - 11)]
	else if (match($0, /"(core\/|\.\.\/)[a-z]+\//)) {
		theirs = substr($0, RSTART + 1, RLENGTH - 2)
		sub(/.*\//, "", theirs)
	}
	if (theirs != "" && rank[theirs] > rank[mine])
		print $0 "   (" mine " must not know " theirs ")"
}' | nothing "core layers include only base < run < conf < plug < mail < isolate < serve < program"

includes $(find modules -name '*.[ch]') | awk '
/<hermod\// || /<[^>]*>/ { next }
/"[^"\/]*"/ { next }
{
	split($1, path, "/") # modules/NAME/...
	own = "\"modules/" path[2] "/"
	if (index($0, own) || (path[3] ~ /^(t$|test-|fuzz-)/ && /"t\/[a-z-]+\.h"/))
		next
	print
}' | nothing "modules include <hermod/...>, the system and their own files"

includes $(find modules -name '*.[ch]') |
grep '"config\.h"\|"paths\.h"\|<ev\.h>' |
nothing "no module sees the build's own headers or libev"

for d in core/*/; do
	name=$(basename "$d")
	echo "$layers" | cut -d' ' -f1 | grep -qx "$name" ||
	    echo "$d"
done | nothing "every folder of the core has a layer (list in this script)"
ls core/*.[ch] 2>/dev/null | nothing "no source of the core lies outside of a layer"

for d in modules/*/; do
	basename "$d"
done | grep -e - | while read -r name; do
	grep -n "\"[^\"]*$name[^\"]*\"" core/*/*.c /dev/null |
	grep -v '^core/[a-z]*/\(test\|fuzz\)-' | grep -v '#include'
done | nothing "the core names no module"

includes core/*/*.[ch] | grep '"modules/' |
nothing "the core includes nothing of a module"

finish
