/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_ops.h -- the operations table of a kind.
 *
 * To define a kind of its own, a program copies a table that the library
 * exports, replaces some operations, and makes a kind with it: over a region by
 * daxkind_kind_create_with_ops() (daxkind.h) of MEMKIND_FIXED_OPS or
 * MEMKIND_PMEM_OPS (memkind_fixed.h, memkind_pmem.h), or without one by
 * memkind_create() below of MEMKIND_X_OPS, which is there for each static kind
 * MEMKIND_X (memkind_default.h, memkind_hbw.h, memkind_hugetlb.h,
 * memkind_dax_kmem.h, memkind_mem_attributes.h).  The kind does not support
 * operations that are NULL; create, destroy, malloc, calloc, posix_memalign,
 * realloc, free and malloc_usable_size are required.
 *
 * The table of memkind_create() must outlive the kind; that of
 * daxkind_kind_create_with_ops() is copied.  Any thread, and several at once,
 * may call an operation.  The kind that they receive is opaque;
 * daxkind_kind_region() returns its region.
 */
#ifndef MEMKIND_OPS_H
#define MEMKIND_OPS_H

#include <memkind.h>

#ifdef __cplusplus
extern "C" {
#endif

struct memkind;

struct memkind_ops {
	/* 0 or MEMKIND_ERROR_*; on failure nothing is left behind */
	int (*create)(
	    struct memkind *kind, struct memkind_ops *ops, const char *name);
	int (*destroy)(struct memkind *kind);
	/* sizes are never 0 here, ptr never NULL or another kind's; failure is
	 * NULL with errno ENOMEM, or for posix_memalign the errno value */
	void *(*malloc)(struct memkind *kind, size_t size);
	void *(*calloc)(struct memkind *kind, size_t num, size_t size);
	int (*posix_memalign)(
	    struct memkind *kind, void **memptr, size_t alignment, size_t size);
	void *(*realloc)(struct memkind *kind, void *ptr, size_t size);
	void (*free)(struct memkind *kind, void *ptr);
	/* a block of whole pages, or MAP_FAILED */
	void *(*mmap)(struct memkind *kind, void *addr, size_t size);
	int (*mbind)(struct memkind *kind, void *ptr, size_t size);
	int (*madvise)(struct memkind *kind, void *addr, size_t size);
	int (*get_mmap_flags)(struct memkind *kind, int *flags);
	int (*get_mbind_mode)(struct memkind *kind, int *mode);
	int (*get_mbind_nodemask)(struct memkind *kind, unsigned long *nodemask,
	    unsigned long maxnode);
	int (*get_arena)(
	    struct memkind *kind, unsigned int *arena, size_t size);
	int (*check_available)(struct memkind *kind);
	void (*init_once)(void);
	/* at the end of the process, of a kind that was not destroyed */
	int (*finalize)(struct memkind *kind);
	size_t (*malloc_usable_size)(struct memkind *kind, void *ptr);
	int (*update_memory_usage_policy)(
	    struct memkind *kind, memkind_mem_usage_policy policy);
	int (*get_stat)(
	    struct memkind *kind, memkind_stat_type stat, size_t *value);
	void *(*defrag_reallocate)(struct memkind *kind, void *ptr);
};

/*
 * Make a kind without a region by the operation create, which may be
 * memkind_arena_create() (memkind_arena.h); memkind_destroy_kind() destroys it.
 * The name has at most 63 bytes.  MEMKIND_ERROR_BADOPS: a required operation is
 * missing, or init_once is set; MEMKIND_ERROR_INVALID; MEMKIND_ERROR_MALLOC; or
 * what create returned.  On failure *kind is NULL.
 */
int memkind_create(
    struct memkind_ops *ops, const char *name, struct memkind **kind);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_OPS_H */
