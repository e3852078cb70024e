#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each public header compiles alone and twice over, as C and as C++; those with
# classes as C++ only.
set -eu
: "${top_srcdir:=.}" "${CC:=cc}"
headers=$top_srcdir/include

langs=
for std in c11 c17 c++11 c++14 c++17 c++20; do
	lang=c
	[ "${std#c++}" = "$std" ] || lang=c++
	if echo 'int probe;' |
		$CC -x $lang -std=$std -fsyntax-only - 2>/dev/null; then
		langs="$langs $std"
	else
		echo "$CC does not know $std: not tried"
	fi
done

for header in "$headers"/*.h; do
	name=$(basename "$header")
	tried=
	for std in $langs; do
		lang=c
		[ "${std#c++}" = "$std" ] || lang=c++
		[ $lang = c++ ] || ! grep -q '^namespace ' "$header" || continue
		printf '#include <%s>\n#include <%s>\nextern int probe;\n' \
			"$name" "$name" |
			$CC -x $lang -std="$std" -Wall -Wextra -Wpedantic \
				-Werror -I"$headers" -fsyntax-only - ||
			{ echo "$name does not stand alone in $std"; exit 1; }
		tried="$tried $std"
	done
	echo "$name stands alone:$tried"
done
