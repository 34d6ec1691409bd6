#!/bin/bash
# The suite of all resolvers, on a zone file.
. "${top_srcdir:-.}/t/lib.sh"
. "$top_srcdir/t/dns/lab.sh"
. "$top_srcdir/t/dns/suite.sh"
make_trash
mkdir "$trash/zones"
cp "$lab_zones"/*.zone "$trash/zones/"
lab_many > "$trash/zones/many.zone"
write_conf resolver-zone <<END
file: $trash/zones/world.zone
END
resolver_suite
finish
