#!/bin/bash
# P02, P03: modules that come, go and disagree while they are at work; files of
# modules that others can change, and modules that want more than was granted.
. "${top_srcdir:-.}/t/plug/lib-server.sh"
command -v python3 > /dev/null || skip_all 'needs python3'
user=$(id -un)
[ "$(id -u)" -ne 0 ] || user=nobody
id "$user" > /dev/null 2>&1 || skip_all "needs a user $user"
sed -i "s/^user: .*/user: $user/" "$conf/hermod.yaml"
chmod 711 "$trash" && chmod 755 "$conf" "$conf/conf.d" "$trash/modules"
port=$(python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')

# module NAME SOURCE FLAGS...: another of the modules that tests have.
module () {
	name=$1 source=$2
	shift 2
	${CC:-cc} -std=gnu11 -O1 -fPIC -fvisibility=hidden -shared \
	    -I"$top_srcdir/include" "$@" -o "$trash/$name.so" \
	    "$top_srcdir/core/plug/t-modules/$source.c" &&
	mv "$trash/$name.so" "$trash/modules/$name.so"
}

# refused PATTERN NAME: the reload is, and the old configuration serves.
refused () {
	gives 1 "$1" "$2" hermod reload
	[ "$(greeting)" = "probe 1 1" ]; ok $? "$2: the old one serves"
}

greeting () {
	python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
print(s.makefile().readline().strip())' "$port"
}

build_probe probe || exit 99
printf 'enabled: yes\nlisten: [127.0.0.1:%s]\n' "$port" \
    > "$conf/conf.d/probe.yaml"
start_server
ok $? 'the server starts'
[ "$(greeting)" = 'probe 1 1' ]; ok $? 'and serves'

# Who needs whom without end; two who offer the same.
module ping serves -DNAME='"ping"' -DHAS_ALPHA -DNEEDS_BETA
module pong serves -DNAME='"pong"' -DHAS_BETA -DNEEDS_ALPHA
echo 'enabled: yes' > "$conf/conf.d/ping.yaml"
echo 'enabled: yes' > "$conf/conf.d/pong.yaml"
refused 'ping.*pong\|pong.*ping' 'P02 modules that need each other'
module ping serves -DNAME='"ping"' -DHAS_ALPHA
module pong serves -DNAME='"pong"' -DHAS_ALPHA
module user serves -DNAME='"user"' -DNEEDS_ALPHA
echo 'enabled: yes' > "$conf/conf.d/user.yaml"
refused 'ping.*pong\|pong.*ping' 'P02 two that offer what a third needs'
rm "$conf/conf.d/ping.yaml" "$conf/conf.d/pong.yaml" "$conf/conf.d/user.yaml"
echo 'text: [' >> "$conf/conf.d/probe.yaml"
refused 'probe.yaml:4' 'P02 settings that cannot be read'
sed -i 3d "$conf/conf.d/probe.yaml"

# A session that goes on while its module is exchanged, there and back.
cat > "$trash/stays.py" <<'END'
import socket
import subprocess
import sys

port, hermod, conf, build = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


def dial():
    f = socket.create_connection(("127.0.0.1", port), 20).makefile("rw")
    return f, f.readline().strip()


def ask(f):
    f.write("here\r\n")
    f.flush()
    return f.readline().strip()


def swap(version):
    subprocess.run(["sh", "-c", build % version], check=True)
    subprocess.run([hermod, "-c", conf, "reload"], check=True,
                   stdout=subprocess.DEVNULL)


kept = []
number = 1
for version in [2, 1] + [2 + i % 2 for i in range(int(sys.argv[5]))]:
    f, hello = dial()
    number += 1
    swap(version)
    kept.append((f, number - 1))
    _, hello = dial()
    if hello != "probe %d %d" % (version, number):
        sys.exit("after version %d came: %s" % (version, hello))
    for f, generation in kept[-20:]:
        if ask(f) != "%d here" % generation:
            sys.exit("a session of generation %d was cut" % generation)
END
flags="-std=gnu11 -O1 -fPIC -fvisibility=hidden -shared -I$top_srcdir/include"
try 'P02 up, down and up again, with sessions that stay' \
    python3 "$trash/stays.py" "$port" "$HERMOD" "$conf" \
    "${CC:-cc} $flags -DPROBE_VERSION='\"%s\"' -o $trash/new.so \
    $top_srcdir/core/plug/t-modules/probe.c && \
    mv $trash/new.so $trash/modules/probe.so" 10
wait_for sh -c "! '$HERMOD' -c '$conf' generations | grep -q retired"
ok $? 'P02 and nothing is left of the old ones'

# Files that are not in safe hands.
module other probe -DPROBE_NAME='"other"'
echo 'enabled: yes' > "$conf/conf.d/other.yaml"
chmod o+w "$trash/modules/other.so"
gives 1 'anybody may change the file .*other.so: chmod o-w' \
    'P03 a file that anybody may change' hermod reload
chmod o-w "$trash/modules/other.so"
chmod o+w "$trash/modules"
gives 1 'anybody may put another file in the place of' \
    'P03 a file that anybody may replace' hermod reload
gives 1 'anybody may put another file' 'P03 config check says so too' \
    hermod config check
chmod o-w "$trash/modules"
gives 0 'generation' 'P03 in safe hands it is loaded' hermod reload
chmod o+w "$trash/modules/other.so"
stop_server
start_server
[ "$(greeting)" = 'probe 3 1' ]; ok $? 'P03 when the server starts, the rest serves'
grep -q 'm="module set aside" module=other .*anybody' "$trash/log"
ok $? 'P03 and the log has the reason'
chmod o-w "$trash/modules/other.so"

# A module may have of the parent what the configuration names, and no more.
if [ "$(id -u)" -eq 0 ]; then
	module greedy probe -DPROBE_NAME='"greedy"'
	printf 'enabled: yes\nlisten: [/etc/hermod-test.socket]\n' \
	    > "$conf/conf.d/greedy.yaml"
	gives 1 'greedy.yaml' 'P03 a socket where it may not write' hermod reload
	[ ! -e /etc/hermod-test.socket ]; ok $? 'P03 and none is there'
	rm -f "$conf/conf.d/greedy.yaml"
else
	skip 'P03 a socket where it may not write' 'needs root'
	skip 'P03 and none is there' 'needs root'
fi
stop_server
finish
