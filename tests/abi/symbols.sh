#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The public headers, the symbol maps and the built libraries must name the
# same symbols.  Any two of them that disagree is a broken release.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
[ -e "$top_builddir/.libs/libdaxkind.so" ] ||
	{ echo "no shared library was built"; exit 99; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# A declaration may span lines, so all of the headers is one line first.
# Those with classes only use what the others declare.
for header in "$top_srcdir"/include/*.h; do
	! grep -q '^namespace ' "$header" || continue
	$CC -E -P -I"$top_srcdir/include" "$header"
done | tr '\n' ' ' >"$tmp/cpp"

# check LIBRARY MAP [PREFIXES]: PREFIXES is what the names of its functions begin
# with, joined by |; variables may have them anywhere.  Without PREFIXES its
# functions are libc's, which no header of ours declares.
check() {
	lib=$top_builddir/.libs/$1.so
	map=$top_srcdir/$2
	prefixes=${3:-@}
	if [ ! -e "$lib" ]; then
		echo "$1 was not built: not looked at"
		return
	fi
	{
		grep -oE "\\b($prefixes)_[a-z0-9_]+ *\\(" "$tmp/cpp" | tr -d ' ('
		grep -oE '\bextern [^;(){}"]*\b[A-Za-z0-9_]+ *(\[[^]]*\])? *;' \
			"$tmp/cpp" | grep -E "($prefixes)" |
			sed -E 's/ *(\[[^]]*\])? *;$//; s/.*[ *]//'
	} | sort -u >"$tmp/headers"
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
	[ $# -eq 2 ] || diff -u "$tmp/headers" "$tmp/map" ||
		{ echo "headers and $2 differ"; exit 1; }
	diff -u "$tmp/map" "$tmp/lib" || { echo "$2 and $1 differ"; exit 1; }
	[ -s "$tmp/map" ] || { echo "no public symbol was found"; exit 1; }
	echo "$1: $(wc -l <"$tmp/map") public symbols agree"
}

check libdaxkind src/daxkind.map 'memkind|daxkind|memtier|hbw'
check libvmem compat/libvmem.map vmem
check libmemtier compat/libmemtier.map
check libautohbw compat/libautohbw.map
