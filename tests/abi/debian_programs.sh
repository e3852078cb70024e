#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Debian's own users of libmemkind run on our libmemkind.so.0 (configure
# --enable-memkind-abi), which the library path puts in its place: the two
# commands that print nodes, memtier with its preloaded library (and as ours of
# that name), and an OpenMP program whose run-time library looks for
# libmemkind.so itself.
set -eu
LC_ALL=C
export LC_ALL
: "${top_builddir:=.}"
dir=$(cd "$top_builddir" && pwd)/.libs
if [ ! -e "$dir/libmemkind.so.0" ]; then
	echo "skipped: libmemkind.so.0 is not built (--enable-memkind-abi)"
	exit 77
fi
if nm -D "$dir/libmemkind.so.0" | grep -qE ' U __(asan|tsan|ubsan)_'; then
	echo "skipped: a sanitizer's library needs a sanitizer's program"
	exit 77
fi
for command in memkind-hbw-nodes memkind-auto-dax-kmem-nodes memtier; do
	command -v "$command" >/dev/null || {
		echo "skipped: no $command (Debian: libmemkind-progs)"
		exit 77
	}
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
fail() {
	echo "$*"
	exit 1
}
old_path=${LD_LIBRARY_PATH-}

# on_ours COMMAND...: with our libraries in front of the system's.
on_ours() {
	LD_LIBRARY_PATH=$dir${old_path:+:$old_path} "$@"
}

# It is ours that is loaded, or nothing is shown at all.
is_ours() {
	on_ours ldd "$1" | grep -F "$2" | grep -qF "$dir/" ||
		fail "$1 does not take our $2"
}

# --- memkind-hbw-nodes, memkind-auto-dax-kmem-nodes: as with memkind's ----------
for command in memkind-hbw-nodes memkind-auto-dax-kmem-nodes; do
	is_ours "$(command -v "$command")" libmemkind.so.0
	for nodes in '' 0; do
		for library in memkinds ours; do
			runner=
			[ "$library" = memkinds ] || runner=on_ours
			status=0
			# The variable of each; an empty one is not set.
			MEMKIND_HBW_NODES=$nodes MEMKIND_DAX_KMEM_NODES=$nodes
			export MEMKIND_HBW_NODES MEMKIND_DAX_KMEM_NODES
			[ -n "$nodes" ] ||
				unset MEMKIND_HBW_NODES MEMKIND_DAX_KMEM_NODES
			$runner "$command" >"$tmp/$library" 2>/dev/null ||
				status=$?
			echo "status $status" >>"$tmp/$library"
		done
		diff -u "$tmp/memkinds" "$tmp/ours" ||
			fail "$command, nodes '$nodes': another answer than memkind's"
	done
done
unset MEMKIND_HBW_NODES MEMKIND_DAX_KMEM_NODES

# --- memtier --------------------------------------------------------------------
# Debian's own libmemtier.so.0 on our libmemkind.so.0: a folder with that alone.
mkdir "$tmp/lib"
for name in libmemkind.so.0 libdaxkind-tls.so.0; do
	ln -s "$dir/$name" "$tmp/lib/$name"
done
system_memtier=$(ldconfig -p | awk '$1 == "libmemtier.so.0" { print $NF; exit }')
: "${system_memtier:=/usr/lib/x86_64-linux-gnu/libmemtier.so.0}"
[ -e "$system_memtier" ] || fail "Debian's libmemtier.so.0 is not there"
tiers='KIND:DRAM,RATIO:1;POLICY:STATIC_RATIO'
sorted=$(seq 20000 -1 1 | LD_LIBRARY_PATH=$tmp/lib LD_PRELOAD=$system_memtier \
	MEMKIND_MEM_TIERS=$tiers sort -n | sha256sum)
[ "$sorted" = "$(seq 20000 | sha256sum)" ] ||
	fail "sort went wrong under Debian's libmemtier.so.0"
loaded=$(LD_LIBRARY_PATH=$tmp/lib LD_PRELOAD=$system_memtier \
	MEMKIND_MEM_TIERS=$tiers cat /proc/self/maps)
echo "$loaded" | grep -q "$dir/libmemkind" ||
	fail "Debian's libmemtier.so.0 does not take our libmemkind.so.0"
# With a tier on a file a child gets a copy of the blocks there.
cat >"$tmp/fork.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 100
#define LEN 3000

static char *blocks[NR];

static int
all_are(char c)
{
	for (int i = 0; i < NR; i++)
		for (int k = 0; k < LEN; k++)
			if (blocks[i][k] != c)
				return 0;
	return 1;
}

static void
fill(char c)
{
	for (int i = 0; i < NR; i++)
		memset(blocks[i], c, LEN);
}

