#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run_kept_cache.sh -- kill tiered_cache --keep in the middle of an insert, start
# it again, and look at what it found and what it serves.  Run by make check in
# the build folder.
set -eu

program=${TIERED_CACHE:-./examples/tiered_cache/tiered_cache}
other=./examples/11_durable_table
dir=$(mktemp -d "${TMPDIR:-/tmp}/kept_cache-XXXXXX")
kept=$dir/kept
size=3M
trap 'rm -rf "$dir"' EXIT

die() {
	echo "$*" >&2
	exit 1
}

# shellcheck source=examples/cache_files.sh
. "$(dirname -- "$0")/cache_files.sh"
make_files "$dir/files"

# run STATUS OPTION...: a run must end with that status.
run() {
	wanted=$1
	shift
	status=0
	"$program" --keep "$kept" --size "$size" --dram 256k --json "$@" \
		"$dir/files" >"$dir/json" 2>"$dir/log" || status=$?
	cat "$dir/log" "$dir/json"
	[ "$status" -eq "$wanted" ] || die "$*: exit $status instead of $wanted"
}

# kept_is KEY VALUE, kept_has KEY FROM TO: what the run found.
kept_is() {
	grep -q "\"kept\".*\"$1\": $2[,}]" "$dir/json" || die "not $1 $2"
}
kept_has() {
	value=$(figure "$dir/json" kept "$1")
	if [ "$value" -lt "$2" ] || [ "$value" -gt "$3" ]; then
		die "$1: $value instead of $2 to $3"
	fi
}

# refused REMEDY: nothing is opened, and the remedy is told.
refused() {
	run 2
	grep -q -e "$1" "$dir/log" || die "no remedy: $1"
}

# After a kill: nearly everything is there, and what the kill left is freed, at
# least the object that was not linked, at most one block for each thread.
for threads in 1 3; do
	rm -f "$kept"
	run 137 --requests 40000 --kill-at 20000 --threads $threads
	run 0 --requests 20000 --threads $threads --warm 95 \
		--curves "$dir/curves.svg"
	kept_is how '"crash"'
	kept_has start 2 2
	kept_has objects 100 1000
	kept_has unlinked 1 $threads
	kept_has damaged_links 0 0
	[ "$(figure "$dir/json" damaged damaged)" -eq 0 ] || die "damaged"
	grep -q 'start 2: warm' "$dir/curves.svg" || die "no picture"
done

# What was hot still is: it moves up at its first hit, not at the second.
rm -f "$kept"
run 137 --requests 40000 --kill-at 20000
run 0 --requests 300
promoted=$(figure "$dir/json" while_reading promoted)
[ "$promoted" -gt 45 ] || die "only $promoted of the hot objects moved up"

# After a close nothing leaks, and a run that is killed again is found again.
run 137 --requests 40000 --kill-at 10000
[ ! -s "$dir/json" ] || die "a killed run has printed figures"
run 0 --requests 10000 --warm 95
kept_has start 4 4
run 0 --requests 10000 --warm 95
kept_is how '"clean"'
kept_has unlinked 0 0

# It grows, and does not shrink.
size=2M
refused 'without --size'
size=4M
run 0 --requests 10000 --warm 95
[ "$(figure "$dir/json" region size)" -eq 4194304 ] || die "it did not grow"

# Objects whose files have changed, to the same size or another, or are gone, are
# not taken up.
for i in 1 2 3 4 5 6 7 8 9; do
	rm "$dir/files/${i}00"
	for file in "$dir/files/$i"[0-4]?; do
		echo 'one line more' >>"$file"
	done
	for file in "$dir/files/$i"[5-7]?; do
		printf L | dd of="$file" conv=notrunc 2>/dev/null
	done
done
run 0 --requests 20000
kept_has unwanted 50 1000
[ "$(figure "$dir/json" damaged damaged)" -eq 0 ] || die "damaged"

# Each object has a wrong byte now: it is found once, and never served.
cp "$kept" "$dir/good"
LC_ALL=C sed -i 's/ine        0 of file/ine        0 of fire/' "$kept"
run 1 --requests 20000
kept_has objects 100 1000
damaged=$(figure "$dir/json" damaged damaged)
[ "$damaged" -gt 50 ] || die "only $damaged of the objects were damaged"
[ "$damaged" -le "$(figure "$dir/json" kept objects)" ] ||
	die "a damaged object was served: $damaged"
grep -q 'DAMAGED.*not served' "$dir/log" || die "no complaint"

# A cold start is not warm.
rm -f "$kept"
size=3M
run 1 --requests 10000 --warm 1
kept_is how '"new"'

# What cannot be opened is left alone, and the remedy is told.
rm -f "$kept"
"$other" "$kept" put key value
size=64M
refused --overwrite
grep -q layout "$dir/log" || die "the layout is not named"
[ "$("$other" "$kept" get key)" = value ] || die "the other heap was changed"
run 0 --requests 1000 --overwrite
kept_is how '"new"'
size=3M
head -c 3145728 /dev/zero | tr '\000' x >"$kept"
refused --overwrite
[ -z "$(tr -d x <"$kept")" ] || die "the file was changed"
echo text >"$kept"
! "$program" --keep "$kept" "$dir/files" >/dev/null 2>"$dir/log" ||
	die "text was opened"
! grep 'without --size' "$dir/log" || die "a remedy that does not help"
for at in 100 4190308; do # both superblocks
	printf X | dd of="$dir/good" bs=1 seek=$at conv=notrunc 2>/dev/null
done
cp "$dir/good" "$kept"
size=4M
refused --salvage
size=3M

# Open in another process: one that waits for its output to be read.
rm -f "$kept"
mkfifo "$dir/fifo"
"$program" --keep "$kept" --size 3M --requests 100000000 "$dir/files" \
	>"$dir/fifo" 2>/dev/null &
pid=$!
{
	read -r _
	refused 'has it open'
	kill -9 "$pid"
} <"$dir/fifo"
wait "$pid" || true
run 0 --requests 1000
kept_is how '"crash"'
