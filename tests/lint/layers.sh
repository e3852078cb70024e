#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# utils/check_layers.sh finds what it is for: a tree of a few files is right, and
# wrong in each way after one change.
set -u
: "${top_srcdir:=.}" "${CC:=cc}"
checker=$(cd "$top_srcdir" && pwd)/utils/check_layers.sh
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() {
	printf 'FAIL: %s\n' "$*"
	sed 's/^/| /' "$tmp/out"
	bad=1
}

# put FILE LINE...: a file of the tree
put() {
	file=$tmp/tree/$1
	shift
	mkdir -p "${file%/*}"
	printf '%s\n' "$@" >"$file"
}

# A public header that declares a function of the top, which lies above what
# may be called from the middle.
sound_tree() {
	rm -rf "$tmp/tree" "$tmp/build"
	put utils/layers.txt '0 low' '1 mid' '1 side' '2 top' \
		'door sys/mman.h low/map.c'
	put include/public.h 'int public_call(void);'
	put src/low/map.h 'int map_it(void);'
	put src/low/map.c '#include "low/map.h"' '#include <sys/mman.h>' \
		'int map_it(void) { return MAP_SHARED; }'
	put src/mid/mid.h 'int mid_a(void);' 'int mid_b(void);'
	put src/mid/mid.c '#include "mid/mid.h"' '#include "low/map.h"' \
		'int mid_a(void) { return map_it(); }'
	put src/mid/more.c '#include "mid/mid.h"' \
		'int mid_b(void) { return mid_a(); }'
	put src/side/side.h 'int side_call(void);'
	put src/side/side.c '#include "side/side.h"' '#include "low/map.h"' \
		'int side_call(void) { return map_it(); }'
	put src/top/top.c '#include <public.h>' '#include "mid/mid.h"' \
		'int public_call(void) { return mid_b(); }'
}

# check [OPTION]: build the tree, and hold it against its layers
check() {
	[ "${1-}" = --sources ] || (
		cd "$tmp/tree" || exit
		find src -name '*.c' | while read -r file; do
			object=$tmp/build/${file%.c}.o
			mkdir -p "${object%/*}"
			# shellcheck disable=SC2086 # a compiler with flags
			$CC -c -Isrc -Iinclude -o "$object" "$file" || exit
		done
	) || {
		echo 'the tree does not build'
		exit 99
	}
	if [ "${1-}" = --sources ]; then
		"$checker" -C "$tmp/tree" >"$tmp/out" 2>&1
	else
		"$checker" -C "$tmp/tree" "$tmp/build" >"$tmp/out" 2>&1
	fi
}

passes() {
	check || fail "$1: refused"
}

# refuses WHAT TEXT [OPTION]: it does, and says so
refuses() {
	if check ${3+"$3"}; then
		fail "$1: not found"
	elif ! grep -qF -- "$2" "$tmp/out"; then
		fail "$1: not said"
	fi
}

sound_tree
passes 'a sound tree'
check --sources || fail 'a sound tree, by its sources'

sound_tree
put src/mid/more.c '#include <public.h>' '#include "mid/mid.h"' \
	'int mid_b(void) { return public_call(); }'
refuses 'a call upward by a public header' \
	'src/mid/more.c: layer 1, mid, uses public_call of src/top/top.c'
echo 'upward mid/more top/top it is a test' >>"$tmp/tree/utils/layers.txt"
passes 'a call upward that is listed'
sed -i '$s/ it is a test//' "$tmp/tree/utils/layers.txt"
refuses 'a call upward without a reason' 'upward needs a reason'

sound_tree
echo 'upward mid/more top/top it is a test' >>"$tmp/tree/utils/layers.txt"
refuses 'a call upward that is gone' 'does not call top/top any more'

sound_tree
put src/mid/more.c '#include "mid/mid.h"' 'int side_call(void);' \
	'int mid_b(void) { return side_call(); }'
refuses 'a call within a layer, to another folder' 'uses side_call'

sound_tree
put src/mid/more.c '#include "mid/mid.h"' 'extern int Top;' \
	'int mid_b(void) { return Top; }'
