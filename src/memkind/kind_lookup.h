/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_lookup.h -- finds a static kind by its properties or memkind's number
 * (layer 8).
 */
#ifndef KIND_LOOKUP_H
#define KIND_LOOKUP_H

#include "base/export.h"
#include "memkind.h"

/*
 * The static kind with these properties, or MEMKIND_DEFAULT if its memory is
 * missing and the policy only prefers it.  -EINVAL: no such kind.  -ENXIO: its
 * memory is missing.
 */
int kind_lookup_find(unsigned memtype, memkind_policy_t policy, unsigned bits,
    struct memkind **kind) DK_MUST_CHECK;
/* The kind with that number, or NULL. */
struct memkind *kind_lookup_of_partition(int partition);

#endif /* KIND_LOOKUP_H */
