/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dram_cache.h -- thread caches of heaps over DRAM (layer 3).
 *
 * A heap without a region leaves its blocks to jemalloc, and so their caches:
 * one of jemalloc's for each thread and heap, made when the thread asks for it
 * and flushed when the thread ends.  Only for heaps that never end, as nobody
 * empties the cache of another thread, and not for those of huge pages, of which
 * a cached block would hold one.
 */
#ifndef DRAM_CACHE_H
#define DRAM_CACHE_H

/* Heaps with caches; and none. */
enum {
	DRAM_CACHE_MAX = 32,
	DRAM_CACHE_NONE = -1
};

/* The calling thread's cache for that heap, for je_alloc_cached();
 * DRAM_CACHE_NONE: do without.  heap_nr is below DRAM_CACHE_MAX, or none. */
int dram_cache_get(int heap_nr);
/* Give the blocks in it back to their arenas, if there is one. */
void dram_cache_flush(int heap_nr);
/* The same of all heaps: what figures are taken of is in use then. */
void dram_cache_flush_all(void);

#endif /* DRAM_CACHE_H */