static int
run_child(void)
{
	if (!all_are('p'))
		return 2;
	fill('c');
	for (int i = 0; i < NR; i++) {
		blocks[i] = realloc(blocks[i], 2 * LEN);
		char *p = calloc(1, 100000);
		if (blocks[i] == NULL || p == NULL)
			return 3;
		free(p);
	}
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		fill('g');
		_exit(0);
	}
	return waitpid(pid, &status, 0) != pid || status != 0 || !all_are('c');
}

int
main(void)
{
	int status;

	for (int i = 0; i < NR; i++) {
		blocks[i] = malloc(LEN);
		if (blocks[i] == NULL)
			return 4;
	}
	fill('p');
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();
		if (pid == 0)
			exit(run_child());
		fill('p');
		if (waitpid(pid, &status, 0) != pid || status != 0)
			return 10 + (status >> 8);
		if (!all_are('p'))
			return 5;
	}
	return 0;
}
C
${CC:-cc} -O1 "$tmp/fork.c" -o "$tmp/fork" || fail "no program can be made"
for kinds in "KIND:FS_DAX,PATH:$tmp,RATIO:1" \
	"KIND:DRAM,RATIO:1;KIND:FS_DAX,PATH:$tmp,PMEM_SIZE_LIMIT:64M,RATIO:4"; do
	status=0
	LD_LIBRARY_PATH=$tmp/lib LD_PRELOAD=$system_memtier \
		MEMKIND_MEM_TIERS="$kinds;POLICY:STATIC_RATIO" "$tmp/fork" ||
		status=$?
	[ $status -eq 0 ] ||
		fail "a fork under Debian's libmemtier.so.0 and $kinds: $status"
done
# And the command, which finds the library to preload by its name: ours.
sorted=$(seq 20000 -1 1 | on_ours memtier -r 1:0 sort -n | sha256sum) || :
[ "$sorted" = "$(seq 20000 | sha256sum)" ] || fail "memtier sort went wrong"

# Ours sets the same for a program, and refuses the same.
for ratio in 1:0 0:1 1:4 40:10 0:0 1 1:2:3 a:b -1:2 ''; do
	for library in memkinds ours; do
		command=memtier
		[ "$library" = memkinds ] || command=$top_builddir/compat/memtier
		status=0
		# shellcheck disable=SC2016 # the other shell's
		MEMKIND_DAX_KMEM_NODES=0 on_ours "$command" -r "$ratio" sh -c \
			'echo "$MEMKIND_MEM_TIERS ${MEMKIND_MEM_THRESHOLDS-none}"' \
			>"$tmp/$library" 2>/dev/null || status=$?
		echo "status $status" >>"$tmp/$library"
	done
	diff -u "$tmp/memkinds" "$tmp/ours" ||
		fail "memtier -r '$ratio': sets something else than memkind's"
done

# --- OpenMP -------------------------------------------------------------------------
compiler=$(command -v clang) || compiler=
cat >"$tmp/omp.c" <<'C'
#include <omp.h>
#include <stdio.h>
#include <string.h>

int
main(void)
{
	/* preferring memory of high bandwidth, or falling back to plain one */
	omp_alloctrait_t traits[] = {
	    {omp_atk_fallback, omp_atv_default_mem_fb}};
	omp_memspace_handle_t spaces[] = {omp_default_mem_space,
	    omp_large_cap_mem_space, omp_high_bw_mem_space};
	int nr_wrong = 0;

	for (int i = 0; i < 3; i++) {
		omp_allocator_handle_t allocator =
		    omp_init_allocator(spaces[i], 1, traits);

#pragma omp parallel for reduction(+ : nr_wrong)
		for (int n = 0; n < 1000; n++) {
			char *p = omp_alloc(100 + (size_t)n, allocator);

			if (p == NULL) {
				nr_wrong++;
				continue;
			}
			memset(p, n, 100);
			nr_wrong += p[99] != (char)n;
			omp_free(p, allocator);
		}
		omp_destroy_allocator(allocator);
	}
	printf("%d wrong\n", nr_wrong);
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[1000];
	int is_loaded = 0;
	while (fgets(line, sizeof(line), maps) != NULL)
		is_loaded |= strstr(line, OUR_DIR "/libmemkind") != NULL;
	puts(is_loaded ? "ours" : "not ours");
	return nr_wrong != 0 || !is_loaded;
}
C
if [ -z "$compiler" ] || ! "$compiler" -fopenmp -O1 -DOUR_DIR="\"$dir\"" \
	"$tmp/omp.c" -o "$tmp/omp" 2>"$tmp/log"; then
	cat "$tmp/log"
	fail "no OpenMP program can be made (Debian: clang, libomp-dev)"
fi
on_ours "$tmp/omp" || fail "the OpenMP program failed with status $?"
echo "3 commands and an OpenMP program run on our libmemkind.so.0"
