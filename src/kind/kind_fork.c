// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_fork.c -- see kind_fork.h.
 *
 * The child of a threaded program must find no lock taken by a thread that it
 * does not have.  So before a fork all locks are taken, in the order of their
 * ranks, all of a rank before the first of the next; debug builds check that.
 * jemalloc's own are in the middle: it has handlers too, and those that are
 * registered last are called first.  Hence two sets, one registered before
 * jemalloc starts and one after.
 *
 * Then, in the child: a region that parent and child both see is off (each
 * would hand out the same blocks); one over a private mapping was copied by
 * the fork, and goes on.
 */
#include "kind/kind_fork.h"

#include <pthread.h>

#include "base/log.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "heap/thread_cache.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "kind/kind_static.h"
#include "kind/sigbus.h"
#include "region/reclaimer.h"
#include "region/region.h"
#include "region/region_index.h"

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
dram_before(struct memkind *kind)
{
	if (kind->heap != NULL && kind->heap->hooks.dram != NULL)
		dram_source_lock_at_fork(kind->heap->hooks.dram);
}

static void
dram_after(struct memkind *kind)
{
	if (kind->heap != NULL && kind->heap->hooks.dram != NULL)
		dram_source_unlock_at_fork(kind->heap->hooks.dram);
}

/* The registry's lock is one of the outer ones. */
static void
inner_before(void)
{
	kind_static_walk(dram_before);
	kind_registry_walk_at_fork(dram_before);
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
	kind_registry_walk_at_fork(dram_after);
	kind_static_walk(dram_after);
}

static void
inner_in_child(void)
{
	region_index_walk_at_fork(region_in_child, NULL);
	region_index_unlock_at_fork();
	reclaimer_after_fork_in_child();
	kind_registry_walk_at_fork(dram_after);
	kind_static_walk(dram_after);
}

/* --- outer locks: before jemalloc's ---------------------------------------------- */

static void
each_heap(void (*visit)(struct memkind *kind))
{
	kind_static_walk(visit);
	kind_registry_walk_at_fork(visit);
}

#define HEAP_VISITOR(name, function)           \
	static void name(struct memkind *kind) \
	{                                      \
		if (kind->heap != NULL)        \
			function(kind->heap);  \
	}

HEAP_VISITOR(lock_arenas, heap_lock_arenas_at_fork)
HEAP_VISITOR(unlock_arenas, heap_unlock_arenas_at_fork)
HEAP_VISITOR(lock_caches, heap_lock_caches_at_fork)
HEAP_VISITOR(unlock_caches, heap_unlock_caches_at_fork)
HEAP_VISITOR(lock_quarantine, heap_lock_quarantine_at_fork)
HEAP_VISITOR(unlock_quarantine, heap_unlock_quarantine_at_fork)
HEAP_VISITOR(mend_in_child, heap_after_fork_in_child)

static void
outer_before(void)
{
	sigbus_lock_at_fork();
	kind_registry_lock_at_fork();
	each_heap(lock_arenas);
	thread_cache_lock_at_fork();
	each_heap(lock_caches);
	each_heap(lock_quarantine);
}

static void
outer_after(void)
{
	each_heap(unlock_quarantine);
	each_heap(unlock_caches);
	thread_cache_unlock_at_fork();
	each_heap(unlock_arenas);
	kind_registry_unlock_at_fork();
	sigbus_unlock_at_fork();
}

static void
outer_in_child(void)
{
	sigbus_after_fork_in_child();
	thread_cache_after_fork_in_child();
	each_heap(mend_in_child);
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

/* jemalloc starts in a constructor without a priority, which is a later one,
 * or with its first call. */
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
