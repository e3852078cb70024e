#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What the documents tell a reader to run, or to look at, is there: files,
# targets of make, options of configure and of utils/check and its steps.
set -u
: "${top_srcdir:=.}" "${top_builddir:=.}"
makefile=$(cd "$top_builddir" && pwd)/Makefile
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$top_srcdir" || exit 99

# Words of code: between backquotes, and lines that are indented by four.
for doc in ./*.md doc/*.md src/*/README.md tests/dax/README.md \
	examples/README.md
do
	[ "$doc" != ./CHANGELOG.md ] || continue # what was there then
	awk -v doc="${doc#./}" '
	/^    / { print doc ": " $0; next }
	{
		n = split($0, part, "`")
		for (i = 2; i <= n; i += 2)
			print doc ": " part[i]
	}' "$doc"
done >"$tmp/code"
[ -s "$tmp/code" ] || { echo 'the documents have no code'; exit 1; }

utils/check --help >"$tmp/options"
utils/check --list >"$tmp/steps"
./configure --help >"$tmp/configure" 2>/dev/null || : >"$tmp/configure"

# is_there PATH: a file or folder, or what is built from it
is_there() {
	[ -e "$1" ] || [ -e "$1.c" ] || [ -e "$1.cc" ] ||
		grep -qF -- "$1" "$makefile"
}

bad=0
complain() {
	echo "$*"
	bad=1
}

# Those that have a placeholder in capitals, or a pattern, name no file.
while read -r doc code; do
	# shellcheck disable=SC2016 # what is looked for
	for word in $(printf '%s\n' "$code" | grep -oE \
		'(^|[ ("=./])(src|tests|utils|man|include|examples|doc|compat|m4)/[^] `"),:;#]*' |
		sed -E 's,^[ ("=./]*,,; s,[.]$,,' | grep -vE '[A-Z*<${…]|[.][.][.]')
	do
		is_there "$word" || complain "$doc there is no $word"
	done
	for word in $(printf '%s\n' "$code" |
		sed -nE 's/^.*(^|[ &;])make +([a-z-]+( |$)).*/\2/p' | grep -vE '^-')
	do
		grep -qE "^$word:" "$makefile" ||
			complain "$doc make has no target $word"
	done
	case $code in
	*utils/check*)
		for word in $(printf '%s\n' "$code" | grep -oE -- '--[a-z-]+'); do
			grep -qF -- "$word" "$tmp/options" ||
				complain "$doc utils/check has no option $word"
		done
		for word in $(printf '%s\n' "$code" |
			sed -nE 's/.*--only ([a-z,-]+).*/\1/p' | tr , ' ')
		do
			grep -q "^$word " "$tmp/steps" ||
				complain "$doc utils/check has no step $word"
		done
		;;
	*./configure*)
		for word in $(printf '%s\n' "$code" |
			grep -oE -- '--(en|dis)able-[a-z-]+|--with(out)?-[a-z-]+' |
			sed 's/^--disable-/--enable-/; s/^--without-/--with-/')
		do
			case $word in --enable-shared | --enable-static) continue ;; esac
			[ ! -s "$tmp/configure" ] ||
				grep -qE -- "$word|--disable-${word#--enable-}" \
					"$tmp/configure" ||
				complain "$doc configure has no $word"
		done
		;;
	esac
done <"$tmp/code"
exit $bad
