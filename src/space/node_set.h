/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_set.h -- sets of NUMA nodes (layer 1, no state).
 */
#ifndef NODE_SET_H
#define NODE_SET_H

#include <stdbool.h>
#include <string.h>

#include "base/export.h"

/* The limit of any kernel configuration. */
enum {
	NODE_SET_MAX = 1024,
	/* Limit for masks from callers: mbind(2) accepts no more. */
	NODE_SET_MASK_MAX = 8 * 4096 + 1,
	NODE_SET_WORD_BITS = 8 * sizeof(unsigned long),
	NODE_SET_WORDS = NODE_SET_MAX / NODE_SET_WORD_BITS
};

/* In the format of mbind(2). */
struct node_set {
	unsigned long words[NODE_SET_WORDS];
};

static inline bool
node_set_has(const struct node_set *set, unsigned node)
{
	return node < NODE_SET_MAX && (set->words[node / NODE_SET_WORD_BITS] >>
					      node % NODE_SET_WORD_BITS &
					  1) != 0;
}

static inline void
node_set_add(struct node_set *set, unsigned node)
{
	if (node < NODE_SET_MAX)
		set->words[node / NODE_SET_WORD_BITS] |=
		    1UL << node % NODE_SET_WORD_BITS;
}

static inline void
node_set_clear(struct node_set *set)
{
	memset(set, 0, sizeof(*set));
}

static inline void
node_set_add_all(struct node_set *set, const struct node_set *more)
{
	for (unsigned i = 0; i < NODE_SET_WORDS; i++)
		set->words[i] |= more->words[i];
}

static inline unsigned
node_set_count(const struct node_set *set)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < NODE_SET_WORDS; i++)
		nr += (unsigned)__builtin_popcountl(set->words[i]);
	return nr;
}

static inline bool
node_set_is_empty(const struct node_set *set)
{
	return node_set_count(set) == 0;
}

static inline bool
node_set_is_same(const struct node_set *a, const struct node_set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* Read a list of numbers and ranges in the kernel's format: "0-3,8", or "" for
 * none.  -EINVAL: another text, or a node that is too large. */
int node_set_read(const char *text, struct node_set *set) DK_MUST_CHECK;

/*
 * The same for users, with libnuma's additions: "all"; "!LIST" for all but
 * these; "+LIST" to count among the nodes of known instead of using their own
 * numbers.  -EINVAL also for a node that is not in known, and for no node at
 * all.
 */
int node_set_parse(const char *text, const struct node_set *known,
    struct node_set *set) DK_MUST_CHECK;

#endif /* NODE_SET_H */
