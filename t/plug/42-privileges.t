#!/bin/bash
# Started by root: a parent that binds and opens, a worker that may do neither.
. "${top_srcdir:-.}/t/plug/lib-server.sh"
[ "$(id -u)" -eq 0 ] || skip_all 'needs root'
command -v python3 > /dev/null || skip_all 'needs python3'
user=nobody
id "$user" > /dev/null 2>&1 || skip_all "needs a user $user"
chmod 711 "$trash" && chmod 755 "$conf" "$conf/conf.d" "$trash/modules"
build_probe probe || exit 99

# Free ports that only root may bind.
set -- $(python3 -c '
import socket
free = []
for port in range(1023, 600, -1):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
        free.append(port)
    except OSError:
        pass
    s.close()
    if len(free) == 2:
        break
print(*free)')
[ $# -eq 2 ] || skip_all 'needs two free low ports'
start=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2> /dev/null)
sed -i "s/^user: .*/user: $user/" "$conf/hermod.yaml"
printf 'enabled: yes\nlisten: [127.0.0.1:%s, "unix:%s"]\n' "$1" \
    "$trash/run/probe" > "$conf/conf.d/probe.yaml"

greeting () {
	python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
print(s.makefile().readline().strip())' "$1"
}

start_server
ok $? 'the server starts'
pids=$(pgrep -P "$server")
[ "$(ps -o user= -p "$server" | tr -d ' ')" = root ]
ok $? 'the parent is root'
[ "$(ps -o user= -p $pids | tr -d ' ')" = "$user" ]
ok $? 'the worker is not'
[ "$(greeting "$1")" = 'probe 1 1' ]; ok $? "it listens on a low port"
! grep -q "$trash/modules\|$trash/data/code" "/proc/$server/maps"
ok $? 'no code of modules is in the parent'
[ "$(stat -c %U:%a "$trash/data")" = "$user:750" ]
ok $? 'the data folder is its own'
gives 0 '^x$' 'root may use the control socket' hermod probe say x
[ "$(stat -c %U:%a "$trash/run")" = "$user:755" ] && [ -S "$trash/run/probe" ]
ok $? 'a folder for its socket is made'
[ "$(cat "$trash/data/hermod.pid")" = "$server" ]
ok $? 'signals go to the parent'

# A reload may ask for what the new configuration grants.
printf 'enabled: yes\nlisten: [127.0.0.1:%s, 127.0.0.1:%s]\n' "$1" "$2" \
    > "$conf/conf.d/probe.yaml"
gives 0 'generation 2' 'reload with another low port' hermod reload
[ "$(greeting "$2")" = 'probe 1 2' ]; ok $? 'it listens there too'

# A worker that dies is replaced, on the same socket.
kill -KILL $pids
wait_for sh -c "[ -n \"\$(pgrep -P $server)\" ]" && sleep 0.2
wait_for hermod generations
[ "$(greeting "$1")" = 'probe 1 1' ]; ok $? 'a new worker serves'
stop_server
ok $? 'the server ended well'

# Offline, what root does is still the server's.
gives 0 '^x$' 'a command without a server' hermod probe say x
[ "$(stat -c %U "$trash/data/hermod.lock")" = "$user" ]
ok $? 'leaves nothing of root'
rm -rf "$trash/data"
gives 0 '^x$' 'a command before the first start' hermod probe say x
[ "$(find "$trash/data" ! -user "$user")" = '' ]
ok $? 'makes a data folder of the right owner'

sed -i 's/^user: .*/user: no-such-user/' "$conf/hermod.yaml"
gives 1 'there is no user "no-such-user"' 'an unknown user' hermod serve
finish
