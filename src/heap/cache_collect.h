/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache_collect.h -- takes free blocks from other threads (layer 4).
 *
 * A thread can hold free memory of a heap in three places:
 *
 *   its cache       taken as soon as the thread is not inside of it
 *   its outbox      taken at once
 *   its hands       the block and the slab that it is working on (at_slabs):
 *                   taken once it has finished
 *
 * The caller sleeps while it waits, without a lock.  It gives up after about a
 * second if the thread makes no progress.  Later calls do not wait for that
 * thread again until it has moved on.
 */
#ifndef CACHE_COLLECT_H
#define CACHE_COLLECT_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/cache.h"

/* In all functions, own is the calling thread's cache, or NULL. */

/* Call it when the library starts.  Without membarrier(2), nothing is taken
 * from other threads. */
void cache_collect_init(void);

/* Empty and close all caches.  Returns whether any was open. */
bool cache_collect_all(struct heap_caches *hc, const struct thread_cache *own);
/* Empty the caches that were unused since the last call. */
void cache_collect_idle(struct heap_caches *hc, const struct thread_cache *own);
/* Empty outboxes, and wait until each thread that is at its slabs now has been
 * away from them.  Returns whether there was anything to do. */
bool cache_collect_in_hands(struct heap_caches *hc);
/* Finish what another thread began: empty and return the calling thread's own
 * cache. */
void cache_collect_own(struct heap_caches *hc, struct thread_cache *own);

/* Free the blocks in the outbox.  Returns whether there were any. */
bool cache_free_outbox(struct heap_caches *hc, struct thread_cache *c);
/* Free all blocks of a cache; no thread may be inside. */
void cache_flush_locked(struct heap_caches *hc, struct thread_cache *c);

/* Bracket a move of the calling thread: begin before it takes a block out of
 * its cache or the slabs, end once the block is in its place.  NULL: do
 * nothing. */
void cache_begin_at_slabs(struct thread_cache *own);
void cache_end_at_slabs(struct thread_cache *own);

#endif /* CACHE_COLLECT_H */
