#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# compare.sh -- ask memkind and daxkind the same questions (probe.c); cases.sh
# runs our tests on both.
#
# Answers that differ must be in the table of ../differences.md, and what is in
# the table must differ.  Without memkind (Debian: libmemkind-dev, or a prefix
# in $MEMKIND_PREFIX) there is nothing to compare: exit status 77.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
here=$top_srcdir/tests/api/compare
table=$top_srcdir/tests/api/differences.md
lib=$top_builddir/.libs
[ -e "$lib/libdaxkind.so" ] || { echo "no shared library was built"; exit 77; }

if nm -D "$lib/libdaxkind.so" | grep -qE ' U __(asan|tsan|ubsan)_'; then
	echo "skipped: a sanitizer's library needs a sanitizer's program"
	exit 77
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ -n "${MEMKIND_PREFIX:-}" ]; then
	mk_lib=$(dirname "$(find "$MEMKIND_PREFIX" -name libmemkind.so | head -n 1)")
	mk_flags="-I$MEMKIND_PREFIX/include -L$mk_lib -Wl,-rpath,$mk_lib -lmemkind"
else
	mk_flags=-lmemkind
fi

# $1 the program, $2 what to compile and link it with
build() {
	# shellcheck disable=SC2086 # flags are words on purpose
	$CC -std=gnu11 -D_GNU_SOURCE -O1 -w -o "$tmp/$1" "$here/probe.c" $2
}

if ! build memkind "$mk_flags" >"$tmp/log" 2>&1 ||
    ! "$tmp/memkind" >"$tmp/memkind.out" 2>/dev/null; then
	echo "skipped: memkind is not installed (libmemkind-dev)"
	exit 77
fi
build daxkind "-I$top_srcdir/include -L$lib -Wl,-rpath,$lib -ldaxkind"
"$tmp/daxkind" >"$tmp/daxkind.out" 2>/dev/null

# The first table's first column, between backquotes; a * at the end takes the rest.
# shellcheck disable=SC2016 # backquotes of the table, not of the shell
sed -n -e '/^## /q' -e 's/^| `\([^`]*\)` |.*/\1/p' "$table" >"$tmp/table"

awk -F ': ' '
FILENAME == ARGV[1] { known[$0] = 0; next }
FILENAME == ARGV[2] { theirs[$1] = substr($0, length($1) + 3); next }
{
	nr++
	ours = substr($0, length($1) + 3)
	if (ours == theirs[$1])
		next
	nr_differ++
	for (k in known) {
		n = length(k)
		if ($1 == k || (substr(k, n) == "*" &&
		    substr($1, 1, n - 1) == substr(k, 1, n - 1))) {
			known[k]++
			next
		}
	}
	printf "%s\n\tmemkind: %s\n\tdaxkind: %s\n", $1, theirs[$1], ours
	bad = 1
}
END {
	for (k in known)
		if (known[k] == 0) {
			printf "%s: in the table, but there is no difference\n", k
			bad = 1
		}
	printf "%d questions, %d answered otherwise than memkind\n", nr, nr_differ
	exit bad
}' "$tmp/table" "$tmp/memkind.out" "$tmp/daxkind.out" || {
	echo "see tests/api/differences.md"
	exit 1
}
