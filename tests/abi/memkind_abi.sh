#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# libmemkind.so.0 (configure --enable-memkind-abi) has every name that memkind's
# headers declare or its manual documents, as the same sort of thing; and a
# program that knows only that library runs on ours.
set -eu
LC_ALL=C
export LC_ALL
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

map_of() {
	sed -n 's/^[[:space:]]*\([A-Za-z][A-Za-z0-9_]*\);.*/\1/p' "$1" | sort
}
map_of "$top_srcdir/compat/libmemkind.map" >"$tmp/map"
map_of "$top_srcdir/src/daxkind.map" | grep -v '^daxkind_' >"$tmp/ours"
diff -u "$tmp/ours" "$tmp/map" ||
	{ echo "libmemkind.map is not daxkind.map without daxkind_*"; exit 1; }

# "F NAME" and "D NAME" of what programs may use
awk '!/^#/ && $2 != "-" { print $1, $3 }' \
	"$top_srcdir/tests/abi/libmemkind.symbols" | sort >"$tmp/wanted"
cut -d ' ' -f 2 "$tmp/wanted" | sort | comm -23 - "$tmp/map" >"$tmp/missing"
if [ -s "$tmp/missing" ]; then
	echo "memkind has, and ours has not:"
	cat "$tmp/missing"
	exit 1
fi

dir=$(cd "$top_builddir" && pwd)/.libs
lib=$dir/libmemkind.so.0
if [ ! -e "$lib" ]; then
	echo "$(wc -l <"$tmp/wanted") names are there;" \
		"libmemkind.so.0 was not built (--enable-memkind-abi)"
	exit 0
fi
nm -D --defined-only "$lib" |
	awk '{ print ($2 == "T" ? "F" : "D"), $3 }' | sort >"$tmp/lib"
comm -23 "$tmp/wanted" "$tmp/lib" >"$tmp/missing"
if [ -s "$tmp/missing" ]; then
	echo "not in libmemkind.so.0, not of this sort (function, data), or" \
		"with a version:"
	cat "$tmp/missing"
	exit 1
fi
cut -d ' ' -f 2 "$tmp/lib" | sort | diff -u "$tmp/map" - ||
	{ echo "libmemkind.map and libmemkind.so.0 differ"; exit 1; }

# As a plug-in looks for it: by the names alone.
san=$(nm -D --undefined-only "$lib" | sed -n \
	-e 's/.*__asan_init.*/-fsanitize=address/p' \
	-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
	-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' | sort -u)
cat >"$tmp/program.c" <<'C'
#include <dlfcn.h>
#include <stdio.h>

int
main(void)
{
	void *lib = dlopen("libmemkind.so.0", RTLD_NOW);
	if (lib == NULL) {
		puts(dlerror());
		return 1;
	}
	int (*check)(void *) = (int (*)(void *))dlsym(
	    lib, "memkind_check_available");
	void *(*alloc)(void *, size_t) = (void *(*)(void *, size_t))dlsym(
	    lib, "memkind_malloc");
	void (*release)(void *, void *) = (void (*)(void *, void *))dlsym(
	    lib, "memkind_free");
	void **kind = dlsym(lib, "MEMKIND_DEFAULT");
	if (!check || !alloc || !release || !kind || check(*kind) != 0)
		return 2;
	char *block = alloc(*kind, 1000);
	if (block == NULL)
		return 3;
	block[999] = 1;
	release(*kind, block);
	puts("ok");
	return 0;
}
C
# A program that is linked with it, as with memkind's.
cat >"$tmp/linked.c" <<'C'
#include <hbwmalloc.h>
#include <memkind.h>
#include <memkind_memtier.h>

int
main(void)
{
	void *a = memkind_malloc(MEMKIND_REGULAR, 1000);
	void *b = hbw_malloc(1000);
	void *c = memtier_kind_malloc(MEMKIND_DEFAULT, 1000);

	memkind_free(MEMKIND_REGULAR, a);
	hbw_free(b);
	memtier_kind_free(MEMKIND_DEFAULT, c);
	return a == NULL || b == NULL || c == NULL;
}
C
# shellcheck disable=SC2086 # a list of flags
$CC $san "$tmp/program.c" -o "$tmp/program" -ldl
# shellcheck disable=SC2086
$CC $san -I"$top_srcdir/include" "$tmp/linked.c" -o "$tmp/linked" "$lib"
LD_LIBRARY_PATH=$dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
"$tmp/program" || { echo "a plug-in failed with status $?"; exit 1; }
"$tmp/linked" || { echo "a linked program failed with status $?"; exit 1; }
# A mistake that memkind ends the program for.
status=0
(MEMKIND_BACKGROUND_THREAD_LIMIT=x exec "$tmp/linked") 2>"$tmp/said" ||
	status=$?
if [ "$status" != 134 ] || ! grep -q '^MEMKIND_FATAL: ' "$tmp/said"; then
	echo "MEMKIND_BACKGROUND_THREAD_LIMIT=x: status $status"
	cat "$tmp/said"
	exit 1
fi
! ldd "$tmp/linked" | grep -q 'libdaxkind\.so' ||
	{ echo "a linked program needs libdaxkind too"; exit 1; }
echo "$(wc -l <"$tmp/wanted") names are there, and programs run on them"
