#!/bin/bash
# A service manager that starts, reloads, watches and stops the server.
. "${top_srcdir:-.}/t/plug/lib-server.sh"
command -v python3 > /dev/null || skip_all 'needs python3'
[ "$(id -u)" -ne 0 ] || {
	id nobody > /dev/null 2>&1 || skip_all 'needs a user nobody'
	sed -i 's/^user: .*/user: nobody/' "$conf/hermod.yaml"
	chmod 711 "$trash" && chmod 755 "$conf" "$conf/conf.d" "$trash/modules"
}
build_probe probe || exit 99
python3 "$top_srcdir/t/plug/44-service.py" "$HERMOD" "$conf"