put src/top/data.c 'int Top = 1;'
refuses 'a variable of a higher layer' 'uses Top of src/top/data.c'

sound_tree
put src/mid/more.c '#include "mid/mid.h"' '#include "side/side.h"' \
	'int mid_b(void) { return 1; }'
refuses 'an include of another folder' 'includes from side of layer 1' --sources

sound_tree
put src/low/map.c '#include "low/map.h"' '#include "mid/mid.h"' \
	'int map_it(void) { return 1; }'
refuses 'an include upward' 'includes from mid of layer 1' --sources

sound_tree
put src/side/side.c '#include "side/side.h"' '#include <sys/mman.h>' \
	'int side_call(void) { return 1; }'
refuses 'a second door' 'only low/map.c includes <sys/mman.h>' --sources
sed -i '/^door/s/$/ side\/side.c/' "$tmp/tree/utils/layers.txt"
passes 'a door of two files'
put src/top/top.c '#include <sys/mman.h>' \
	'int public_call(void) { return MAP_SHARED; }'
refuses 'a third door' 'only low/map.c side/side.c includes' --sources

sound_tree
put src/mid/more.c '/* more.c -- a test (layer 2) */' '#include "mid/mid.h"' \
	'int mid_b(void) { return mid_a(); }'
refuses 'a head with a wrong layer' 'layer 2 in the head of a file of mid' \
	--sources

sound_tree
put src/mid/mid.h '/* mid.h -- a test (layer 1) */' '#ifndef MID_H' \
	'#define MID_H' 'int mid_a(void);' 'int mid_b(void);' '#endif'
passes 'a head with its layer'
sed -i 's/ (layer 1)//' "$tmp/tree/src/mid/mid.h"
refuses 'a head without a layer' 'the head does not say the layer' --sources

sound_tree
put src/side/side.c 'extern int map_it(void);' \
	'int side_call(void) { return map_it(); }'
refuses 'a declaration in a source' 'belongs in a header' --sources

sound_tree
put src/side/more.c 'static int' 'give_locked(int give)' '{' \
	'	return give;' '}' 'int side_more(void);' \
	'int side_more(void) { return give_locked(1); }'
refuses 'a lock that is not asserted' 'begins with lock_assert_held' --sources

sound_tree
put src/new/new.c 'int new_call(void) { return 1; }'
refuses 'a folder without a layer' 'folder new is not in' --sources

sound_tree
put src/mid/mid.c '#include "mid/mid.h"' \
	'int mid_a(void) { return mid_b(); }'
refuses 'a circle of calls' 'files in a circle: mid/mid mid/more'
echo 'circle mid/more mid/mid: it is a test' >>"$tmp/tree/utils/layers.txt"
passes 'a circle that is listed'
sed -i '$s/:.*//' "$tmp/tree/utils/layers.txt"
refuses 'a circle without a reason' 'circle needs a reason'

sound_tree
echo 'circle mid/more mid/mid: it is a test' >>"$tmp/tree/utils/layers.txt"
refuses 'a circle that is gone' 'no such circle any more: mid/mid mid/more'

sound_tree
put src/side/side.h '#include "side/other.h"' 'int side_call(void);'
put src/side/other.h '#include "side/side.h"' 'int side_other(void);'
put src/side/other.c '#include "side/other.h"' \
	'int side_other(void) { return 1; }'
sed -i '1i #pragma once' "$tmp/tree/src/side/side.h" "$tmp/tree/src/side/other.h"
refuses 'a circle of includes' 'files in a circle: side/other side/side'

# An object that has lost its source does not count, and no build is an error.
sound_tree
put src/mid/old.c '#include <public.h>' 'int mid_old(void);' \
	'int mid_old(void) { return public_call(); }'
check && fail 'a call upward in old.c: not found'
rm "$tmp/tree/src/mid/old.c"
passes 'an object without a source'
rm -rf "$tmp/build"
mkdir -p "$tmp/build/src"
"$checker" -C "$tmp/tree" "$tmp/build" >"$tmp/out" 2>&1 &&
	fail 'a build without objects: not said'

exit $bad
