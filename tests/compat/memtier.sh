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
else
	echo "test programs are not built: not run"
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
wrong 'wanted' ''
wrong 'wanted' "$dram"
wrong 'no POLICY' "$dram;$dram"
wrong 'no POLICY' "$static;$dram"
wrong 'no POLICY NONE' "$dram;POLICY:NONE"
wrong 'has no value' ";$static"
wrong 'has no value' "KIND;$static"
wrong 'has no value' "KIND:,RATIO:1;$static"
wrong 'no RATIO' "KIND:DRAM;$static"
wrong 'no KIND' "RATIO:1;$static"
wrong 'no KIND HBM' "KIND:HBM,RATIO:1;$static"
wrong 'RATIO 0' "KIND:DRAM,RATIO:0;$static"
wrong 'RATIO -1' "KIND:DRAM,RATIO:-1;$static"
wrong 'RATIO 4294967296' "KIND:DRAM,RATIO:4294967296;$static"
wrong 'RATIO x' "KIND:DRAM,RATIO:x;$static"
wrong 'twice' "KIND:DRAM,RATIO:1,RATIO:1;$static"
wrong 'no parameter SIZE' "KIND:DRAM,RATIO:1,SIZE:1;$static"
wrong 'for FS_DAX' "KIND:DRAM,RATIO:1,PATH:/tmp;$static"
wrong 'for FS_DAX' "KIND:DRAM,RATIO:1,PMEM_SIZE_LIMIT:64M;$static"
wrong 'needs a PATH' "KIND:FS_DAX,RATIO:1;$static"
wrong 'nonexistent' "KIND:FS_DAX,PATH:/nonexistent,RATIO:1;$static"
wrong 'too few' "KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:1M,RATIO:1;$static"
wrong 'no size' "KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:64T,RATIO:1;$static"
wrong 'no size' \
	"KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:99999999999G,RATIO:1;$static"
wrong 'tier already' "$dram;$dram;$static"
wrong 'two tiers' "$dram;$dynamic"
wrong 'more thresholds' "$dram;$file;$static" 'INIT_VAL:100'
wrong 'more thresholds' "$dram;$file;$dynamic" 'INIT_VAL:1000;INIT_VAL:1000'
wrong 'twice' "$dram;$file;$dynamic" 'INIT_VAL:1000,INIT_VAL:1000'
wrong 'no parameter VAL' "$dram;$file;$dynamic" 'VAL:1000'
wrong 'no size' "$dram;$file;$dynamic" 'INIT_VAL:x'
wrong 'is not from' "$dram;$file;$dynamic" 'INIT_VAL:1'
LD_LIBRARY_PATH=$lib_dir LD_PRELOAD=$lib env -u MEMKIND_MEM_TIERS \
	true >"$tmp/out" 2>&1 && fail "ran without MEMKIND_MEM_TIERS"
grep -q 'MEMKIND_MEM_TIERS is not set' "$tmp/out" || fail "without tiers"

[ $bad -eq 0 ] || exit 1
echo "programs run on their tiers"
