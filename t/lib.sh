# lib.sh - TAP for bash scripts. Begin a script with
#	. "${top_srcdir:-.}/t/lib.sh"
# and end it with finish.
shopt -s lastpipe # "... | nothing NAME" counts in this shell
top_srcdir=${top_srcdir:-.}
top_builddir=${top_builddir:-$top_srcdir}
HERMOD=${HERMOD:-$top_builddir/hermod}
tap_count=0
tap_failed=0

# ok STATUS NAME: STATUS 0 is a pass.
ok () {
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

# try NAME COMMAND...: passes when the command succeeds; shows what it said.
try () {
	tap_name=$1
	shift
	if tap_out=$("$@" 2>&1); then
		ok 0 "$tap_name"
	else
		ok 1 "$tap_name"
		printf '%s\n' "$tap_out" | tail -n 40 | sed 's/^/#   /'
	fi
}

# nothing NAME < findings: passes when there are none; shows them.
nothing () {
	tap_out=$(cat)
	if [ -z "$tap_out" ]; then
		ok 0 "$1"
	else
		ok 1 "$1"
		printf '%s\n' "$tap_out" | sed 's/^/#   /'
	fi
}

diag () {
	printf '%s\n' "$*" | sed 's/^/# /'
}

skip () {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count # SKIP $1"
}

skip_all () {
	echo "1..0 # SKIP $1"
	exit 0
}

finish () {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
	exit
}

# A directory of its own, gone when the script ends: $trash.
make_trash () {
	trash=$(mktemp -d "${TMPDIR:-/tmp}/hermod-t.XXXXXX") || exit 99
	trap 'rm -rf "$trash"' EXIT
	trap 'exit 1' INT TERM HUP
}
