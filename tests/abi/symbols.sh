#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The symbol maps and the built libraries name the same symbols; public.sh has
# what the headers say.  Any two of them that disagree is a broken release.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}"
[ -e "$top_builddir/.libs/libdaxkind.so" ] ||
	{ echo "no shared library was built"; exit 99; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

check() { # library map
	lib=$top_builddir/.libs/$1.so
	map=$top_srcdir/$2
	if [ ! -e "$lib" ]; then
		echo "$1 was not built: not looked at"
		return
	fi
	sed -n 's/^[[:space:]]*\([A-Za-z][A-Za-z0-9_]*\);.*/\1/p' "$map" |
		sort >"$tmp/map"
	nm -D --defined-only "$lib" |
		awk '$2 ~ /[TBDRVWi]/ { sub(/@.*/, "", $3); print $3 }' |
		sort -u >"$tmp/lib"

	if [ -n "$(uniq -d "$tmp/map")" ]; then
		echo "twice in $2: $(uniq -d "$tmp/map" | tr '\n' ' ')"
		exit 1
	fi
	if grep -n '^[^/]*[A-Za-z_]\*' "$map"; then
		echo "a wildcard in $2: a symbol would be public by accident"
		exit 1
	fi
	diff -u "$tmp/map" "$tmp/lib" || { echo "$2 and $1 differ"; exit 1; }
	[ -s "$tmp/map" ] || { echo "no public symbol was found"; exit 1; }
	echo "$1: $(wc -l <"$tmp/map") public symbols agree"
}

check libdaxkind src/daxkind.map
check libvmem compat/libvmem.map
check libmemtier compat/libmemtier.map
check libautohbw compat/libautohbw.map
