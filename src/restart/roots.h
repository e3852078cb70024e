/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * roots.h -- names for what a program finds its data by (layer 3).
 */
#ifndef ROOTS_H
#define ROOTS_H

#include <stddef.h>

#include "base/export.h"
#include "base/lock.h"
#include "region/region.h"
#include "restart/ledger.h"
#include "restart/medium.h"

struct roots {
	struct medium_root *table; /* MEDIUM_ROOTS of them */
	const struct ledger *ledger;
	/* NULL, or the region: its child of fork(2) takes no lock. */
	const struct daxkind_region *region;
	size_t first, end; /* offsets that a root can have */
	struct lock lock;  /* rank RANK_ROOTS */
};

/* l and sb are those of an open region. */
void roots_init(
    struct roots *r, const struct ledger *l, const struct superblock *sb);
void roots_fini(struct roots *r);

/* Set a root, or with off 0 unset it: durable on return.  -ENOSPC: there are
 * MEDIUM_ROOTS of them. */
int roots_set(struct roots *r, const char *name, size_t off) DK_MUST_CHECK;
/* Its offset, or 0. */
size_t roots_find(struct roots *r, const char *name);
/* The offset of number i of MEDIUM_ROOTS, or 0; name has MEDIUM_NAME_SIZE bytes. */
size_t roots_at(struct roots *r, size_t i, char *name);

/*
 * Call visit for each root that is set, until it returns another value than 0,
 * which is returned then; name has an end.  What a root cannot be goes to faults,
 * and its offset is that of a byte of the heap, or 0.  Takes no lock: nobody sets
 * roots meanwhile.
 */
int roots_check(const struct ledger *l, const struct superblock *sb,
    int (*visit)(void *arg, const char *name, size_t off, size_t record_off),
    void *arg, const struct fault_sink *faults) DK_MUST_CHECK;

#endif /* ROOTS_H */
