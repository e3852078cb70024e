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

# shellcheck source=examples/cache_files.sh
. "$(dirname -- "$0")/cache_files.sh"
make_files "$dir/files"

for threads in 1 3; do
	"$program" --region "$dir" --size 3M --dram 256k --requests 40000 \
		--threads $threads --json --svg "$dir/map.svg" \
		"$dir/files" >"$dir/json" || die "$threads threads: exit $?"
	cat "$dir/json"
	for move in promoted demoted evicted; do
		[ "$(figure "$dir/json" while_reading $move)" -gt 0 ] ||
			die "$threads threads: nothing was $move"
	done
	for tier in dram dax disk; do
		[ "$(figure "$dir/json" $tier reads)" -gt 0 ] ||
			die "$threads threads: no read from $tier"
	done
	[ "$(figure "$dir/json" damaged damaged)" -eq 0 ] || die "objects were damaged"
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
	'--region /nonexistent/region' "$dir/no-such-folder" \
	'--kill-at 5' '--warm 95' "--keep $dir/kept --region $dir"; do
	status=0
	# shellcheck disable=SC2086 # option and value are two words
	"$program" $bad >"$dir/report" 2>&1 || status=$?
	[ $status -eq 2 ] || die "$bad: exit $status instead of 2"
	grep -q tiered_cache: "$dir/report" || die "$bad: no message"
done
