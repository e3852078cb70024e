#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each public header compiles alone and twice over, as C and as C++.
set -eu
: "${top_srcdir:=.}" "${CC:=cc}"
headers=$top_srcdir/include

langs=c11
for std in c++11 c++14 c++17; do
	if echo 'int probe;' |
		$CC -x c++ -std=$std -fsyntax-only - 2>/dev/null; then
		langs="$langs $std"
	else
		echo "$CC does not know $std: not tried"
	fi
done

for header in "$headers"/*.h; do
	name=$(basename "$header")
	for std in $langs; do
		lang=c
		[ "$std" = c11 ] || lang=c++
		printf '#include <%s>\n#include <%s>\nextern int probe;\n' \
			"$name" "$name" |
			$CC -x $lang -std="$std" -Wall -Wextra -Wpedantic \
				-Werror -I"$headers" -fsyntax-only - ||
			{ echo "$name does not stand alone in $std"; exit 1; }
	done
	echo "$name stands alone: $langs"
done
