dnl SPDX-License-Identifier: BSD-2-Clause

dnl DK_SONAME(NAME, LIBRARY, FUNCTION, [LIBS]): define NAME_SONAME in config.h,
dnl the name by which a program that is linked with the library (by NAME_LIBS,
dnl unless LIBS are given) asks the loader for it, as in libpmem.so.1.
AC_DEFUN([DK_SONAME], [
  AC_REQUIRE([AC_PROG_AWK])
  AC_CHECK_TOOL([READELF], [readelf])
  AC_CACHE_CHECK([for the soname of $2], [dk_cv_soname_$2], [
    dk_saved_LIBS=$LIBS
    LIBS="m4_default([$4], [$$1_LIBS]) $LIBS"
    AC_LINK_IFELSE([AC_LANG_CALL([], [$3])],
      [dk_cv_soname_$2=`"${READELF:-false}" -d conftest$EXEEXT |
         tr -d '@<:@@:>@' | $AWK '/NEEDED/ && $NF ~ /^$2\.so/ { print $NF }'`])
    LIBS=$dk_saved_LIBS])
  AS_IF([test "x$dk_cv_soname_$2" = x],
    [AC_MSG_ERROR([the soname of $2 was not found: is it a shared library, and is readelf there?])])
  AC_DEFINE_UNQUOTED([$1_SONAME], ["$dk_cv_soname_$2"],
    [How $2 is loaded.])
])
