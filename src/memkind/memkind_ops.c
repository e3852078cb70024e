// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_ops.c -- operations for a program's own tables, except those that
 * allocate from arenas (layer 8).
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"
#include "dram/mem_policy.h"
#include "dram/node_choice.h"
#include "heap/je.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_no_block.h"
#include "kind/ops_heap.h"
#include "memkind/memkind_result.h"
#include "memkind_dax_kmem.h"
#include "memkind_default.h"
#include "memkind_fixed.h"
#include "memkind_hbw.h"
#include "memkind_hugetlb.h"
#include "memkind_pmem.h"

/* mmap(2)'s error value; only os_memory.c includes its header. */
#define FAILED_MAPPING ((void *)-1)

/* --- nodes ---------------------------------------------------------------------- */

static int
nodes_of(
    enum node_choice choice, unsigned long *nodemask, unsigned long maxnode)
{
	return error_code_from_errno(
	    node_choice_copy(choice, nodemask, maxnode));
}

DK_EXPORT int
memkind_hbw_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	return nodes_of(NODES_HBW_NEAREST, nodemask, maxnode);
}

DK_EXPORT int
memkind_hbw_all_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	return nodes_of(NODES_HBW_ALL, nodemask, maxnode);
}

DK_EXPORT int
memkind_hbw_get_preferred_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	return nodes_of(NODES_HBW_ONE, nodemask, maxnode);
}

DK_EXPORT int
memkind_dax_kmem_all_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	return nodes_of(NODES_KMEM_ALL, nodemask, maxnode);
}

DK_EXPORT int
memkind_default_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	return nodes_of(NODES_WITH_MEMORY, nodemask, maxnode);
}

DK_EXPORT int
memkind_regular_all_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	return nodes_of(NODES_WITH_CPUS, nodemask, maxnode);
}

DK_EXPORT int
memkind_hbw_check_available(struct memkind *kind)
{
	error_clear();
	if (kind != NULL && kind->ops->get_mbind_nodemask != NULL)
		return memkind_result(
		    kind->ops->get_mbind_nodemask(kind, NULL, 0));
	return nodes_of(NODES_HBW_NEAREST, NULL, 0);
}

DK_EXPORT int
memkind_hugetlb_check_available_2mb(struct memkind *kind)
{
	struct node_set set = {0};
	int err;

	error_clear();
	if (kind != NULL && kind->ops->get_mbind_nodemask != NULL)
		err = kind->ops->get_mbind_nodemask(
		    kind, set.words, NODE_SET_MAX);
	else
		err = nodes_of(NODES_WITH_MEMORY, set.words, NODE_SET_MAX);
	if (err != MEMKIND_SUCCESS)
		return memkind_result(err);
	if (node_choice_has_huge_pages(&set))
		return MEMKIND_SUCCESS;
	return error_code_from_errno(error_set(REASON_NO_HUGE_PAGES,
	    "no huge page of 2 MiB is in the kernel's pools; see "
	    "/proc/sys/vm/nr_hugepages"));
}

DK_EXPORT int
memkind_hbw_hugetlb_check_available(struct memkind *kind)
{
	int err = memkind_hbw_check_available(kind);

	return err != MEMKIND_SUCCESS
		   ? err
		   : memkind_hugetlb_check_available_2mb(kind);
}

/* --- looking for it now ----------------------------------------------------------- */

#define INIT_ONCE(name, kind)                                    \
	DK_EXPORT void memkind_##name##_init_once(void)          \
	{                                                        \
		/* The result is kept, but cannot be reported */ \
		(void)(kind)->ops->check_available(kind);        \
	}

INIT_ONCE(hbw, MEMKIND_HBW)
INIT_ONCE(hbw_all, MEMKIND_HBW_ALL)
INIT_ONCE(hbw_hugetlb, MEMKIND_HBW_HUGETLB)
INIT_ONCE(hbw_all_hugetlb, MEMKIND_HBW_ALL_HUGETLB)
INIT_ONCE(hbw_preferred, MEMKIND_HBW_PREFERRED)
INIT_ONCE(hbw_preferred_hugetlb, MEMKIND_HBW_PREFERRED_HUGETLB)
INIT_ONCE(hbw_interleave, MEMKIND_HBW_INTERLEAVE)
INIT_ONCE(hugetlb, MEMKIND_HUGETLB)
INIT_ONCE(interleave, MEMKIND_INTERLEAVE)

DK_EXPORT void
memkind_default_init_once(void)
{
	je_start();
}

/* --- values ------------------------------------------------------------------------ */

static int
set_int(int *where, int value)
{
	if (where == NULL)
		return error_code_from_errno(
		    error_set(-EINVAL, "the pointer to the result is NULL"));
	*where = value;
	return MEMKIND_SUCCESS;
}

DK_EXPORT int
memkind_default_get_mmap_flags(struct memkind *kind, int *flags)
{
	(void)kind;
	return set_int(flags, os_mmap_flags(OS_MMAP_PRIVATE));
}

DK_EXPORT int
memkind_hugetlb_get_mmap_flags(struct memkind *kind, int *flags)
{
	(void)kind;
	return set_int(flags, os_mmap_flags(OS_MMAP_PRIVATE_HUGE));
}

DK_EXPORT int
memkind_pmem_get_mmap_flags(struct memkind *kind, int *flags)
{
	(void)kind;
	return set_int(flags, os_mmap_flags(OS_MMAP_SHARED));
}

