#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# cases.sh -- run the tests of tests/api, and of the C++ allocators, on memkind.
#
#   cases.sh [PROGRAM]...   only these, with the outcome of each case
#   cases.sh --strict       what comes out otherwise than in the table fails
#
# Each program is compiled with memkind's headers and library, and each case
# gets a process of its own, as memkind may not survive it.  A case that does not
# pass must be in the table of ../differences.md ("Our tests"), and what is in the
# table must be a case.  What memkind does can depend on the file system and the
# machine, so a row that comes out otherwise is a note, but for --strict.
# Without memkind (Debian: libmemkind-dev, or a prefix in $MEMKIND_PREFIX) there
# is nothing to compare: exit status 77.
set -eu
LC_ALL=C
export LC_ALL

# --- one program, or one case: called below for many at a time ------------------

# The outcome of a case, in the words of the table.
run_case() {
	program=${1%% *}
	mkdir "$tmp/run/$1"
	status=0
	DAXKIND_TEST_CASE=${1#* } TMPDIR="$tmp/run/$1" \
		timeout -k 5 180 "$tmp/$program" >"$tmp/log/$1" 2>&1 </dev/null ||
		status=$?
	# what a case that died could not remove
	rm -rf "$tmp/run/$1"
	case $status in
	0) outcome=passes ;;
	99) outcome='could not run' ;;
	124 | 137) outcome=hangs ;;
	12[89] | 1[3-9]?) outcome=dies ;;
	*) outcome=fails ;;
	esac
	echo "$1: $outcome"
}

