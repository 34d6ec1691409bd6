#!/bin/bash
# Q04: what waits does not care how people write the time: clocks that are put
# forward and back meanwhile, odd zones, zones that are none.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir/t/scenario" || exit 99
export HERMOD_TEMPLATES="$top_srcdir/conf.d"
make_trash
modules=$(cd "$top_builddir/t/scenario/.libs" && pwd) || exit 99

# The scenario begins on the 324th day at noon, UTC.
for zone in 'AAA0BBB,J324/12:05,J324/12:40' 'AAA0BBB-2,J324/12:20,J325/1' \
    Europe/Berlin Australia/Lord_Howe Asia/Kathmandu 'ZZZ+24' no/such/zone; do
	TZ=$zone "$top_builddir/hermod-mailtest" -m "$modules" 68-queue-retry.mt \
	    > "$trash/out" 2>&1
	status=$?
	grep -q '# SKIP' "$trash/out" && skip_all 'modules are missing'
	ok $status "the schedule with TZ=$zone"
	[ $status -eq 0 ] || grep -A9 '^not ok' "$trash/out" | sed 's/^/# /'
done

finish
