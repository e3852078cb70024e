dnl SPDX-License-Identifier: BSD-2-Clause

dnl DK_JEMALLOC(VARIANT, SANITIZER-FLAGS)
dnl
dnl Find the private jemalloc, or have utils/jemalloc build it, and run a
dnl program against it: a jemalloc with other settings corrupts heaps without
dnl any sign at build time.  VARIANT (release, debug or thread) is what to build
dnl when no prefix is given.
dnl
dnl Sets JEMALLOC_PREFIX, JEMALLOC_CPPFLAGS, JEMALLOC_ARCHIVE (for programs),
dnl JEMALLOC_LIBADD (for the shared library) and jemalloc_about.
AC_DEFUN([DK_JEMALLOC], [
  AC_ARG_WITH([jemalloc], [AS_HELP_STRING([--with-jemalloc=PREFIX],
    [a jemalloc that utils/jemalloc built @<:@.jemalloc/VARIANT, built when missing@:>@])],
    [], [with_jemalloc=yes])
  AS_CASE([$with_jemalloc],
    [no | ''], [AC_MSG_ERROR([daxkind cannot do without its jemalloc])],
    [yes], [DK_JEMALLOC_BUILD([$1])],
    [/*], [JEMALLOC_PREFIX=$with_jemalloc],
    [JEMALLOC_PREFIX=`pwd`/$with_jemalloc])

  JEMALLOC_CPPFLAGS=-I$JEMALLOC_PREFIX/include
  JEMALLOC_ARCHIVE=$JEMALLOC_PREFIX/lib/libjemalloc_pic.a
  AC_MSG_CHECKING([for jemalloc in $JEMALLOC_PREFIX])
  AS_IF([test -r "$JEMALLOC_ARCHIVE" &&
         test -r "$JEMALLOC_PREFIX/include/jemalloc/jemalloc.h"], [],
    [AC_MSG_RESULT([no])
     AC_MSG_ERROR([no include/jemalloc/jemalloc.h and lib/libjemalloc_pic.a in $JEMALLOC_PREFIX (see utils/jemalloc --help)])])
  jemalloc_about=`sed -n 's/^source //p' "$JEMALLOC_PREFIX/stamp" 2>/dev/null`
  jemalloc_kind=`sed -n 's/^variant //p' "$JEMALLOC_PREFIX/stamp" 2>/dev/null`
  jemalloc_about="${jemalloc_about:-unknown source} ${jemalloc_kind:-unknown variant}"
  AC_MSG_RESULT([$jemalloc_about])
  dnl A link there would replace its settings.
  AS_IF([grep -q /etc/jemk_malloc.conf "$JEMALLOC_ARCHIVE"],
    [AC_MSG_ERROR([$JEMALLOC_ARCHIVE takes settings from /etc/jemk_malloc.conf: build it with this version's utils/jemalloc])])

  dk_saved_CPPFLAGS=$CPPFLAGS dk_saved_CFLAGS=$CFLAGS dk_saved_LIBS=$LIBS
  CPPFLAGS="$CPPFLAGS $JEMALLOC_CPPFLAGS"
  CFLAGS="$CFLAGS $2"
  LIBS="$JEMALLOC_ARCHIVE $LIBS"
  AC_MSG_CHECKING([whether it is a jemalloc made for daxkind])
  rm -f conftest.why
  AC_RUN_IFELSE([DK_JEMALLOC_PROBE],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     dk_why=`cat conftest.why 2>/dev/null`
     AC_MSG_ERROR([$JEMALLOC_ARCHIVE cannot be used: ${dk_why:-it does not link, see config.log}])],
    [AC_MSG_RESULT([not run, as this is a cross build])])
  rm -f conftest.why
  CPPFLAGS=$dk_saved_CPPFLAGS CFLAGS=$dk_saved_CFLAGS LIBS=$dk_saved_LIBS

  AC_SUBST([JEMALLOC_PREFIX])
  AC_SUBST([JEMALLOC_CPPFLAGS])
  AC_SUBST([JEMALLOC_ARCHIVE])
  AC_SUBST([JEMALLOC_LIBADD], [-Wl,$JEMALLOC_ARCHIVE])
])

dnl The default place: what lies in the build folder, else what lies in the
dnl source folder, else made there (in the build folder when the sources are
dnl read-only).
AC_DEFUN([DK_JEMALLOC_BUILD], [
  AS_IF([test "x$cross_compiling" = xyes],
    [AC_MSG_ERROR([a cross build needs --with-jemalloc=PREFIX])])
  dk_srcdir=`cd "$srcdir" && pwd`
  AS_IF([test -e ".jemalloc/$1/stamp"], [dk_dir=`pwd`/.jemalloc],
    [test -w "$dk_srcdir"], [dk_dir=$dk_srcdir/.jemalloc],
    [dk_dir=`pwd`/.jemalloc])
  JEMALLOC_PREFIX=$dk_dir/$1
  dnl Only the sanitizer's run-time library ties it to one compiler.
  AS_IF([test "x$1" = xthread], [dk_cc="--cc=$CC"], [dk_cc=])
  AC_MSG_NOTICE([jemalloc: $dk_srcdir/utils/jemalloc --$1 --prefix=$JEMALLOC_PREFIX])
  "$dk_srcdir/utils/jemalloc" "--$1" "--prefix=$JEMALLOC_PREFIX" $dk_cc ||
    AC_MSG_ERROR([utils/jemalloc failed; build it elsewhere and say --with-jemalloc=PREFIX])
])

m4_define([DK_JEMALLOC_PROBE], [AC_LANG_SOURCE([[
#include <jemalloc/jemalloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* What would change its settings, if anything could. */
const char *jemk_malloc_conf = "retain:true";
const char *jemk_malloc_conf_2_conf_harder = "retain:true";

__attribute__((constructor(101))) static void
set_environment(void)
{
	(void)setenv("JEMK_MALLOC_CONF", "retain:true", 1);
}

static bool hook_called;

static void *
refuse(extent_hooks_t *hooks, void *addr, size_t size, size_t align,
    bool *zero, bool *commit, unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)align;
	(void)zero, (void)commit, (void)arena;
	hook_called = true;
	return NULL;
}

static int
fail(const char *why)
{
	FILE *f = fopen("conftest.why", "w");

	if (f != NULL) {
		fputs(why, f);
		fclose(f);
	}
	return 1;
}

int
main(void)
{
	static extent_hooks_t hooks = {.alloc = refuse};
	/* not in a public header: arena_types.h of jemalloc 5.3 */
	struct {
		extent_hooks_t *hooks;
		bool metadata_use_hooks;
	} config = {&hooks, false};
	bool retain = true;
	size_t retain_len = sizeof(retain);
	unsigned arena;
	size_t arena_len = sizeof(arena);
	void *foreign = malloc(1);

	if (jemk_mallctl("opt.retain", &retain, &retain_len, NULL, 0) != 0 ||
	    retain)
		return fail("opt.retain is not false, or can be changed");
	if (jemk_mallctl("experimental.arenas_create_ext", &arena, &arena_len,
		&config, sizeof(config)) != 0)
		return fail("experimental.arenas_create_ext does not work");
	if (hook_called)
		return fail("arena metadata goes through the extent hooks");
	if (jemk_mallocx(1,
		MALLOCX_ARENA(arena) | MALLOCX_TCACHE_NONE) != NULL ||
	    !hook_called)
		return fail("the extent hooks are not used");
	if (jemk_malloc_usable_size(foreign) != 0)
		return fail("it trusts foreign pointers "
		    "(wants -DJEMALLOC_FORCE_IVSALLOC)");
	free(foreign);
	jemk_bad_free_hook = NULL; /* of this version's utils/jemalloc */
	return 0;
}
]])])
