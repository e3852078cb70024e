// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier_preload.c -- libmemtier.so.0: malloc() and its relatives over tiers.
 *
 * Preloaded, so it is in place before anything is set up: until then, and for
 * what the library below allocates for itself, blocks are MEMKIND_DEFAULT's.
 * All of them are counted, because all of them are freed in one way.  What
 * happens at a fork is said in src/tier_fork.h.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daxkind.h>
#include <memkind_memtier.h>

#include "base/export.h"
#include "base/util.h"
#include "tier_config.h"

static struct memtier_memory *Memory; /* NULL: not set up yet */
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
	return ptr;
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
	return ptr;
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
	return moved;
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
	return err;
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
	Memory = memory;
}
