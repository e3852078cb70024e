#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What comes with the library, and when: libpmem, libdaxctl and libndctl are
# loaded when they are first needed and not before; loading them is not seen by
# the rest of the process, works inside a constructor, and is an error with a
# text where they are missing.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
fail() {
	echo "$*"
	exit 1
}
soname() { # NAME of config.h
	sed -n "s/^#define $1_SONAME \"\\(.*\\)\"/\\1/p" "$top_builddir/config.h"
}

dir=$(cd "$top_builddir" && pwd)/.libs
for lib in libdaxkind.so libmemkind.so.0; do
	[ -e "$dir/$lib" ] || continue
	if readelf -d "$dir/$lib" | grep -e 'NEEDED.*\(pmem\|daxctl\|ndctl\)'
	then
		fail "$lib brings libraries that are loaded when they are needed"
	fi
done

san=$(nm -D --undefined-only "$dir/libdaxkind.so" | sed -n \
	-e 's/.*__asan_init.*/-fsanitize=address/p' \
	-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
	-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' \
	-e 's/.*__gcov_.*/--coverage/p' | sort -u)
cat >"$tmp/use.h" <<'C'
#include <daxkind.h>
#include <stdio.h>
#include <sys/mman.h>

/* A region that is flushed by lines of the cache, flushed. */
static int
use(void)
{
	size_t size = 4 << 20;
	void *area = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct daxkind_region *region;
	memkind_t kind;

	if (area == MAP_FAILED)
		return 2;
	if (daxkind_region_open_mapping(area, size, DAXKIND_PERSISTENT,
		&region) != 0 ||
	    daxkind_kind_create(region, &kind) != 0) {
		printf("open: %s\n", daxkind_last_error());
		return 3;
	}
	char *block = memkind_malloc(kind, 100);
	if (block == NULL)
		return 4;
	if (daxkind_memcpy_persist(kind, block, "data", 5) != 0 ||
	    daxkind_flush(kind, block, 100) != 0 || daxkind_drain(kind) != 0) {
		printf("flush: %s\n", daxkind_last_error());
		return 5;
	}
	memkind_free(kind, block);
	if (memkind_destroy_kind(kind) != 0 ||
	    daxkind_region_close(region) != 0 || munmap(area, size) != 0)
		return 6;
	return 0;
}
C
cat >"$tmp/program.c" <<'C'
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

#include "use.h"

/* Ask about devices when no descriptor is to be had. */
static int
ask_without_descriptors(void)
{
	struct rlimit limit = {64, 64};

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 6;
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	(void)memkind_check_available(MEMKIND_DAX_KMEM);
	return 0;
}

int
main(int argc, char **argv)
{
	struct daxkind_region *region;

	if (argc < 2)
		return 0;
	if (strcmp(argv[1], "use") == 0)
		return use();
	if (strcmp(argv[1], "no-descriptors") == 0)
		return ask_without_descriptors();
	if (daxkind_region_open(argv[1], 0, 0, &region) != 0)
		printf("open: %s\n", daxkind_last_error());
	return 0;
}
C
cat >"$tmp/plugin.c" <<'C'
#include "use.h"

int Plugin_used = -1;

__attribute__((constructor)) static void
start(void)
{
	Plugin_used = use();
}
C
cat >"$tmp/host.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>

int
main(int argc, char **argv)
{
	void *plugin = argc < 2 ? NULL : dlopen(argv[1], RTLD_NOW);
	int *used = plugin == NULL ? NULL : dlsym(plugin, "Plugin_used");

	if (used == NULL) {
		puts(dlerror());
		return 1;
	}
	return *used;
}
C
echo 'int main(void) { return 0; }' >"$tmp/empty.c"
compile() { # flags and files
	# shellcheck disable=SC2086 # a list of flags
	$CC $san -I"$top_srcdir/include" "$@"
}
compile "$tmp/program.c" -o "$tmp/program" "$dir/libdaxkind.so"
compile -shared -fPIC "$tmp/plugin.c" -o "$tmp/plugin.so" "$dir/libdaxkind.so"
compile "$tmp/host.c" -o "$tmp/host" -ldl
compile "$tmp/empty.c" -o "$tmp/empty"
LD_LIBRARY_PATH=$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

# The leak sanitizer wants no strace, and everything closed after a failure.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
export ASAN_OPTIONS

"$tmp/program" use || fail "it cannot be used: status $?"
# With the thread sanitizer libraries are called as they are, and may be seen.
case $san in
*thread*) apart=no ;;
*) apart=yes ;;
esac
if [ $apart = yes ]; then
	"$tmp/program" no-descriptors >"$tmp/out" 2>&1 ||
		fail "without descriptors: status $?"
	[ ! -s "$tmp/out" ] || fail "a library prints: $(cat "$tmp/out")"
