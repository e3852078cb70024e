#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# daxkind bench measures something: a short run of a few workloads, on the
# allocators that are always there.  What it finds is not looked at.
set -eu
LC_ALL=C
export LC_ALL
: "${top_builddir:=.}"
daxkind=$top_builddir/utils/daxkind/daxkind
if [ ! -x "$daxkind" ]; then
	echo "skipped: the daxkind command is not built"
	exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

"$daxkind" bench --list >"$tmp/list"
grep -q '^daxkind  *this library' "$tmp/list"
grep -q '^replace ' "$tmp/list"

workloads='pair 2T hand hand-bulk free-null detect policy turns largest'
# A sanitizer's realloc copies each time: minutes of it.
nm -D "$top_builddir/.libs/libdaxkind.so" | grep -qE ' U __(asan|tsan)_' ||
	workloads="$workloads append"
"$daxkind" bench --quick --seconds 0.01 --json "$tmp/json" \
	--allocator daxkind,daxkind-pmem,floor,glibc \
	--workload "$(echo "$workloads" | tr ' ' ,)" >"$tmp/table"
for figure in $workloads; do
	grep -q "^$figure .* daxkind" "$tmp/table" || {
		echo "no figure of $figure:"
		cat "$tmp/table"
		exit 1
	}
done
grep -q '"workload": *"pair"' "$tmp/json"

# What it does not know is said, and is no run.
for bad in '--workload nothing' '--allocator nothing' '--runs 0' '--size x'; do
	# shellcheck disable=SC2086 # two words
	if "$daxkind" bench $bad >"$tmp/out" 2>&1; then
		echo "accepted: $bad"
		exit 1
	fi
	[ -s "$tmp/out" ]
done
grep -c . "$tmp/table"
