/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_mem_attributes.h -- operations of kinds on the node that is best in
 * one respect.
 *
 * For programs that build an operations table of their own (memkind_ops.h):
 * copy one, and change the copy.  memkind(3) says which node is which.
 */
#ifndef MEMKIND_MEM_ATTRIBUTES_H
#define MEMKIND_MEM_ATTRIBUTES_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

extern struct memkind_ops MEMKIND_HIGHEST_CAPACITY_OPS;
extern struct memkind_ops MEMKIND_HIGHEST_CAPACITY_PREFERRED_OPS;
extern struct memkind_ops MEMKIND_HIGHEST_CAPACITY_LOCAL_OPS;
extern struct memkind_ops MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED_OPS;
extern struct memkind_ops MEMKIND_LOWEST_LATENCY_LOCAL_OPS;
extern struct memkind_ops MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED_OPS;
extern struct memkind_ops MEMKIND_HIGHEST_BANDWIDTH_LOCAL_OPS;
extern struct memkind_ops MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED_OPS;

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_MEM_ATTRIBUTES_H */
