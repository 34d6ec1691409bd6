#!/bin/bash
# The examples, as they are installed: each is built, checked and played.
. "${top_srcdir:-.}/t/lib.sh"
. "$top_srcdir/t/sdk/lib-stage.sh"

cp -r "$(pkg-config --variable=examples hermod)" "$trash/examples"
ok $? 'the examples are installed'
cd "$trash/examples" || exit 99
for example in "$top_srcdir"/plugins-sdk/examples/*/; do
	example=${example%/}
	example=${example##*/}
	[ -f "$example/Makefile" ]
	ok $? "$example is there"
	try "$example is built" \
	    "$make" -C "$example" CC="$CC" CFLAGS='-O2 -Werror'
done
for example in *; do
	try "$example is checked and played" "$make" -C "$example" check \
	    CHECK_FLAGS='--cycles 100'
	case $tap_out in
	*'nothing wrong was found'*"ok 1"*) ;;
	*SKIP*) diag "$tap_out" ;;
	*) ok 1 "$example was really checked and played" ;;
	esac
done
# One as admins have it: installed, enabled, a command.
try 'make install' "$make" -C whereis install
mkdir -p "$trash/conf" "$trash/data"
sed "s,^data-dir:.*,data-dir: $trash/data,; /^addresses/d; /^tls/,\$d" \
    "$top_srcdir/conf.d/localserve/hermod.yaml" |
    sed 's/@TRUSTED@//' > "$trash/conf/hermod.yaml"
mkdir "$trash/conf/conf.d"
echo 'enabled: yes' > "$trash/conf/conf.d/directory-yaml.yaml"
cp "$top_srcdir/conf.d/localserve/domains.yaml" "$trash/conf/"
HERMOD_MODULE_PATH=$(pkg-config --variable=moduledir hermod)
export HERMOD_MODULE_PATH
try 'hermod module enable whereis' \
    "$HERMOD" -c "$trash/conf" module enable whereis
"$HERMOD" -c "$trash/conf" whereis x@localhost > "$trash/out" 2>&1
grep -q 'x@localhost *account *hermod' "$trash/out"
ok $? 'its command answers without a server, too'
[ "$tap_failed" -eq 0 ] || diag "$(cat "$trash/out")"
finish
