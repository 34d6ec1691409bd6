#!/bin/bash
# hermod-hooks(7) and hermod-services(7) against hooks.def and the headers: order,
# types, every member of every interface, and the version that had it first.
. "${top_srcdir:-.}/t/lib.sh"
command -v python3 > /dev/null || skip_all "no python3"
cd "$top_srcdir" || exit 99
make_trash
python3 t/lint/sdkman.py > "$trash/found" || echo "hooks sdkman.py failed" \
    >> "$trash/found"
for page in hooks services; do
	sed -n "s/^$page //p" "$trash/found" |
	nothing "hermod-$page(7) agrees with the headers"
done
finish
