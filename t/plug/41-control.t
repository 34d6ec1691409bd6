#!/bin/bash
# The control socket against clients that behave badly.
. "${top_srcdir:-.}/t/plug/lib-server.sh"
command -v python3 > /dev/null || skip_all 'needs python3'
build_probe probe || exit 99
start_server || exit 99
python3 "$top_srcdir/t/plug/41-control.py" "$trash/data/ctl"
status=$?
stop_server
exit $status