fi
# The loader's lock is held by who waits for the loading.
timeout 300 "$tmp/host" "$tmp/plugin.so" ||
	fail "in the constructor of a plug-in: status $?"

# A library of that name that is none, and one that lacks what is needed.
broken() { # soname
	mkdir -p "$tmp/broken" "$tmp/empty_lib"
	echo none >"$tmp/broken/$1"
	echo 'int nothing;' >"$tmp/nothing.c"
	$CC -shared -fPIC "$tmp/nothing.c" -Wl,-soname,"$1" \
		-o "$tmp/empty_lib/$1"
}
broken "$(soname PMEM)"
for where in broken empty_lib; do
	LD_LIBRARY_PATH=$tmp/$where:$LD_LIBRARY_PATH "$tmp/program" use \
		>"$tmp/out" && fail "$where: it flushes without libpmem"
	grep -q '^flush: .*libpmem.*install' "$tmp/out" ||
		fail "$where: $(cat "$tmp/out")"
done
if [ -n "$(soname NDCTL)" ]; then
	broken "$(soname NDCTL)"
	for where in broken empty_lib; do
		LD_LIBRARY_PATH=$tmp/$where:$LD_LIBRARY_PATH \
			"$tmp/program" namespace7.0 >"$tmp/out"
		grep -q '^open: .*libndctl cannot be loaded' "$tmp/out" ||
			fail "$where: $(cat "$tmp/out")"
	done
fi

# The rest is in the system calls.
if ! command -v strace >/dev/null || ! strace -o "$tmp/trace" true; then
	echo 'skipped: strace cannot be used here: system calls were not looked at'
	exit 77
fi

# calls PROGRAM...: system calls of it, but for files that were looked for and
# are not there: how many depends on the loader's path
calls() {
	strace -f -o "$tmp/trace" "$@" >/dev/null 2>&1 || fail "strace: $*"
	grep -c -v ENOENT "$tmp/trace"
}
none=$(calls "$tmp/empty")
loaded=$(($(calls "$tmp/program") - none))
echo "loading is $loaded system calls"
! grep -e 'pmem\.so' -e 'ctl\.so' -e /sys/bus "$tmp/trace" ||
	fail 'loading looks for DAX memory'
! grep -e 'chdir(' "$tmp/trace" || fail 'loading moves the working directory'
[ -n "$san" ] || [ "$loaded" -le 100 ] || fail 'loading is more than 100'

[ $apart = yes ] || exit 0
# Who moves has a directory of its own: a process without CLONE_FS.
for what in use namespace7.0; do
	strace -f -o "$tmp/trace" -e trace=clone,clone3,vfork,fork,chdir,fchdir \
		"$tmp/program" $what >/dev/null 2>&1 || fail "strace: $what"
	awk '
	NR == 1 { first = $1 }
	/CLONE_FS/ { shared = 1 }
	/chdir\(/ && $1 == first { print; bad = 1 }
	END { exit bad || shared }' "$tmp/trace" || {
		cat "$tmp/trace"
		fail "$what: the working directory moves"
	}
done
