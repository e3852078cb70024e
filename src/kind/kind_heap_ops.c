// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_heap_ops.c -- see kind_heap_ops.h.
 */
#include "kind/kind_heap_ops.h"

#include <errno.h>

#include "base/util.h"
#include "heap/heap.h"
#include "kind/kind.h"

/*
 * A table may mix these with a create that makes no heap, and a destroy may have
 * ended it: then there are no blocks.
 */
static void *
no_heap(void)
{
	errno = EINVAL;
	return NULL;
}

void *
kind_heap_malloc(struct memkind *kind, size_t size)
{
	if (DK_UNLIKELY(kind->heap == NULL))
		return no_heap();
	return or_enomem(heap_alloc(kind->heap, size, 0, false));
}

void *
kind_heap_calloc(struct memkind *kind, size_t num, size_t size)
{
	size_t total;

	if (DK_UNLIKELY(kind->heap == NULL))
		return no_heap();
	if (!mul_checked(num, size, &total))
		return or_enomem(NULL);
	return or_enomem(heap_alloc(kind->heap, total, 0, true));
}

int
kind_heap_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	if (DK_UNLIKELY(kind->heap == NULL))
		return EINVAL;
	void *ptr = heap_alloc(kind->heap, size, alignment, false);

	if (ptr == NULL)
		return ENOMEM;
	*memptr = ptr;
	return 0;
}

void *
kind_heap_realloc(struct memkind *kind, void *ptr, size_t size)
{
	if (DK_UNLIKELY(kind->heap == NULL))
		return no_heap();
	if (ptr == NULL)
		return kind_heap_malloc(kind, size);
	if (size == 0) {
		heap_free(kind->heap, ptr);
		return NULL;
	}
	if (heap_usable(kind->heap, ptr) == 0) {
		errno = EINVAL;
		return NULL;
	}
	return or_enomem(heap_resize(kind->heap, ptr, size));
}

void
kind_heap_free(struct memkind *kind, void *ptr)
{
	if (DK_LIKELY(kind->heap != NULL))
		heap_free(kind->heap, ptr);
}

size_t
kind_heap_malloc_usable_size(struct memkind *kind, void *ptr)
{
	return kind->heap != NULL ? heap_usable(kind->heap, ptr) : 0;
}

void *
kind_heap_defrag_reallocate(struct memkind *kind, void *ptr)
{
	return kind->heap != NULL ? heap_defrag(kind->heap, ptr) : NULL;
}

bool
kind_heap_ops_are_in(const struct memkind_ops *ops)
{
	return ops->malloc == kind_heap_malloc ||
	       ops->calloc == kind_heap_calloc ||
	       ops->posix_memalign == kind_heap_posix_memalign ||
	       ops->realloc == kind_heap_realloc ||
	       ops->free == kind_heap_free ||
	       ops->malloc_usable_size == kind_heap_malloc_usable_size;
}

int
kind_heap_check_available(struct memkind *kind)
{
	return kind->heap != NULL ? MEMKIND_SUCCESS : MEMKIND_ERROR_UNAVAILABLE;
}

int
kind_pick_stat(
    const struct heap_stats *stats, memkind_stat_type stat, size_t *value)
{
	switch (stat) {
	case MEMKIND_STAT_TYPE_RESIDENT:
		*value = stats->resident;
		return MEMKIND_SUCCESS;
	case MEMKIND_STAT_TYPE_ACTIVE:
		*value = stats->active;
		return MEMKIND_SUCCESS;
	case MEMKIND_STAT_TYPE_ALLOCATED:
		*value = stats->allocated;
		return MEMKIND_SUCCESS;
	case MEMKIND_STAT_TYPE_MAX_VALUE:
	default:
		return MEMKIND_ERROR_INVALID;
	}
}

int
kind_heap_get_stat(struct memkind *kind, memkind_stat_type stat, size_t *value)
{
	struct heap_stats stats;

	if (kind->heap == NULL || heap_get_stats(kind->heap, &stats) < 0)
		return MEMKIND_ERROR_OPERATION_FAILED;
	return kind_pick_stat(&stats, stat, value);
}

int
kind_heap_update_memory_usage_policy(
    struct memkind *kind, memkind_mem_usage_policy policy)
{
	if (kind->region == NULL)
		return MEMKIND_ERROR_INVALID;
	enum region_policy of_region;
	switch (policy) {
	case MEMKIND_MEM_USAGE_POLICY_DEFAULT:
		of_region = REGION_GIVE_LATER;
		break;
	case MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE:
		of_region = REGION_GIVE_AT_ONCE;
		break;
	case MEMKIND_MEM_USAGE_POLICY_MAX_VALUE:
	default:
		return MEMKIND_ERROR_INVALID;
	}
	region_set_policy(kind->region, of_region);
	return MEMKIND_SUCCESS;
}
