#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Programs that memkind's authors wrote compile without a change against an
# installed daxkind, by its pkg-config file, and do what they do with memkind.
#
# They are the examples of Debian's libmemkind-dev; nothing of them is kept in
# this repository.  Each is built with memkind and with ours and run in a folder
# of its own: status, output and error output are the same, but for what
# differences.md has, and what is in that table does differ.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
table=$top_srcdir/tests/programs/differences.md
# One includes a header that the package does not have; one is no program.
leave_out='memkind_allocated_example.cpp memkind_decorator_debug.c'
skip() {
	echo "skipped: $*"
	exit 77
}
fail() {
	echo "$*"
	exit 1
}

examples=$("$top_srcdir/utils/memkind-examples") ||
	skip "memkind's examples are not here"
[ -e "$top_builddir/.libs/libdaxkind.so" ] || skip 'no shared library was built'
if nm -D "$top_builddir/.libs/libdaxkind.so" |
	grep -qE ' U __(asan|tsan|ubsan)_'; then
	skip "a sanitizer's library needs a sanitizer's program"
fi
command -v pkg-config >/dev/null || skip 'no pkg-config'
cxx=
for name in ${CXX-} g++ clang++; do
	[ -n "$cxx" ] || cxx=$(command -v "$name") || :
done
[ -n "$cxx" ] || skip 'there is no C++ compiler'

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
unset MEMKIND_HBW_NODES MEMKIND_DAX_KMEM_NODES LD_LIBRARY_PATH || :

# --- as a user has it ----------------------------------------------------------
build=$(cd "$top_builddir" && pwd)
(cd "$build" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
	make install DESTDIR="$tmp/root") >"$tmp/log" 2>&1 || {
	tail -n 30 "$tmp/log"
	fail 'make install failed'
}
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
PKG_CONFIG_SYSROOT_DIR=$tmp/root
PKG_CONFIG_PATH=$tmp/root$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH
ours_flags=$(pkg-config --cflags --libs daxkind) || fail 'pkg-config failed'
unset PKG_CONFIG_SYSROOT_DIR
echo 'int main(void) { return 0; }' >"$tmp/empty.c"
$CC "$tmp/empty.c" -o "$tmp/empty" -lmemkind 2>/dev/null ||
	skip 'memkind is not installed (libmemkind-dev)'

# --- built, with each at the same time ---------------------------------------------
# compile WHOSE FLAGS
mkdir "$tmp/memkind" "$tmp/ours"
compile() {
	whose=$1 flags=$2
	for source in "$examples"/*.c "$examples"/*.cpp; do
		name=${source##*/}
		case " $leave_out " in *" $name "*) continue ;; esac
		compiler=$CC
		[ "${name%.cpp}" = "$name" ] || compiler=$cxx
		# shellcheck disable=SC2086 # lists of flags
		$compiler -O0 "$source" -o "$tmp/$whose/$name" $flags -lpthread \
			>"$tmp/$whose/$name.log" 2>&1 && continue
		cat "$tmp/$whose/$name.log"
		echo "$name does not compile with $whose"
		return 1
	done
	# A program whose decorators are in a file beside it.
	# shellcheck disable=SC2086 # a list of flags
	$CC -O0 "$examples/pmem_malloc.c" "$examples/memkind_decorator_debug.c" \
		-o "$tmp/$whose/decorated" $flags
}
compile memkind -lmemkind &
theirs_pid=$!
compile ours "$ours_flags" || fail 'not compatible'
wait $theirs_pid || skip 'memkind is not as in Debian'

# Ours is what they are linked with, and nobody is warned of it.
for program in "$tmp"/ours/*; do
	[ -x "$program" ] || continue
	readelf -d "$program" >"$tmp/log"
	! grep -q 'NEEDED.*libmemkind' "$tmp/log" ||
		fail "${program##*/}: linked with memkind"
done
cat "$tmp"/memkind/*.log >"$tmp/memkind.warnings"
cat "$tmp"/ours/*.log >"$tmp/ours.warnings"
diff "$tmp/memkind.warnings" "$tmp/ours.warnings" || fail 'other warnings'

# --- run, beside each other -------------------------------------------------------
# Each address and folder is another one; figures of a heap, and jemalloc's
# report of itself, are no result of a program; and errno, which one program
# prints after a function that does not set it, is what was there before.
normalise() {
	sed -e "s,$tmp/$whose/,,g" \
		-e 's/0x[0-9a-f][0-9a-f]*/ADDRESS/g' \
		-e 's/^\(resident\|active\|allocated\) [0-9]*/\1 N/' \
		-e '/^___ Begin jemalloc/,/^--- End jemalloc/{/^___\|^---/!d}' \
		-e 's/^\(hbw_posix_memalign(): \).*/\1ERRNO/' "$1"
}

