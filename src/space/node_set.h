/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node_set.h -- sets of NUMA nodes (layer 1, no state).
 */
#ifndef NODE_SET_H
#define NODE_SET_H

#include <stdbool.h>
#include <string.h>

#include "base/export.h"

/* As many as any kernel can be built for. */
enum {
	NODE_SET_MAX = 1024,
	/* Of a mask that somebody else gives: no more than mbind(2) takes. */
	NODE_SET_MASK_MAX = 8 * 4096 + 1,
	NODE_SET_WORD_BITS = 8 * sizeof(unsigned long),
	NODE_SET_WORDS = NODE_SET_MAX / NODE_SET_WORD_BITS
};

/* As mbind(2) takes it. */
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

/*
 * A list of numbers and ranges as the kernel writes them: "0-3,8", "" for
 * none.  -EINVAL: it is something else, or has a node that is too large.
 */
int node_set_read(const char *text, struct node_set *set) DK_MUST_CHECK;

/*
 * The same as people write it, with libnuma's additions: "all", "!LIST" for
 * all but these, "+LIST" counted among the nodes of known instead of by their
 * own numbers.  -EINVAL also: a node that is not in known, and no node at all.
 */
int node_set_parse(const char *text, const struct node_set *known,
    struct node_set *set) DK_MUST_CHECK;

#endif /* NODE_SET_H */
