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

# Of durable heaps: opened again, by each sort of flush.  With ThreadSanitizer
# there are no addresses for 4 TiB.
durable=pair,reopen,records figures='ms crash_ms walk_ns fresh_kib'
if ! nm -D "$top_builddir/.libs/libdaxkind.so" | grep -q ' U __tsan_'; then
	durable=$durable,reopen-4T figures="$figures format_ms"
fi
"$daxkind" bench --quick --seconds 0.01 \
	--allocator daxkind-durable,daxkind-lines \
	--workload $durable >"$tmp/table"
for figure in $figures; do
	[ "$(grep -c "^re.* $figure .* daxkind-" "$tmp/table")" -ge 2 ] || {
		echo "no figure $figure of durable heaps:"
		cat "$tmp/table"
		exit 1
	}
done

# So do those for plots, with and without one.
"$daxkind" bench --list | awk '$2 == "plot" { print $1 }' >"$tmp/plots"
grep -qx sizes "$tmp/plots"
while read -r workload; do
	"$daxkind" bench --quick --seconds 0.001 --allocator daxkind \
		--workload "$workload" >"$tmp/out" 2>&1 || {
		echo "$workload failed:"
		cat "$tmp/out"
		exit 1
	}
	grep -q "^$workload .* daxkind" "$tmp/out" || {
		echo "no figure of $workload:"
		cat "$tmp/out"
		exit 1
	}
done <"$tmp/plots"
# A long series is cut, and that is said.
"$daxkind" bench --quick --seconds 0.001 --allocator daxkind \
	--workload life >"$tmp/out"
[ "$(grep -c '^life  *held@' "$tmp/out")" -eq 11 ]
grep -q 'one in ten points' "$tmp/out"
grep -c . "$tmp/table"
