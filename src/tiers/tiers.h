/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tiers.h -- kinds as the tiers of one memory, and which of them the next
 * block is of (layer 5).
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
	unsigned ratio; /* its share, out of the sum over all tiers */
};

/* Between tier i and i + 1: blocks of fewer bytes are of tier i. */
struct tier_threshold {
	_Atomic(size_t) val; /* now, from min to max */
	size_t min, max;
	/* Of the bytes of the upper tier to those of the lower: how far from
	 * what it should be it was found last.  Of whoever is_checking. */
	double distance;
};

/* A builder, and a memory that was built from it. */
struct tiers {
	memtier_policy_t policy;
	unsigned nr;                       /* tiers */
	struct tier *tiers;                /* nr of them */
	struct tier_threshold *thresholds; /* nr - 1 of them */

	/* Of the thresholds: look after them each check_cnt allocations, and
	 * move them by the part degree when the ratio is off by trigger. */
	unsigned check_cnt;
	float trigger, degree;

	_Atomic(unsigned) nr_allocs;
	atomic_bool is_checking; /* one thread at a time */
};

/* No tier yet.  -EINVAL: no such policy.  -ENOMEM. */
int tiers_new(memtier_policy_t policy, struct tiers **tiers) DK_MUST_CHECK;
void tiers_free(struct tiers *tiers);
/* -EINVAL: no kind, or one that is there.  -ENOMEM. */
int tiers_add(struct tiers *tiers, struct memkind *kind, unsigned ratio)
    DK_MUST_CHECK;
/* By the names of memtier_ctl_set(); -EINVAL: no such property. */
int tiers_set(struct tiers *tiers, const char *name, const void *value)
    DK_MUST_CHECK;
/* A copy that can be allocated from.  -EINVAL: it makes no sense.  -ENOMEM. */
int tiers_build(const struct tiers *from, struct tiers **built) DK_MUST_CHECK;

/* Which kind a block of size bytes is to be of. */
struct memkind *tiers_pick(struct tiers *tiers, size_t size);
/* The nr-th kind, from 0 on, that stands in for one that is full: the other
 * tiers in their order, MEMKIND_DEFAULT as the last.  NULL: no further. */
struct memkind *tiers_other(
    const struct tiers *tiers, const struct memkind *full, unsigned nr);
/* A block was allocated or resized. */
void tiers_after_alloc(struct tiers *tiers);

#endif /* TIERS_H */
