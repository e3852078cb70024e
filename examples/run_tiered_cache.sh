#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run_tiered_cache.sh -- run tiered_cache small, over files made here, and
# look at what it reports.  Run by make check in the build folder.
set -eu

program=${TIERED_CACHE:-./examples/tiered_cache/tiered_cache}
dir=$(mktemp -d "${TMPDIR:-/tmp}/tiered_cache-XXXXXX")
trap 'rm -rf "$dir"' EXIT

die() {
	echo "$*" >&2
	exit 1
}

# The number behind a key of the JSON's section.
figure() {
	sed -n "/\"$1\"/s/.*\"$2\": \([0-9]*\).*/\1/p" "$dir/json"
}

# 1000 files of 35 bytes to 28 KB, 9 MB in all, the same in each run.
mkdir "$dir/files"
awk -v dir="$dir/files" 'BEGIN {
	srand(1)
	for (i = 0; i < 1000; i++) {
		name = dir "/" i
		nr_lines = 1 + int(800 * rand() * rand())
		for (line = 0; line < nr_lines; line++)
			printf "line %8d of file %5d: %9d\n", line, i, \
			    int(1e9 * rand()) >name
		close(name)
	}
}'

for threads in 1 3; do
	"$program" --region "$dir" --size 3M --dram 256k --requests 40000 \
		--threads $threads --json --svg "$dir/map.svg" \
		"$dir/files" >"$dir/json" || die "$threads threads: exit $?"
	cat "$dir/json"
	for move in promoted demoted evicted; do
		[ "$(figure while_reading $move)" -gt 0 ] ||
			die "$threads threads: nothing was $move"
	done
	for tier in dram dax disk; do
		[ "$(figure $tier reads)" -gt 0 ] ||
			die "$threads threads: no read from $tier"
	done
	[ "$(figure damaged damaged)" -eq 0 ] || die "objects were damaged"
	grep -q '</svg>' "$dir/map.svg" || die "no picture was written"
done

"$program" --region "$dir" --size 3M --requests 4000 "$dir/files" ||
	die "the report: exit $?"

# The checks must notice: one flipped bit is status 1.
status=0
"$program" --region "$dir" --size 3M --requests 4000 --damage \
	"$dir/files" >"$dir/report" 2>&1 || status=$?
[ $status -eq 1 ] || die "--damage: exit $status instead of 1"
grep -q DAMAGED "$dir/report" || die "--damage: no complaint"

# What is wrong with the arguments is told, and nothing is run.
for bad in '--size 0' '--size 1x' '--threads 0' '--skew -1' '--requests 0' \
	'--region /nonexistent/region' "$dir/no-such-folder"; do
	status=0
	# shellcheck disable=SC2086 # option and value are two words
	"$program" $bad >"$dir/report" 2>&1 || status=$?
	[ $status -eq 2 ] || die "$bad: exit $status instead of 2"
	grep -q tiered_cache: "$dir/report" || die "$bad: no message"
done
