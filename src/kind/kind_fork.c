// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_fork.c -- what happens to kinds at a fork(2) (layer 4).
 *
 * The child of a threaded program must find no lock taken by a thread that it
 * does not have.  So before a fork all locks are taken, in the order of their
 * ranks, in which jemalloc's own are in the middle: it has handlers too, and
 * those that are registered last are called first.  Hence two sets, one
 * registered before jemalloc starts and one after.
 *
 * Then, in the child: a region that parent and child both see is off (each
 * would hand out the same blocks); one over a private mapping was copied by
 * the fork, and goes on.
 */
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
kind_before(struct memkind *kind)
{
	if (kind->heap != NULL)
		heap_before_fork(kind->heap);
}

static void
kind_in_parent(struct memkind *kind)
{
	if (kind->heap != NULL)
		heap_after_fork_in_parent(kind->heap);
}

static void
kind_in_child(struct memkind *kind)
{
	if (kind->heap != NULL)
		heap_after_fork_in_child(kind->heap);
}

static void
outer_before(void)
{
	kind_registry_lock_at_fork();
	thread_cache_lock_at_fork();
	kind_static_walk(kind_before);
	kind_registry_walk_at_fork(kind_before);
}

static void
outer_in_parent(void)
{
	kind_registry_walk_at_fork(kind_in_parent);
	kind_static_walk(kind_in_parent);
	thread_cache_unlock_at_fork();
	kind_registry_unlock_at_fork();
}

static void
outer_in_child(void)
{
	kind_registry_walk_at_fork(kind_in_child);
	kind_static_walk(kind_in_child);
	thread_cache_unlock_at_fork();
	kind_registry_unlock_at_fork();
	sigbus_after_fork_in_child();
}

static void
register_handlers(
    void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
	if (pthread_atfork(before, in_parent, in_child) != 0)
		log_write(DK_LOG_WARNING,
		    "no memory for fork handlers: do not use kinds in a "
		    "child of fork(2)");
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
	register_handlers(outer_before, outer_in_parent, outer_in_child);
}
