/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_lookup.h -- a static kind by what memkind calls it: its properties, or its
 * number (layer 7).
 */
#ifndef KIND_LOOKUP_H
#define KIND_LOOKUP_H

#include "base/export.h"
#include "memkind.h"

/*
 * The static kind of these properties, or MEMKIND_DEFAULT where its memory is
 * not there and the policy only prefers it.  -EINVAL: there is none; -ENXIO:
 * its memory is not there.
 */
int kind_lookup_find(unsigned memtype, memkind_policy_t policy, unsigned bits,
    struct memkind **kind) DK_MUST_CHECK;
/* The kind that memkind numbers so, or NULL. */
struct memkind *kind_lookup_of_partition(int partition);

#endif /* KIND_LOOKUP_H */
