#!/bin/bash
# Option tables, samples and manual pages agree: every option of a module is in
# its page with its default, and no page or sample knows another.
. "${top_srcdir:-.}/t/lib.sh"
[ -x "$HERMOD" ] || skip_all "no program $HERMOD"
make_trash

# What every module can be told is described once, in hermod.yaml(5).
sed -n 's/.*HM_OPT_[A-Z]*(struct hm_config_\(module\|order\), \([a-z_]*\),.*/\2/p' \
    "$top_srcdir"/core/conf/*.c | tr _ - | sed 's/-ms$//' > "$trash/common"

# table: the options of an example, "NAME DEFAULT"; in blocks "NAME" alone.
table () {
	awk '
	/^#[a-z][a-z0-9-]*:/ { sub(/^#/, ""); name = $1; sub(/:$/, "", name)
		$1 = ""; sub(/^ /, ""); print name, $0 }
	/^#  +[a-z][a-z0-9-]*:/ { sub(/^# +/, ""); sub(/:.*/, ""); print }' |
	awk 'NR == FNR { common[$1]; next } !($1 in common)' "$trash/common" -
}

# page FILE: the options of a manual page likewise.
page () {
	awk '
	/^\.Sh / { inside = /OPTIONS/ }
	inside && /^\.It (Cm|Ic|Va) / { if (name) print name, value
		name = $3; value = "" }
	more && /^[^.]/ { value = value " " $0; more = value !~ /\.$/ }
	inside && name && match($0, /Default: .*/) {
		value = substr($0, RSTART + 9); more = value !~ /\.$/ }
	!more { sub(/\.$/, "", value) }
	END { if (name) print name, value }' "$1"
}

# missing A B: names of file A that file B does not have.
missing () {
	awk 'NR == FNR { have[$1]; next } !($1 in have) { print $1 }' "$2" "$1"
}

found=no
for so in "$top_builddir"/.modules/*.so; do
	[ -e "$so" ] || continue
	found=yes
	name=$(basename "$so" .so)
	man=$top_srcdir/modules/$name/hermod-$name.7
	sample=$top_srcdir/modules/$name/$name.yaml
	try "hermod config example $name" "$HERMOD" config example "$name"
	printf '%s\n' "$tap_out" | table > "$trash/table"
	page "$man" > "$trash/page"
	missing "$trash/table" "$trash/page" |
	nothing "hermod-$name(7) has every option"
	missing "$trash/page" "$trash/table" |
	nothing "hermod-$name(7) has no other option"
	# Quotes and brackets are a matter of YAML, not of the value.
	sed 's/[]["]//g' "$trash/page" > "$trash/page2"
	sed 's/[]["]//g' "$trash/table" |
	awk 'NR == FNR { n = $1; $1 = ""; def[n] = $0; next }
	    { n = $1; $1 = "" }
	    $0 != "" && def[n] != "" && def[n] != $0 {
		print n ": table" $0 ", page" def[n] }' "$trash/page2" - |
	nothing "hermod-$name(7) has the right defaults"
	sed -n 's/^#\{0,1\}\([a-z][a-z0-9-]*\):\( .*\)\{0,1\}$/\1/p' "$sample" |
	grep -vxFf "$trash/common" > "$trash/sample"
	missing "$trash/sample" "$trash/table" |
	nothing "$name.yaml has known options only"
done
[ $found = yes ] || skip_all "no module was built"

finish
