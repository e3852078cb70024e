#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# libdaxkind.a: only public names are global in it, and a program that is linked
# with it has all of the library: it allocates, forks, and its child goes on.
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
archive=$top_builddir/libdaxkind.a

# --- names ---------------------------------------------------------------------

nm --defined-only --extern-only "$archive" 2>/dev/null |
	sed -n 's/^[0-9a-f]* [A-Z] //p' | sort >"$tmp/global"
sed -n 's/^[[:space:]]*\([A-Za-z_0-9]*\);.*/\1/p' "$top_srcdir/src/daxkind.map" |
	sort >"$tmp/public"
diff "$tmp/public" "$tmp/global" ||
	fail "other names are global in it than in src/daxkind.map"

# --- a program -----------------------------------------------------------------

# What a library with sanitizers wants of its program.
san=$(nm --undefined-only "$archive" | sed -n \
	-e 's/.*__asan_init.*/-fsanitize=address/p' \
	-e 's/.*__tsan_init.*/-fsanitize=thread/p' \
	-e 's/.*__ubsan_handle.*/-fsanitize=undefined/p' \
	-e 's/.*__gcov_.*/--coverage/p' | sort -u)
cat >"$tmp/program.c" <<'C'
#include <daxkind.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	NR = 2000,
	SIZE = 64 << 20
};
static atomic_int Has_begun, May_end;

static int
use(memkind_t kind)
{
	static char *blocks[NR];
	int ok = 1;

	for (size_t i = 0; i < NR; i++) {
		blocks[i] = memkind_malloc(kind, 1 + i * 10);
		if (blocks[i] == NULL)
			return 0;
		memset(blocks[i], (int)(i % 100), 1 + i * 10);
	}
	for (size_t i = 0; i < NR; i++) {
		ok = ok && blocks[i][i * 10] == (char)(i % 100);
		memkind_free(kind, blocks[i]);
	}
	return ok;
}

/* Inside of the heap while the process forks. */
static void *
churn(void *arg)
{
	while (!atomic_load(&May_end)) {
		memkind_free(arg, memkind_malloc(arg, 30000));
		memkind_free(NULL, memkind_malloc(MEMKIND_DEFAULT, 100));
		atomic_store(&Has_begun, 1);
	}
	return NULL;
}

/* What is private was copied; what is shared is the parent's alone, which only
 * the fork handlers know. */
static int
child(memkind_t private_kind, memkind_t shared_kind)
{
	(void)alarm(60);
	if (!use(MEMKIND_DEFAULT) || !use(private_kind))
		return 2;
	if (memkind_malloc(shared_kind, 100) != NULL)
		return 3;
	return strstr(daxkind_last_error(), "fork") != NULL ? 0 : 4;
}

int
main(int argc, char **argv)
{
	void *area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memkind_t private_kind, shared_kind;
	pthread_t thread;
	int status = 1;

	if (argc != 2 || area == MAP_FAILED ||
	    memkind_create_fixed(area, SIZE, &private_kind) != 0 ||
	    memkind_create_pmem(argv[1], SIZE, &shared_kind) != 0 ||
	    !use(MEMKIND_DEFAULT) || !use(private_kind) || !use(shared_kind)) {
		printf("%s\n", daxkind_last_error());
		return 10;
	}
	if (pthread_create(&thread, NULL, churn, private_kind) != 0)
		return 11;
	while (!atomic_load(&Has_begun))
		;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(child(private_kind, shared_kind));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			break;
	}
	atomic_store(&May_end, 1);
	(void)pthread_join(thread, NULL);
	if (status != 0) {
		printf("the child ended with %#x\n", status);
		return 12;
	}
	if (!use(private_kind) || !use(shared_kind) ||
	    memkind_destroy_kind(private_kind) != 0 ||
	    memkind_destroy_kind(shared_kind) != 0)
		return 13;
	return 0;
}
C
libs=$(sed -n 's/^Libs.private: //p' "$top_builddir/daxkind.pc")
link() { # flags: a program of the archive
	# shellcheck disable=SC2086 # lists of flags
	$CC $san "$@" -I"$top_srcdir/include" "$tmp/program.c" \
		"$archive" $libs -o "$tmp/program" >"$tmp/log" 2>&1
}

link -pthread || {
	cat "$tmp/log"
	fail "a program cannot be linked with it"
}
! readelf -d "$tmp/program" | grep 'NEEDED.*daxkind' ||
	fail "the program wants the shared library"
"$tmp/program" "$tmp" || fail "the program failed with status $?"

# All of it static, where the other libraries have archives.
echo 'int main(void) { return 0; }' >"$tmp/empty.c"
# shellcheck disable=SC2086 # a list of flags
if [ -n "$san" ] || ! $CC -static "$tmp/empty.c" $libs -o "$tmp/empty" \
	2>/dev/null; then
	echo 'skipped: no static program without archives of libc, libnuma and zlib'
	exit 0
fi
link -static -pthread || {
	cat "$tmp/log"
	fail "a static program cannot be linked with it"
}
"$tmp/program" "$tmp" || fail "the static program failed with status $?"

# --- configure -------------------------------------------------------------------

mkdir "$tmp/build"
src=$(cd "$top_srcdir" && pwd)
(cd "$tmp/build" && "$src/configure" --disable-shared) \
	>"$tmp/log" 2>&1 && fail "configure takes --disable-shared"
grep -q 'give --enable-static' "$tmp/log" || {
	cat "$tmp/log"
	fail "configure does not say what to do instead of --disable-shared"
}
