# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2034 # for those who read it
# What tests of preloaded libraries share; $preloaded is the name in libNAME.so
# and NAME_program.  Sets lib_dir, lib, program (empty: not built), tmp and bad.
: "${top_srcdir:=.}" "${top_builddir:=.}"
lib_dir=$(cd "$top_builddir" && pwd)/.libs
lib=$lib_dir/lib${preloaded:?}.so
[ -e "$lib" ] || { echo "lib$preloaded was not built"; exit 99; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
# shellcheck disable=SC3045 # dash has it
ulimit -c 0 2>/dev/null || : # no core files of what aborts
bad=0
# Shows $tmp/out, too.
fail() {
	echo "FAILED: $*"
	sed 's/^/    /' "$tmp/out"
	bad=1
}

program=
for candidate in .libs/ ''; do
	candidate=$top_builddir/tests/compat/$candidate${preloaded}_program
	[ -n "$program" ] || [ ! -x "$candidate" ] || program=$candidate
done

# A sanitizer's library brings a malloc of its own.
has_sanitizer() {
	nm -D --undefined-only "$lib_dir/libdaxkind.so" |
		grep -qE '__(asan|tsan)_init'
}

skip_if_sanitizer() {
	has_sanitizer || return 0
	echo "skipped: a sanitizer has a malloc of its own"
	exit 77
}
