/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_hbw.h -- operations of kinds of high-bandwidth memory.
 *
 * For operations tables of a program's own (memkind_ops.h).  memkind(3) says
 * which memory that is.
 */
#ifndef MEMKIND_HBW_H
#define MEMKIND_HBW_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Tables for memkind_create(): copy one, then change the copy. */
extern struct memkind_ops MEMKIND_HBW_OPS;
extern struct memkind_ops MEMKIND_HBW_ALL_OPS;
extern struct memkind_ops MEMKIND_HBW_HUGETLB_OPS;
extern struct memkind_ops MEMKIND_HBW_ALL_HUGETLB_OPS;
extern struct memkind_ops MEMKIND_HBW_PREFERRED_OPS;
extern struct memkind_ops MEMKIND_HBW_PREFERRED_HUGETLB_OPS;
extern struct memkind_ops MEMKIND_HBW_INTERLEAVE_OPS;
extern struct memkind_ops MEMKIND_HBW_GBTLB_OPS;
extern struct memkind_ops MEMKIND_HBW_PREFERRED_GBTLB_OPS;

/* MEMKIND_SUCCESS, or why the kind's memory is missing; kind can be any
 * kind. */
int memkind_hbw_check_available(struct memkind *kind);
/* The same, and whether huge pages of 2 MiB are available there. */
int memkind_hbw_hugetlb_check_available(struct memkind *kind);

/*
 * Set the bits of nodemask that belong to nodes of high bandwidth, and clear
 * all others up to maxnode: the nearest to the processor that the caller runs
 * on, or all of them.  kind is ignored.  If nodemask is NULL, only check
 * whether there are any.  The result is that of
 * memkind_check_available(MEMKIND_HBW).
 */
int memkind_hbw_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode);
int memkind_hbw_all_get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode);
/* The nearest one, as MEMKIND_HBW_PREFERRED uses it.  Also
 * MEMKIND_ERROR_RUNTIME if several are equally near. */
int memkind_hbw_get_preferred_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode);

/* Look for the memory of MEMKIND_HBW and so on now instead of at the first
 * allocation.  Never necessary; repeated calls are harmless. */
void memkind_hbw_init_once(void);
void memkind_hbw_all_init_once(void);
void memkind_hbw_hugetlb_init_once(void);
void memkind_hbw_all_hugetlb_init_once(void);
void memkind_hbw_preferred_init_once(void);
void memkind_hbw_preferred_hugetlb_init_once(void);
void memkind_hbw_interleave_init_once(void);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_HBW_H */
