#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# utils/check says what was skipped and why: of logs that are made up here.
set -u
: "${top_srcdir:=.}"
check=$(cd "$top_srcdir" && pwd)/utils/check
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

mkdir -p "$tmp/logs" "$tmp/gcc/tests" "$tmp/asan/tests"

# say FILE LINE...
say() {
	local file=$1
	shift
	printf '%s\n' "$@" >"$tmp/$file"
}

say logs/gcc.log \
	"make[1]: Entering directory '$tmp/gcc'" \
	'SKIP: tests/whole' 'PASS: tests/part' 'PASS: tests/fine' \
	'SKIP: tests/mute' '# SKIP:  2'
say logs/asan.log \
	"make[1]: Entering directory '$tmp/asan'" \
	'SKIP: tests/whole' 'SKIP: tests/other' 'PASS: tests/fine'
say logs/distcheck.log \
	"make[1]: Entering directory '$tmp/gone'" \
	'SKIP: tests/whole' 'SKIP: tests/lost' 'PASS: tests/fine'
say logs/guest.log \
	'PASS ext4 test_dax_region 12' \
	'SKIP xfs test_full 3 (skipped: not (yet) there)' \
	'SKIP ext4 test_full 3 (skipped: not (yet) there)'
say gcc/tests/whole.log 'some words' 'skipped: no device' \
	'SKIP tests/whole (exit status: 77)'
say asan/tests/whole.log 'skipped: no device' \
	'SKIP tests/whole (exit status: 77)'
say gcc/tests/part.log 'skipped: what wants root' 'more' \
	'skipped: what wants two nodes' 'skipped: what wants root' \
	'PASS tests/part (exit status: 0)'
say gcc/tests/fine.log 'nothing is skipped: all ran' \
	'PASS tests/fine (exit status: 0)'
say asan/tests/fine.log 'PASS tests/fine (exit status: 0)'
say gcc/tests/mute.log 'no word of it' '' 'SKIP tests/mute (exit status: 77)'
say asan/tests/other.log 'skipped: a sanitizer' \
	'SKIP tests/other (exit status: 77)'

say wanted \
	'skipped: test_full on ext4 (guest): not (yet) there' \
	'skipped: test_full on xfs (guest): not (yet) there' \
	'skipped: tests/lost (distcheck): its log is gone' \
	'skipped: tests/mute (gcc): no word of it' \
	'skipped: tests/other (asan): a sanitizer' \
	'skipped in part: tests/part (gcc): what wants root' \
	'skipped in part: tests/part (gcc): what wants two nodes' \
	'skipped: tests/whole (asan distcheck gcc): no device'
"$check" --skips "$tmp/logs" >"$tmp/out" 2>&1 || bad=1
diff -u "$tmp/wanted" "$tmp/out" || bad=1

exit $bad
