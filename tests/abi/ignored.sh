#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What make and make check build in the source folder is in .gitignore: each
# program and library of the lists that make reads, and what rules make by name.
set -eu
: "${top_srcdir:=.}"
cd "$top_srcdir"
if [ ! -e .git ] || ! git status --porcelain >/dev/null 2>&1; then
	echo "skipped: git sees no checkout here"
	exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# Programs are words of the lists whose source is the same with .c, or that have
# a list of sources; "a_b_c_SOURCES" may be of a/b_c, so the words decide.
cat Makefile.am ./*/*.mk utils/daxkind/*.mk | tr -cs 'A-Za-z0-9_./+-' '\n' |
	sort -u >"$tmp/words"
grep -E '^(tests|examples|compat|utils)/[^.]*$' "$tmp/words" |
	while read -r word; do
		name=$(echo "$word" | tr -c 'A-Za-z0-9\n' _)
		if [ -e "$word.c" ] || grep -qx "${name}_SOURCES" "$tmp/words"
		then
			echo "$word"
		fi
	done >"$tmp/built"
grep -E '^[a-z-]*\.(la|interface)$' "$tmp/words" >>"$tmp/built" || :
nr=$(wc -l <"$tmp/built")
[ "$nr" -gt 80 ] || { echo "only $nr names were found"; exit 99; }
bad=0
while read -r name; do
	git check-ignore -q "$name" || { echo "$name is not ignored"; bad=1; }
done <"$tmp/built"
[ $bad -eq 0 ] || exit 1
echo "$nr programs and libraries are ignored"
