// SPDX-License-Identifier: BSD-2-Clause
/*
 * hbw.c -- hbwmalloc.h, and memkind's kinds by number (layer 7).
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/export.h"
#include "base/os.h"
#include "base/util.h"
#include "dram/mem_policy.h"
#include "dram/node_choice.h"
#include "hbwmalloc.h"
#include "memkind.h"
#include "memkind/kind_lookup.h"

static _Atomic(int) Policy; /* 0: not chosen yet */

DK_EXPORT int
hbw_check_available(void)
{
	return memkind_check_available(MEMKIND_HBW) == MEMKIND_SUCCESS ? 0
								       : ENODEV;
}

DK_EXPORT hbw_policy_t
hbw_get_policy(void)
{
	int policy = atomic_load(&Policy);

	return policy != 0 ? (hbw_policy_t)policy : HBW_POLICY_PREFERRED;
}

DK_EXPORT int
hbw_set_policy(hbw_policy_t mode)
{
	int now = 0;

	if (mode < HBW_POLICY_BIND || mode > HBW_POLICY_BIND_ALL)
		return EINVAL;
	if (atomic_compare_exchange_strong(&Policy, &now, (int)mode) ||
	    now == (int)mode)
		return 0;
	return EPERM;
}

/* As of the first call, since the nodes do not change. */
static bool
has_hbw(void)
{
	static _Atomic(int) answer; /* 0: unknown, 1: no, 2: yes */
	int known = atomic_load_explicit(&answer, memory_order_relaxed);

	if (DK_UNLIKELY(known == 0)) {
		known = hbw_check_available() == 0 ? 2 : 1;
		atomic_store_explicit(&answer, known, memory_order_relaxed);
	}
	return known == 2;
}

/* NULL: the policy has no such pages.  Fixes the policy from now on. */
static memkind_t
kind_for(hbw_pagesize_t pagesize)
{
	(void)hbw_set_policy(HBW_POLICY_PREFERRED);
	hbw_policy_t policy = hbw_get_policy();
	bool is_huge = pagesize == HBW_PAGESIZE_2MB;

	if (pagesize == HBW_PAGESIZE_1GB ||
	    pagesize == HBW_PAGESIZE_1GB_STRICT) {
		if (policy == HBW_POLICY_INTERLEAVE)
			return NULL;
		if (policy != HBW_POLICY_PREFERRED)
			return MEMKIND_HBW_GBTLB;
		return has_hbw() ? MEMKIND_HBW_PREFERRED_GBTLB : MEMKIND_GBTLB;
	}
	switch (policy) {
	case HBW_POLICY_BIND:
		return is_huge ? MEMKIND_HBW_HUGETLB : MEMKIND_HBW;
	case HBW_POLICY_BIND_ALL:
		return is_huge ? MEMKIND_HBW_ALL_HUGETLB : MEMKIND_HBW_ALL;
	case HBW_POLICY_INTERLEAVE:
		return is_huge ? NULL : MEMKIND_HBW_INTERLEAVE;
	case HBW_POLICY_PREFERRED:
	default:
		break;
	}
	if (has_hbw())
		return is_huge ? MEMKIND_HBW_PREFERRED_HUGETLB
			       : MEMKIND_HBW_PREFERRED;
	return is_huge ? MEMKIND_HUGETLB : MEMKIND_DEFAULT;
}

DK_EXPORT void *
hbw_malloc(size_t size)
{
	return memkind_malloc(kind_for(HBW_PAGESIZE_4KB), size);
}

DK_EXPORT void *
hbw_calloc(size_t num, size_t size)
{
	return memkind_calloc(kind_for(HBW_PAGESIZE_4KB), num, size);
}

/* A block with another page size keeps it. */
DK_EXPORT void *
hbw_realloc(void *ptr, size_t size)
{
	memkind_t kind = ptr != NULL ? memkind_detect_kind(ptr) : NULL;

	return memkind_realloc(
	    kind != NULL ? kind : kind_for(HBW_PAGESIZE_4KB), ptr, size);
}

DK_EXPORT void
hbw_free(void *ptr)
{
	memkind_free(NULL, ptr);
}

DK_EXPORT int
hbw_posix_memalign(void **memptr, size_t alignment, size_t size)
{
	return memkind_posix_memalign(
	    kind_for(HBW_PAGESIZE_4KB), memptr, alignment, size);
}

DK_EXPORT int
hbw_posix_memalign_psize(
    void **memptr, size_t alignment, size_t size, hbw_pagesize_t pagesize)
{
	/* As in memkind, 0 also means a page size of 4 KiB. */
	if ((unsigned)pagesize >= HBW_PAGESIZE_MAX_VALUE ||
	    (pagesize == HBW_PAGESIZE_1GB_STRICT && size % GIB != 0))
		return EINVAL;
	memkind_t kind = kind_for(pagesize);
	return kind != NULL
		   ? memkind_posix_memalign(kind, memptr, alignment, size)
		   : EINVAL;
}

DK_EXPORT size_t
hbw_malloc_usable_size(void *ptr)
{
	return memkind_malloc_usable_size(NULL, ptr);
}

DK_EXPORT int
hbw_verify_memory_region(void *addr, size_t size, int flags)
{
	uintptr_t start = align_down((uintptr_t)addr, DK_PAGE);
	uintptr_t end;

	if (addr == NULL || size == 0 || (flags & ~HBW_TOUCH_PAGES) != 0 ||
	    __builtin_add_overflow((uintptr_t)addr, size, &end))
		return EINVAL;
	if ((flags & HBW_TOUCH_PAGES) != 0) {
		/* Check first, since populating may store to the pages. */
		for (uintptr_t page = start; page < end; page += DK_PAGE) {
			if (os_is_mapped((void *)page) < 0)
				return EFAULT;
		}
		if (os_populate((void *)start, end - start) < 0)
			return EFAULT;
	}
	const struct node_sets *sets = node_choice_get(NODES_HBW_ALL);
	if (sets == NULL || sets->rc < 0)
		return -1;
	for (uintptr_t page = start; page < end; page += DK_PAGE) {
		int node = mem_policy_node_of((void *)page);

		if (node < 0 || !node_set_has(&sets->all, (unsigned)node))
			return -1;
	}
	return 0;
}

DK_EXPORT int
memkind_get_kind_by_partition(int partition, memkind_t *kind)
{
	if (kind == NULL)
		return MEMKIND_ERROR_INVALID;
	*kind = kind_lookup_of_partition(partition);
	return *kind != NULL ? MEMKIND_SUCCESS : MEMKIND_ERROR_UNAVAILABLE;
}
