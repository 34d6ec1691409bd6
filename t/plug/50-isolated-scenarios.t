#!/bin/bash
# The same plugins, unchanged, isolated: what scenarios expect of them in the
# server's own process they do in one of their own.
. "${top_srcdir:-.}/t/lib.sh"
make_trash
top_srcdir=$(cd "$top_srcdir" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)
export HERMOD_TEMPLATES=$top_srcdir/conf.d
export HERMOD_MODULE_PATH=$trash/modules:$top_builddir/.modules
mkdir "$trash/modules" "$trash/mt"
cp "$top_builddir"/t/scenario/.libs/{answer,hello}.so "$trash/modules"

# isolated FILE NAME...: the scenario, with these modules isolated. They wait for
# their deadlines in real time, and are ended there. How many were late depends on
# how busy the machine is.
isolated () {
	local file=$1 name
	shift
	for name; do
		sed -E "s/^(.*)\<module $name \{/\1module $name { isolate: yes,/
			s/^([[:space:]]*)module $name\$/\1module $name { isolate: yes }/
			/^expect output/s/\+[0-9]+ \+[0-9]+ \/\$/+[0-9]+ +[0-9]+ \//" \
		    "$file" > "$trash/new" && mv "$trash/new" "$trash/mt/${file##*/}"
		file=$trash/mt/${file##*/}
	done
	grep -q 'isolate: yes' "$file"
	ok $? "${file##*/} isolates $*"
}

# plays FILE: as hermod-mailtest does, and not by skipping it.
plays () {
	try "$1 is played" timeout 300 "$top_builddir/hermod-mailtest" \
	    -m "$trash/modules" "$trash/mt/$1"
	case $tap_out in
	*SKIP*) [ ! -e "$top_builddir/.modules/imap.so" ] ||
		ok 1 "$1 is really played" ;;
	esac
}

for name in few-rcpts hide-client sort-lists sizes own-way; do
	dir=$top_srcdir/plugins-sdk/examples/$name
	try "$name is built" ${CC:-cc} -std=gnu11 -O1 -fPIC \
	    -fvisibility=hidden -shared -I"$top_srcdir/include" \
	    -o "$trash/modules/$name.so" "$dir/$name.c"
	isolated "$dir/t/$name.mt" "$name"
	plays "$name.mt"
done
cp "$top_srcdir"/t/scenario/*.inc "$trash/mt"
isolated "$top_srcdir/t/scenario/69-hooks.inc" answer
for name in 69-hooks-smtp 69-hooks-imap 69-events; do
	isolated "$top_srcdir/t/scenario/$name.mt" answer
	plays "$name.mt"
done
isolated "$top_srcdir/t/scenario/65-hello.mt" hello
plays 65-hello.mt
finish
