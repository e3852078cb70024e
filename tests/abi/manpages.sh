#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manual and the symbol maps name the same symbols: each symbol has a page
# of its name, which is the page or an alias (.so) of the page that has it under
# NAME; and a name of ours under NAME is in a map.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}"
man=$top_srcdir/man
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

sed -n 's/^[[:space:]]*\([A-Za-z][A-Za-z0-9_]*\);.*/\1/p' \
	"$top_srcdir/src/daxkind.map" "$top_srcdir/compat/libvmem.map" | sort -u >"$tmp/symbols"

# "PAGE NAME" for each name under NAME of each page in section 3
for page in "$man"/*.3; do
	awk -v page="$(basename "$page")" '
	/^\.Sh / { in_name = /^\.Sh NAME/ }
	in_name && /^\.Nm / { print page, $2 }' "$page"
done >"$tmp/names"

bad=0
while read -r symbol; do
	page=$symbol.3
	if [ ! -e "$man/$page" ]; then
		echo "$symbol has no page man/$page"
		bad=1
		continue
	fi
	target=$(sed -n '1s/^\.so man[37]\///p' "$man/$page")
	if ! grep -qx "${target:-$page} $symbol" "$tmp/names"; then
		echo "$symbol is not under NAME of man/${target:-$page}"
		bad=1
	fi
done <"$tmp/symbols"

# Pages of a topic (memkind.3, memkind_fixed.3) name themselves.
while read -r page name; do
	[ "$page" != "$name.3" ] || continue
	grep -qx "$name" "$tmp/symbols" ||
		{ echo "man/$page: $name is in no symbol map"; bad=1; }
done <"$tmp/names"

for page in "$man"/*.3; do
	target=$(sed -n '1s/^\.so man[37]\///p' "$page")
	if [ -n "$target" ] && [ ! -e "$man/$target" ]; then
		echo "$page points to $target, which is not there"
		bad=1
	fi
	name=$(basename "$page" .3)
	[ -n "$target" ] || grep -qx "$name" "$tmp/symbols" ||
		echo "note: man/$name.3 is a page about a topic"
done

[ $bad -eq 0 ] || exit 1
echo "$(wc -l <"$tmp/symbols") public symbols have a page"
