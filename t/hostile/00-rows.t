#!/bin/bash
# Each attack that the README names has a test, which is run.
. "${top_srcdir:-.}/t/lib.sh"
cd "$top_srcdir/t/hostile" || exit 99

wanted="A02 S19 S01 S02 S03 S04 S05 S06 S07 S08 S09 S10 S11 S12 S13 S14 S15 S16 S17 S21 S22
	S23 T01 T02 T05 T06 T07 T10 T11 T12 I01 I02 I03 I04 I05 I06 I07 I08 I10 I12
	M01 M02 M03 M04 M05 M06 M07 M08 M09 O01 O02 O03 O04 O05 P02 P03
	S18 Q04 Q05 Q06 Q07 Q08 A06 A07 A08"
for row in $wanted; do
	files=$(sed -n "s/^$row  .* \([^ ]*\)\$/\1/p" README)
	[ -n "$files" ] || echo "$row is not in the table"
	for file in $files; do
		[ -e "$file" ] || { echo "$row: there is no $file"; continue; }
		grep -q "%D%/$file\$" Makefile.inc || echo "$row: $file is not run"
		grep -q "$row" "$file" || echo "$row: $file does not speak of it"
	done
done | nothing "each attack has a test, which is run"

for file in [A-Z][0-9][0-9]*.mt [A-Z][0-9][0-9]*.t; do
	grep -q " $file\$" README || echo "$file"
done | nothing "each test is in the table"
finish
