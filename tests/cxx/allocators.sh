#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The C++ adapters, and durable kinds, compile at each standard from C++11 to C++20, with each C++
# compiler that is here, and work against the built library.
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}"
lib_dir=$(cd "$top_builddir" && pwd)/.libs
[ -e "$lib_dir/libdaxkind.so" ] ||
	{ echo "no shared library was built"; exit 99; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# A library with sanitizers wants its program to have them too, and those of
# the compiler that it was built with.
san=$(nm -D --undefined-only "$lib_dir/libdaxkind.so" | sed -n \
	-e 's/.*__asan_init.*/-fsanitize=address/p' \
	-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
	-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' | sort -u)
case $san,${CC:-cc} in
,*) compilers='g++ clang++' ;;
*,*clang*) compilers=clang++ ;;
*) compilers=g++ ;;
esac

tried=0
for cxx in ${CXX:-$compilers}; do
	command -v "$cxx" >/dev/null ||
		{ echo "no $cxx here: not tried"; continue; }
	for std in c++11 c++14 c++17 c++20; do
		if ! echo 'int probe;' |
			"$cxx" -x c++ -std=$std -fsyntax-only - 2>/dev/null; then
			echo "$cxx does not know $std: not tried"
			continue
		fi
		for program in allocators durable; do
			# shellcheck disable=SC2086 # a list of flags
			"$cxx" -std=$std -Wall -Wextra -Wpedantic -Wshadow -Werror \
				$san -I"$top_srcdir/include" \
				"$top_srcdir/tests/cxx/$program.cc" \
				-o "$tmp/program" -L"$lib_dir" -ldaxkind ||
				{ echo "$cxx, $std: $program.cc does not compile"; exit 1; }
			said=$(LD_LIBRARY_PATH=$lib_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
				"$tmp/program" "$tmp") ||
				{ echo "$cxx, $std: $program failed"; exit 1; }
			echo "$cxx, $std: $said"
			tried=$((tried + 1))
		done
	done
done
[ $tried -gt 0 ] || { echo "skipped: there is no C++ compiler"; exit 77; }
