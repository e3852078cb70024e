/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap_stats.h -- statistics of a heap, with or without a region (layer 4).
 */
#ifndef HEAP_STATS_H
#define HEAP_STATS_H

#include <stddef.h>

/* Bytes. */
struct heap_stats {
	size_t allocated; /* in live blocks */
	size_t active;    /* in pages with live blocks */
	size_t resident;  /* physically allocated */
};

static inline void
heap_stats_add(struct heap_stats *sum, const struct heap_stats *more)
{
	sum->allocated += more->allocated;
	sum->active += more->active;
	sum->resident += more->resident;
}

#endif /* HEAP_STATS_H */
