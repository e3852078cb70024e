/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rangeset.h -- a set of disjoint ranges of numbers (layer 1).
 *
 * Neighbouring ranges are always merged.  Every operation on one range takes
 * time logarithmic in the number of ranges (expected: it is a treap, Seidel
 * and Aragon 1996), where each node knows the longest range below it.
 *
 * Pure data: no lock, no log; memory comes from a pool that several sets of
 * one owner share.
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
 * Add [start, start + len), no byte of which may be in the set.  Merges with
 * its neighbours.  -ENOMEM: a node was needed and the pool has none; the set
 * is as it was.  Needs one node at most.
 */
int rangeset_add(struct rangeset *rs, size_t start, size_t len) DK_MUST_CHECK;

/*
 * Take out what is in the set of [start, start + len).  -ENOMEM: a range had
 * to be split and the pool has no node; the set is as it was.  Needs one node
 * at most.
 */
int rangeset_remove(struct rangeset *rs, size_t start, size_t len)
    DK_MUST_CHECK;

enum rangeset_end {
	RANGESET_LOW,
	RANGESET_HIGH
};

/*
 * The lowest (or highest) place for len bytes at a multiple of align, a power
 * of two.  Logarithmic when align is at most unit, of which all ranges are
 * multiples; else that for each range of len or more that it tries in vain, of
 * which there is at most one for each multiple of align.
 */
bool rangeset_fit(const struct rangeset *rs, size_t len, size_t align,
    size_t unit, enum rangeset_end end, size_t *start);

/* The first range that ends after pos. */
bool rangeset_next(
    const struct rangeset *rs, size_t pos, size_t *start, size_t *len);
/* The range that pos is in. */
bool rangeset_find(
    const struct rangeset *rs, size_t pos, size_t *start, size_t *len);
/* The longest range (the lowest of them). */
bool rangeset_longest(const struct rangeset *rs, size_t *start, size_t *len);

/* The same without a search: its length, 0 in an empty set. */
static inline size_t
rangeset_longest_len(const struct rangeset *rs)
{
	return rs->root != NULL ? rs->root->longest : 0;
}

/* How much of [start, start + len) is in the set. */
size_t rangeset_covered(const struct rangeset *rs, size_t start, size_t len);

/* Walks the whole set: order, merging, sums and heap are right. */
bool rangeset_check(const struct rangeset *rs);

#endif /* RANGESET_H */
