#!/bin/bash
# The short form of make swap-stress.
cd "${top_builddir:-.}" || exit 99
command -v python3 > /dev/null || { echo '1..0 # SKIP needs python3'; exit 0; }
exec python3 "${top_srcdir:-.}/t/stress/swap-stress.py" --seconds 12 \
    --rate 40 --sessions 30 --accounts 10
