// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_dram_cache.c -- heaps over DRAM have thread caches: blocks are fetched
 * before they are asked for, stay of their heap, and go back with the thread.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <pthread.h>
#include <string.h>

#include "heap/dram_cache.h"
#include "heap/heap.h"
#include "heap/je.h"

/* Numbers that no static kind has; these heaps never end. */
enum {
	NR_ONE = DRAM_CACHE_MAX - 1,
	NR_OTHER = DRAM_CACHE_MAX - 2,
	SIZE = 64
};
static struct heap One, Other, Without;

static int
setup_all(void **state)
{
	(void)state;
	heap_init_dram(&One);
	One.dram_cache_nr = NR_ONE;
	heap_init_dram(&Other);
	Other.dram_cache_nr = NR_OTHER;
	heap_init_dram(&Without);
	return 0;
}

static char *
alloc(struct heap *heap)
{
	char *p = heap_alloc(heap, SIZE, 0, false);

	assert_non_null(p);
	memset(p, 0x5a, SIZE);
	return p;
}

/* Bytes that the arenas have given away, to caches or to the program. */
static size_t
given_away(struct heap *heap)
{
	unsigned pos = 0, arena;
	size_t sum = 0;

	assert_int_equal(je_stats_refresh(), 0);
	while (arena_set_next(&heap->arenas, &pos, &arena)) {
		struct je_stats stats;

		assert_int_equal(je_arena_stats(arena, &stats), 0);
		sum += stats.allocated;
	}
	return sum;
}

static size_t
allocated(struct heap *heap)
{
	struct heap_stats stats;

	dram_cache_flush_all();
	assert_int_equal(je_stats_refresh(), 0);
	assert_int_equal(heap_get_stats(heap, &stats), 0);
	return stats.allocated;
}

static void
test_blocks_are_fetched_many_at_a_time(void **state)
{
	(void)state;
	char *p = alloc(&One);
	assert_true(given_away(&One) >= (size_t)4 * SIZE);
	assert_int_equal(allocated(&One), SIZE);
	heap_free(&One, p);
	assert_int_equal(allocated(&One), 0);

	p = alloc(&Without);
	assert_int_equal(given_away(&Without), SIZE);
	heap_free(&Without, p);
}

static void
test_blocks_stay_of_their_heap(void **state)
{
	unsigned arena;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct heap *heap = i % 2 == 0 ? &One : &Other;
		char *p = alloc(heap);

		assert_true(je_find_arena(p, &arena));
		assert_true(heap_has_arena(heap, arena));
		heap_free(heap, p);
	}
	assert_int_equal(allocated(&One) + allocated(&Other), 0);
}

static void *
use_and_end(void *arg)
{
	char *blocks[100];

	for (size_t i = 0; i < 100; i++)
		blocks[i] = alloc(i % 2 == 0 ? &One : &Other);
	for (size_t i = 0; i < 100; i++)
		heap_free(i % 2 == 0 ? &One : &Other, blocks[i]);
	if (arg != NULL) /* another thread's */
		heap_free(&One, arg);
	return NULL;
}

static void
test_blocks_go_back_with_the_thread(void **state)
{
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 50; i++) {
		char *p = alloc(&One);

		assert_int_equal(
		    pthread_create(&thread, NULL, use_and_end, p), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_int_equal(allocated(&One) + allocated(&Other), 0);
	assert_int_equal(given_away(&One) + given_away(&Other), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_blocks_are_fetched_many_at_a_time),
	    cmocka_unit_test(test_blocks_stay_of_their_heap),
	    cmocka_unit_test(test_blocks_go_back_with_the_thread),
	};

	return cmocka_run_group_tests_name(
	    "dram_cache", tests, setup_all, NULL);
}
