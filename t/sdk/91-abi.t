#!/bin/bash
# Plugins built with the headers of an earlier minor version work in this one:
# each kept set in abi-* has its plugins of then, which today's scenarios play with.
. "${top_srcdir:-.}/t/lib.sh"
make_trash
top_srcdir=$(cd "$top_srcdir" && pwd)
top_builddir=$(cd "$top_builddir" && pwd)
export HERMOD_TEMPLATES=$top_srcdir/conf.d
HERMOD_MODULE_PATH=$top_builddir/.modules
CC=${CC:-cc}

for kept in "$top_srcdir"/t/sdk/abi-*; do
	version=${kept##*/}
	dir=$trash/$version
	mkdir "$dir"
	for source in "$kept"/*.c; do
		name=$(basename "$source" .c)
		try "$name is built with the headers of $version" \
		    $CC -std=gnu11 -O1 -w -fPIC -fvisibility=hidden -shared \
		    -I"$kept" -o "$dir/$name.so" "$source"
	done
	export HERMOD_MODULE_PATH=$dir:$top_builddir/.modules
	"$HERMOD" plugin check "$dir/hello.so" --cycles 50 \
	    --sample "$top_srcdir/plugins-sdk/template/hello.yaml" \
	    --man "$top_srcdir/plugins-sdk/template/hermod-hello.7" \
	    > "$trash/out" 2>&1
	ok $? "hello of $version: nothing wrong is found"
	[ "$tap_failed" -eq 0 ] || diag "$(cat "$trash/out")"
	grep -q "ABI ${version#abi-} of" "$trash/out"
	ok $? "it is of that version"
	# mailtest looks there before it looks for what was built with it.
	for mt in 65-hello 69-hooks-smtp 69-hooks-imap 69-events; do
		try "$mt with a plugin of $version" \
		    "$top_builddir/hermod-mailtest" -m "$dir" \
		    "$top_srcdir/t/scenario/$mt.mt"
		case $tap_out in
		*SKIP*) [ -e "$top_builddir/.modules/imap.so" ] &&
			ok 1 "$mt is really played" ;;
		esac
	done
done
finish
