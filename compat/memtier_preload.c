// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier_preload.c -- libmemtier.so.0: malloc() and its relatives over tiers.
 *
 * Preloaded, so it is in place before anything is set up: until then, and for
 * what the library below allocates for itself, blocks are MEMKIND_DEFAULT's.
 * All of them are counted, because all of them are freed in one way.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <daxkind.h>
#include <memkind_memtier.h>

#include "export.h"
#include "tier_config.h"
#include "util.h"

static struct memtier_memory *Memory; /* NULL: not set up yet */
/* In a child of fork, where a tier over a file gives no block. */
static bool Is_child;
/* This thread is in the library below.  Such a library is there when the
 * program starts, so that its thread-locals may be initial-exec. */
static _Thread_local int Depth __attribute__((tls_model("initial-exec")));

/* Whether the tiers may be asked; leave() then. */
static bool
enter(void)
{
	if (DK_UNLIKELY(Memory == NULL || Depth > 0))
		return false;
	Depth++;
	return true;
}

static void
leave(void)
{
	Depth--;
}

/* Of 0 bytes there is a block too, as with libc. */
static size_t
at_least_one(size_t size)
{
	return size != 0 ? size : 1;
}

DK_EXPORT void *
malloc(size_t size)
{
	void *ptr = NULL;

	size = at_least_one(size);
	if (!enter())
		return memtier_kind_malloc(MEMKIND_DEFAULT, size);
	ptr = memtier_malloc(Memory, size);
	leave();
	return ptr == NULL && Is_child
		   ? memtier_kind_malloc(MEMKIND_DEFAULT, size)
		   : ptr;
}

DK_EXPORT void *
calloc(size_t num, size_t size)
{
	void *ptr = NULL;

	if (num == 0 || size == 0)
		num = size = 1;
	if (!enter())
		return memtier_kind_calloc(MEMKIND_DEFAULT, num, size);
	ptr = memtier_calloc(Memory, num, size);
	leave();
	return ptr == NULL && Is_child
		   ? memtier_kind_calloc(MEMKIND_DEFAULT, num, size)
		   : ptr;
}

DK_EXPORT void
free(void *ptr)
{
	if (ptr == NULL)
		return;
	Depth++;
	memtier_free(ptr);
	Depth--;
}

/* What a child can not resize it can still read. */
static void *
move_in_child(void *ptr, size_t size)
{
	void *moved = memtier_kind_malloc(MEMKIND_DEFAULT, size);

	if (moved != NULL) {
		memcpy(moved, ptr, min_size(size, memtier_usable_size(ptr)));
		free(ptr);
	}
	return moved;
}

DK_EXPORT void *
realloc(void *ptr, size_t size)
{
	if (ptr == NULL)
		return malloc(size);
	if (size == 0) {
		free(ptr);
		return NULL;
	}
	if (!enter())
		return memtier_kind_realloc(NULL, ptr, size);
	void *moved = memtier_realloc(Memory, ptr, size);
	leave();
	return moved == NULL && Is_child ? move_in_child(ptr, size) : moved;
}

static int
align(void **memptr, size_t alignment, size_t size)
{
	int err = ENOMEM;

	size = at_least_one(size);
	if (!enter())
		return memtier_kind_posix_memalign(
		    MEMKIND_DEFAULT, memptr, alignment, size);
	err = memtier_posix_memalign(Memory, memptr, alignment, size);
	leave();
	return err == ENOMEM && Is_child
		   ? memtier_kind_posix_memalign(
			 MEMKIND_DEFAULT, memptr, alignment, size)
		   : err;
}

DK_EXPORT int
posix_memalign(void **memptr, size_t alignment, size_t size)
{
	void *ptr = NULL;
	int err = align(&ptr, alignment, size);

	if (err == 0)
		*memptr = ptr; /* else it stays, as libc has it */
	return err;
}

DK_EXPORT void *
memalign(size_t alignment, size_t size)
{
	void *ptr = NULL;
	size_t rounded = sizeof(void *);

	/* libc rounds up to a power of two */
	while (rounded < alignment && rounded <= SIZE_MAX / 4)
		rounded *= 2;
	if (rounded < alignment) {
		errno = EINVAL;
		return NULL;
	}
	int err = align(&ptr, rounded, size);
	if (err != 0)
		errno = err;
	return ptr;
}

