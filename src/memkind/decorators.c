// SPDX-License-Identifier: BSD-2-Clause
/*
 * decorators.c -- see decorators.h.
 */
#include "memkind/decorators.h"

#include "kind/kind.h"

#define WEAK __attribute__((weak, visibility("default")))

WEAK void memkind_malloc_pre(struct memkind **kind, size_t *size);
WEAK void memkind_malloc_post(struct memkind *kind, size_t size, void **result);
WEAK void memkind_calloc_pre(struct memkind **kind, size_t *num, size_t *size);
WEAK void memkind_calloc_post(
    struct memkind *kind, size_t num, size_t size, void **result);
WEAK void memkind_posix_memalign_pre(
    struct memkind **kind, void **memptr, size_t *alignment, size_t *size);
WEAK void memkind_posix_memalign_post(struct memkind *kind, void **memptr,
    size_t alignment, size_t size, int *err);
WEAK void memkind_realloc_pre(struct memkind **kind, void **ptr, size_t *size);
WEAK void memkind_realloc_post(
    struct memkind *kind, void *ptr, size_t size, void **result);
WEAK void memkind_free_pre(struct memkind **kind, void **ptr);
WEAK void memkind_free_post(struct memkind *kind, void *ptr);

bool Decorators_on;
static _Thread_local bool Are_applied;

/* Before other constructors, which may make a kind. */
__attribute__((constructor(101))) static void
look(void)
{
	Decorators_on =
	    memkind_malloc_pre != NULL || memkind_malloc_post != NULL ||
	    memkind_calloc_pre != NULL || memkind_calloc_post != NULL ||
	    memkind_posix_memalign_pre != NULL ||
	    memkind_posix_memalign_post != NULL ||
	    memkind_realloc_pre != NULL || memkind_realloc_post != NULL ||
	    memkind_free_pre != NULL || memkind_free_post != NULL;
	Kind_calls_are_seen = Decorators_on;
}

bool
decorators_are_applied(void)
{
	return Are_applied;
}

void *
decorated_malloc(void *(*call)(struct memkind *kind, size_t size),
    struct memkind *kind, size_t size)
{
	void *result;

	if (memkind_malloc_pre != NULL)
		memkind_malloc_pre(&kind, &size);
	Are_applied = true;
	result = call(kind, size);
	Are_applied = false;
	if (memkind_malloc_post != NULL)
		memkind_malloc_post(kind, size, &result);
	return result;
}

void *
decorated_calloc(void *(*call)(struct memkind *kind, size_t num, size_t size),
    struct memkind *kind, size_t num, size_t size)
{
	void *result;

	if (memkind_calloc_pre != NULL)
		memkind_calloc_pre(&kind, &num, &size);
	Are_applied = true;
	result = call(kind, num, size);
	Are_applied = false;
	if (memkind_calloc_post != NULL)
		memkind_calloc_post(kind, num, size, &result);
	return result;
}

int
decorated_posix_memalign(int (*call)(struct memkind *kind, void **memptr,
			     size_t alignment, size_t size),
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	int err;

	if (memkind_posix_memalign_pre != NULL)
		memkind_posix_memalign_pre(&kind, memptr, &alignment, &size);
	Are_applied = true;
	err = call(kind, memptr, alignment, size);
	Are_applied = false;
	if (memkind_posix_memalign_post != NULL)
		memkind_posix_memalign_post(
		    kind, memptr, alignment, size, &err);
	return err;
}

void *
decorated_realloc(void *(*call)(struct memkind *kind, void *ptr, size_t size),
    struct memkind *kind, void *ptr, size_t size)
{
	void *result;

	if (memkind_realloc_pre != NULL)
		memkind_realloc_pre(&kind, &ptr, &size);
	Are_applied = true;
	result = call(kind, ptr, size);
	Are_applied = false;
	if (memkind_realloc_post != NULL)
		memkind_realloc_post(kind, ptr, size, &result);
	return result;
}

void
decorated_free(void (*call)(struct memkind *kind, void *ptr),
    struct memkind *kind, void *ptr)
{
	if (memkind_free_pre != NULL)
		memkind_free_pre(&kind, &ptr);
	Are_applied = true;
	call(kind, ptr);
	Are_applied = false;
	if (memkind_free_post != NULL)
		memkind_free_post(kind, ptr);
}
