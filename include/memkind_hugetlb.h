/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_hugetlb.h -- operations of kinds of huge pages.
 *
 * For operations tables of a program's own (memkind_ops.h).
 */
#ifndef MEMKIND_HUGETLB_H
#define MEMKIND_HUGETLB_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tables for memkind_create(): copy one, then change the copy. */
extern struct memkind_ops MEMKIND_HUGETLB_OPS;
extern struct memkind_ops MEMKIND_GBTLB_OPS;

/* MEMKIND_SUCCESS if huge pages of 2 MiB are available: on the nodes that the
 * kind's operation get_mbind_nodemask returns, or on any node without it. */
int memkind_hugetlb_check_available_2mb(struct memkind *kind);
/* The operation get_mmap_flags: private memory of huge pages of 2 MiB. */
int memkind_hugetlb_get_mmap_flags(struct memkind *kind, int *flags);
/* Look for the memory of MEMKIND_HUGETLB now.  Never necessary. */
void memkind_hugetlb_init_once(void);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_HUGETLB_H */
