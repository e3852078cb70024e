/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_static.h -- the kinds that are always there, over DRAM (layer 4).
 */
#ifndef KIND_STATIC_H
#define KIND_STATIC_H

#include <stdbool.h>

#include "memkind.h"
#include "memkind_ops.h"

#include "base/export.h"

struct memkind;

/* MEMKIND_DEFAULT's, which is whatever no other kind is. */
extern struct memkind Kind_default;

/* Operations that all of them share: there is one of each kind, already, and
 * nothing ends it. */
int kind_static_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name);
int kind_static_destroy(struct memkind *kind);

/* The static kind that an arena which is no region's belongs to. */
struct memkind *kind_static_of_arena(unsigned arena);
/* Call visit for each static kind that has a heap. */
void kind_static_walk(void (*visit)(struct memkind *kind));
/*
 * The static kind of these properties, or MEMKIND_DEFAULT where its memory is
 * not there and the policy only prefers it.  -EINVAL: there is none; -ENXIO:
 * its memory is not there.
 */
int kind_static_find(unsigned memtype, memkind_policy_t policy, unsigned bits,
    struct memkind **kind) DK_MUST_CHECK;
/* The kind that memkind numbers so, or NULL. */
struct memkind *kind_static_of_partition(int partition);
/* Bytes that the kind could allocate at most.  -errno: nobody can tell. */
int kind_static_capacity(struct memkind *kind, size_t *bytes) DK_MUST_CHECK;
/* Give memory back that decayed, of all kinds without a region. */
void kind_static_decay(void);
/* Of any pointer, which is not followed. */
bool kind_is_static(const struct memkind *kind);

#endif /* KIND_STATIC_H */
