#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# memkind-hbw-nodes and memkind-auto-dax-kmem-nodes: what they print, and what
# they end with.
set -eu
: "${top_builddir:=.}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
bad=0
unset MEMKIND_HBW_NODES MEMKIND_HBW_THRESHOLD MEMKIND_DAX_KMEM_NODES || :

# want STATUS OUTPUT COMMAND...: OUTPUT is of standard output, a pattern of case
want() {
	status=$1
	output=$2
	shift 2
	got=0
	said=$("$@" 2>"$tmp/err") || got=$?
	# shellcheck disable=SC2254 # a pattern
	case $said in
	$output) [ "$got" -ne "$status" ] || return 0 ;;
	esac
	echo "FAILED: $*: status $got, said \"$said\""
	cat "$tmp/err"
	bad=1
}

hbw=$top_builddir/compat/memkind-hbw-nodes
kmem=$top_builddir/compat/memkind-auto-dax-kmem-nodes
want 0 0 env MEMKIND_HBW_NODES=0 "$hbw"
want 0 0 env MEMKIND_DAX_KMEM_NODES=0 "$kmem"
want 1 '' env MEMKIND_HBW_NODES=x "$hbw"
grep -q MEMKIND_HBW_NODES "$tmp/err" || { echo "no reason"; bad=1; }
want 1 '' env MEMKIND_HBW_NODES=1023 "$hbw"
want 1 '' env MEMKIND_HBW_THRESHOLD=99999999 "$hbw"
[ -s "$tmp/err" ] || { echo "no reason"; bad=1; }
failure=1 # without libdaxctl nobody can look for them
! grep -q '^#define DAXCTL_SONAME' "$top_builddir/config.h" || failure=3
want $failure '' env MEMKIND_DAX_KMEM_NODES=x "$kmem"
for command in "$hbw" "$kmem"; do
	want 0 'usage: *' "$command" --help
	want 0 'usage: *' "$command" -h
	for extra in -x 0 ''; do
		want 2 '' "$command" "$extra"
		grep -qF "unexpected argument \"$extra\"" "$tmp/err" ||
			{ echo "$extra is not named"; bad=1; }
	done
	want 2 '' "$command" --help --help
	grep -qF 'unexpected argument "--help"' "$tmp/err" || bad=1
done

[ $bad -eq 0 ] || exit 1
echo "the commands say what nodes there are"
