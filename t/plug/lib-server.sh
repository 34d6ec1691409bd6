# lib-server.sh - a server with the module "probe", for the scripts here.
. "${top_srcdir:-.}/t/lib.sh"

make_trash
conf=$trash/conf
mkdir -p "$conf/conf.d" "$trash/modules"
cat > "$conf/hermod.yaml" <<END
hostname: mail.example
data-dir: $trash/data
user: $(id -un)
END
echo 'enabled: yes' > "$conf/conf.d/probe.yaml"
export HERMOD_MODULE_PATH="$trash/modules"

# build_probe NAME FLAGS...: compiles the module of the tests.
build_probe () {
	name=$1
	shift
	${CC:-cc} -std=gnu11 -O1 -fPIC -fvisibility=hidden -shared \
	    -I"$top_srcdir/include" -DPROBE_NAME="\"$name\"" "$@" \
	    -o "$trash/$name.so" "$top_srcdir/core/plug/t-modules/probe.c" &&
	mv "$trash/$name.so" "$trash/modules/$name.so"
}

hermod () {
	"$HERMOD" -c "$conf" "$@"
}

# Until the command succeeds, at most ten seconds.
wait_for () {
	for i in $(seq 200); do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
}

start_server () {
	"$HERMOD" -c "$conf" serve 2> "$trash/log" &
	server=$!
	trap 'kill -9 $server 2> /dev/null; rm -rf "$trash"' EXIT
	wait_for test -S "$trash/data/ctl" && wait_for hermod generations
}

# Whatever has gone wrong, the script comes to its end.
stop_server () {
	timeout 60 "$HERMOD" -c "$conf" stop || kill -KILL "$server"
	wait "$server"
}

# gives STATUS TEXT NAME COMMAND...: the command's exit status, and a pattern
# (grep -e) that its words must have; TEXT may be empty.
gives () {
	want=$1 text=$2 label=$3
	shift 3
	got=$("$@" 2>&1 < /dev/null)
	status=$?
	if [ "$status" -eq "$want" ] &&
	    { [ -z "$text" ] || printf '%s\n' "$got" | grep -q -e "$text"; }; then
		ok 0 "$label"
	else
		ok 1 "$label"
		diag "status $status, expected $want; pattern: $text"
		diag "$got"
	fi
}
