/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_pmem.h -- operations of kinds over a file.
 *
 * For operations tables of a program's own (memkind_ops.h), whose kinds are
 * made over a region by daxkind_kind_create_with_ops() (daxkind.h).
 * memkind_fixed.h has the same for any region.
 */
#ifndef MEMKIND_PMEM_H
#define MEMKIND_PMEM_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Table for daxkind_kind_create_with_ops(): copy it, then change the copy. */
extern struct memkind_ops MEMKIND_PMEM_OPS;

/* The operations create and destroy.  MEMKIND_ERROR_INVALID: the kind has no
 * region, or was already created (destroyed); MEMKIND_ERROR_MALLOC. */
int memkind_pmem_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name);
int memkind_pmem_destroy(struct memkind *kind);
/* A block of whole pages with file space behind it, which memkind_free() frees.
 * addr is ignored.  MAP_FAILED with errno ENOMEM or EINVAL. */
void *memkind_pmem_mmap(struct memkind *kind, void *addr, size_t size);
/* memkind_check_dax_path(). */
int memkind_pmem_validate_dir(const char *dir);
/* Shared memory. */
int memkind_pmem_get_mmap_flags(struct memkind *kind, int *flags);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_PMEM_H */