DK_EXPORT int
memkind_default_get_mbind_mode(struct memkind *kind, int *mode)
{
	(void)kind;
	return set_int(mode, mem_policy_mode(MEM_POLICY_BIND));
}

DK_EXPORT int
memkind_preferred_get_mbind_mode(struct memkind *kind, int *mode)
{
	(void)kind;
	return set_int(mode, mem_policy_mode(MEM_POLICY_PREFERRED));
}

DK_EXPORT int
memkind_interleave_get_mbind_mode(struct memkind *kind, int *mode)
{
	(void)kind;
	return set_int(mode, mem_policy_mode(MEM_POLICY_INTERLEAVE));
}

DK_EXPORT int
memkind_posix_check_alignment(struct memkind *kind, size_t alignment)
{
	(void)kind;
	return kind_check_alignment(alignment);
}

/* --- mapping ------------------------------------------------------------------------ */

DK_EXPORT int
memkind_default_mbind(struct memkind *kind, void *ptr, size_t size)
{
	if (kind == NULL)
		return error_code_from_errno(
		    error_set(-EINVAL, "kind is NULL"));
	return ops_heap_mbind(kind, ptr, size);
}

DK_EXPORT int
memkind_nohugepage_madvise(struct memkind *kind, void *addr, size_t size)
{
	int rc = os_refuse_huge_pages(addr, size);

	(void)kind;
	if (rc < 0) {
		errno = -error_set(rc,
		    "huge pages cannot be switched off for %zu bytes at %p: %s",
		    size, addr, strerror(-rc));
		return -1;
	}
	return 0;
}

DK_EXPORT void *
memkind_default_mmap(struct memkind *kind, void *addr, size_t size)
{
	if (kind == NULL) {
		errno = -error_set(-EINVAL, "kind is NULL");
		return FAILED_MAPPING;
	}
	return ops_heap_mmap(kind, addr, size);
}

/* --- MEMKIND_DEFAULT's ---------------------------------------------------------------- */

DK_EXPORT int
memkind_default_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	if (kind == NULL || ops == NULL || name == NULL ||
	    strlen(name) >= KIND_NAME_SIZE)
		return error_code_from_errno(error_set(-EINVAL,
		    "memkind_default_create() needs a kind, an operations "
		    "table, and a name of at most %d bytes",
		    KIND_NAME_SIZE - 1));
	kind->ops = ops;
	/* name may be kind->name itself. */
	memmove(kind->name, name, strlen(name) + 1);
	return MEMKIND_SUCCESS;
}

DK_EXPORT int
memkind_default_destroy(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS;
}

DK_EXPORT void *
memkind_default_malloc(struct memkind *kind, size_t size)
{
	(void)kind;
	if (size == 0)
		return NULL;
	return kind_block_or_note(
	    MEMKIND_DEFAULT, size, kind_heap_malloc(MEMKIND_DEFAULT, size));
}

DK_EXPORT void *
memkind_default_calloc(struct memkind *kind, size_t num, size_t size)
{
	size_t total = SIZE_MAX;

	(void)kind;
	if (num == 0 || size == 0)
		return NULL;
	void *ptr = kind_heap_calloc(MEMKIND_DEFAULT, num, size);
	if (ptr == NULL)
		(void)mul_checked(num, size, &total);
	return kind_block_or_note(MEMKIND_DEFAULT, total, ptr);
}

DK_EXPORT int
memkind_default_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	(void)kind;
	int err = kind_check_memptr(memptr);
	if (err == 0)
		err = kind_check_alignment(alignment);
	if (err != 0 || size == 0)
		return err;
	err =
	    kind_heap_posix_memalign(MEMKIND_DEFAULT, memptr, alignment, size);
	if (err != 0)
		kind_note_no_block(MEMKIND_DEFAULT, size, err);
	return err;
}

DK_EXPORT void *
memkind_default_realloc(struct memkind *kind, void *ptr, size_t size)
{
	if (ptr == NULL)
		return memkind_default_malloc(kind, size);
	return memkind_realloc(MEMKIND_DEFAULT, ptr, size);
}

/* Tables of kinds with their own heaps contain these two as well, so they work
 * for a block of any kind. */
DK_EXPORT void
memkind_default_free(struct memkind *kind, void *ptr)
{
	struct memkind *of = kind_of(ptr);

	(void)kind;
	if (of != NULL)
		kind_heap_free(of, ptr);
}

DK_EXPORT size_t
memkind_default_malloc_usable_size(struct memkind *kind, void *ptr)
{
	struct memkind *of = kind_of(ptr);

	(void)kind;
	return of != NULL ? kind_heap_malloc_usable_size(of, ptr) : 0;
}

/* --- kinds over a file ----------------------------------------------------------------- */

DK_EXPORT int
memkind_pmem_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	return memkind_fixed_create(kind, ops, name);
}

DK_EXPORT int
memkind_pmem_destroy(struct memkind *kind)
{
	return memkind_fixed_destroy(kind);
}

DK_EXPORT int
memkind_pmem_validate_dir(const char *dir)
{
	return memkind_check_dax_path(dir);
}

DK_EXPORT void *
memkind_pmem_mmap(struct memkind *kind, void *addr, size_t size)
{
	return memkind_fixed_mmap(kind, addr, size);
}