case ${1-} in
--compile)
	# shellcheck disable=SC2086 # flags are words on purpose
	case $2 in
	allocators)
		$CXX -std=c++11 $flags -o "$tmp/$2" "$tests/cxx/$2.cc" $libs
		;;
	*)
		$CC $c_flags $flags -o "$tmp/$2" "$tests/api/$2.c" \
			"$tmp"/*.o $libs $CMOCKA_LIBS
		;;
	esac >"$tmp/log/$2" 2>&1 || { head -n 5 "$tmp/log/$2"; exit 1; }
	exit 0
	;;
--run)
	run_case "$2"
	exit
	;;
esac

# --- all of them -------------------------------------------------------------------

strict=0
if [ "${1-}" = --strict ]; then
	strict=1
	shift
fi
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}" "${CMOCKA_LIBS=-lcmocka}"
tests=$top_srcdir/tests
table=$tests/api/differences.md

skip() {
	echo "skipped: $*"
	exit 77
}

[ -n "$CMOCKA_LIBS" ] || skip "the test programs want cmocka"
! nm -D "$top_builddir/.libs/libdaxkind.so" 2>/dev/null |
	grep -qE ' U __(asan|tsan|ubsan)_' ||
	skip "nothing of a sanitizer's build is used; run in the others"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/include" "$tmp/log" "$tmp/run"

# memkind installs no header of its operations, of which some are exported.
for name in arena dax_kmem default fixed hbw hugetlb ops pmem; do
	ln -s "$(realpath "$top_srcdir/include/memkind_$name.h")" "$tmp/include"
done
c_flags="-std=gnu11 -D_GNU_SOURCE -I$tmp/include ${CMOCKA_CFLAGS-}"
flags="-DTEST_MEMKIND -O0 -w -pthread"
libs=-lmemkind
if [ -n "${MEMKIND_PREFIX-}" ]; then
	dir=$(dirname "$(find "$MEMKIND_PREFIX" -name libmemkind.so | head -n 1)")
	flags="$flags -I$MEMKIND_PREFIX/include"
	libs="-L$dir -Wl,-rpath,$dir $libs"
fi
: "${CXX:=$(command -v g++ || command -v clang++ || :)}"
export CC CMOCKA_LIBS CXX c_flags flags libs tests tmp

cat >"$tmp/there.c" <<'PROGRAM'
#include <memkind.h>
int main(void) { return memkind_get_version() > 0 ? 0 : 1; }
PROGRAM
# shellcheck disable=SC2086 # flags are words on purpose
{ $CC $flags -o "$tmp/there" "$tmp/there.c" $libs && "$tmp/there"; } \
	>"$tmp/there.log" 2>&1 || skip "memkind is not installed (libmemkind-dev)"
! ldd "$tmp/there" | grep -q libdaxkind || skip "this libmemkind is our own"

# Settings of whoever runs this are not what is compared.
unset DAX_KIND DAX_PATH DAXKIND_TEST_CASE DAXKIND_TEST_LIST DAXKIND_TEST_LONG \
	MEMKIND_ARENA_NUM_PER_KIND MEMKIND_BACKGROUND_THREAD_LIMIT \
	MEMKIND_DAX_KMEM_NODES MEMKIND_DEBUG MEMKIND_HBW_NODES \
	MEMKIND_HBW_THRESHOLD MEMKIND_HEAP_MANAGER MEMKIND_HOG_MEMORY
# shellcheck disable=SC3045 # each shell that is /bin/sh here has it
ulimit -c 0
jobs=$(($(nproc) * 2)) # many wait for the file system

# "case: outcome" for each row of the table, without the backquotes
awk -F ' *\\| *' '
/^## / { ours = $0 == "## Our tests" || $0 == "## Ours only" }
ours && $2 ~ /^`(test_|allocators )/ {
	gsub(/`/, "", $2)
	print $2 ": " $3
}' "$table" >"$tmp/table"

if [ $# -gt 0 ]; then
	for program; do basename "$program" .c; done
else
	for program in "$tests"/api/test_*.c; do
		program=$(basename "$program" .c)
		grep -qx "$program: ours only" "$tmp/table" || echo "$program"
	done
	[ -z "$CXX" ] || echo allocators
fi >"$tmp/programs"

for name in cases fill region; do
	# shellcheck disable=SC2086 # flags are words on purpose
	$CC $c_flags $flags -c -o "$tmp/test_$name.o" \
		"$tests/support/test_$name.c"
done
xargs -P "$jobs" -n 1 sh "$0" --compile <"$tmp/programs" || {
	echo "what memkind has not goes between #if TEST_OURS and #endif" \
		"(tests/support/tested.h)"
	exit 1
}

touch "$tmp/cases" "$tmp/ours" "$tmp/skipped"
[ -n "$CXX" ] || {
	echo "allocators: there is no C++ compiler"
	echo allocators >>"$tmp/skipped"
}
while read -r program; do
	status=0
	DAXKIND_TEST_LIST=1 TMPDIR=$tmp/run "$tmp/$program" \
		>"$tmp/list" 2>&1 </dev/null || status=$?
	if [ $status -eq 77 ]; then
		echo "$program: $(head -n 1 "$tmp/list")"
		echo "$program" >>"$tmp/skipped"
		continue
	elif [ $status -ge 128 ]; then
		# it is over before main()
		echo "case (any)" >"$tmp/list"
	elif ! grep -q '^case ' "$tmp/list"; then
		echo "$program does not list its cases (tests/support/test_cases.h)"
		exit 1
	fi
	sed -n "s/^case /$program /p" "$tmp/list" >>"$tmp/cases"
	sed -n "s/^ours /$program /p" "$tmp/list" >>"$tmp/ours"
done <"$tmp/programs"
xargs -P "$jobs" -d '\n' -n 1 sh "$0" --run <"$tmp/cases" >"$tmp/outcomes"

[ $# -eq 0 ] || sort "$tmp/outcomes"

# What memkind says of a case: that of cmocka, and where a table's row names it.
why() {
	sed -n -e '/^row/h' -e '/failed$/p' -e '/ERROR   \] ---/{x;p;x;p;}' -e '/LINE /p' \
		-e '/ left$/p' "$tmp/log/$1" | sed 's/^/	/'
}

status=0
awk -v only_some=$# -v strict=$strict '
function says(case_name, outcome, row,    word, n, i) {
	n = split(row, word, / or /)
	for (i = 1; i <= n; i++)
		if (word[i] == outcome)
			return 1
	return 0
}
{ at = match($0, /: [a-z ]+$/); name = substr($0, 1, at - 1) }
{ said = substr($0, at + 2) }
FILENAME ~ /table$/ {
	if (said !~ /^(ours only|(passes|fails|dies|hangs)( or (passes|fails|dies|hangs))*)$/ ||
	    said == "passes") {
		print "in the table: not an outcome: " $0
		bad = 1
	} else if (said != "ours only")
		rows[name] = said
	next
}
FILENAME ~ /skipped$/ { skipped[$0]; next }
FILENAME ~ /ours$/ { nr_ours++; next }
{
	nr++
	row = ""
	for (r in rows) {
		stem = substr(r, 1, length(r) - 1)
		if (r == name ||
		    (stem "*" == r && substr(name, 1, length(stem)) == stem)) {
			row = rows[r]
			seen[r] = 1
		}
	}
	if (said != "passes")
		nr_differ++
	if (row == "" ? said == "passes" : says(name, said, row))
		next
	print (row == "" ? "not in the table" : "in the table as: " row) ": " $0
	if (row == "" || strict)
		bad = 1
}
END {
	for (r in rows) {
		program = r
		sub(/ .*/, "", program)
		if (!(r in seen) && !(program in skipped) && !only_some) {
			print "in the table, but there is no such case: " r
			bad = 1
		}
	}
	printf "%d cases: %d come out the same, %d do not; %d more of ours only\n",
	    nr, nr - nr_differ, nr_differ, nr_ours
	exit bad
}' "$tmp/table" "$tmp/skipped" "$tmp/ours" "$tmp/outcomes" >"$tmp/report" ||
	status=1

while IFS= read -r line; do
	echo "$line"
	case $line in
	'not in the table: '* | 'in the table as: '*)
		line=${line%: *}
		why "${line##*: }"
		;;
	esac
done <"$tmp/report"

# Each class of differences is a row of doc/differences-from-memkind.md.
sed -n 's/^### //p' "$table" >"$tmp/classes"
while IFS= read -r class; do
	grep -qF "| $class |" "$top_srcdir/doc/differences-from-memkind.md" || {
		echo "not a row of doc/differences-from-memkind.md: $class"
		status=1
	}
done <"$tmp/classes"

[ $status -eq 0 ] || echo "see tests/api/differences.md"
exit $status
