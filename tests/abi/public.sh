#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Four lists agree: what the installed headers declare, the symbol map of the
# library that has it, the manual, and what is called in tests.  symbols.sh says
# whether the libraries have what the maps say, manpages.sh whether the manual's
# pages are where they should be.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
cd "$top_srcdir"
bad=0
fail() {
	echo "$*"
	bad=1
}

# The words of lists that make reads.
words() {
	tr -cs '[:graph:]' '\n' <"$1"
}

# --- the headers: "SORT NAME HEADER LIBRARY" -----------------------------------
{ words Makefile.am && words compat/compat.mk; } | sort -u >"$tmp/installed"
for header in include/*.h; do
	grep -qx "$header" "$tmp/installed" || fail "$header is not installed"
	case $header in
	include/libvmem.h) library=libvmem ;;
	include/autohbw_api.h) library=libautohbw ;;
	*) library=daxkind ;;
	esac
	lang='-x c -std=c11'
	! grep -q '^namespace ' "$header" || lang='-x c++ -std=c++17'
	# shellcheck disable=SC2086 # two words
	if ! $CC $lang -Iinclude -E "$header" >"$tmp/cpp" 2>"$tmp/log"; then
		[ "$lang" != '-x c -std=c11' ] || { cat "$tmp/log"; exit 1; }
		echo "$header: not looked at, $CC knows no C++17"
		continue
	fi
	awk -v header="$header" -f tests/abi/declared.awk "$tmp/cpp" |
		sed "s|\$| $header $library|" >>"$tmp/all"
done
sort -u "$tmp/all" >"$tmp/declared"

# --- the maps --------------------------------------------------------------------
for library in daxkind libvmem libautohbw; do
	map=compat/$library.map
	[ $library != daxkind ] || map=src/daxkind.map
	sed -n 's/^[[:space:]]*\([A-Za-z][A-Za-z0-9_]*\);.*/\1/p' "$map" |
		sort -u >"$tmp/map"
	awk -v library=$library '
		$4 == library && ($1 == "function" || $1 == "variable") {
			print $2
		}' "$tmp/declared" | sort -u >"$tmp/wanted"
	comm -23 "$tmp/wanted" "$tmp/map" | sed "s|.*|& is not in $map|"
	# The others of libautohbw are libc's.
	[ $library = libautohbw ] || comm -13 "$tmp/wanted" "$tmp/map" |
		sed "s|.*|& is in $map and in no header|"
done >"$tmp/differ"
[ ! -s "$tmp/differ" ] || fail "$(cat "$tmp/differ")"

# --- the manual: "NAME PAGE" of each synopsis ----------------------------------
words man/man.mk | grep '^man/' | sort -u >"$tmp/pages"
while read -r page; do
	awk -v page="$page" '
	/^\.Sh / { in_synopsis = /^\.Sh SYNOPSIS/ }
	in_synopsis && /^\.F[no] / { print $2, page }
	in_synopsis && /^\.Vt .* Dv / {
		sub(/.* Dv /, "")
		print $1, page
	}' "$page"
done <"$tmp/pages" | sed 's/<T>//' | sort -u >"$tmp/synopses"

# The page of that name, which may be an alias, is installed and has it.
check_page() {
	page=man/$1.3
	grep -qx "$page" "$tmp/pages" ||
		{ fail "$1 has no page that is installed: $page"; return; }
	target=$(sed -n '1s/^\.so /man\//p' "$page" | sed 's|man/man[0-9]/|man/|')
	grep -qx "$1 ${target:-$page}" "$tmp/synopses" ||
		fail "$1 is not in the synopsis of ${target:-$page}"
}

# --- the tests: those that make check or the emulated machine run -----------------
{ words tests/tests.mk && words tests/compat/compat_tests.mk; } |
	sort -u >"$tmp/lists"
for source in $(find tests -name '*.c' | sort); do
	! grep -qx "${source%.c}" "$tmp/lists" || echo "$source"
done >"$tmp/sources"
grep -x 'tests/cxx/.*\.cc' "$tmp/lists" >>"$tmp/sources"
# shellcheck disable=SC2046 # names without blanks
awk -f tests/abi/used.awk $(cat "$tmp/sources") | sort -u >"$tmp/used"

# As a test may write it, after "namespace pmem = libmemkind::pmem".
is_used() { # word name
	grep -qx "$1 $2" "$tmp/used" ||
		grep -qx "$1 ${2#libmemkind::}" "$tmp/used"
}

nr=0
while read -r sort name header library; do
	nr=$((nr + 1))
	case $sort in
	function | inline | member) word=call ;;
	*) word=name ;;
	esac
	is_used $word "$name" || fail "$name of $header is in no test"
	case $sort in
	class) grep -q "^$name " "$tmp/synopses" ||
		fail "$name of $header is in no synopsis" ;;
	member) ;; # as the standard library has them
	*) check_page "$name" ;;
	esac
done <"$tmp/declared"

[ $bad -eq 0 ] || exit 1
[ $nr -gt 150 ] || { echo "only $nr names were found"; exit 1; }
echo "$nr names of headers have their symbols, pages and tests"
