dnl hermod.m4 - the macros configure.ac is written with.

dnl Missing things are collected, so that one run of configure names them all.
AC_DEFUN([HM_MISSING_INIT], [hm_missing= hm_missing_debs=])
dnl HM_MISSING(what, Debian package)
AC_DEFUN([HM_MISSING], [
	hm_missing="$hm_missing
    $1  (Debian package: $2)"
	hm_missing_debs="$hm_missing_debs $2"
])
AC_DEFUN([HM_MISSING_REPORT], [
	AS_IF([test -n "$hm_missing"], [AC_MSG_ERROR([these are missing:
$hm_missing

On Debian:  apt-get install$hm_missing_debs
])])
])

dnl HM_PKG(VAR, pkg-config specification, Debian package)
AC_DEFUN([HM_PKG], [
	PKG_CHECK_MODULES([$1], [$2], [], [HM_MISSING([$2], [$3])])
])

dnl HM_LIB(VAR, header, library, function, Debian package)
AC_DEFUN([HM_LIB], [
	hm_found=yes
	AC_CHECK_HEADER([$2], [], [hm_found=no])
	AC_CHECK_LIB([$3], [$4], [$1_LIBS="-l$3"], [hm_found=no])
	AC_SUBST([$1_LIBS])
	AS_IF([test $hm_found = no], [HM_MISSING([lib$3 with $2], [$5])])
])

dnl HM_CFLAG(flag, [if the compiler does not know it])
AC_DEFUN([HM_CFLAG], [
	hm_save_cflags=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	AC_MSG_CHECKING([whether $CC accepts $1])
	AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
	    [AC_MSG_RESULT([yes])
	     HM_CFLAGS="$HM_CFLAGS $1"
	     CFLAGS=$hm_save_cflags],
	    [AC_MSG_RESULT([no])
	     CFLAGS=$hm_save_cflags
	     $2])
])

dnl HM_ENABLE_MODULE(name): --without-NAME leaves the module out. Its fragment
dnl modules/NAME/Makefile.inc stands inside "if MODULE_NAME" (upper case, with
dnl _ for -).
AC_DEFUN([HM_ENABLE_MODULE], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1],
	    [leave out the module $1])], [], [with_]m4_translit([$1], [-], [_])[=yes])
	AM_CONDITIONAL([MODULE_]m4_translit([$1], [a-z-], [A-Z_]),
	    [test "$with_]m4_translit([$1], [-], [_])[" != no])
	AS_IF([test "$with_]m4_translit([$1], [-], [_])[" != no],
	    [hm_modules="$hm_modules $1"], [hm_modules_off="$hm_modules_off $1"])
])
