/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rangeset.h -- a set of disjoint ranges of numbers (layer 1).
 *
 * Neighbouring ranges are always merged.  Every operation on one range takes
 * time logarithmic in the number of ranges (expected; it is a treap, Seidel and
 * Aragon 1996).  Each node knows the longest range below it.
 *
 * Plain data: no lock, no log.  Several sets of one owner share a pool for
 * their memory.
 */
#ifndef RANGESET_H
#define RANGESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/pool.h"

struct rangeset_node {
	size_t start;
	size_t len;
	size_t longest; /* longest len of this node and all below */
	struct rangeset_node *kid[2];
	uint32_t priority; /* a heap on these keeps the tree balanced */
};

struct rangeset {
	struct rangeset_node *root;
	struct pool *nodes; /* of struct rangeset_node */
	size_t total;       /* sum of all len */
	size_t nr;          /* ranges */
	uint32_t random;    /* state of the priorities' generator */
};

void rangeset_init(struct rangeset *rs, struct pool *nodes);

/*
 * Add [start, start + len), of which nothing may be in the set yet, and merge
 * it with its neighbours.  Needs one node at most.  -ENOMEM: the pool has no
 * node; the set is unchanged.
 */
int rangeset_add(struct rangeset *rs, size_t start, size_t len) DK_MUST_CHECK;

/*
 * Remove the parts of [start, start + len) that are in the set.  Needs one node
 * at most.  -ENOMEM: a range had to be split and the pool has no node; the set
 * is unchanged.
 */
int rangeset_remove(struct rangeset *rs, size_t start, size_t len)
    DK_MUST_CHECK;

enum rangeset_end {
	RANGESET_LOW,
	RANGESET_HIGH
};

/*
 * The lowest (or highest) place for len bytes at a multiple of align, a power
 * of two.  If all ranges are multiples of unit and align is at most unit, the
 * time is logarithmic.  Otherwise it is that for each range of at least len
 * that does not fit, and there is at most one such range for each multiple of
 * align.
 */
bool rangeset_fit(const struct rangeset *rs, size_t len, size_t align,
    size_t unit, enum rangeset_end end, size_t *start);

/* The first range that ends after pos. */
bool rangeset_next(
    const struct rangeset *rs, size_t pos, size_t *start, size_t *len);
/* The range that contains pos. */
bool rangeset_find(
    const struct rangeset *rs, size_t pos, size_t *start, size_t *len);
/* The longest range; of several, the lowest. */
bool rangeset_longest(const struct rangeset *rs, size_t *start, size_t *len);

/* The length of the longest range, without a search; 0 for an empty set. */
static inline size_t
rangeset_longest_len(const struct rangeset *rs)
{
	return rs->root != NULL ? rs->root->longest : 0;
}

/* Number of bytes of [start, start + len) in the set. */
size_t rangeset_covered(const struct rangeset *rs, size_t start, size_t len);

/* Walk the whole set; true if order, merging, sums and heap are right. */
bool rangeset_check(const struct rangeset *rs);

#endif /* RANGESET_H */
