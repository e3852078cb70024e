// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_arena_set.c -- the jemalloc arenas of one heap.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/plain_hooks.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/reason.h"
#include "base/util.h"
#include "heap/arena_set.h"
#include "heap/je.h"

static const char Variable[] = "MEMKIND_ARENA_NUM_PER_KIND";

static struct je_hooks Hooks;
static struct arena_set Set;

static int
teardown(void **state)
{
	mock_os_reset();
	(void)unsetenv(Variable);
	return test_leaks_teardown(state);
}

static void
init(unsigned nr_slots)
{
	plain_hooks_init(&Hooks);
	arena_set_init(&Set, &Hooks, true, nr_slots);
}

static size_t
nr_arenas(void)
{
	unsigned pos = 0, arena;
	size_t nr = 0;

	while (arena_set_next(&Set, &pos, &arena))
		nr++;
	return nr;
}

/* An arena of a thread, and a block from it. */
struct use {
	int rc;
	unsigned arena;
	void *block;
};

static void *
get_arena(void *arg)
{
	struct use *use = arg;

	use->rc = arena_set_get(&Set, &use->arena);
	if (use->rc == 0)
		use->block = je_alloc(use->arena, 100, 0, false);
	return NULL;
}

static void
test_arenas_are_made_when_threads_come(void **state)
{
	enum {
		NR_THREADS = 9,
		NR_SLOTS = 3
	};
	struct use uses[NR_THREADS];

	(void)state;
	init(NR_SLOTS);
	assert_int_equal(nr_arenas(), 0);
	for (size_t i = 0; i < NR_THREADS; i++) {
		pthread_t thread;

		assert_int_equal(
		    pthread_create(&thread, NULL, get_arena, &uses[i]), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(uses[i].rc, 0);
		assert_non_null(uses[i].block);
		assert_int_equal(je_arena_of(uses[i].block), uses[i].arena);
		assert_int_equal(nr_arenas(), min_size(i + 1, NR_SLOTS));
		/* spread evenly */
		if (i >= NR_SLOTS)
			assert_int_equal(
			    uses[i].arena, uses[i - NR_SLOTS].arena);
	}
	for (size_t i = 0; i < NR_THREADS; i++)
		je_free(uses[i].block);
	arena_set_fini(&Set);
}

static void
test_a_thread_has_one_arena(void **state)
{
	unsigned first, again;

	(void)state;
	init(4);
	assert_int_equal(arena_set_get(&Set, &first), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(arena_set_get(&Set, &again), 0);
		assert_int_equal(again, first);
	}
	assert_int_equal(nr_arenas(), 1);
	arena_set_fini(&Set);
}

/* Numbers of arenas that have ended are used again, in whatever order. */
static void
test_numbers_of_arenas_are_kept_not_computed(void **state)
{
	struct arena_set sets[8];

	(void)state;
	plain_hooks_init(&Hooks);
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < ARRAY_LEN(sets); i++)
			arena_set_init(&sets[i], &Hooks, true, 1);
		for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
			/* another order each time */
			size_t at = (i * 3 + (size_t)round) % 8;
			unsigned arena, other, pos;

			assert_int_equal(arena_set_get(&sets[at], &arena), 0);
			for (size_t j = 0; j < ARRAY_LEN(sets); j++) {
				pos = 0;
				if (j != at &&
				    arena_set_next(&sets[j], &pos, &other))
					assert_int_not_equal(other, arena);
			}
			void *p = je_alloc(arena, 100, 0, false);
			assert_int_equal(je_arena_of(p), arena);
			je_free(p);
		}
		for (size_t i = 0; i < ARRAY_LEN(sets); i++)
			arena_set_fini(&sets[(i * 5) % 8]);
	}
}

static void
test_how_many_arenas(void **state)
{
	unsigned nr;

	(void)state;
	assert_int_equal(arena_set_slots_for(0, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(arena_set_slots_for(16 * MIB, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(arena_set_slots_for(SIZE_MAX, &nr), 0);
	assert_int_equal(nr, min_size(os_nr_cpus(), ARENA_SET_MAX));
}

static void
test_the_environment_may_say_how_many(void **state)
{
	static const struct {
		const char *value;
		unsigned nr; /* 0: refused */
	} rows[] = {
	    {"1", 1},
	    {"7", 7},
	    {"64", 64},
	    {"65", ARENA_SET_MAX},
	    {"1000000", ARENA_SET_MAX},
	    {"", 0},
	    {"0", 0},
	    {"-1", 0},
	    {"x", 0},
	    {"3x", 0},
	    {"1e3", 0},
	    {"99999999999999999999999999", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned nr = 77;

		print_message("row: \"%s\"\n", rows[i].value);
		assert_int_equal(setenv(Variable, rows[i].value, 1), 0);
		(void)error_set(0, "%s", "");
		assert_int_equal(arena_set_slots_for(16 * MIB, &nr),
		    rows[i].nr != 0 ? 0 : REASON_ENVIRON);
		assert_int_equal(nr, rows[i].nr != 0 ? rows[i].nr : 77);
		if (rows[i].nr == 0)
			assert_string_not_equal(error_text(), "");
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_arenas_are_made_when_threads_come),
	    UNIT(test_a_thread_has_one_arena),
	    UNIT(test_numbers_of_arenas_are_kept_not_computed),
	    UNIT(test_how_many_arenas),
	    UNIT(test_the_environment_may_say_how_many),
	};

	return cmocka_run_group_tests_name("arena_set", tests, NULL, NULL);
}
