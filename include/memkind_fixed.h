/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_fixed.h -- operations of kinds over memory that the user supplies.
 *
 * For programs that build an operations table of their own (memkind_ops.h).
 * Without one, call memkind_create_fixed() (memkind.h) instead.
 */
#ifndef MEMKIND_FIXED_H
#define MEMKIND_FIXED_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The table behind memkind_create_fixed(): copy it, then change the copy. */
extern struct memkind_ops MEMKIND_FIXED_OPS;

/*
 * The "create" operation: sets up the heap's records for the kind's region,
 * then its arenas.  Returns MEMKIND_ERROR_INVALID if the kind has no region,
 * and MEMKIND_ERROR_MALLOC if DRAM is short.  On failure nothing is left
 * behind.
 */
int memkind_fixed_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name);

/*
 * The "destroy" operation: releases what create took.  The user's memory is not
 * unmapped, freed or touched.
 */
int memkind_fixed_destroy(struct memkind *kind);

/*
 * Take a block of size bytes, rounded up to whole pages, out of the kind's
 * region, with file space behind it.  addr is ignored.  The block never
 * overlaps the heap's; it counts as taken in the space figures and can be
 * freed by memkind_free().  Returns MAP_FAILED with errno ENOMEM (no room) or
 * EINVAL (no kind, or size is 0).
 */
void *memkind_fixed_mmap(struct memkind *kind, void *addr, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_FIXED_H */
