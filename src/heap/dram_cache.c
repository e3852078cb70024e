// SPDX-License-Identifier: BSD-2-Clause
/*
 * dram_cache.c -- see dram_cache.h.
 */
#include "heap/dram_cache.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/export.h"
#include "heap/je.h"

struct thread_dram_caches {
	uint16_t nr[DRAM_CACHE_MAX]; /* jemalloc's number and 1, or 0 */
	bool is_off;                 /* there are none, or no more */
};

static _Thread_local struct thread_dram_caches Mine;

static pthread_key_t Key;
static bool Has_key;

/* The destructor of the thread's key. */
static void
end_thread(void *arg)
{
	(void)arg;
	Mine.is_off = true;
	for (int i = 0; i < DRAM_CACHE_MAX; i++) {
		if (Mine.nr[i] != 0)
			je_cache_free(Mine.nr[i] - 1U);
		Mine.nr[i] = 0;
	}
}

/* Before jemalloc's start makes its own key, as thread_cache.c does. */
__attribute__((constructor(101))) static void
init(void)
{
	Has_key = pthread_key_create(&Key, end_thread) == 0;
}

static DK_NOINLINE int
make_cache(int heap_nr)
{
	unsigned nr;

	if (heap_nr == DRAM_CACHE_NONE || Mine.is_off)
		return DRAM_CACHE_NONE;
	/* Any value but NULL has the destructor called. */
	if (!Has_key || pthread_setspecific(Key, &Mine) != 0 ||
	    je_cache_new(&nr) < 0) {
		Mine.is_off = true;
		return DRAM_CACHE_NONE;
	}
	Mine.nr[heap_nr] = (uint16_t)(nr + 1);
	return (int)nr;
}

int
dram_cache_get(int heap_nr)
{
	if (DK_LIKELY(heap_nr >= 0 && Mine.nr[heap_nr] != 0))
		return Mine.nr[heap_nr] - 1;
	return make_cache(heap_nr);
}

void
dram_cache_flush(int heap_nr)
{
	if (heap_nr >= 0 && Mine.nr[heap_nr] != 0)
		je_cache_flush(Mine.nr[heap_nr] - 1U);
}

void
dram_cache_flush_all(void)
{
	for (int i = 0; i < DRAM_CACHE_MAX; i++)
		dram_cache_flush(i);
}
