#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# memtier: what it sets for a program, that the program runs so, and what it
# refuses.
set -eu
preloaded=memtier
# shellcheck source=tests/compat/preload.sh
. "${top_srcdir:=.}/tests/compat/preload.sh"
memtier=$top_builddir/compat/memtier
unset LD_PRELOAD MEMKIND_MEM_TIERS MEMKIND_MEM_THRESHOLDS MEMKIND_DAX_KMEM_NODES

# want STATUS PATTERN COMMAND...: of what it says on both streams
want() {
	status=$1
	pattern=$2
	shift 2
	got=0
	"$@" >"$tmp/out" 2>&1 || got=$?
	# shellcheck disable=SC2254 # a pattern
	case $(cat "$tmp/out") in
	$pattern) [ "$got" -ne "$status" ] || return 0 ;;
	esac
	fail "$*: status $got"
}

want 0 'usage: *' "$memtier" -h
want 0 'usage: *' "$memtier" --help true
want 1 '*usage: *' "$memtier"
want 1 '*usage: *' "$memtier" -r 1:0
want 1 '*usage: *' "$memtier" -x true
want 1 '*usage: *' "$memtier" -r
for ratio in '' 1 a; do
	want 1 "memtier: -r \"$ratio\" is not DRAM:KMEM*" \
		"$memtier" -r "$ratio" true
done
for row in ': ' '1: ' ':1 ' '1:2:3 2:3' 'a:b a' '1:b b' '-1:2 -1' '1:-2 -2' \
	'1:0x 0x' '4294967296:1 4294967296' '1:+1 +1' '1K:1 1K' \
	'99999999999999999999:1 99999999999999999999'; do
	want 1 "memtier: -r \"${row% *}\": \"${row##* }\" is not a number*" \
		"$memtier" -r "${row% *}" true
done
want 1 'memtier: -r " 1:0": " 1" is not a number*' "$memtier" -r ' 1:0' true
want 1 'memtier: the ratio 0:0 selects no *' "$memtier" -r 0:0 true
want 1 'memtier: thresholds need *' "$memtier" -r 1:0 -t INIT_VAL:100 true
want 1 'memtier: *; -r 1:0 *' env MEMKIND_DAX_KMEM_NODES=1023 "$memtier" true
# Tiers that cannot be are its own error, and not the program's end.
for ratio in 1:4 0:1; do
	want 1 'memtier: *KMEM_DAX: *MEMKIND_DAX_KMEM_NODES*' \
		env MEMKIND_DAX_KMEM_NODES=1023 "$memtier" -r $ratio echo ran
done
want 1 'memtier: *THRESHOLDS, part 1: "VAL" is not a parameter*' \
	env MEMKIND_DAX_KMEM_NODES=0 "$memtier" -r 1:4 -t VAL=1K echo ran

# In bash, whose words end at = and : too.
completes() { # what is expected, then the words
	expected=$1
	shift
	# shellcheck disable=SC2016 # bash's
	said=$(bash -c '. "$0/compat/completion/memtier"
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_memtier
		echo "${COMPREPLY[*]}"' "$top_srcdir" "$@") || said=failed
	# shellcheck disable=SC2254 # a pattern
	case " $said " in
	$expected) ;;
	*)
		echo "FAILED: completion of $*: $said"
		bad=1
		;;
	esac
}
if command -v bash >/dev/null; then
	completes ' --ratio ' memtier --ra
	completes '* --help * --verbose *' memtier -v -
	completes '  ' memtier -r ''
	completes '  ' memtier -r 1 : ''
	completes '  ' memtier --ratio = 1 : 4
	completes '* sort *' memtier -r 1 : 4 sor
	completes '* sort *' memtier --ratio = 1 : 4 -v sor
	completes '* /etc/passwd *' memtier -r 1 : 4 sort /etc/passwd
fi

if has_sanitizer; then
	[ $bad -eq 0 ] || exit 1
	echo "no program was run: a sanitizer has a malloc of its own"
	exit 0
fi

# What is set, beside what there was.
export LD_PRELOAD=libm.so.6
# shellcheck disable=SC2016 # the other shell's
show='echo "$LD_PRELOAD $MEMKIND_MEM_TIERS ${MEMKIND_MEM_THRESHOLDS-none}"'
preload=$(readlink -f "$lib_dir")/libmemtier.so.0:libm.so.6
want 0 "$preload KIND:DRAM,RATIO:1;POLICY:STATIC_RATIO none" \
	env MEMKIND_MEM_THRESHOLDS=x "$memtier" -r 7:0 sh -c "$show"
unset LD_PRELOAD
want 1 'memtier: /nonexistent cannot be run: No such *' \
	"$memtier" -r 1:0 /nonexistent
want 7 '' "$memtier" -r 1:0 sh -c 'exit 7'
# shellcheck disable=SC2016
want 0 '--help' "$memtier" -r 1:0 sh -c 'echo "$1"' x --help
want 0 "setting LD_PRELOAD=*libmemtier.so.0
setting MEMKIND_MEM_TIERS=KIND:DRAM,RATIO:1;POLICY:STATIC_RATIO
ran" "$memtier" --verbose --ratio=1:0 echo ran

# The nodes of DAX devices are those that the variable names.
export MEMKIND_DAX_KMEM_NODES=0
tiers='KIND:DRAM,RATIO:1;KIND:KMEM_DAX,RATIO:4'
want 0 "* $tiers;POLICY:STATIC_RATIO none" "$memtier" -r 1:4 sh -c "$show"
want 0 "* KIND:KMEM_DAX,RATIO:1;POLICY:STATIC_RATIO none" \
	"$memtier" -r 0:4 sh -c "$show"
want 0 "* $tiers;POLICY:DYNAMIC_THRESHOLD INIT_VAL:1K,MAX_VAL:1M" \
	"$memtier" -r 1:4 -t INIT_VAL=1K,MAX_VAL:1M sh -c "$show"
want 0 '* KIND:DRAM,RATIO:[1-9]*;KIND:KMEM_DAX,RATIO:[1-9]* none' \
	"$memtier" sh -c "$show"
if [ -n "$program" ]; then
	want 0 ok "$memtier" -r 1:0 "$program" D
	want 0 ok "$memtier" -r 0:1 "$program" F
	want 0 ok "$memtier" -r 1:4 "$program" DF
	want 0 ok "$memtier" -r 1:4 -t INIT_VAL=100K,MIN_VAL=1,MAX_VAL=1M \
		"$program" D
else
	echo "skipped: what takes a program: the test programs are not built"
fi
unset MEMKIND_DAX_KMEM_NODES
[ $bad -eq 0 ] || exit 1
echo "programs run on the tiers that memtier says"
