/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache_collect.h -- taking free blocks from the threads that have them
 * (layer 3).
 *
 * What a thread has of a heap's free memory is in three places:
 *
 *   its cache       taken as soon as the thread is not inside of it
 *   its outbox      taken at once
 *   its hands       the block, and the slab, that it works on (at_slabs): it is
 *                   waited for until it is done
 *
 * Waiting is done asleep and without a lock.  It ends after about a second, if
 * the thread stands still all the time, and nobody waits for it again where it
 * stands.
 */
#ifndef CACHE_COLLECT_H
#define CACHE_COLLECT_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/cache.h"

/* In all of these, own is the calling thread's cache, or NULL. */

/* When the library starts: without membarrier(2), nothing is taken from others. */
void cache_collect_init(void);

/* Empty all caches and close them; whether any was open. */
bool cache_collect_all(struct heap_caches *hc, const struct thread_cache *own);
/* Empty those that were not used since the last call. */
void cache_collect_idle(struct heap_caches *hc, const struct thread_cache *own);
/* Empty outboxes, and wait until each thread that has something in its hands now
 * had none; whether there was anything. */
bool cache_collect_in_hands(struct heap_caches *hc);
/* Others want the calling thread's cache, or had it: have that done. */
void cache_collect_own(struct heap_caches *hc, struct thread_cache *own);

/* Free what is in the outbox. */
bool cache_free_outbox(struct heap_caches *hc, struct thread_cache *c);
/* Free all blocks of a cache that nobody is inside of. */
void cache_flush_locked(struct heap_caches *hc, struct thread_cache *c);

/* The calling thread's hands: before it takes something out of its cache or the
 * slabs, and when it is where it belongs.  Nothing for NULL. */
void cache_begin_at_slabs(struct thread_cache *own);
void cache_end_at_slabs(struct thread_cache *own);

#endif /* CACHE_COLLECT_H */
