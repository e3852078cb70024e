// SPDX-License-Identifier: BSD-2-Clause
/*
 * decorators.c -- see decorators.h.
 */
#include "kind/decorators.h"

#include "memkind.h"

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

/* Before any other constructor may make a kind. */
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
}

bool
decorators_are_applied(void)
{
	return Are_applied;
}

void *
decorated_malloc(struct memkind *kind, size_t size)
{
	void *result;

	if (memkind_malloc_pre != NULL)
		memkind_malloc_pre(&kind, &size);
	Are_applied = true;
	result = memkind_malloc(kind, size);
	Are_applied = false;
	if (memkind_malloc_post != NULL)
		memkind_malloc_post(kind, size, &result);
	return result;
}

void *
decorated_calloc(struct memkind *kind, size_t num, size_t size)
{
	void *result;

	if (memkind_calloc_pre != NULL)
		memkind_calloc_pre(&kind, &num, &size);
	Are_applied = true;
	result = memkind_calloc(kind, num, size);
	Are_applied = false;
	if (memkind_calloc_post != NULL)
		memkind_calloc_post(kind, num, size, &result);
	return result;
}

int
decorated_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	int err;

	if (memkind_posix_memalign_pre != NULL)
		memkind_posix_memalign_pre(&kind, memptr, &alignment, &size);
	Are_applied = true;
	err = memkind_posix_memalign(kind, memptr, alignment, size);
	Are_applied = false;
	if (memkind_posix_memalign_post != NULL)
		memkind_posix_memalign_post(
		    kind, memptr, alignment, size, &err);
	return err;
}

void *
decorated_realloc(struct memkind *kind, void *ptr, size_t size)
{
	void *result;

	if (memkind_realloc_pre != NULL)
		memkind_realloc_pre(&kind, &ptr, &size);
	Are_applied = true;
	result = memkind_realloc(kind, ptr, size);
	Are_applied = false;
	if (memkind_realloc_post != NULL)
		memkind_realloc_post(kind, ptr, size, &result);
	return result;
}

void
decorated_free(struct memkind *kind, void *ptr)
{
	if (memkind_free_pre != NULL)
		memkind_free_pre(&kind, &ptr);
	Are_applied = true;
	memkind_free(kind, ptr);
	Are_applied = false;
	if (memkind_free_post != NULL)
		memkind_free_post(kind, ptr);
}
