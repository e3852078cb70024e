// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_heap_ops.c -- see kind_heap_ops.h.
 */
#include "kind/kind_heap_ops.h"

#include <errno.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "kind/error_code.h"
#include "kind/kind_record.h"

/* --- heaps over a region --------------------------------------------------------- */

static void *
region_alloc(struct memkind *kind, size_t size, size_t align, bool zero)
{
	return heap_alloc(kind->heap, size, align, zero);
}

static void *
region_resize(struct memkind *kind, void *ptr, size_t size)
{
	return heap_resize(kind->heap, ptr, size);
}

static void
region_free(struct memkind *kind, void *ptr)
{
	heap_free(kind->heap, ptr);
}

static size_t
region_usable(struct memkind *kind, const void *ptr)
{
	return heap_usable(kind->heap, ptr);
}

static void *
region_defrag(struct memkind *kind, void *ptr)
{
	return heap_defrag(kind->heap, ptr);
}

static void
region_purge(struct memkind *kind)
{
	heap_purge(kind->heap);
}

static int
region_get_stats(struct memkind *kind, struct heap_stats *stats)
{
	return heap_get_stats(kind->heap, stats);
}

static void
region_get_figures_of(struct memkind *kind, struct block_figures *figures)
{
	figures->large_bytes = atomic_load_explicit(
	    &kind->heap->large_bytes, memory_order_relaxed);
	heap_get_slab_figures(
	    kind->heap, &figures->small_bytes, &figures->slab_bytes);
	figures->nr_bad_frees = heap_nr_bad_frees(kind->heap);
}

static void
region_end(struct memkind *kind)
{
	heap_free_all(kind->heap);
	kind->heap = NULL;
}

static const struct block_ops Region_blocks = {
    .alloc = region_alloc,
    .resize = region_resize,
    .free = region_free,
    .usable = region_usable,
    .defrag = region_defrag,
    .purge = region_purge,
    .get_stats = region_get_stats,
    .get_figures = region_get_figures_of,
    .end = region_end,
};

int
kind_heap_new(struct memkind *kind)
{
	int rc = heap_new(kind->region, &kind->heap);

	if (rc == 0)
		kind->blocks = &Region_blocks;
	return rc;
}

void
kind_heap_end(struct memkind *kind)
{
	if (kind->blocks != NULL)
		kind->blocks->end(kind);
	kind->blocks = NULL;
}

/* --- of heaps of all sorts -------------------------------------------------------- */

/* A table may combine these with a create that makes no heap, or a destroy may
 * have ended it.  Then there are no blocks. */
static void *
no_heap(void)
{
	errno = EINVAL;
	return NULL;
}

void *
kind_heap_malloc(struct memkind *kind, size_t size)
{
	if (DK_UNLIKELY(kind->blocks == NULL))
		return no_heap();
	return or_enomem(kind->blocks->alloc(kind, size, 0, false));
}

void *
kind_heap_calloc(struct memkind *kind, size_t num, size_t size)
{
	size_t total;

	if (DK_UNLIKELY(kind->blocks == NULL))
		return no_heap();
	if (!mul_checked(num, size, &total))
		return or_enomem(NULL);
	return or_enomem(kind->blocks->alloc(kind, total, 0, true));
}

int
kind_heap_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	if (DK_UNLIKELY(kind->blocks == NULL))
		return EINVAL;
	void *ptr = kind->blocks->alloc(kind, size, alignment, false);

	if (ptr == NULL)
		return ENOMEM;
	*memptr = ptr;
	return 0;
}

void *
kind_heap_realloc(struct memkind *kind, void *ptr, size_t size)
{
	if (DK_UNLIKELY(kind->blocks == NULL))
		return no_heap();
	if (ptr == NULL)
		return kind_heap_malloc(kind, size);
	if (size == 0) {
		kind->blocks->free(kind, ptr);
		return NULL;
	}
	if (kind->blocks->usable(kind, ptr) == 0)
		return no_heap();
	return or_enomem(kind->blocks->resize(kind, ptr, size));
}

void
kind_heap_free(struct memkind *kind, void *ptr)
{
	if (DK_LIKELY(kind->blocks != NULL))
		kind->blocks->free(kind, ptr);
}

size_t
kind_heap_malloc_usable_size(struct memkind *kind, void *ptr)
{
	return kind->blocks != NULL ? kind->blocks->usable(kind, ptr) : 0;
}

void *
kind_heap_defrag_reallocate(struct memkind *kind, void *ptr)
{
	return kind->blocks != NULL ? kind->blocks->defrag(kind, ptr) : NULL;
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
	return kind->blocks != NULL ? MEMKIND_SUCCESS
				    : MEMKIND_ERROR_UNAVAILABLE;
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

	if (kind->blocks == NULL || kind->blocks->get_stats(kind, &stats) < 0)
		return MEMKIND_ERROR_OPERATION_FAILED;
	return kind_pick_stat(&stats, stat, value);
}

int
kind_heap_update_memory_usage_policy(
    struct memkind *kind, memkind_mem_usage_policy policy)
{
	if (kind->region == NULL)
		return error_code_from_errno(error_set(-EINVAL,
		    "kind %s has no region, so it has no memory usage policy",
		    kind->name));
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
		return error_code_from_errno(error_set(
		    -EINVAL, "%d is not a memory usage policy", (int)policy));
	}
	region_set_policy(kind->region, of_region);
	return MEMKIND_SUCCESS;
}
