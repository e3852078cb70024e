// SPDX-License-Identifier: BSD-2-Clause
/*
 * arena_set.c -- see arena_set.h.
 */
#include "heap/arena_set.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/parse.h"
#include "base/reason.h"
#include "base/util.h"

/* Each arena holds a partly filled slab for each size in use.  So a heap gets
 * at most one arena for each BYTES_PER_ARENA bytes. */
#define BYTES_PER_ARENA (32 * MIB)

/* Threads are numbered in the order in which they first allocate. */
static _Atomic(unsigned) Nr_threads;
static _Thread_local unsigned Thread_nr; /* 0: none yet */

static unsigned
thread_nr(void)
{
	if (DK_UNLIKELY(Thread_nr == 0))
		Thread_nr = atomic_fetch_add_explicit(
				&Nr_threads, 1, memory_order_relaxed) +
			    1;
	return Thread_nr;
}

int
arena_set_slots_for(size_t size, unsigned *nr_slots)
{
	const char *env = os_getenv("MEMKIND_ARENA_NUM_PER_KIND");
	size_t nr = min_size(max_size(size / BYTES_PER_ARENA, 1), os_nr_cpus());

	if (env != NULL && !parse_number(env, &nr))
		nr = 0;
	if (nr == 0)
		return error_set(REASON_ENVIRON,
		    "MEMKIND_ARENA_NUM_PER_KIND=%s is not a number of at "
		    "least 1; correct it, or unset it",
		    env);
	*nr_slots = (unsigned)min_size(nr, ARENA_SET_MAX);
	return 0;
}

void
arena_set_init(struct arena_set *set, struct je_hooks *hooks,
    bool purges_at_once, unsigned nr_slots)
{
	memset(set, 0, sizeof(*set));
	set->hooks = hooks;
	set->purges_at_once = purges_at_once;
	set->nr_slots = nr_slots;
	lock_init(&set->lock, RANK_ARENAS);
}

static int
fail_no_more(int rc)
{
	return error_set(rc,
	    "jemalloc cannot make another arena (4,094 in all): too many "
	    "kinds are in use at once; destroy some");
}

int
arena_set_promise(struct arena_set *set)
{
	int rc = je_arena_promise();

	if (rc < 0)
		return fail_no_more(rc);
	set->has_promise = true;
	return 0;
}

void
arena_set_fini(struct arena_set *set)
{
	unsigned pos = 0, arena;

	if (set->has_promise)
		je_arena_forgo();
	while (arena_set_next(set, &pos, &arena))
		je_arena_free(set->hooks, set->purges_at_once, arena);
	lock_fini(&set->lock);
}

/* Make the slot's arena; if that fails, use another arena of the set. */
static int
make_arena(struct arena_set *set, unsigned slot, unsigned *arena)
{
	unsigned pos = 0;

	lock_take(&set->lock);
	unsigned value =
	    atomic_load_explicit(&set->slots[slot], memory_order_relaxed);
	int rc = 0;
	if (value != 0) {
		*arena = value - 1;
	} else {
		rc = (set->has_promise ? je_arena_redeem : je_arena_new)(
		    set->hooks, set->purges_at_once, arena);
		if (rc == 0) {
			set->has_promise = false;
			atomic_store_explicit(&set->slots[slot], *arena + 1,
			    memory_order_release);
		}
	}
	lock_drop(&set->lock);
	if (rc < 0 && arena_set_next(set, &pos, arena))
		rc = 0;
	if (rc < 0)
		return fail_no_more(rc);
	return 0;
}

int
arena_set_get(struct arena_set *set, unsigned *arena)
{
	unsigned slot = thread_nr() % set->nr_slots;
	unsigned value =
	    atomic_load_explicit(&set->slots[slot], memory_order_acquire);

	if (DK_LIKELY(value != 0)) {
		*arena = value - 1;
		return 0;
	}
	return make_arena(set, slot, arena);
}

int
arena_set_get_stats(const struct arena_set *set, struct heap_stats *stats)
{
	struct heap_stats sum = {0};
	unsigned pos = 0, arena;

	while (arena_set_next(set, &pos, &arena)) {
		struct je_stats one;
		int rc = je_arena_stats(arena, &one);

		if (rc < 0)
			return rc;
		heap_stats_add(
		    &sum, &(struct heap_stats){.allocated = one.allocated,
			      .active = one.active,
			      .resident = one.resident});
	}
	*stats = sum;
	return 0;
}

bool
arena_set_next(const struct arena_set *set, unsigned *pos, unsigned *arena)
{
	while (*pos < set->nr_slots) {
		unsigned value = atomic_load_explicit(
		    &set->slots[(*pos)++], memory_order_acquire);

		if (value != 0) {
			*arena = value - 1;
			return true;
		}
	}
	return false;
}
