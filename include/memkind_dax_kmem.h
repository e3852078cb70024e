/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_dax_kmem.h -- nodes of DAX devices in system-ram mode.
 *
 * For operations tables of a program's own (memkind_ops.h).
 */
#ifndef MEMKIND_DAX_KMEM_H
#define MEMKIND_DAX_KMEM_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tables for memkind_create(): copy one, then change the copy. */
extern struct memkind_ops MEMKIND_DAX_KMEM_OPS;
extern struct memkind_ops MEMKIND_DAX_KMEM_ALL_OPS;
extern struct memkind_ops MEMKIND_DAX_KMEM_PREFERRED_OPS;
extern struct memkind_ops MEMKIND_DAX_KMEM_INTERLEAVE_OPS;

/*
 * Set the bits of nodemask that belong to DAX devices, or to the nodes that
 * MEMKIND_DAX_KMEM_NODES names, and clear all others up to maxnode.  kind is
 * ignored.  If nodemask is NULL, only check whether there are any.  The result
 * is that of memkind_check_available(MEMKIND_DAX_KMEM).
 */
int memkind_dax_kmem_all_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_DAX_KMEM_H */
