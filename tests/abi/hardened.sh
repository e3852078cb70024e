#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# All addresses that the loader looks up are known and read-only before code
# runs (BIND_NOW, full RELRO), and no stack can be executed.
set -eu
LC_ALL=C
export LC_ALL
: "${top_builddir:=.}"

nr=0 bad=0
for file in "$top_builddir"/.libs/lib*.so "$top_builddir"/compat/.libs/* \
	"$top_builddir/utils/daxkind/daxkind" "$top_builddir"/compat/memtier; do
	readelf -h "$file" 2>/dev/null | grep -q 'Type: *DYN' || continue
	nr=$((nr + 1))
	complain() {
		echo "$file: $*"
		bad=1
	}
	# Each of the two marks is enough for the loader.
	readelf -dW "$file" | grep -Eq '\(BIND_NOW\)|FLAGS.*(BIND_)?NOW' ||
		complain 'functions are looked up at their first call'
	readelf -lW "$file" | grep -q GNU_RELRO ||
		complain 'no part is read-only after relocation'
	! readelf -SW "$file" | grep -q ' \.got\.plt ' ||
		complain 'the table of functions stays writable'
	! readelf -lW "$file" | grep 'GNU_STACK' | grep -q 'RWE' ||
		complain 'the stack can be executed'
	! readelf -dW "$file" | grep -q TEXTREL ||
		complain 'code is changed when it is loaded'
done
[ "$nr" -ge 3 ] || { echo "found $nr files only"; exit 99; }
[ $bad -eq 0 ] || exit 1
echo "$nr files are as they should be"
