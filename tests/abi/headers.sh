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

# brings HEADER LANGUAGE LINE: what programs have by memkind's header.
brings() {
	printf '#include <%s>\n%s\n' "$1" "$3" |
		$CC -x "$2" -I"$headers" -fsyntax-only - ||
		{ echo "$1 brings less than memkind's: $3"; exit 1; }
}
brings memkind.h c 'bool b; ssize_t s;'
brings hbwmalloc.h c 'void *f(void) { return malloc(1); }'
brings memkind_memtier.h c 'void *f(void) { return malloc(1); }'
case "$langs" in *c++*)
	brings hbw_allocator.h c++ 'std::bad_alloc e; void *p = malloc(1);'
	brings memkind_allocator.h c++ 'std::map<int, std::string> m; double d = std::sqrt(2.0);'
	for header in pmem fixed; do
		brings ${header}_allocator.h c++ \
			'std::atomic<int> a; std::shared_ptr<int> p; std::string s; std::runtime_error e("");'
	done
	;;
esac

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
