#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_coverage.sh -- of each file of src/, the part of its lines that tests have
# executed, the least first; fails where that is less than utils/coverage.txt
# wants.
#
# check_coverage.sh [FILE]...: print the lines of these that were never executed.
#
# In a build folder with --enable-coverage, after the tests; the environment has
# the folder of the sources as the compiler got it (top_srcdir).
set -eu
LC_ALL=C
export LC_ALL
top=$(cd "$(dirname -- "$0")/.." && pwd)
: "${top_srcdir:=$top}" "${GCOV:=gcov}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# An inline function is in many objects: a line counts once, as executed where
# one of them has executed it.  "FILE LINE COUNT" of each, COUNT 0 or 1.
find src -name '*.gcno' -path '*libdaxkind_core_la-*' -exec \
	"$GCOV" --stdout {} + >"$tmp/gcov" 2>"$tmp/errors" || {
	cat "$tmp/errors" >&2
	exit 99
}
awk -v prefix="$top_srcdir/src/" '
/^ *-: *0:Source:/ {
	sub(/^ *-: *0:Source:/, "")
	file = index($0, prefix) == 1 ? substr($0, length(prefix) + 1) : ""
	next
}
file == "" { next }
/^ *[0-9#=]+\*?: *[1-9]/ {
	split($0, part, ":")
	key = "src/" file " " part[2] + 0
	executed[key] += part[1] !~ /[#=]/
}
END {
	for (key in executed)
		print key, (executed[key] > 0)
}' "$tmp/gcov" | sort -k1,1 -k2,2n >"$tmp/lines"
[ -s "$tmp/lines" ] || {
	echo "check_coverage.sh: no counts: configure with --enable-coverage" >&2
	exit 99
}

if [ $# -gt 0 ]; then
	for file; do
		awk -v file="$file" '
		NR == FNR { if ($1 == file && !$3) never[$2]; next }
		FNR in never { print file ":" FNR ":" $0 }' \
			"$tmp/lines" "$top/$file"
	done
	exit
fi

sed -e '/^#/d' -e '/^$/d' "$top/utils/coverage.txt" >"$tmp/floors"
awk '
NR == FNR {
	split($0, part, ": ")
	floor[part[1]] = part[2]
	next
}
{ nr[$1]++; executed[$1] += $3 }
END {
	for (file in floor) {
		if (file != "all" && !(file in nr)) {
			print "utils/coverage.txt: no lines in " file
			bad = 1
		}
	}
	for (file in nr) {
		percent = 100 * executed[file] / nr[file]
		least = file in floor ? floor[file] : floor["all"]
		printf "%6.1f %%  %4d of %4d  %s%s\n", percent, \
		    executed[file], nr[file], file, \
		    percent < least ? "  BELOW " least " %" : "" | "sort -n"
		bad += percent < least
		all += nr[file]
		all_executed += executed[file]
	}
	close("sort -n")
	printf "%6.1f %%  %4d of %4d  all\n", 100 * all_executed / all, \
	    all_executed, all
	exit bad > 0
}' "$tmp/floors" "$tmp/lines"
