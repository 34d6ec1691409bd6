#!/bin/bash
# A module that was taken over tries to get out of the worker; work goes on.
. "${top_srcdir:-.}/t/plug/lib-server.sh"
user=nobody
[ "$(id -u)" -ne 0 ] || id "$user" > /dev/null 2>&1 ||
    skip_all "needs a user $user"
build_probe probe || exit 99
build () { # NAME.c FLAGS...
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O1 -fPIC -shared \
	    -I"$top_srcdir/include" "$@"
}
build -fvisibility=hidden -o "$trash/modules/escape.so" \
    "$top_srcdir/core/plug/t-modules/escape.c" || exit 99
build -o "$trash/older.so" "$top_srcdir/core/plug/t-modules/older.c" || exit 99
echo 'enabled: yes' > "$conf/conf.d/escape.yaml"
mkdir "$trash/more"
sanitized=no
grep -q 'define HM_SANITIZED' "$top_builddir/config.h" && sanitized=yes
chmod 711 "$trash" && chmod 755 "$conf" "$conf/conf.d" "$trash"/m*

# settings LINE...: hermod.yaml with more lines.
settings () {
	{
		printf '%s\n' "hostname: mail.example" "data-dir: $trash/data"
		[ "$(id -u)" -ne 0 ] || echo "user: $user"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} > "$conf/hermod.yaml"
}

# field NAME: of the line that the server logs about its sandbox.
field () {
	sed -n "s/.* m=sandbox .*\<$1=\(\"[^\"]*\"\|[^ ]*\).*/\1/p" "$trash/log" |
	    tail -n 1
}

# ends WANT WHAT ARG: how the attempt ends. Landlock looks at files and ports,
# seccomp at all else.
ends () {
	case $2 in
	read|write|signal|bind) need=$landlock ;;
	*) need=$seccomp ;;
	esac
	if [ "$need" = no ] || [ "$need" = 0 ]; then
		skip "$2 $3: this kernel does not hold it back"
	elif [ "$1" != done ] && [ "$sanitized:$2" = yes:read ]; then
		skip "$2 $3: sanitizers read more"
	elif [ "$1" != done ] && [ "$sanitized:$2" = yes:ptrace ] ||
	    [ "$sanitized:$2" = yes:dumpable ]; then
		skip "$2 $3: sanitizers debug"
	else
		gives 0 "^$1\$" "$2 $3: $1" hermod escape "$2" "$3"
	fi
}

escapes () {
	landlock=$(field landlock) seccomp=$(field seccomp)
	diag "landlock=$landlock seccomp=$seccomp missing=$(field missing)"
	[ -n "$seccomp" ]; ok $? "the log tells what holds ($1)"
	ends EACCES read /etc/shadow
	ends EACCES read /etc/login.defs
	ends EACCES read "$0"
	ends done read /etc/hosts
	ends done read "$conf/hermod.yaml"
	ends EACCES write "$conf/hermod.yaml"
	ends EACCES write "$trash/out"
	ends EACCES write /tmp/hermod-escaped
	ends done write "$trash/data/out"
	ends done write /dev/null
	ends EPERM exec /bin/true
	ends EPERM ptrace "$PPID"
	ends EPERM mount /mnt
	ends EPERM unshare user
	ends EPERM clone user
	ends EPERM bpf -
	ends EPERM keys -
	ends ENOSYS uring -
	ends EPERM setuid 0
	ends EPERM dumpable -
	ends EPERM code writable
	ends EPERM code changed
	ends EPERM type x
	ends done socket 1
	ends done socket 2
	ends EAFNOSUPPORT socket 3
	ends EAFNOSUPPORT socket 17
	ends EAFNOSUPPORT socket 40
	[ "$landlock" -lt 6 ] || ends EPERM signal 1
	gives 0 ECONNREFUSED 'it may connect' hermod escape connect 1
	gives 0 '^done$' 'and bind any port for that' hermod escape bind 0
	[ "$seccomp" = no ] || {
		grep -q 'l=error m="the sandbox refused a system call" call=execve' \
		    "$trash/log"
		ok $? 'what was refused is logged'
	}
}

# ---- as it is by default ----
settings
start_server
ok $? 'the server starts'
escapes 'by default'
grep '^CapBnd\|^CapEff\|^CapPrm\|^NoNewPrivs' \
    "/proc/$(pgrep -P "$server" || echo "$server")/status" > "$trash/status"
