// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_slabs.c -- a heap that is full: jemalloc is not asked in vain again and
 * again, and a block that was freed is always found.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "heap/heap.h"
#include "region/reclaimer.h"
#include "region/region.h"

#define SIZE (16 * MIB)
enum {
	MAX_BLOCKS = 64 * 1024,
	NR_THREADS = 4
};

static struct fake_backing Fake;
static struct daxkind_region *Region;
static struct heap *Heap;
static void *Blocks[MAX_BLOCKS];

/* How often jemalloc asked for pages: it does each time that no slab has
 * room. */
static _Atomic(unsigned) Nr_asked;
static void *(*Alloc_pages)(
    struct je_hooks *je, void *new_addr, size_t len, size_t align, bool *zero);

static void *
count_and_alloc_pages(
    struct je_hooks *je, void *new_addr, size_t len, size_t align, bool *zero)
{
	Nr_asked++;
	return Alloc_pages(je, new_addr, len, align, zero);
}

static int
setup(void **state)
{
	mock_os_reset();
	fake_backing_init_mapping(&Fake, SIZE);
	assert_int_equal(
	    region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region),
	    0);
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_int_equal(heap_new(Region, &Heap), 0);
	Alloc_pages = Heap->hooks.je.alloc;
	Heap->hooks.je.alloc = count_and_alloc_pages;
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	heap_free_all(Heap);
	region_close(Region);
	fake_backing_fini(&Fake);
	return test_leaks_teardown(state);
}

/* Blocks of a size until there is no room for one more. */
static size_t
fill(size_t size)
{
	size_t nr = 0;

	while (nr < MAX_BLOCKS &&
	       (Blocks[nr] = heap_alloc(Heap, size, 0, false)) != NULL)
		nr++;
	return nr;
}

static void
test_what_is_known_to_be_full_is_not_asked(void **state)
{
	(void)state;
	assert_in_range(fill(1000), 1, MAX_BLOCKS - 1);
	for (size_t size = 100; size <= 4000; size += 100)
		(void)heap_alloc(Heap, size, 0, false);
	Nr_asked = 0;
	for (int i = 0; i < 1000; i++)
		assert_null(heap_alloc(Heap, 1000, 0, false));
	assert_int_equal(Nr_asked, 0);
}

/* A cache that evicts an object after each failure. */
static void
test_a_free_costs_at_most_one_vain_question(void **state)
{
	const unsigned nr_rounds = 500;

	(void)state;
	size_t nr = fill(1000);
	/* A slab holds four, and none is emptied. */
	Nr_asked = 0;
	for (unsigned i = 0; i < nr_rounds; i++) {
		void **at = &Blocks[4 * i % nr];

		heap_free(Heap, *at);
		*at = heap_alloc(Heap, 1000, 0, false);
		assert_non_null(*at);
		assert_null(heap_alloc(Heap, 1000, 0, false));
		/* Other sizes have nothing new to find. */
		assert_null(heap_alloc(Heap, 3000, 0, false));
		assert_null(heap_alloc(Heap, 300, 0, false));
	}
	assert_in_range(Nr_asked, 0, nr_rounds + 50);
}

static void
test_freed_pages_are_found(void **state)
{
	(void)state;
	size_t nr = fill(1000);
	assert_null(heap_alloc(Heap, 3000, 0, false));
	/* Slabs of four lie side by side: these make room for others. */
	for (size_t i = 0; i < 64; i++)
		heap_free(Heap, Blocks[--nr]);
	assert_non_null(heap_alloc(Heap, 3000, 0, false));
	assert_non_null(heap_alloc(Heap, 20000, 0, false));
}

/* Of a block that was freed twice, the second time may come to slabs when the
 * pages are those of another class. */
static void
test_a_block_of_another_class_is_not_freed(void **state)
{
	void *stale;

	(void)state;
	void *p = heap_alloc(Heap, 64, 0, false);
	assert_non_null(p);
	size_t before = heap_nr_bad_frees(Heap);
	stale = p;
	slabs_free(&Heap->slabs, size_class_of(1000), &stale, 1);
	assert_int_equal(heap_nr_bad_frees(Heap), before + 1);
	for (size_t i = 0; i < 1000; i++)
		assert_ptr_not_equal(heap_alloc(Heap, 64, 0, false), p);
	assert_true(heap_usable(Heap, p) >= 64);
}

/* Free and allocate in a heap that is full all the time. */
static void *
churn(void *arg)
{
	void **mine = arg;
	size_t nr_lost = 0;

	for (size_t i = 0; i < 20000; i++) {
		void **at = &mine[i * 7 % 1000];

		if (*at != NULL)
			heap_free(Heap, *at);
		else
			nr_lost++;
		*at = heap_alloc(Heap, 1000, 0, false);
	}
	return (void *)nr_lost;
}

static void
test_after_threads_met_at_the_brim_all_room_is_found(void **state)
{
	pthread_t threads[NR_THREADS];
	void *lost;

	(void)state;
	size_t nr = fill(1000);
	assert_in_range(nr, 1000 * NR_THREADS, MAX_BLOCKS - 1);
	for (size_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, churn, &Blocks[1000 * i]),
		    0);
	for (size_t i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &lost), 0);
		print_message("%zu times none\n", (size_t)lost);
	}
	size_t nr_again = 0;
	for (size_t i = 0; i < nr; i++)
		nr_again += Blocks[i] != NULL;
	while (heap_alloc(Heap, 1000, 0, false) != NULL)
		nr_again++;
	assert_int_equal(nr_again, nr);
}

int
main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    UNIT(test_what_is_known_to_be_full_is_not_asked),
	    UNIT(test_a_free_costs_at_most_one_vain_question),
	    UNIT(test_freed_pages_are_found),
	    UNIT(test_a_block_of_another_class_is_not_freed),
	    UNIT(test_after_threads_met_at_the_brim_all_room_is_found),
	};

	return cmocka_run_group_tests_name("slabs", tests, NULL, NULL);
}
