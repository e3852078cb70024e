/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_static.h -- the kinds that are always there, over DRAM (layer 4).
 */
#ifndef KIND_STATIC_H
#define KIND_STATIC_H

#include <stdbool.h>

#include "memkind.h"

#include "export.h"

struct memkind;

/* The static kind that an arena which is no region's belongs to. */
struct memkind *kind_static_of_arena(unsigned arena);
/* Whether a block over DRAM may be of either kind: jemalloc would take it from
 * both, and hand it out again as the one's that was named. */
bool kind_static_are_both_used(void);
/* Give memory back that decayed. */
void kind_static_decay(void);
bool kind_is_static(const struct memkind *kind);

#endif /* KIND_STATIC_H */
