/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_default.h -- operations that most kinds share.
 *
 * For operations tables of a program's own (memkind_ops.h); memkind_arena.h has
 * those of kinds that allocate from memory of their own.
 */
#ifndef MEMKIND_DEFAULT_H
#define MEMKIND_DEFAULT_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tables for memkind_create(): copy one, then change the copy. */
extern struct memkind_ops MEMKIND_DEFAULT_OPS;
extern struct memkind_ops MEMKIND_REGULAR_OPS;
extern struct memkind_ops MEMKIND_INTERLEAVE_OPS;

/* The minimal create operation: it stores ops and the name, which has at most
 * 63 bytes (else MEMKIND_ERROR_INVALID). */
int memkind_default_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name);
int memkind_default_destroy(struct memkind *kind);

/* The operations of MEMKIND_DEFAULT; kind is ignored.  A size of 0 gives
 * NULL, and with memkind_default_realloc() frees the block. */
void *memkind_default_malloc(struct memkind *kind, size_t size);
void *memkind_default_calloc(struct memkind *kind, size_t num, size_t size);
int memkind_default_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size);
void *memkind_default_realloc(struct memkind *kind, void *ptr, size_t size);
/* Any block of any kind without a region. */
void memkind_default_free(struct memkind *kind, void *ptr);
size_t memkind_default_malloc_usable_size(struct memkind *kind, void *ptr);

/*
 * Map size bytes by the kind's operations get_mmap_flags, mbind and madvise
 * (those that are not NULL), at addr if that is free.  On failure MAP_FAILED
 * with errno, and nothing is mapped.
 */
void *memkind_default_mmap(struct memkind *kind, void *addr, size_t size);
/* Bind a mapping by the operations get_mbind_nodemask and get_mbind_mode.
 * MEMKIND_ERROR_BADOPS: one is missing; MEMKIND_ERROR_MBIND with errno:
 * mbind(2) refused. */
int memkind_default_mbind(struct memkind *kind, void *ptr, size_t size);
/* Switch transparent huge pages off for a range; 0, also if the kernel has
 * none, or -1 with errno. */
int memkind_nohugepage_madvise(struct memkind *kind, void *addr, size_t size);

/* Values for the operations of these names: private memory; bind, prefer,
 * interleave; all nodes with memory; nodes with processors. */
int memkind_default_get_mmap_flags(struct memkind *kind, int *flags);
int memkind_default_get_mbind_mode(struct memkind *kind, int *mode);
int memkind_preferred_get_mbind_mode(struct memkind *kind, int *mode);
int memkind_interleave_get_mbind_mode(struct memkind *kind, int *mode);
int memkind_default_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode);
int memkind_regular_all_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode);

/* 0, or EINVAL if posix_memalign(3) would reject the alignment. */
int memkind_posix_check_alignment(struct memkind *kind, size_t alignment);
/* Initialize the allocator.  Never necessary. */
void memkind_default_init_once(void);
void memkind_interleave_init_once(void);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_DEFAULT_H */
