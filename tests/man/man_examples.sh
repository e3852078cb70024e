#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Each complete program in the manual, and the one in README.md, compiles
# without a warning, runs against the built library and exits 0.
#
# A program is a ".Bd -literal" block of an EXAMPLES section that has a main().
# To look at them without the library: DAXKIND_EXAMPLES_ONLY=compile.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
# Examples that there are at least: fewer means that they were not found.
min_examples=25

lib_dir=$(cd "$top_builddir" && pwd)/.libs
include_dir=$(cd "$top_srcdir" && pwd)/include
man_dir=$(cd "$top_srcdir" && pwd)/man
only=${DAXKIND_EXAMPLES_ONLY:-}
if [ "$only" != compile ] && [ ! -e "$lib_dir/libdaxkind.so" ]; then
	echo "no shared library was built"
	exit 99
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# Write the programs of a page to PREFIX.1.c, PREFIX.2.c ...
extract() { # page prefix
	awk -v prefix="$2" '
	function fail(why) {
		printf "%s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
		failed = 1
		exit 1
	}
	# What the reader of the page sees for a line of its source.
	function unescape(line,    out, at, name) {
		if (line ~ /^\./)
			fail("a request inside an example")
		out = ""
		while ((at = index(line, "\\")) > 0) {
			out = out substr(line, 1, at - 1)
			line = substr(line, at + 1)
			name = substr(line, 1, 1)
			if (name == "(") {
				name = substr(line, 2, 2)
				line = substr(line, 4)
			} else
				line = substr(line, 2)
			if (!(name in glyph))
				fail("an escape that is not known: \\" name)
			out = out glyph[name]
		}
		return out line
	}
	BEGIN {
		glyph["e"] = glyph["rs"] = "\\"
		glyph["&"] = ""
		glyph["-"] = "-"
		glyph["aq"] = "\047"
		glyph["dq"] = "\""
		glyph["ha"] = "^"
		glyph["ti"] = "~"
	}
	/^\.Sh / { in_examples = /^\.Sh EXAMPLES/; next }
	in_examples && /^\.Bd / { in_block = /-literal/; text = ""; next }
	/^\.Ed/ {
		if (in_block && text ~ /(^|\n)(int )?main\(/) {
			printf "%s", text >(prefix "." ++nr ".c")
			close(prefix "." nr ".c")
		}
		in_block = 0
		next
	}
	in_block { text = text unescape($0) "\n" }
	END { if (!failed && in_block) fail("a block without an end") }
	' "$1"
}

# A library with sanitizers wants its program to have them too.
sanitizers() { # library
	nm -D --undefined-only "$1" | sed -n \
		-e 's/.*__asan_init.*/-fsanitize=address/p' \
		-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
		-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' | sort -u
}

flags="-Wall -Wextra -Werror -I$include_dir"
if [ "$only" = compile ]; then
	flags="$flags -fsyntax-only"
else
	flags="$flags $(sanitizers "$lib_dir/libdaxkind.so")"
fi

# Run a program in an empty directory.  No example needs a device, so there is
# no reason to skip: 77 is a failure like any other.
run() { # program
	mkdir "$1.dir"
	(cd "$1.dir" &&
		LD_LIBRARY_PATH=$lib_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
			"$1" >"$1.out" 2>&1)
}

check() { # source
	program=${1%.c}
	name=$(basename "$program")
	libs=-ldaxkind
	if grep -q '<libvmem\.h>' "$1"; then
		libs=-lvmem
		[ -e "$lib_dir/libvmem.so" ] || [ "$only" = compile ] ||
			{ echo "not built: libvmem for $name"; return; }
	fi
	lang='-x c -std=gnu11'
	if grep -q -e '_allocator\.h>' -e 'daxkind_cxx\.h>' "$1"; then
		if ! $CC -x c++ -fsyntax-only /dev/null 2>/dev/null; then
			echo "not compiled: $name, for want of a C++ compiler"
			return
		fi
		lang='-x c++ -std=c++17'
		libs="$libs -lstdc++"
	fi
	# CC, flags and so on are lists of words.
	# shellcheck disable=SC2086
	if [ "$only" = compile ]; then
		$CC $flags $lang "$1"
	else
		$CC $flags $lang -o "$program" "$1" -x none -L"$lib_dir" \
			-Wl,-rpath-link,"$lib_dir" $libs &&
			run "$program"
	fi && echo "ok   $name" && return
	echo "FAIL $name"
	[ ! -e "$program.out" ] || sed 's/^/     /' "$program.out"
	nr_failed=$((nr_failed + 1))
}

nr_found=0
nr_failed=0

awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' \
	"$top_srcdir/README.md" >"$tmp/README.md.1.c"
nr_found=$((nr_found + 1))
check "$tmp/README.md.1.c"

for page in "$man_dir"/*.[37]; do
	prefix=$tmp/$(basename "$page")
	extract "$page" "$prefix"
	for source in "$prefix".*.c; do
		[ -e "$source" ] || continue
		nr_found=$((nr_found + 1))
		check "$source"
	done
done

echo "$nr_found examples, $nr_failed failed"
if [ "$nr_found" -lt "$min_examples" ]; then
	echo "fewer than $min_examples: are all of them still found?"
	exit 1
fi
[ "$nr_failed" -eq 0 ]
