#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The public headers, the symbol map and the built library must name the same
# symbols.  Any two of them that disagree is a broken release.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
lib=$top_builddir/.libs/libdaxkind.so
[ -e "$lib" ] || { echo "no shared library was built"; exit 99; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# A declaration may span lines, so all of the headers is one line first.
for header in "$top_srcdir"/include/*.h; do
	$CC -E -P -I"$top_srcdir/include" "$header"
done | tr '\n' ' ' >"$tmp/cpp"
{
	grep -oE '\b(memkind|daxkind)_[a-z0-9_]+ *\(' "$tmp/cpp" | tr -d ' ('
	grep -oE '\bextern [^;(){}"]*\b[A-Za-z0-9_]+ *(\[[^]]*\])? *;' \
		"$tmp/cpp" | grep -E '(memkind|daxkind)' |
		sed -E 's/ *(\[[^]]*\])? *;$//; s/.*[ *]//'
} | sort -u >"$tmp/headers"
sed -n 's/^[[:space:]]*\([A-Za-z][A-Za-z0-9_]*\);.*/\1/p' \
	"$top_srcdir/src/daxkind.map" | sort >"$tmp/map"
nm -D --defined-only "$lib" |
	awk '$2 ~ /[TBDRVWi]/ { sub(/@.*/, "", $3); print $3 }' |
	sort -u >"$tmp/lib"

if [ -n "$(uniq -d "$tmp/map")" ]; then
	echo "twice in the map: $(uniq -d "$tmp/map" | tr '\n' ' ')"
	exit 1
fi
if grep -n '^[^/]*[A-Za-z_]\*' "$top_srcdir/src/daxkind.map"; then
	echo "a wildcard in the map: a symbol would be public by accident"
	exit 1
fi
diff -u "$tmp/headers" "$tmp/map" || { echo "headers and map differ"; exit 1; }
diff -u "$tmp/map" "$tmp/lib" || { echo "map and library differ"; exit 1; }
[ -s "$tmp/map" ] || { echo "no public symbol was found"; exit 1; }
echo "$(wc -l <"$tmp/map") public symbols agree"
