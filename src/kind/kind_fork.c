// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_fork.c -- see kind_fork.h.
 *
 * The child of a threaded program must not inherit a lock that another thread
 * holds.  So before a fork, all locks are taken in the order of their ranks,
 * all of one rank before the next; debug builds check that. jemalloc's own
 * locks come in the middle: it has fork handlers too, and handlers registered
 * last run first.  So there are two sets of handlers, one registered before
 * jemalloc starts and one after.
 *
 * In the child, a region whose memory the parent shares is switched off, since
 * both would hand out the same blocks.  A region over a private mapping was
 * copied by the fork, and stays in use.
 */
#include "kind/kind_fork.h"

#include <pthread.h>

#include "base/log.h"
#include "heap/cache_life.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "heap/je_heap.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "kind/kind_static.h"
#include "kind/sigbus.h"
#include "region/reclaimer.h"
#include "region/region.h"
#include "region/region_index.h"

/* --- all heaps ------------------------------------------------------------------- */

/* One function for each sort of heap; NULL: skip it. */
struct visitor {
	void (*heap)(struct heap *heap);
	void (*je_heap)(struct je_heap *heap);
};

static void
visit_heap(struct heap *heap, void *arg)
{
	const struct visitor *visitor = arg;

	visitor->heap(heap);
}

static void
visit_kind(struct memkind *kind, void *arg)
{
	const struct visitor *visitor = arg;

	if (kind->heap != NULL && visitor->heap != NULL)
		visitor->heap(kind->heap);
	if (kind->je_heap != NULL && visitor->je_heap != NULL)
		visitor->je_heap(kind->je_heap);
}

/* The caller holds the registry's lock, one of the outer locks. */
static void
each_heap(void (*visit)(struct heap *heap))
{
	struct visitor visitor = {.heap = visit};

	kind_static_walk_heaps(visit_heap, &visitor);
	kind_registry_walk_at_fork(visit_kind, &visitor);
}

static void
each_je_heap(void (*visit)(struct je_heap *heap))
{
	struct visitor visitor = {.je_heap = visit};

	kind_static_walk_je_heaps(visit);
	kind_registry_walk_at_fork(visit_kind, &visitor);
}

/* --- inner locks: after jemalloc's ---------------------------------------------- */

static void
region_before(struct daxkind_region *r, void *arg)
{
	(void)arg;
	region_before_fork(r);
}

static void
region_in_parent(struct daxkind_region *r, void *arg)
{
	(void)arg;
	region_after_fork_in_parent(r);
}

static void
region_in_child(struct daxkind_region *r, void *arg)
{
	(void)arg;
	region_after_fork_in_child(r);
}

static void
source_before(struct je_heap *heap)
{
	dram_source_lock_at_fork(&heap->source);
}

static void
source_after(struct je_heap *heap)
{
	dram_source_unlock_at_fork(&heap->source);
}

static void
inner_before(void)
{
	each_je_heap(source_before);
	reclaimer_before_fork();
	region_index_lock_at_fork();
	region_index_walk_at_fork(region_before, NULL);
}

static void
inner_in_parent(void)
{
	region_index_walk_at_fork(region_in_parent, NULL);
	region_index_unlock_at_fork();
	reclaimer_after_fork_in_parent();
	each_je_heap(source_after);
}

static void
inner_in_child(void)
{
	region_index_walk_at_fork(region_in_child, NULL);
	region_index_unlock_at_fork();
	reclaimer_after_fork_in_child();
	each_je_heap(source_after);
}

/* --- outer locks: before jemalloc's ---------------------------------------------- */

static void
outer_before(void)
{
	sigbus_lock_at_fork();
	kind_registry_lock_at_fork();
	kind_static_lock_at_fork();
	each_heap(heap_lock_arenas_at_fork);
	each_je_heap(je_heap_lock_at_fork);
	cache_life_lock_at_fork();
	each_heap(heap_lock_caches_at_fork);
	each_heap(heap_lock_quarantine_at_fork);
}

static void
outer_after(void)
{
	each_heap(heap_unlock_quarantine_at_fork);
	each_heap(heap_unlock_caches_at_fork);
	cache_life_unlock_at_fork();
	each_je_heap(je_heap_unlock_at_fork);
	each_heap(heap_unlock_arenas_at_fork);
	kind_static_unlock_at_fork();
	kind_registry_unlock_at_fork();
	sigbus_unlock_at_fork();
}

static void
outer_in_child(void)
{
	sigbus_after_fork_in_child();
	cache_life_after_fork_in_child();
	each_heap(heap_after_fork_in_child);
	outer_after();
}

static bool Failed;

bool
kind_fork_is_safe(void)
{
	return !Failed;
}

static void
register_handlers(
    void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
	if (pthread_atfork(before, in_parent, in_child) == 0)
		return;
	Failed = true;
	log_write(DK_LOG_WARNING,
	    "out of memory for fork handlers: do not use kinds in a child of "
	    "fork(2)");
}

/* Before jemalloc starts, which is in a constructor without a priority, or at
 * its first call. */
__attribute__((constructor(101))) static void
register_inner(void)
{
	register_handlers(inner_before, inner_in_parent, inner_in_child);
}

__attribute__((constructor)) static void
register_outer(void)
{
	je_start();
	register_handlers(outer_before, outer_after, outer_in_child);
}
