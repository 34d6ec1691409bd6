#!/bin/bash
# hermod plugin check: a finding for each way of being wrong, none for what is
# right; crashes, endless loops and sudden ends of the plugin are findings, too.
. "${top_srcdir:-.}/t/lib.sh"
make_trash
top_srcdir=$(cd "$top_srcdir" && pwd)
export HERMOD_TEMPLATES=$top_srcdir/conf.d TMPDIR=$trash
HERMOD_MODULE_PATH=$(cd "$top_builddir" && pwd)/.modules
export HERMOD_MODULE_PATH
cd "$trash" || exit 99
sanitized=$(nm -D "$HERMOD_MODULE_PATH/smtp.so" | grep -c __asan_init)
CC=${CC:-cc}
cat > page <<'END'
.Sh OPTIONS
.Bl -tag -width Ds
.It Cm text
A text.
.It Cm number
A number.
.El
END
cp page hermod-bad.7
cp "$top_srcdir/t/sdk/bad.yaml" .

build () {
	$CC -std=gnu11 -O1 -w -fPIC -fvisibility=hidden -shared \
	    -I"$top_srcdir/include" "$@" -o bad.so "$top_srcdir/t/sdk/bad.c"
}

# check STATUS [FLAGS...]: into the file out.
check () {
	want=$1
	shift
	"$HERMOD" plugin check bad.so --cycles 300 "$@" > out 2> err
	[ $? -eq "$want" ]
}

result () {
	ok "$1" "$2"
	[ "$1" -eq 0 ] || diag "$(cat out err)"
}

# finds NAME TEXT MACROS...: what was built so has exactly this wrong.
finds () {
	name=$1 text=$2
	shift 2
	build "$@" || { ok 1 "$name: it compiles"; return; }
	check 1 --timeout 20 && grep -q "^wrong .*$text" out &&
	    ! grep '^wrong' out | grep -v "$text" > /dev/null
	result $? "$name is found"
}

build
check 0 && [ "$(grep -c '^ok' out)" -ge 8 ] && ! grep -q '^note' out
result $? "a plugin without a fault has none"
check 0 --json && python3 -c '
import json
all = json.load(open("out"))
assert {f["check"] for f in all} >= {"exports", "imports", "descriptor", "sample",
    "manual", "settings", "open", "load"}, all
assert {f["result"] for f in all} == {"ok"}, all'
result $? "as JSON"

finds "another symbol that is let out" "bad_helper" -DEXPORT
finds "no descriptor" "expected the symbol hm_module" -DNO_MODULE
finds "a function that nobody has" "hm_of_tomorrow" -DMISSING
finds "another major version" "expected ABI 1, found 7: rebuild" -DMAJOR=7
finds "a newer minor version" "found 1.99: update hermod, or rebuild" -DMINOR=99
finds "a descriptor that is too small" "descriptor of [0-9]* bytes, found 16" \
    -DSIZE=16
finds "a descriptor that is too large" "found 9999" -DSIZE=9999
finds "a hook of tomorrow" "entry 0 of its hook table" -DHOOK
finds "settings that are too small" 'option "number" .* conf_size' -DCONF_SIZE=8
finds "a type of option of tomorrow" 'option "newer"' -DNEWER_TYPE
finds "another name than the file's" 'expected module "bad", found "good"' \
    -DNAME='"good"'
finds "a refusal to open" "it has no wish to" -DREFUSE
finds "a fiber that stays" "does not let go\|is held: bad bad stayer" -DSTAY
finds "an error in the log" "bad complains" -DCOMPLAIN
for where in AT_LOAD AT_OPEN; do
	if [ "$sanitized" -eq 0 ]; then
		finds "$where: memory" "bytes of memory" -D$where -DLEAK_MEMORY
	else
		skip "$where: memory is the sanitizer's"
	fi
	finds "$where: descriptors" "descriptors" -D$where -DLEAK_DESCRIPTOR
	finds "$where: mappings" "mappings" -D$where -DLEAK_MAPPING
	[ $where = AT_LOAD ] || # code that a thread runs cannot be unloaded
	finds "$where: threads" "threads\|bytes of memory" -D$where -DLEAK_THREAD
done
finds "a plugin that stays loaded" "stays loaded" -Wl,-z,nodelete
finds "a crash when it is opened" "SIGABRT, when opening it" -DCRASH
finds "a crash when it is loaded" "SIGABRT, when " -DCRASH -DAT_LOAD
finds "a sudden end" "ended with status 0, when " -DQUIT -DAT_LOAD

build -DHANG
check 1 --timeout 3 &&
    grep -q "not come back within 3 seconds, when opening it" out
result $? "an endless loop when it is opened is found"
build -DHANG -DAT_LOAD
check 1 --timeout 2 && grep -q "not come back within 2 seconds, when" out
result $? "an endless loop when it is loaded is found"
build -DBLOCKS
check 0 && grep -q '^note .*system' out
result $? "what blocks is noted"

build
sed -i 's/^#text/#txt/' bad.yaml
check 1 && grep -q '^wrong .*names "txt", which is no option' out
result $? "a sample that names no option is found"
cp "$top_srcdir/t/sdk/bad.yaml" .
echo 'txt: 1' >> bad.yaml
check 1 && grep -q 'did you mean "text"' out
result $? "a sample that does not work is found"
cp "$top_srcdir/t/sdk/bad.yaml" .
sed 's/Cm number/Cm numbers/' page > hermod-bad.7
check 1 && grep -q 'describes "numbers", which is no' out &&
    grep -q 'lacks the option "number"' out
result $? "a manual page that does not fit is found"
rm hermod-bad.7 bad.yaml
check 0 && [ "$(grep -c '^note' out)" -eq 2 ]
result $? "without papers it is looked at all the same"

echo "no library" > bad.so
check 1 && grep -q '^wrong .*not a shared object' out
result $? "a file that is no library is found"
build && head -c 3000 bad.so > bad2.so && mv bad2.so bad.so
check 1 && grep -q '^wrong' out
result $? "half a library is found"
check 2 --cycles no && ! [ -s out ]
result $? "a mistake in the call is told"
mv bad.so bad.txt
check 2
result $? "a file that is not there is told"
ls -d "$trash"/hermod-plugin-* 2> /dev/null | nothing "no folder is left"
finish
