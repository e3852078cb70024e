# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
# shellcheck disable=SC2154 # top: the folder of the sources, set by the sourcer
# common.sh -- what utils/check and utils/demo share.

# One of us at a time in the sources: configure and Makefile.in are there, and
# not older than what they are made from.
sources_ready() {
	mkdir -p "$top/.build"
	(
		flock 9
		cd "$top" || exit
		if [ -x configure ] && [ -e Makefile.in ] &&
			[ -z "$(find . -maxdepth 3 ! -path './.*' \( \
				-name configure.ac -o -name Makefile.am -o \
				-name 'dk_*.m4' -o -name '*.mk' -o \
				-name daxkind_version.h \) \
				-newer Makefile.in)" ]
		then
			exit 0
		fi
		./autogen.sh 9>&-
	) 9>"$top/.build/sources.lock"
}

# configured DIR ARGUMENT...: DIR is a build folder that configure has made
# with these arguments.
configured() {
	dir=$1
	shift
	if [ -e "$dir/Makefile" ] && [ -e "$dir/.configured" ] &&
		[ "$(cat "$dir/.configured")" = "$*" ] &&
		[ -z "$(find "$top/configure" -newer "$dir/config.status")" ]
	then
		return 0
	fi
	rm -rf "$dir"
	mkdir -p "$dir"
	(cd "$dir" && "$top/configure" "$@") || return
	printf '%s\n' "$*" >"$dir/.configured"
}
