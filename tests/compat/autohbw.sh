#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# libautohbw.so, preloaded: blocks of the sizes of AUTO_HBW_SIZE are of the kind
# of AUTO_HBW_MEM_TYPE, with node 0 for one of high bandwidth.
set -eu
preloaded=autohbw
# shellcheck source=tests/compat/preload.sh
. "${top_srcdir:=.}/tests/compat/preload.sh"
skip_if_sanitizer

# run VARIABLE=VALUE... -- ARGUMENTS: of the program; none has a blank
run() {
	vars=
	while [ "$1" != -- ]; do
		vars="$vars $1"
		shift
	done
	shift
	# shellcheck disable=SC2086
	env -u MEMKIND_HBW_NODES "LD_LIBRARY_PATH=$lib_dir" \
		"LD_PRELOAD=$lib" $vars "$program" "$@" >"$tmp/out" 2>&1
}

m=1048576
if [ -n "$program" ]; then
	hbw=MEMKIND_HBW_NODES=0
	run $hbw -- 3 $m 5000000 || fail "from 1 MiB on by itself"
	run $hbw -- -1 1000 1048575 || fail "and not below"
	run $hbw AUTO_HBW_SIZE=4K -- 3 4096 $m || fail "from 4K on"
	run $hbw AUTO_HBW_SIZE=4K -- -1 4095 || fail "below 4K"
	run $hbw AUTO_HBW_SIZE=1K:5K -- 3 1024 5120 || fail "from 1K to 5K"
	run $hbw AUTO_HBW_SIZE=1K:5K -- -1 1023 5121 || fail "outside of 1K:5K"
	run $hbw AUTO_HBW_SIZE=2000: -- 3 2000 $m || fail "2000:"
	run $hbw AUTO_HBW_SIZE=1K AUTO_HBW_MEM_TYPE=MEMKIND_HBW -- 1 $m ||
		fail "MEMKIND_HBW"
	run $hbw AUTO_HBW_SIZE=1K AUTO_HBW_MEM_TYPE=memkind_hbw_interleave -- \
		9 $m || fail "memkind_hbw_interleave"
	run $hbw AUTO_HBW_MEM_TYPE=MEMKIND_HBW -- full 1 5000000 ||
		fail "MEMKIND_HBW is full"
	run AUTO_HBW_SIZE=1K AUTO_HBW_MEM_TYPE=MEMKIND_INTERLEAVE -- 10 $m ||
		fail "MEMKIND_INTERLEAVE"
	run AUTO_HBW_SIZE=1K AUTO_HBW_MEM_TYPE=MEMKIND_DEFAULT -- -1 $m ||
		fail "MEMKIND_DEFAULT"

	# what is said of it
	run AUTO_HBW_LOG=-1 -- -1 $m || fail "silent"
	[ "$(cat "$tmp/out")" = ok ] || fail "is not silent at -1"
	run AUTO_HBW_LOG=0 AUTO_HBW_SIZE=1K -- -1 $m || fail "level 0"
	grep -q '^autohbw: blocks from 1024 to' "$tmp/out" || fail "level 0"
	! grep -q 'malloc of' "$tmp/out" || fail "blocks at level 0"
	run $hbw -- 3 $m || fail "level 1"
	grep -q "^autohbw: malloc of $m bytes: 0x" "$tmp/out" || fail "level 1"
	run $hbw AUTO_HBW_LOG=2 -- 3 $m || fail "level 2"
	grep -q 'autohbw_program(' "$tmp/out" || fail "no caller at level 2"
	run AUTO_HBW_SIZE=1K: AUTO_HBW_LOG=0 -- -1 $m || fail "1K:"
	! grep -q ignored "$tmp/out" || fail "1K:"
	for row in 'x x' '1K:x x' '1X 1X' 'K K' '-1 -1' '1K:2K:3K 2K:3K' \
		':1K ' '99999999999G 99999999999G'; do
		size=${row% *}
		run "AUTO_HBW_SIZE=$size" AUTO_HBW_LOG=0 -- -1 $m || fail "$size"
		grep -qxF "autohbw: AUTO_HBW_SIZE=$size: \"${row##* }\" is not\
 a size such as 64K: ignored" "$tmp/out" || fail "nothing was said of $size"
	done
	for level in verbose 1x -x - 1.5; do
		run AUTO_HBW_LOG=$level -- -1 $m || fail "level $level"
		grep -q "AUTO_HBW_LOG=$level is not a level" "$tmp/out" ||
			fail "nothing was said of level $level"
	done
	run $hbw AUTO_HBW_LOG=9 -- 3 $m || fail "level 9"
	grep -q 'autohbw_program(' "$tmp/out" || fail "level 9 is not 2"
	run AUTO_HBW_SIZE=2K:1K -- -1 1024 1500 2048 || fail "2K:1K"
	grep -q 'is an empty range' "$tmp/out" || fail "2K:1K"
	run AUTO_HBW_MEM_TYPE=NONE -- -1 1000 || fail "no kind"
	grep -q 'is not a kind' "$tmp/out" || fail "no kind"
	if run MEMKIND_HBW_THRESHOLD=99999999 AUTO_HBW_MEM_TYPE=MEMKIND_HBW -- \
		1 $m; then
		fail "ran on memory that is not there"
	fi
	grep -q 'is not there' "$tmp/out" || fail "not there"
else
	echo "skipped: what takes a program: the test programs are not built"
fi

# shellcheck disable=SC2016 # the other shell's
LD_LIBRARY_PATH=$lib_dir LD_PRELOAD=$lib AUTO_HBW_SIZE=100 AUTO_HBW_LOG=-1 \
	/bin/sh -c 'a=$(ls / | sort | tail -n 1); echo "$a"' >"$tmp/out" 2>&1 ||
	fail "sh"
[ $bad -eq 0 ] || exit 1
echo "blocks are where their sizes say"