DK_EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

DK_EXPORT void *
valloc(size_t size)
{
	return memalign(DK_PAGE, size);
}

DK_EXPORT void *
pvalloc(size_t size)
{
	size_t rounded;

	if (!align_up_checked(at_least_one(size), DK_PAGE, &rounded)) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(DK_PAGE, rounded);
}

DK_EXPORT size_t
malloc_usable_size(void *ptr)
{
	return ptr != NULL ? memtier_usable_size(ptr) : 0;
}

/* --- fork ------------------------------------------------------------------------ */

/*
 * A file is mapped shared: parent and child would write to the same blocks.  So
 * the child puts a copy of all that is taken in its place, and the parent waits
 * for that.  What is freed or allocated then in the child is no file's.
 */
static pthread_mutex_t Fork_lock = PTHREAD_MUTEX_INITIALIZER;
static int Copied[2] = {-1, -1}; /* a pipe: closed when the child is done */

static _Noreturn void give_up(const char *why);

static void
close_copied(int end)
{
	if (Copied[end] >= 0)
		(void)close(Copied[end]);
	Copied[end] = -1;
}

static void
before_fork(void)
{
	(void)pthread_mutex_lock(&Fork_lock);
	if (Tier_config_files[0] != NULL && !Is_child &&
	    pipe2(Copied, O_CLOEXEC) != 0)
		Copied[0] = Copied[1] = -1; /* no descriptor: nobody waits */
}

static void
after_fork_in_parent(void)
{
	int saved_errno = errno;
	char none;

	close_copied(1);
	if (Copied[0] >= 0) {
		while (read(Copied[0], &none, 1) < 0 && errno == EINTR)
			;
	}
	close_copied(0);
	(void)pthread_mutex_unlock(&Fork_lock);
	errno = saved_errno;
}

static int
copy_run(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	char *run = (char *)arg + off;

	if (state != DAXKIND_RUN_TAKEN)
		return 0;
	void *copy = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return -ENOMEM;
	memcpy(copy, run, len);
	return mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, run) ==
		       MAP_FAILED
		   ? -ENOMEM
		   : 0;
}

static void
after_fork_in_child(void)
{
	/* A child's own child gets the copy by the fork. */
	bool has_copy = Is_child;

	Is_child = true;
	for (size_t i = 0; !has_copy && Tier_config_files[i] != NULL; i++) {
		struct daxkind_region *region =
		    daxkind_kind_region(Tier_config_files[i]);
		struct daxkind_region_info info;

		if (daxkind_region_info(region, &info, sizeof(info)) != 0 ||
		    daxkind_region_walk(region, copy_run, info.base) != 0)
			give_up("no memory for a child's copy of the heap");
	}
	close_copied(0);
	close_copied(1);
	(void)pthread_mutex_unlock(&Fork_lock);
}

/* --- setting up ------------------------------------------------------------------ */

/* The program was asked to run on tiers and can not: memkind's library ends
 * it too. */
static _Noreturn void
give_up(const char *why)
{
	char line[TIER_CONFIG_WHY_SIZE + 64];
	int len = snprintf(line, sizeof(line), "libmemtier: %s\n", why);
	ssize_t done = len > 0 ? write(STDERR_FILENO, line, (size_t)len) : 0;

	(void)done; /* nobody is left to be told */
	abort();
}

__attribute__((constructor)) static void
set_up(void)
{
	const char *tiers = secure_getenv("MEMKIND_MEM_TIERS");
	char why[TIER_CONFIG_WHY_SIZE];

	if (tiers == NULL)
		give_up("MEMKIND_MEM_TIERS is not set");
	struct memtier_memory *memory = tier_config_parse(
	    tiers, secure_getenv("MEMKIND_MEM_THRESHOLDS"), why);
	if (memory == NULL)
		give_up(why);
	(void)pthread_atfork(
	    before_fork, after_fork_in_parent, after_fork_in_child);
	Memory = memory;
}
