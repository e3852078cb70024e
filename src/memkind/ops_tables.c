// SPDX-License-Identifier: BSD-2-Clause
/*
 * ops_tables.c -- a table of operations for each static kind, for programs to
 * make kinds of the same memory with (layer 8).
 *
 * The static kinds themselves do not use them: see kind_static.c.
 */
#include <errno.h>
#include <stddef.h>

#include "base/error.h"
#include "base/export.h"
#include "base/os.h"
#include "base/reason.h"
#include "dram/node_choice.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/ops_heap.h"
#include "memkind_arena.h"
#include "memkind_dax_kmem.h"
#include "memkind_default.h"
#include "memkind_fixed.h"
#include "memkind_hbw.h"
#include "memkind_hugetlb.h"
#include "memkind_mem_attributes.h"
#include "memkind_pmem.h"

/* --- operations without a name in memkind --------------------------- */

#define NODES_OF(name, choice)                                            \
	static int name(struct memkind *kind, unsigned long *nodemask,    \
	    unsigned long maxnode)                                        \
	{                                                                 \
		(void)kind;                                               \
		return error_code_from_errno(                             \
		    node_choice_copy(NODES_##choice, nodemask, maxnode)); \
	}

NODES_OF(get_kmem_nearest, KMEM_NEAREST)
NODES_OF(get_kmem_one, KMEM_ONE)
NODES_OF(get_largest, LARGEST)
NODES_OF(get_largest_one, LARGEST_ONE)
NODES_OF(get_local_largest, LOCAL_LARGEST)
NODES_OF(get_local_largest_one, LOCAL_LARGEST_ONE)
NODES_OF(get_local_latency, LOCAL_LATENCY)
NODES_OF(get_local_latency_one, LOCAL_LATENCY_ONE)
NODES_OF(get_local_bandwidth, LOCAL_BANDWIDTH)
NODES_OF(get_local_bandwidth_one, LOCAL_BANDWIDTH_ONE)

static int
get_gigantic_mmap_flags(struct memkind *kind, int *flags)
{
	(void)kind;
	*flags = os_mmap_flags(OS_MMAP_PRIVATE_GIGANTIC);
	return MEMKIND_SUCCESS;
}

static int
check_gigantic(struct memkind *kind)
{
	int err = kind->ops->get_mbind_nodemask != NULL
		      ? kind->ops->get_mbind_nodemask(kind, NULL, 0)
		      : MEMKIND_SUCCESS;

	if (err == MEMKIND_SUCCESS && os_nr_gigantic_pages() == 0)
		err = error_code_from_errno(error_set(REASON_NO_HUGE_PAGES,
		    "the kernel has no huge page of 1 GiB; reserve some in "
		    "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"));
	return err;
}

static int
get_default_stat(struct memkind *kind, memkind_stat_type stat, size_t *value)
{
	(void)kind;
	return kind_heap_get_stat(MEMKIND_DEFAULT, stat, value);
}

static void *
defrag_default(struct memkind *kind, void *ptr)
{
	(void)kind;
	return kind_heap_defrag_reallocate(MEMKIND_DEFAULT, ptr);
}

/* --- the tables ------------------------------------------------------------------ */

/* Blocks from arenas of the kind. */
#define ARENAS                                                            \
	.create = memkind_arena_create, .destroy = memkind_arena_destroy, \
	.malloc = memkind_arena_malloc, .calloc = memkind_arena_calloc,   \
	.posix_memalign = memkind_arena_posix_memalign,                   \
	.realloc = memkind_arena_realloc, .free = memkind_arena_free,     \
	.get_arena = memkind_thread_get_arena,                            \
	.malloc_usable_size = memkind_default_malloc_usable_size,         \
	.update_memory_usage_policy =                                     \
	    memkind_arena_update_memory_usage_policy,                     \
	.get_stat = kind_heap_get_stat,                                   \
	.defrag_reallocate = kind_heap_defrag_reallocate

/* With pages of 4 KiB. */
#define SMALL                                             \
	.get_mmap_flags = memkind_default_get_mmap_flags, \
	.check_available = memkind_hbw_check_available
/* With pages of 2 MiB and 1 GiB, on chosen nodes. */
#define HUGE                                              \
	.get_mmap_flags = memkind_hugetlb_get_mmap_flags, \
	.check_available = memkind_hbw_hugetlb_check_available
#define GIGANTIC                                   \
	.get_mmap_flags = get_gigantic_mmap_flags, \
	.check_available = check_gigantic

#define BIND(nodes)                                       \
	.mbind = memkind_default_mbind,                   \
	.get_mbind_mode = memkind_default_get_mbind_mode, \
	.get_mbind_nodemask = (nodes)
#define PREFER(nodes)                                       \
	.mbind = ops_heap_mbind_if_permitted,               \
	.get_mbind_mode = memkind_preferred_get_mbind_mode, \
	.get_mbind_nodemask = (nodes)
#define INTERLEAVE(nodes)                                    \
	.mbind = memkind_default_mbind,                      \
	.get_mbind_mode = memkind_interleave_get_mbind_mode, \
	.get_mbind_nodemask = (nodes)

DK_EXPORT struct memkind_ops MEMKIND_DEFAULT_OPS = {
    .create = memkind_default_create,
    .destroy = memkind_default_destroy,
    .malloc = memkind_default_malloc,
    .calloc = memkind_default_calloc,
    .posix_memalign = memkind_default_posix_memalign,
    .realloc = memkind_default_realloc,
    .free = memkind_default_free,
    .malloc_usable_size = memkind_default_malloc_usable_size,
    .get_stat = get_default_stat,
    .defrag_reallocate = defrag_default,
};

DK_EXPORT struct memkind_ops MEMKIND_REGULAR_OPS = {
    ARENAS,
    SMALL,
    .mbind = ops_heap_mbind_if_permitted,
    .get_mbind_mode = memkind_default_get_mbind_mode,
    .get_mbind_nodemask = memkind_regular_all_get_mbind_nodemask,
};

DK_EXPORT struct memkind_ops MEMKIND_INTERLEAVE_OPS = {
    ARENAS,
    SMALL,
    .mbind = ops_heap_mbind_if_permitted,
    .madvise = memkind_nohugepage_madvise,
    .get_mbind_mode = memkind_interleave_get_mbind_mode,
    .get_mbind_nodemask = memkind_default_get_mbind_nodemask,
};

DK_EXPORT struct memkind_ops MEMKIND_HUGETLB_OPS = {
    ARENAS,
    .get_mmap_flags = memkind_hugetlb_get_mmap_flags,
    .check_available = memkind_hugetlb_check_available_2mb,
};

DK_EXPORT struct memkind_ops MEMKIND_GBTLB_OPS = {
    ARENAS,
    GIGANTIC,
};

/* --- high bandwidth --- */

DK_EXPORT struct memkind_ops MEMKIND_HBW_OPS = {
    ARENAS, SMALL, BIND(memkind_hbw_get_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_ALL_OPS = {
    ARENAS, SMALL, BIND(memkind_hbw_all_get_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_PREFERRED_OPS = {
    ARENAS, SMALL, PREFER(memkind_hbw_get_preferred_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_INTERLEAVE_OPS = {ARENAS, SMALL,
    INTERLEAVE(memkind_hbw_all_get_mbind_nodemask),
    .madvise = memkind_nohugepage_madvise};
DK_EXPORT struct memkind_ops MEMKIND_HBW_HUGETLB_OPS = {
    ARENAS, HUGE, BIND(memkind_hbw_get_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_ALL_HUGETLB_OPS = {
    ARENAS, HUGE, BIND(memkind_hbw_all_get_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_PREFERRED_HUGETLB_OPS = {
    ARENAS, HUGE, PREFER(memkind_hbw_get_preferred_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_GBTLB_OPS = {
    ARENAS, GIGANTIC, BIND(memkind_hbw_get_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_HBW_PREFERRED_GBTLB_OPS = {
    ARENAS, GIGANTIC, PREFER(memkind_hbw_get_preferred_mbind_nodemask)};

/* --- DAX devices in mode system-ram --- */

DK_EXPORT struct memkind_ops MEMKIND_DAX_KMEM_OPS = {
    ARENAS, SMALL, BIND(get_kmem_nearest)};
DK_EXPORT struct memkind_ops MEMKIND_DAX_KMEM_ALL_OPS = {
    ARENAS, SMALL, BIND(memkind_dax_kmem_all_get_mbind_nodemask)};
DK_EXPORT struct memkind_ops MEMKIND_DAX_KMEM_PREFERRED_OPS = {
    ARENAS, SMALL, PREFER(get_kmem_one)};
DK_EXPORT struct memkind_ops MEMKIND_DAX_KMEM_INTERLEAVE_OPS = {
    ARENAS, SMALL, INTERLEAVE(memkind_dax_kmem_all_get_mbind_nodemask)};

/* --- the best in one respect --- */

DK_EXPORT struct memkind_ops MEMKIND_HIGHEST_CAPACITY_OPS = {
    ARENAS, SMALL, BIND(get_largest)};
DK_EXPORT struct memkind_ops MEMKIND_HIGHEST_CAPACITY_PREFERRED_OPS = {
    ARENAS, SMALL, PREFER(get_largest_one)};
DK_EXPORT struct memkind_ops MEMKIND_HIGHEST_CAPACITY_LOCAL_OPS = {
    ARENAS, SMALL, BIND(get_local_largest)};
DK_EXPORT struct memkind_ops MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED_OPS = {
    ARENAS, SMALL, PREFER(get_local_largest_one)};
DK_EXPORT struct memkind_ops MEMKIND_LOWEST_LATENCY_LOCAL_OPS = {
    ARENAS, SMALL, BIND(get_local_latency)};
DK_EXPORT struct memkind_ops MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED_OPS = {
    ARENAS, SMALL, PREFER(get_local_latency_one)};
DK_EXPORT struct memkind_ops MEMKIND_HIGHEST_BANDWIDTH_LOCAL_OPS = {
    ARENAS, SMALL, BIND(get_local_bandwidth)};
DK_EXPORT struct memkind_ops MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED_OPS = {
    ARENAS, SMALL, PREFER(get_local_bandwidth_one)};

/* --- over a region --- */

DK_EXPORT struct memkind_ops MEMKIND_PMEM_OPS = {
    .create = memkind_pmem_create,
    .destroy = memkind_pmem_destroy,
    .malloc = kind_heap_malloc,
    .calloc = kind_heap_calloc,
    .posix_memalign = kind_heap_posix_memalign,
    .realloc = kind_heap_realloc,
    .free = kind_heap_free,
    .mmap = memkind_pmem_mmap,
    .get_mmap_flags = memkind_pmem_get_mmap_flags,
    .check_available = kind_heap_check_available,
    .malloc_usable_size = kind_heap_malloc_usable_size,
    .update_memory_usage_policy = kind_heap_update_memory_usage_policy,
    .get_stat = kind_heap_get_stat,
    .defrag_reallocate = kind_heap_defrag_reallocate,
};
