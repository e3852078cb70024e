// SPDX-License-Identifier: BSD-2-Clause
/*
 * cache_limits.c -- see cache_limits.h.
 */
#include "heap/cache_limits.h"

#include "base/util.h"
#include "heap/slabs.h"

/* Limits of a bin: this many bytes, but at least BIN_MIN and at most
 * CACHE_LIMITS_BIN_MAX blocks. */
#define BIN_BYTES ((size_t)64 * KIB)
enum {
	BIN_MIN = 16
};
/* All 36 bins of a thread together, if full, hold at most one part in this many
 * of the region. */
enum {
	REGION_SHARE = 8192
};
/* One cached block can keep a slab from going back.  So where file space goes
 * back, the slabs of a bin's blocks have at most this many bytes.  Not those of a
 * durable heap: it would pay a fence for every few blocks. */
#define BIN_SLAB_BYTES ((size_t)64 * KIB)

size_t
cache_limits_bytes(size_t region_size)
{
	return min_size(BIN_BYTES, region_size / REGION_SHARE);
}

bool
cache_limits_hold_file_space(const struct heap_caches *hc)
{
	const struct backing *b = hc->slabs->region->backing;

	return b->has_file_space && !b->is_private;
}

size_t
cache_limits_bin(const struct heap_caches *hc, unsigned size_class)
{
	size_t nr = hc->max_bytes / Size_classes.size[size_class];

	if (cache_limits_hold_file_space(hc) && hc->slabs->durable == NULL)
		return min_size(
		    nr, BIN_SLAB_BYTES / Size_classes.slab_size[size_class]);
	/* In a small region, BIN_MIN blocks would be a large part of it. */
	if (nr < BIN_MIN && hc->max_bytes < BIN_BYTES)
		return nr;
	return min_size(max_size(nr, BIN_MIN), CACHE_LIMITS_BIN_MAX);
}
