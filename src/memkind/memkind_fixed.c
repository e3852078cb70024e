// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_fixed.c -- the operations of kinds over a region (layer 8).
 */
#include <errno.h>
#include <stddef.h>

#include "base/error.h"
#include "base/export.h"
#include "heap/heap.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_no_block.h"
#include "memkind_fixed.h"

/* mmap(2)'s error value; only os_memory.c includes its header. */
#define FAILED_MAPPING ((void *)-1)

DK_EXPORT int
memkind_fixed_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)ops;
	(void)name;
	if (kind == NULL || kind->region == NULL || kind->heap != NULL) {
		(void)error_set(-EINVAL,
		    "memkind_fixed_create() is for a kind that is being made "
		    "over a region");
		return MEMKIND_ERROR_INVALID;
	}
	return error_code_from_errno(kind_heap_new(kind));
}

DK_EXPORT int
memkind_fixed_destroy(struct memkind *kind)
{
	if (kind == NULL || kind->heap == NULL || kind->region == NULL)
		return error_code_from_errno(error_set(-EINVAL,
		    "memkind_fixed_destroy() is for a kind with a heap over a "
		    "region"));
	kind_heap_end(kind);
	return MEMKIND_SUCCESS;
}

DK_EXPORT void *
memkind_fixed_mmap(struct memkind *kind, void *addr, size_t size)
{
	(void)addr;
	if (kind == NULL || kind->heap == NULL || kind->region == NULL ||
	    size == 0) {
		errno = EINVAL;
		(void)error_set(-EINVAL,
		    "memkind_fixed_mmap() of %zu bytes: pass a kind with a "
		    "heap over a region, and a size above 0",
		    size);
		return FAILED_MAPPING;
	}
	void *block = heap_alloc_pages(kind->heap, size, false);
	if (block == NULL) {
		errno = ENOMEM;
		kind_note_no_block(kind, size, ENOMEM);
		return FAILED_MAPPING;
	}
	return block;
}

DK_EXPORT struct memkind_ops MEMKIND_FIXED_OPS = {
    .create = memkind_fixed_create,
    .destroy = memkind_fixed_destroy,
    .malloc = kind_heap_malloc,
    .calloc = kind_heap_calloc,
    .posix_memalign = kind_heap_posix_memalign,
    .realloc = kind_heap_realloc,
    .free = kind_heap_free,
    .mmap = memkind_fixed_mmap,
    .check_available = kind_heap_check_available,
    .malloc_usable_size = kind_heap_malloc_usable_size,
    .update_memory_usage_policy = kind_heap_update_memory_usage_policy,
    .get_stat = kind_heap_get_stat,
    .defrag_reallocate = kind_heap_defrag_reallocate,
};
