# lab.sh - a small DNS of our own: nsd serves three zones, unbound validates.
# Sourced behind lib.sh and make_trash.

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
	for tool in nsd unbound ldns-keygen ldns-signzone; do
		PATH=$PATH:/usr/sbin command -v $tool >/dev/null || echo $tool
	done
}

free_ports () { # COUNT
	python3 - "$1" <<'END'
import socket, sys
held = []
while len(held) < int(sys.argv[1]):
    tcp = socket.socket()
    tcp.bind(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.bind(("127.0.0.1", tcp.getsockname()[1]))
    except OSError:
        continue
    held.append((tcp, udp))
print(*[t.getsockname()[1] for t, u in held])
END
}

lab_sign () { # ZONE
	(cd "$trash/lab" && key=$(ldns-keygen -a ECDSAP256SHA256 -k "$1") &&
	    ldns-signzone -n -e 20371231235959 -i 20200101000000 "$1.zone" \
	    "$key" && cat "$key.ds" >> anchors)
}

lab_nsd_conf () { # PORT
	cat <<END
server:
	ip-address: 127.0.0.1@$1
	username: ""
	zonesdir: "$trash/lab"
	pidfile: "$trash/lab/nsd.pid"
	database: ""
	xfrdfile: "$trash/lab/xfrd.state"
	xfrdir: "$trash/lab"
	zonelistfile: "$trash/lab/zone.list"
	server-count: 1
remote-control:
	control-enable: no
zone:
	name: secure.test
	zonefile: secure.test.zone.signed
zone:
	name: bogus.test
	zonefile: bogus.test.zone.signed
zone:
	name: insecure.test
	zonefile: insecure.test.zone
END
}

lab_unbound_conf () { # PORT NSD-PORT
	cat <<END
server:
	interface: 127.0.0.1
	port: $1
	username: ""
	chroot: ""
	directory: "$trash/lab"
	pidfile: "$trash/lab/unbound.pid"
	use-syslog: no
	module-config: "validator iterator"
	trust-anchor-file: "$trash/lab/anchors"
	do-not-query-localhost: no
	do-ip6: no
	num-threads: 1
	ede: yes
	local-zone: "test." nodefault
	domain-insecure: "insecure.test"
	val-override-date: "-1"
	root-hints: ""
END
	for zone in secure.test insecure.test bogus.test; do
		printf 'stub-zone:\n\tname: %s\n\tstub-addr: 127.0.0.1@%s\n' \
		    "$zone" "$2"
	done
}

# Starts it: $lab_port is where unbound answers. What is in $trash/extra.ZONE comes
# behind the zone's own records. Ends with the script.
lab_start () {
	PATH=$PATH:/usr/sbin
	mkdir -p "$trash/lab"
	cp "$lab_zones"/*.test.zone "$trash/lab/"
	lab_many >> "$trash/lab/secure.test.zone"
	for zone in secure.test insecure.test bogus.test; do
		[ ! -e "$trash/extra.$zone" ] ||
		    cat "$trash/extra.$zone" >> "$trash/lab/$zone.zone"
	done
	lab_sign secure.test && lab_sign bogus.test || return 1
	sed -i 's/192\.0\.2\.66/192.0.2.67/; s/\(MX[	 ]*\)10 mx/\111 mx/' \
	    "$trash/lab/bogus.test.zone.signed"
	read -r lab_nsd_port lab_port <<< "$(free_ports 2)"
	lab_nsd_conf "$lab_nsd_port" > "$trash/lab/nsd.conf"
	lab_unbound_conf "$lab_port" "$lab_nsd_port" > "$trash/lab/unbound.conf"
	nsd -d -c "$trash/lab/nsd.conf" > "$trash/lab/nsd.log" 2>&1 &
	lab_pids=$!
	unbound -d -c "$trash/lab/unbound.conf" > "$trash/lab/unbound.log" 2>&1 &
	lab_pids="$lab_pids $!"
	trap 'kill $lab_pids 2>/dev/null; wait 2>/dev/null; rm -rf "$trash"' EXIT
	lab_wait
}

lab_wait () {
	python3 - "$lab_port" "$lab_nsd_port" <<'END'
import socket, struct, sys, time
def ask(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    name = b"".join(bytes([len(l)]) + l for l in (b"secure", b"test")) + b"\0"
    s.sendto(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + name +
             struct.pack("!2H", 6, 1), ("127.0.0.1", port))
    return s.recv(4096)[3] & 15 == 0
for port in sys.argv[2], sys.argv[1]:
    for i in range(100):
        try:
            if ask(int(port)):
                break
        except OSError:
            pass
        time.sleep(0.1)
    else:
        sys.exit(f"no answer at port {port}")
END
}
