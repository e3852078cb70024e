#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What make install puts down is enough: a program builds and runs against it,
# the pkg-config file says how, and nothing points back to the build folder.
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
fail() {
	echo "$*"
	exit 1
}

build=$(cd "$top_builddir" && pwd)
# The jobs of the make that runs the tests are not ours to share.
if ! (cd "$build" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
	make install DESTDIR="$tmp") >"$tmp/log" 2>&1; then
	tail -n 30 "$tmp/log"
	fail "make install failed"
fi
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
root=$tmp$prefix
for file in include/daxkind/daxkind.h include/daxkind/memkind.h \
	include/daxkind/memkind_fixed.h include/daxkind/memkind_ops.h \
	include/daxkind/memkind_arena.h include/daxkind/memkind_dax_kmem.h \
	include/daxkind/memkind_default.h include/daxkind/memkind_hbw.h \
	include/daxkind/memkind_hugetlb.h \
	include/daxkind/memkind_mem_attributes.h include/daxkind/memkind_pmem.h \
	include/daxkind/daxkind_version.h \
	include/daxkind/memkind_allocator.h include/daxkind/pmem_allocator.h \
	include/daxkind/memkind_memtier.h include/daxkind/hbwmalloc.h \
	lib/libmemtier.so.0 lib/libautohbw.so lib/libdaxkind.so \
	lib/libdaxkind-tls.so.0 \
	bin/memkind-hbw-nodes bin/memkind-auto-dax-kmem-nodes bin/memtier \
	share/man/man1/memtier.1 share/bash-completion/completions/memtier \
	lib/pkgconfig/daxkind.pc share/man/man1/daxkind.1 \
	share/man/man7/daxkind.7 share/man/man7/daxkind-emulation.7; do
	[ -e "$root/$file" ] || fail "not installed: $file"
done
if grep -l -r -e "$build" -e libjemalloc_pic "$root"/lib/*.la \
	"$root/lib/pkgconfig" 2>/dev/null; then
	fail "an installed file points back to the build"
fi

# Only with --enable-static.
if grep -q '^nodist_archive_DATA = libdaxkind.a' "$build/Makefile"; then
	[ -e "$root/lib/libdaxkind.a" ] || fail "not installed: lib/libdaxkind.a"
elif [ -e "$root/lib/libdaxkind.a" ]; then
	fail "installed without --enable-static: lib/libdaxkind.a"
fi
if [ -e "$top_builddir/.libs/libvmem.so" ]; then
	for file in include/daxkind/libvmem.h lib/libvmem.so.1 \
		lib/pkgconfig/libvmem.pc share/man/man3/vmem_create.3; do
		[ -e "$root/$file" ] || fail "not installed: $file"
	done
fi

# shellcheck disable=SC2016 # pkg-config's variables
for line in 'Cflags: -I${includedir}/daxkind' \
	'Libs: -L${libdir} -ldaxkind' 'Requires.private: libpmem'; do
	grep -Fqx -e "$line" "$root/lib/pkgconfig/daxkind.pc" ||
		fail "daxkind.pc has no line: $line"
done

# A library with sanitizers wants its program to have them too.
san=$(nm -D --undefined-only "$root/lib/libdaxkind.so" | sed -n \
	-e 's/.*__asan_init.*/-fsanitize=address/p' \
	-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
	-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' \
	-e 's/.*__gcov_.*/--coverage/p' | sort -u)
cat >"$tmp/program.c" <<'C'
#include <daxkind.h>
#include <memkind.h>
#include <stdio.h>
#include <stdlib.h>

int
main(void)
{
	int want = DAXKIND_VERSION_MAJOR * 1000000 +
	    DAXKIND_VERSION_MINOR * 1000 + DAXKIND_VERSION_PATCH;
	void *ours = memkind_malloc(MEMKIND_DEFAULT, 100);
	void *libcs = malloc(100);

	memkind_free(MEMKIND_DEFAULT, ours);
	free(libcs);
	printf("%d\n", daxkind_version());
	return ours == NULL || libcs == NULL || daxkind_version() != want;
}
C
# shellcheck disable=SC2086 # a list of flags
$CC $san -std=c11 -Wall -Werror -I"$root/include/daxkind" "$tmp/program.c" \
	-o "$tmp/program" -L"$root/lib" -ldaxkind || fail "cannot be compiled"
LD_LIBRARY_PATH=$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$tmp/program" ||
	fail "the program failed with status $?"