# run WHOSE PROGRAM ARGUMENT...: what it answered goes to $tmp/WHOSE.answer.
run() (
	whose=$1 program=$2
	shift 2
	mkdir "$tmp/$whose/dir"
	cd "$tmp/$whose/dir"
	status=0
	[ "$whose" = memkind ] || export LD_LIBRARY_PATH="$tmp/root$prefix/lib"
	timeout 300 "../$program" "$@" >"$tmp/$whose.out" 2>"$tmp/$whose.err" ||
		status=$?
	{
		echo "status $status"
		echo "left: $(ls -A)"
		normalise "$tmp/$whose.out" | sed 's/^/out: /'
		normalise "$tmp/$whose.err" | sed 's/^/err: /'
	} >"$tmp/$whose.answer"
	rm -rf "$tmp/$whose/dir"
)

# case_of LABEL PROGRAM ARGUMENT...: the same of both, and what is not.
nr_cases=0
case_of() {
	label=$1
	shift
	nr_cases=$((nr_cases + 1))
	# Huge pages can be short for a moment, for one of them.
	for try in 1 2 3; do
		[ $try = 1 ] || sleep 1
		run memkind "$@" &
		pid=$!
		run ours "$@"
		wait $pid
		diff -u "$tmp/memkind.answer" "$tmp/ours.answer" >"$tmp/diff" &&
			return
		! known "$label" || break
	done
	echo "$label" >>"$tmp/differ"
	known "$label" || {
		echo "$label: another answer than memkind's, and not in the table"
		cat "$tmp/diff"
		touch "$tmp/failed"
	}
}

# The table's first column, between backquotes.
# shellcheck disable=SC2016 # backquotes of the table, not of the shell
sed -n 's/^| `\([^`]*\)` |.*/\1/p' "$table" >"$tmp/table"
: >"$tmp/differ"
known() { grep -Fqx -e "$1" "$tmp/table"; }

for program in "$tmp"/ours/*; do
	name=${program##*/}
	[ -x "$program" ] || continue
	source=$examples/$name
	[ -e "$source" ] || continue
	case_of "$name ." "$name" .
	if grep -q 'argv\[1\]' "$source"; then
		case_of "$name missing" "$name" missing
		case_of "$name . ." "$name" . .
	fi
	# What a machine does not have, and what stands in for it.
	grep -q 'HBW\|hbw_\|DAX_KMEM' "$source" || continue
	MEMKIND_HBW_NODES=0 MEMKIND_DAX_KMEM_NODES=0
	export MEMKIND_HBW_NODES MEMKIND_DAX_KMEM_NODES
	case_of "$name with nodes" "$name" .
	unset MEMKIND_HBW_NODES MEMKIND_DAX_KMEM_NODES
done
case_of "decorated ." decorated .

# How MEMKIND_DEBUG is answered, by which scripts tell what a program uses.
for debug in 1 2; do
	for whose in memkind ours; do
		export MEMKIND_DEBUG=$debug
		run "$whose" filter_example.c
		unset MEMKIND_DEBUG
		grep -oE 'MEMKIND_(INFO: Initializing .*|WARNING: .*unknown)' \
			"$tmp/$whose.err" >"$tmp/$whose.debug" ||
			fail "MEMKIND_DEBUG=$debug: nothing was said by $whose"
	done
	diff -u "$tmp/memkind.debug" "$tmp/ours.debug" ||
		fail "MEMKIND_DEBUG=$debug: something else is said"
done
[ $nr_cases -ge 50 ] || fail "only $nr_cases cases: where are the programs?"

# One tells by its decorators whether a preloaded libautohbw takes its calls;
# there is none in Debian to compare with.
# shellcheck disable=SC2086 # a list of flags
$CC -Wl,--no-as-needed "$examples/autohbw_candidates.c" -o "$tmp/candidates" \
	$ours_flags
for nodes in '' 0; do
	[ -z "$nodes" ] || export MEMKIND_HBW_NODES=$nodes
	LD_LIBRARY_PATH=$tmp/root$prefix/lib AUTO_HBW_LOG=-1 \
		LD_PRELOAD=$tmp/root$prefix/lib/libautohbw.so \
		"$tmp/candidates" || fail 'libautohbw does not take all calls'
done
unset MEMKIND_HBW_NODES

while read -r label; do
	grep -Fqx -e "$label" "$tmp/differ" || {
		echo "$label: in the table, but there is no difference"
		touch "$tmp/failed"
	}
done <"$tmp/table"
echo "$nr_cases cases, $(wc -l <"$tmp/differ") answered otherwise than by memkind"
[ ! -e "$tmp/failed" ] || fail 'see tests/programs/differences.md'
