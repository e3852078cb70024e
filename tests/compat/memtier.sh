#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# libmemtier.so.0, preloaded: programs run on the tiers that MEMKIND_MEM_TIERS
# says, and end at once when it says nonsense.
set -eu
preloaded=memtier
# shellcheck source=tests/compat/preload.sh
. "${top_srcdir:=.}/tests/compat/preload.sh"
skip_if_sanitizer

# run TIERS THRESHOLDS COMMAND...: its output in $tmp/out
run() {
	tiers=$1
	thresholds=$2
	shift 2
	set -- "LD_LIBRARY_PATH=$lib_dir" "LD_PRELOAD=$lib" \
		"MEMKIND_MEM_TIERS=$tiers" "$@"
	[ -z "$thresholds" ] || set -- "MEMKIND_MEM_THRESHOLDS=$thresholds" "$@"
	env "$@" >"$tmp/out" 2>&1
}

dram='KIND:DRAM,RATIO:1'
file="KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:64M,RATIO:2"
static='POLICY:STATIC_RATIO'
dynamic='POLICY:DYNAMIC_THRESHOLD'

if [ -n "$program" ]; then
	run "$dram;$static" '' "$program" D || fail "$dram"
	run "$file;$static" '' "$program" F || fail "$file"
	run "$dram;$file;$static" '' "$program" DF || fail "both"
	run "RATIO:1,PATH:$tmp,KIND:FS_DAX;$dram;$static" '' "$program" DF ||
		fail "another order, and no limit"
	run "$file;$file;$dram;$static" '' "$program" DF || fail "two files"
	run "$dram;$file;$dynamic" '' "$program" F ||
		fail "large blocks are of the second tier"
	run "$dram;$file;$dynamic" \
		INIT_VAL:100K,MIN_VAL:1,MAX_VAL:1M "$program" D ||
		fail "blocks below the threshold are of the first tier"

	# a tier that is full while another has room
	small="KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:16M,RATIO:10"
	for tiers in "$small;$dram" "$dram;$small"; do
		run "$tiers;$static" '' "$program" DF 64 || fail "$tiers is full"
	done
	run "$dram;$small;$dynamic" '' "$program" F 64 ||
		fail "the upper tier is full"

	# what is said of it
	level=MEMKIND_MEM_TIERING_LOG_LEVEL
	run "$dram;$file;$static" '' "$program" DF || fail "no level"
	[ "$(cat "$tmp/out")" = ok ] || fail "is not silent by itself"
	run "$dram;$file;$static" '' env $level=0 "$program" DF || fail "level 0"
	[ "$(cat "$tmp/out")" = ok ] || fail "is not silent at level 0"
	run "$dram;$file;$static" '' env $level=1 "$program" DF || fail "level 1"
	grep -qxF "libmemtier: the tiers are $dram;$file;$static" "$tmp/out" ||
		fail "level 1 does not say the tiers"
	grep -q 'libmemtier: FS_DAX: .* is not on a DAX file system' \
		"$tmp/out" || fail "level 1 does not say that it is no DAX"
	! grep -q 'malloc of' "$tmp/out" || fail "blocks at level 1"
	run "$dram;$file;$static" '' env $level=2 "$program" DF || fail "level 2"
	for kind in DRAM FS_DAX; do
		grep -q "^libmemtier: malloc of 10000 bytes: 0x[0-9a-f]*, $kind\$" \
			"$tmp/out" || fail "level 2 does not say blocks of $kind"
	done
else
	echo "skipped: what takes a program: the test programs are not built"
fi
for kinds in "$dram" "$file" "$dram;$file"; do
	run "$kinds;$static" '' /bin/ls -l / || fail "ls, $kinds"
	# shellcheck disable=SC2016 # the other shell's
	run "$kinds;$static" '' /bin/sh -c 'a=$(echo 1 | cat); echo "$a" | sort' ||
		fail "sh, $kinds"
	grep -qx 1 "$tmp/out" || fail "sh said, $kinds"
done