diag "$(cat "$trash/status")"
grep -q '^NoNewPrivs:.*1' "$trash/status"
ok $? 'no new privileges'
[ "$(id -u)" -ne 0 ] || {
	! grep '^Cap' "$trash/status" | grep -qv '0000000000000000'
	ok $? 'no capability is left'
	[ "$landlock" -lt 4 ] || ends EACCES bind 7777
}
gives 0 '^x$' 'modules go on' hermod probe say x
printf 'enabled: yes\nlisten: [127.0.0.1:0]\n' > "$conf/conf.d/probe.yaml"
gives 0 'generation 2' 'a reload with a listener' hermod reload
build_probe probe -DPROBE_VERSION='"2"'
gives 0 'generation 3' 'a reload with new code' hermod reload

# ---- what only a later configuration names ----
mv "$trash/modules/probe.so" "$trash/more/probe2.so"
build_probe probe2 && mv "$trash/modules/probe2.so" "$trash/more"
build_probe probe
settings "module-path: [$trash/more]"
echo 'enabled: yes' > "$conf/conf.d/probe2.yaml"
if [ "$landlock" = 0 ] || [ "$sanitized" = yes ]; then
	skip 'a new folder of modules: no sandbox for files'
elif [ "$(id -u)" -eq 0 ]; then
	gives 0 'generation 4' 'a new folder of modules: the parent opens them' \
	    hermod reload
	gives 0 '^y$' 'they work' hermod probe2 say y
else
	gives 1 'started in a sandbox without it; restart' \
	    'a new folder of modules: restart' hermod reload
fi
rm "$conf/conf.d/probe2.yaml"
if [ "$landlock" = 0 ]; then
	skip 'a new place for the control socket: no sandbox for files'
else
	settings "control-socket: $trash/more/ctl"
	kill -HUP "$server"
	wait_for grep -q 'cannot listen.*in a sandbox without it' "$trash/log"
	ok $? 'a new place for the control socket: restart'
fi
settings
stop_server
ok $? 'the server ended well'

# ---- alone ----
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null; then
	chown -R "$user" "$trash/data" "$conf"
	chmod 755 "$trash"
	whole=$HERMOD
	printf '#!/bin/sh\nexec setpriv --reuid=%s --clear-groups %s "$@"\n' \
	    "$user" "$whole" > "$trash/hermod" && chmod 755 "$trash/hermod"
	if "$trash/hermod" version > /dev/null 2>&1; then
		HERMOD=$trash/hermod
		start_server
		ok $? 'the server starts without a parent'
		escapes 'without a parent'
		stop_server
		ok $? 'and ends well'
	else
		skip "$user cannot run the program here"
	fi
	HERMOD=$whole
	rm -rf "$trash/data"
fi

# ---- older kernels ----
if [ "$sanitized" = yes ]; then
	skip 'older kernels: sanitizers do not stand what is loaded before them'
else
	for abi in 0 1 2 4; do
		[ "$abi" -le "$landlock" ] || continue
		LD_PRELOAD=$trash/older.so OLDER_LANDLOCK=$abi start_server
		ok $? "the server starts with landlock $abi"
		want=$abi
		[ "$abi" -ge 2 ] || want=0
		[ "$(field landlock)" = "$want" ]; ok $? 'and uses what there is'
		if [ "$want" = 0 ]; then
			field missing | grep -q landlock
			ok $? 'or says that it is missing'
		else
			gives 0 EACCES 'files are out of reach' \
			    hermod escape read /etc/login.defs
			gives 0 done 'and the data is within' \
			    hermod escape write "$trash/data/out"
		fi
		gives 0 '^x$' 'it works' hermod probe say x
		stop_server
	done
fi

# ---- the other settings ----
settings 'sandbox: off'
start_server
gives 0 '^done$' 'off: programs can be run' hermod escape exec /bin/true
stop_server
settings 'sandbox: report'
start_server
[ "$(field landlock)" = 0 ]; ok $? 'report: no file is out of reach'
gives 0 '^done$' 'report: programs can be run' hermod escape exec /bin/true
stop_server
settings 'sandbox: kill'
start_server
if [ "$(field seccomp)" = no ]; then
	skip 'kill: no seccomp'
else
	gives 1 '' 'kill: that was the end' hermod escape unshare user
	if [ "$(id -u)" -eq 0 ]; then
		wait_for grep -q 'worker died' "$trash/log"
		ok $? 'of the worker only'
		wait_for hermod probe say z
		gives 0 '^z$' 'a new one serves' hermod probe say z
	fi
fi
[ "$(id -u)" -ne 0 ] || stop_server
settings 'sandbox: maybe'
gives 1 '"sandbox" must be on, kill, report or off' 'a mistake is told' hermod config check
finish
