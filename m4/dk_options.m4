dnl SPDX-License-Identifier: BSD-2-Clause

dnl DK_WARNING_FLAGS(VAR, FLAGS): append to VAR each flag the compiler takes.
dnl The probe runs with -Werror so that clang's "unknown warning option"
dnl counts as a refusal; -Werror itself is never left behind in CFLAGS.
AC_DEFUN([DK_WARNING_FLAGS], [
  for dk_flag in m4_normalize([$2]); do
    AS_VAR_PUSHDEF([dk_cache], [dk_cv_flag_$dk_flag])
    AC_CACHE_CHECK([whether $CC accepts $dk_flag], [dk_cache], [
      dk_saved_CFLAGS=$CFLAGS
      CFLAGS="$CFLAGS -Werror $dk_flag"
      AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int dk_probe;]])],
        [AS_VAR_SET([dk_cache], [yes])], [AS_VAR_SET([dk_cache], [no])])
      CFLAGS=$dk_saved_CFLAGS])
    AS_VAR_IF([dk_cache], [yes], [AS_VAR_APPEND([$1], [" $dk_flag"])])
    AS_VAR_POPDEF([dk_cache])
  done
])

dnl DK_LINKER_FLAGS(VAR, FLAGS): append to VAR each flag that links.
AC_DEFUN([DK_LINKER_FLAGS], [
  for dk_flag in m4_normalize([$2]); do
    AS_VAR_PUSHDEF([dk_cache], [dk_cv_link_$dk_flag])
    AC_CACHE_CHECK([whether $CC links with $dk_flag], [dk_cache], [
      dk_saved_LDFLAGS=$LDFLAGS
      LDFLAGS="$LDFLAGS $dk_flag"
      AC_LINK_IFELSE([AC_LANG_PROGRAM()],
        [AS_VAR_SET([dk_cache], [yes])], [AS_VAR_SET([dk_cache], [no])])
      LDFLAGS=$dk_saved_LDFLAGS])
    AS_VAR_IF([dk_cache], [yes], [AS_VAR_APPEND([$1], [" $dk_flag"])])
    AS_VAR_POPDEF([dk_cache])
  done
])

dnl DK_ARG_ENABLE(NAME, DEFAULT, VALUES, HELP): --enable-NAME sets enable_NAME;
dnl a value that is not among VALUES is an error, not a silent "no".
AC_DEFUN([DK_ARG_ENABLE], [
  AC_ARG_ENABLE([$1], [$4], [], [enable_[]AS_TR_SH([$1])=$2])
  AS_CASE([" m4_normalize([$3]) "],
    [*" $enable_[]AS_TR_SH([$1]) "*], [],
    [AC_MSG_ERROR([--enable-$1 is one of: m4_normalize([$3]) (got "$enable_[]AS_TR_SH([$1])")])])
])

dnl DK_ARG_WITH(NAME, DEFAULT, VALUES, HELP): the same for --with-NAME.
AC_DEFUN([DK_ARG_WITH], [
  AC_ARG_WITH([$1], [$4], [], [with_[]AS_TR_SH([$1])=$2])
  AS_CASE([" m4_normalize([$3]) "],
    [*" $with_[]AS_TR_SH([$1]) "*], [],
    [AC_MSG_ERROR([--with-$1 is one of: m4_normalize([$3]) (got "$with_[]AS_TR_SH([$1])")])])
])
