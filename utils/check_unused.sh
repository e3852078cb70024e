#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_unused.sh -- functions of src/ that nobody calls: those which the linker
# would drop from the library and from the daxkind command.  What is there for
# tests alone is listed in utils/unused.txt.
#
# check_unused.sh REGEX: the files that this build leaves out.  In the build
# folder; the environment has CC, CPPFLAGS (of the library),
# COMMAND_CPPFLAGS, LIBS and COMMAND_LIBS.
set -eu
LC_ALL=C
export LC_ALL
top=$(cd "$(dirname -- "$0")/.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# compile FOLDER FLAGS FILE...: each into an object of its own in $tmp/FOLDER
compile() {
	folder=$tmp/$1
	flags=$2
	shift 2
	mkdir -p "$folder"
	# shellcheck disable=SC2086 # lists of flags
	for file in "$@"; do
		object=$(echo "${file#"$top"/}" | tr / +)
		echo "-c $file -o $folder/${object%.c}.o"
	done | xargs -P2 -L1 $CC -std=gnu11 -pthread -fPIC -O1 -w \
		-ffunction-sections $flags
}
# dropped COMMAND...: "FUNCTION FILE" of what the link of it would drop
dropped() {
	"$@" -Wl,--gc-sections -Wl,--print-gc-sections 2>&1 |
		sed -n "s,.*'\.text\.\(unlikely\.\|hot\.\|startup\.\)*\([^']*\)' in file '$tmp/core/\([^']*\)\.o'.*,\2 \3,p" |
		sed 's/\.\(isra\|part\|cold\|constprop\)[.0-9]*//' | tr + / |
		sort -u
}

left_out=$1
files=$(find "$top/src" -name '*.c' | sort | grep -v -E "$left_out")
# shellcheck disable=SC2086 # lists
compile core "$CPPFLAGS" $files
# shellcheck disable=SC2046
compile command "$COMMAND_CPPFLAGS" $(find "$top/utils/daxkind" -name '*.c' |
	grep -v /bench_)

# shellcheck disable=SC2086
dropped $CC -shared "$tmp"/core/*.o $LIBS -o "$tmp/library.so" \
	-Wl,--version-script="$top/src/daxkind.map" >"$tmp/library"
# shellcheck disable=SC2086
dropped $CC -pthread "$tmp"/command/*.o "$tmp"/core/*.o $LIBS $COMMAND_LIBS \
	-o "$tmp/program" >"$tmp/command.dropped"
for file in library.so program; do
	[ -e "$tmp/$file" ] || { echo "check_unused.sh: no link" >&2; exit 99; }
done
comm -12 "$tmp/library" "$tmp/command.dropped" >"$tmp/unused"
sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$top/utils/unused.txt" |
	sed 's/:.*//' | sort >"$tmp/known"
cut -d ' ' -f 1 "$tmp/unused" | sort -u >"$tmp/names"
bad=0
for name in $(comm -23 "$tmp/names" "$tmp/known"); do
	grep "^$name " "$tmp/unused" | sed 's/^\(.*\) \(.*\)/\2.c: \1() is not used/'
	bad=1
done
for name in $(comm -13 "$tmp/names" "$tmp/known"); do
	echo "utils/unused.txt: $name() is used, or gone"
	bad=1
done
exit $bad
