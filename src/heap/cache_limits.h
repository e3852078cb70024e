/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache_limits.h -- how many free blocks a thread may keep of a heap (layer 4).
 *
 * A bin holds a number of bytes, and is smaller in a small region.  Where file
 * space goes back, it holds blocks of few slabs.
 */
#ifndef CACHE_LIMITS_H
#define CACHE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/cache.h"

/* Blocks of any bin. */
enum {
	CACHE_LIMITS_BIN_MAX = 256
};

/* Bytes of one bin of a heap on a region of that size; 0: nothing is cached. */
size_t cache_limits_bytes(size_t region_size);
/* Blocks of one bin of the heap. */
size_t cache_limits_bin(const struct heap_caches *hc, unsigned size_class);
/* Whether cached blocks hold file space, not only memory of this process. */
bool cache_limits_hold_file_space(const struct heap_caches *hc);

#endif /* CACHE_LIMITS_H */
