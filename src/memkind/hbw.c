// SPDX-License-Identifier: BSD-2-Clause
/*
 * hbw.c -- hbwmalloc.h, and memkind's kinds by number (layer 8).
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/export.h"
#include "base/os.h"
#include "base/util.h"
#include "dram/mem_policy.h"
#include "dram/node_choice.h"
#include "hbwmalloc.h"
#include "kind/error_code.h"
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

static const char *const Policy_names[] = {
    [HBW_POLICY_BIND] = "HBW_POLICY_BIND",
    [HBW_POLICY_PREFERRED] = "HBW_POLICY_PREFERRED",
    [HBW_POLICY_INTERLEAVE] = "HBW_POLICY_INTERLEAVE",
    [HBW_POLICY_BIND_ALL] = "HBW_POLICY_BIND_ALL",
};

/* False: another policy is set already. */
static bool
set_policy(hbw_policy_t mode)
{
	int now = 0;

	return atomic_compare_exchange_strong(&Policy, &now, (int)mode) ||
	       now == (int)mode;
}

DK_EXPORT int
hbw_set_policy(hbw_policy_t mode)
{
	error_clear();
	if (mode < HBW_POLICY_BIND || mode > HBW_POLICY_BIND_ALL)
		return -error_set(
		    -EINVAL, "%d is not an hbw_policy_t", (int)mode);
	if (!set_policy(mode))
		return -error_set(-EPERM,
		    "the policy is %s already; set it once, before the first "
		    "allocation",
		    Policy_names[atomic_load(&Policy)]);
	return 0;
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
	(void)set_policy(HBW_POLICY_PREFERRED);
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
	if ((unsigned)pagesize >= HBW_PAGESIZE_MAX_VALUE)
		return -error_set(
		    -EINVAL, "%d is not an hbw_pagesize_t", (int)pagesize);
	if (pagesize == HBW_PAGESIZE_1GB_STRICT && size % GIB != 0)
		return -error_set(-EINVAL,
		    "%zu bytes are not a multiple of 1 GiB, as "
		    "HBW_PAGESIZE_1GB_STRICT requires",
		    size);
	memkind_t kind = kind_for(pagesize);
	if (kind == NULL)
		return -error_set(-EINVAL,
		    "HBW_POLICY_INTERLEAVE has no huge pages; pass "
		    "HBW_PAGESIZE_4KB");
	return memkind_posix_memalign(kind, memptr, alignment, size);
}

DK_EXPORT size_t
hbw_malloc_usable_size(void *ptr)
{
	return memkind_malloc_usable_size(NULL, ptr);
}

/* The answer no, with the reason as a text. */
#define not_hbw(...) ((void)error_set(-ENODEV, __VA_ARGS__), -1)

DK_EXPORT int
hbw_verify_memory_region(void *addr, size_t size, int flags)
{
	uintptr_t start = align_down((uintptr_t)addr, DK_PAGE);
	uintptr_t end;

	error_clear();
	if ((flags & ~HBW_TOUCH_PAGES) != 0)
		return -error_set(-EINVAL,
		    "0x%x has bits other than HBW_TOUCH_PAGES",
		    (unsigned)flags);
	if (addr == NULL || size == 0 ||
	    __builtin_add_overflow((uintptr_t)addr, size, &end))
		return -error_set(-EINVAL,
		    "%zu bytes at %p: NULL, empty, or beyond the end of the "
		    "address space",
		    size, addr);
	if ((flags & HBW_TOUCH_PAGES) != 0) {
		/* Check first, since populating may store to the pages. */
		for (uintptr_t page = start; page < end; page += DK_PAGE) {
			if (os_is_mapped((void *)page) < 0)
				return -error_set(-EFAULT,
				    "nothing is mapped at %p", (void *)page);
		}
		if (os_populate((void *)start, end - start) < 0)
			return -error_set(-EFAULT,
			    "the pages of %zu bytes at %p cannot be touched",
			    size, addr);
	}
	const struct node_sets *sets = node_choice_get(NODES_HBW_ALL);
	if (sets == NULL)
		return not_hbw("no memory to look for NUMA nodes");
	if (sets->rc < 0)
		return not_hbw("%s", sets->why);
	for (uintptr_t page = start; page < end; page += DK_PAGE) {
		int node = mem_policy_node_of((void *)page);

		if (node < 0)
			return not_hbw(
			    "the node of the page at %p is unknown; pass "
			    "HBW_TOUCH_PAGES if it was not touched yet",
			    (void *)page);
		if (!node_set_has(&sets->all, (unsigned)node))
			return not_hbw(
			    "the page at %p is on node %d, which has no "
			    "high-bandwidth memory",
			    (void *)page, node);
	}
	return 0;
}

DK_EXPORT int
memkind_get_kind_by_partition(int partition, memkind_t *kind)
{
	error_clear();
	if (kind == NULL)
		return error_code_from_errno(
		    error_set(-EINVAL, "the kind argument is NULL; pass the "
				       "address of a memkind_t"));
	*kind = kind_lookup_of_partition(partition);
	if (*kind == NULL)
		return error_code_from_errno(error_set(-ENODEV,
		    "%d is not the number of a static kind", partition));
	return MEMKIND_SUCCESS;
}
