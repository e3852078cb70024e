/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tiers.h -- kinds as the tiers of one memory, and the choice of a tier for the
 * next block (layer 6).
 */
#ifndef TIERS_H
#define TIERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"
#include "memkind_memtier.h"

struct tier {
	struct memkind *kind;
	unsigned ratio; /* its part of the sum over all tiers */
};

/* Between tiers i and i + 1: smaller blocks belong to tier i. */
struct tier_threshold {
	_Atomic(size_t) val; /* now, from min to max */
	size_t min, max;
	/* Distance of the tiers' ratio (bytes of the upper to the lower) from
	 * the wanted ratio at the last check.  Only the checking thread uses
	 * it. */
	double distance;
};

/* Both a builder, and a memory built from it. */
struct tiers {
	memtier_policy_t policy;
	unsigned nr;                       /* tiers */
	struct tier *tiers;                /* nr of them */
	struct tier_threshold *thresholds; /* nr - 1 of them */

	/* For the thresholds: check them every check_cnt allocations, and move
	 * them by the part degree if the ratio is off by more than trigger. */
	unsigned check_cnt;
	float trigger, degree;

	_Atomic(unsigned) nr_allocs;
	atomic_bool is_checking; /* one thread at a time */
};

/* Without a tier.  -EINVAL: no such policy.  -ENOMEM. */
int tiers_new(memtier_policy_t policy, struct tiers **tiers) DK_MUST_CHECK;
void tiers_free(struct tiers *tiers);
/* -EINVAL: no kind, or already a tier.  -ENOMEM. */
int tiers_add(struct tiers *tiers, struct memkind *kind, unsigned ratio)
    DK_MUST_CHECK;
/* Set a property of memtier_ctl_set(); -EINVAL: no such property. */
int tiers_set(struct tiers *tiers, const char *name, const void *value)
    DK_MUST_CHECK;
/* Copy a builder to a memory.  -EINVAL: its settings are invalid.  -ENOMEM. */
int tiers_build(const struct tiers *from, struct tiers **built) DK_MUST_CHECK;

/* Choose the kind for a block of size bytes. */
struct memkind *tiers_pick(struct tiers *tiers, size_t size);
/* The nr-th kind, from 0 on, that replaces a full one: the other tiers in their
 * order, MEMKIND_DEFAULT last.  NULL: no more. */
struct memkind *tiers_other(
    const struct tiers *tiers, const struct memkind *full, unsigned nr);
/* Call it after each allocation and reallocation. */
void tiers_after_alloc(struct tiers *tiers);

#endif /* TIERS_H */
