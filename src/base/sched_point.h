/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sched_point.h -- named points at which a test can hold a thread (layer 0).
 *
 * A test for a race forces the one order of events that it needs, instead of
 * repeating.  DK_POINT("name") in the library's code names a place; a unit test
 * holds a thread there, does what must happen meanwhile, and releases it: see
 * tests/support/hold.h.  Only builds with --enable-debug have points; elsewhere
 * DK_POINT() expands to nothing, and #ifdef DK_DEBUG leaves such tests out.
 *
 * A point may be anywhere: with locks held, and inside an extent hook.
 */
#ifndef SCHED_POINT_H
#define SCHED_POINT_H

#ifdef DK_DEBUG
#include <stdatomic.h>
#include <stddef.h>

#include "base/export.h"

/* Called at each point with its name; NULL: no test listens.  It must not
 * allocate and must preserve errno. */
extern _Atomic(void (*)(const char *name)) Sched_point_hook;

static inline void
sched_point_pass(const char *name)
{
	void (*hook)(const char *) =
	    atomic_load_explicit(&Sched_point_hook, memory_order_acquire);

	if (DK_UNLIKELY(hook != NULL))
		hook(name);
}

#define DK_POINT(name) sched_point_pass(name)
#else
#define DK_POINT(name) ((void)0)
#endif

#endif /* SCHED_POINT_H */
