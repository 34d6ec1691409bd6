#!/bin/bash
# hermod-plugin-tutorial(7), followed word by word in an empty folder with an installed
# Hermod: its files are written, its commands run, its output expected.
. "${top_srcdir:-.}/t/lib.sh"
. "$top_srcdir/t/sdk/lib-stage.sh"
command -v python3 > /dev/null || { skip 'needs python3'; finish; }
page=$prefix/share/man/man7/hermod-plugin-tutorial.7
PATH=${HERMOD%/*}:$PATH
# What an installation in its final place would find by itself.
HERMOD_TEMPLATES=$prefix/share/hermod
HERMOD_MODULE_PATH=$(pkg-config --variable=moduledir hermod)
export HERMOD_TEMPLATES HERMOD_MODULE_PATH CC
mkdir "$trash/reader" && cd "$trash/reader" || exit 99

listing () {
	said=
	printf '%s\n' "$2" > "$1"
	ok $? "the file $1 is written"
}
# All that was said since the last file was written.
said=
says () {
	status=0
	case $1 in
	'cd '*) eval "$1" || status=1 ;;
	*) out=$(eval "$1" 2>&1) || status=1
		said="$said$out" ;;
	esac
	ok $status "$1"
	[ $status -eq 0 ] || diag "$(printf '%s\n' "$out" | tail -n 60)"
}
seen () {
	case $said in
	*"$1"*) ok 0 "it says: $1" ;;
	*) ok 1 "it says: $1" && diag "$(printf '%s\n' "$said" | tail -n 60)" ;;
	esac
}

python3 "$top_srcdir/t/sdk/tutorial.py" "$page" > "$trash/steps"
ok $? 'the tutorial is understood'
. "$trash/steps"
[ "$(wc -l < greylist.c)" -lt 100 ]
ok $? 'the plugin has less than 100 lines'
# Compilers warn of nothing in what is printed.
try 'it compiles without a warning' \
    "$make" -B CFLAGS='-O2 -Wall -Wextra -Werror'
finish
