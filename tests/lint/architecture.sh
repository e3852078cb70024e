#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# ARCHITECTURE.md speaks of what is there: each file and function that it names
# exists, "file.c: function()" is in that file, every source of src/ is named,
# and so are the files of each circle that utils/layers.txt lists.
set -u
: "${top_srcdir:=.}"
cd "${1:-$top_srcdir}" || exit 99
doc=ARCHITECTURE.md
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0
complain() {
	echo "$doc: $*"
	bad=1
}

find src include compat utils/daxkind -name '*.[ch]' 2>/dev/null |
	sort >"$tmp/files"

# find_file NAME: its paths
find_file() {
	grep -E "(^|/)$1\$" "$tmp/files"
}

# defines NAME FILE...: as a function, at the beginning of a line or behind what
# it returns, or as a macro
defines() {
	name=$1
	shift
	grep -qE "^((#define|[a-z].*[ *])[ ]*)?$name\\(" "$@"
}

# headers of the system, and patterns, aside
sed 's/<[^>]*>//g; s/[*][a-z_]*[.][ch]//g' $doc |
	grep -oE '\b[a-z_0-9]+\.[ch]\b' | sort -u >"$tmp/named"
while read -r name; do
	[ -n "$(find_file "$name")" ] || complain "there is no $name"
done <"$tmp/named"

grep -oE '\b[a-z_0-9]+\(\)' $doc | sed 's/()//' | sort -u >"$tmp/functions"
while read -r name; do
	# shellcheck disable=SC2046 # a list
	defines "$name" $(cat "$tmp/files") ||
		complain "there is no function $name()"
done <"$tmp/functions"

# "file.c: one(), two()", also over the end of a line
tr '\n' ' ' <$doc | sed 's/  */ /g' |
	grep -oE '\b[a-z_0-9]+\.[ch]: ([a-z_0-9]+\(\)(, )?)+' |
	while IFS=: read -r file functions; do
		paths=$(find_file "$file")
		[ -n "$paths" ] || continue # told above
		for name in $(echo "$functions" | tr -d '(),'); do
			# shellcheck disable=SC2086 # a list
			defines "$name" $paths || echo "$file has no $name()"
		done
	done | sort -u >"$tmp/wrong"
while read -r text; do
	complain "$text"
done <"$tmp/wrong"
[ "$(grep -cE '[a-z]\.[ch]: [a-z_0-9]+\(\)' $doc)" -gt 0 ] ||
	complain 'says of no function where it is'

for path in src/*/*.c; do
	grep -qx "${path##*/}" "$tmp/named" || complain "does not name $path"
done
sed -n 's/^circle \([^:]*\):.*/\1/p' utils/layers.txt | tr ' ' '\n' |
	grep . | sort -u >"$tmp/circles"
while read -r file; do
	grep -q "^${file##*/}\\.[ch]\$" "$tmp/named" ||
		complain "does not name $file, which is in a circle"
done <"$tmp/circles"

exit $bad
