#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# sources.sh KIND -- print the files of KIND, below the top folder, one a line:
# c (C++ with it), shell, or all (everything that people wrote: the fuzzer's
# corpus is not).
set -eu
cd "$(dirname -- "$0")/.."

all() {
	if [ -e .git ] && command -v git >/dev/null 2>&1; then
		git ls-files --cached --others --exclude-standard |
			while read -r file; do
				[ ! -f "$file" ] || echo "$file"
			done
	else
		find . -name '.?*' ! -name '.clang-*' ! -name .editorconfig \
			! -name .gitattributes ! -name .gitignore ! -name .ci \
			-prune -o -type f -print |
			sed 's/^\.\///'
	fi | grep -v '^tests/fuzz/corpus/' | sort
}

case ${1-} in
all) all ;;
c) all | grep -e '\.[ch]$' -e '\.cc$' ;;
shell)
	# what says so in its first line, and what is sourced
	all | while read -r file; do
		if head -n 1 "$file" | grep -aEq \
			-e '^#! ?(/usr)?/bin/(env )?(ba|da)?sh' \
			-e '^# shellcheck shell='; then
			echo "$file"
		else
			case $file in
			*.sh) echo "$file" ;;
			esac
		fi
	done
	;;
*)
	echo "usage: utils/sources.sh all|c|shell" >&2
	exit 2
	;;
esac
