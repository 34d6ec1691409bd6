# lab.sh - the DNS of zones.py for scripts. Sourced behind lib.sh and make_trash.

lab_zones=${top_srcdir:-.}/t/dns

# many: 300 addresses of one name.
lab_many () {
	echo '$ORIGIN secure.test.'
	for i in 1 2 3; do
		for k in $(seq 1 100); do
			echo "many	300 A	198.51.$i.$k"
		done
	done
}

lab_missing () {
	python3 -c 'import sys; sys.path.insert(0, sys.argv[1])
import zones; print(*zones.missing())' "$lab_zones"
}

# Starts it: $lab_port is where unbound answers. What is in $trash/extra.ZONE comes
# behind the zone's own records. Ends with the script.
lab_start () {
	lab_many >> "$trash/extra.secure.test"
	coproc lab { exec python3 "$lab_zones/zones.py" "$trash"; }
	lab_pid=$!
	trap 'exec {lab[1]}>&-; wait $lab_pid; rm -rf "$trash"' EXIT
	read -r lab_port lab_nsd_port <&"${lab[0]}"
}