# What is wrong with it is said, and the program does not run.
wrong() { # text tiers thresholds
	if run "$2" "${3:-}" /bin/echo it ran; then
		fail "was taken: $2 ${3:-}"
	elif ! grep -q "^libmemtier: .*$1" "$tmp/out" ||
		grep -q 'it ran' "$tmp/out"; then
		fail "was not said of $2 ${3:-}: $1"
	fi
}
wrong 'needs a tier and a POLICY' ''
wrong 'needs a tier and a POLICY' "$dram"
wrong 'the last part .* is not POLICY' "$dram;$dram"
wrong '"KIND:DRAM,RATIO:1", is not POLICY' "$static;$dram"
wrong '"NONE" is not a POLICY; use STATIC_RATIO or DYNAMIC_THRESHOLD' "$dram;POLICY:NONE"
wrong 'has no value' ";$static"
wrong 'has no value' "KIND;$static"
wrong 'has no value' "KIND:,RATIO:1;$static"
wrong 'no RATIO' "KIND:DRAM;$static"
wrong 'no KIND' "RATIO:1;$static"
wrong '"HBM" is not a KIND; use DRAM, KMEM_DAX or FS_DAX' "KIND:HBM,RATIO:1;$static"
wrong '"FSDAX" is not a KIND' "KIND:FSDAX,PATH:$tmp,RATIO:1;$static"
wrong '"dram" is not a KIND' "KIND:dram,RATIO:1;$static"
wrong 'part 2: " KIND" is not a parameter' "$dram; $file;$static"
wrong '" POLICY:STATIC_RATIO", is not POLICY' "$dram; $static"
wrong 'RATIO "1 " is' "KIND:DRAM,RATIO:1 ;$static"
wrong 'RATIO "1K" is' "KIND:DRAM,RATIO:1K;$static"
wrong 'RATIO "0"' "KIND:DRAM,RATIO:0;$static"
wrong 'RATIO "-1"' "KIND:DRAM,RATIO:-1;$static"
wrong 'RATIO "4294967296"' "KIND:DRAM,RATIO:4294967296;$static"
wrong 'RATIO "x"' "KIND:DRAM,RATIO:x;$static"
wrong 'twice' "KIND:DRAM,RATIO:1,RATIO:1;$static"
wrong '"SIZE" is not a parameter; use KIND, PATH, PMEM_SIZE_LIMIT or RATIO' "KIND:DRAM,RATIO:1,SIZE:1;$static"
wrong 'for FS_DAX' "KIND:DRAM,RATIO:1,PATH:/tmp;$static"
wrong 'for FS_DAX' "KIND:DRAM,RATIO:1,PMEM_SIZE_LIMIT:64M;$static"
wrong 'needs a PATH' "KIND:FS_DAX,RATIO:1;$static"
wrong 'nonexistent' "KIND:FS_DAX,PATH:/nonexistent,RATIO:1;$static"
wrong 'too few' "KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:1M,RATIO:1;$static"
wrong '"64X" is not a size' \
	"KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:64X,RATIO:1;$static"
wrong 'not a size' \
	"KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:99999999999G,RATIO:1;$static"
wrong 'already a tier' "$dram;$dram;$static"
wrong 'two tiers' "$dram;$dynamic"
wrong 'needs POLICY:DYNAMIC_THRESHOLD' "$dram;$file;$static" 'INIT_VAL:100'
wrong 'THRESHOLDS, part 2: too many thresholds' \
	"$dram;$file;$dynamic" 'INIT_VAL:1000;INIT_VAL:1000'
wrong 'twice' "$dram;$file;$dynamic" 'INIT_VAL:1000,INIT_VAL:1000'
wrong 'THRESHOLDS, part 1: "VAL" is not a parameter' "$dram;$file;$dynamic" 'VAL:1000'
wrong 'INIT_VAL "x" is not a size' "$dram;$file;$dynamic" 'INIT_VAL:x'
wrong 'MIN_VAL "" is not a size\|"MIN_VAL" has no value' "$dram;$file;$dynamic" 'MIN_VAL:'
wrong 'but must be from' "$dram;$file;$dynamic" 'INIT_VAL:1'
LD_LIBRARY_PATH=$lib_dir LD_PRELOAD=$lib env -u MEMKIND_MEM_TIERS \
	true >"$tmp/out" 2>&1 && fail "ran without MEMKIND_MEM_TIERS"
grep -q 'MEMKIND_MEM_TIERS is not set' "$tmp/out" || fail "without tiers"
for level in -1 3 x '' 'debug'; do
	if run "$dram;$static" '' env "MEMKIND_MEM_TIERING_LOG_LEVEL=$level" \
		/bin/echo it ran || ! grep -q \
		"^libmemtier: MEMKIND_MEM_TIERING_LOG_LEVEL=$level is not 0, 1 or 2" \
		"$tmp/out"; then
		fail "level $level"
	fi
done

[ $bad -eq 0 ] || exit 1
echo "programs run on their tiers"
