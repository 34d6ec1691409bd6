#!/bin/bash
# The lints find what they are for: each is run on a small tree that breaks it.
. "${top_srcdir:-.}/t/lib.sh"
make_trash
real=$(cd "$top_srcdir" && pwd)
lints=$real/t/lint
mkdir -p "$trash/core/base" "$trash/core/mail" "$trash/modules/foo-bar/.libs" \
    "$trash/modules/foo-bar/t" "$trash/include/hermod/iface" "$trash/t" \
    "$trash/man" "$trash/.modules" "$trash/.libs"
cp "$real/t/lib.sh" "$trash/t/"
cd "$trash" || exit 99

# finds LINT TEST TEXT: the lint fails this test and names this text.
finds () {
	top_srcdir=$trash top_builddir=$trash bash "$lints/$1" > out 2>&1
	awk -v test="$2" -v text="$3" '
	/^(not )?ok / { mine = /^not/ && index($0, "- " test) }
	mine && index($0, text) { found = 1 }
	END { exit !found }' out
	tap_status=$?
	ok $tap_status "$1 finds: $2"
	[ $tap_status -eq 0 ] || sed 's/^/#   /' out
}

cat > core/base/low.c <<'END'
#include <hermod/fiber.h>
#include "core/mail/high.h"
const char *name = "the foo-bar module";
END
cat > core/mail/high.h <<'END'
#include <hermod/str.h>
END
cat > object.c <<'END'
int sprintf(char *, const char *, ...);
int atoi(const char *);
unsigned sleep(unsigned);
int hm_module, second, *counter;
int
foo_run(char *out, const char *in)
{
	static int calls;
	counter = &calls;
	sprintf(out, "%d %d", atoi(in), calls++);
	sleep(1);
	return 0;
}
END
{
	echo '#include <hermod/plugin.h>'
	echo '#include <ev.h>'
	echo '#include "core/base/low.h"'
	echo '#include "modules/other/other.h"'
	echo "/* TO""DO: more */"
	cat object.c
} > modules/foo-bar/foo-bar.c
${CC:-cc} -w -fPIC -O0 -c object.c -o modules/foo-bar/.libs/foo-bar.o &&
echo 'int hm_foo_high(void) { return 0; }' > high.c &&
echo 'int hm_foo_high(void); int hm_foo_low(void) { return hm_foo_high(); }' > low.c &&
mkdir core/base/.libs core/mail/.libs &&
${CC:-cc} -w -c low.c -o core/base/.libs/low.o &&
${CC:-cc} -w -c high.c -o core/mail/.libs/high.o &&
cp high.c core/mail/ &&
rm -f low.c high.c &&
${CC:-cc} -shared object.c -w -fPIC -o .modules/foo-bar.so &&
${CC:-cc} -shared object.c -w -fPIC -o .libs/libhermod.so ||
    diag "the compiler does not work here"
{
	echo "#include <hermod/absent.h>"
	yes '/* long */' | head -n 400
} > include/hermod/long.h
: > include/hermod/Makefile.inc
echo 'HM_DECIDE(forgotten, struct x *)' > include/hermod/hooks.def
printf '.Dd x\n.Ss invented\n' > man/hermod-hooks.7
{
	printf 'int\nlong_one(void)\n{\n'
	yes '	x();   ' | head -n 130
	printf '}\n'
	yes "int x; /* $(printf '%0120d' 0) */" | head -n 20100
} > core/base/long.c

mkdir -p t/lint t/sdk/abi-1.0/hermod
cp "$real/t/lint/abi.py" "$real/t/lint/sdkman.py" t/lint/
for d in include t/sdk/abi-1.0; do
	now=$([ $d = include ] && echo yes)
	cat > $d/hermod/abi.h <<-END
	/* Log:
	 *   1.0  2026-11-20  first version
	 */
	#define HM_ABI_MAJOR 1
	#define HM_ABI_MINOR 0
	#define HM_API extern
	enum hm_e { HM_A, ${now:+HM_NEW,} HM_B };
	struct hm_server { int a; ${now:+int b2;} int b; };
	struct hm_fixed { int a; ${now:+long more;} };
	typedef ${now:+const} char *hm_text;
	HM_API int hm_foo(${now:+long} int x);
	END
done
echo 'HM_DECIDE(first, struct x *)' > t/sdk/abi-1.0/hermod/hooks.def

finds 01-layers.t "every public header has a layer" include/hermod/long.h
finds 01-layers.t "core layers include only" "base must not know run"
finds 01-layers.t "core layers include only" "base must not know mail"
finds 01-layers.t "modules include" 'core/base/low.h'
finds 01-layers.t "modules include" 'modules/other/other.h'
finds 01-layers.t "no module sees" 'ev.h'
finds 01-layers.t "the core names no module" 'low.c:3'
finds 02-headers.t "include/hermod/long.h compiles" absent.h
finds 02-headers.t "no header is longer" long.h
finds 02-headers.t "every header is installed" hooks.def
finds 02-headers.t "every header guards" long.h
finds 03-symbols.t "libhermod.so exports hm_ names only" foo_run
finds 03-symbols.t ".modules/foo-bar.so exports nothing but" second
finds 03-symbols.t "core layers call only" "base must not know mail"
finds 03-symbols.t "no object calls a poisoned" sprintf
finds 03-symbols.t "no object calls a poisoned" atoi
finds 03-symbols.t "no module calls what blocks" sleep
finds 03-symbols.t "no source names a poisoned" sprintf
finds 04-budget.t "no function is longer" long_one
finds 04-budget.t "no file is longer" long.c
finds 04-budget.t "the library (base run conf plug mail) has at most" ""
finds 04-budget.t "no line is longer" long.c
finds 04-budget.t "no white space at the end" long.c
finds 05-words.t "nothing is left for later" foo-bar.c
finds 06-man.t "man/hermod-hooks.7 is well-formed" hermod-hooks
finds 06-man.t "every hook of hooks.def" forgotten
finds 06-man.t "hermod-hooks(7) describes no other" invented
finds 06-man.t "a module has its face" hermod-foo-bar.7
finds 07-globals.t "no module has mutable" calls
finds 09-abi.t "structs of abi-1.0 only" hm_server
finds 09-abi.t "values of abi-1.0" HM_B
finds 09-abi.t "types of functions" hm_text
finds 09-abi.t "hooks of abi-1.0" first
finds 09-abi.t "what was added since" "was not raised"
finds 09-abi.t "structs of abi-1.0 that" hm_fixed
finds 09-abi.t "functions of abi-1.0 have" hm_foo
finds 09-abi.t "functions of abi-1.0 are" hm_foo
finds 10-sdkman.t "hermod-hooks(7) agrees" forgotten

finish
