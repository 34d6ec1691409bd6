# lib-stage.sh - Hermod installed into a folder, as a stranger's compiler finds it.
# To be read by bash behind t/lib.sh; sets $stage, $prefix, $make and $HERMOD.
command -v pkg-config > /dev/null || skip_all 'needs pkg-config'
make_trash
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES TESTS HERMOD_MODULE_PATH
make=${MAKE:-make}
top_builddir=$(cd "$top_builddir" && pwd)
CC=${CC:-cc}
stage=$trash/stage

# One at a time: libtool links the modules again, in the place where they were built.
try 'make install into a stage' flock "$top_builddir/config.status" \
    "$make" -C "$top_builddir" install DESTDIR="$stage"
pc=$(find "$stage" -name hermod.pc)
[ -n "$pc" ] || { ok 1 'hermod.pc is installed'; finish; }
prefix=${pc%/lib*/pkgconfig/hermod.pc}

# The stage stands for "/": only the prefix differs.
mkdir "$trash/bin"
cat > "$trash/bin/pkg-config" <<END
#!/bin/sh
PKG_CONFIG_PATH='${pc%/*}' exec $(command -v pkg-config) --define-prefix \\
    --define-variable=sysconfdir='$prefix/etc' "\$@"
END
chmod +x "$trash/bin/pkg-config"
PATH=$trash/bin:$PATH
export LD_LIBRARY_PATH="$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
libdir=$(pkg-config --variable=libdir hermod)
[ -d "$libdir" ] && export LD_LIBRARY_PATH="$libdir"
HERMOD=$(pkg-config --variable=bindir hermod)/hermod
