// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_je_heap.c -- a heap over memory that comes in pieces from anywhere.
 *
 * Holds this invariant: a pointer leads to the heap's kind exactly while it is
 * in memory that the heap has.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_numa.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/util.h"
#include "heap/je.h"
#include "heap/je_heap.h"

static struct je_heap Heap, Other;
/* They stay where they are for ever. */
static struct region_index_entry Entry, Other_entry;
static struct memkind *const Kind = (struct memkind *)(void *)&Heap;
static struct memkind *const Other_kind = (struct memkind *)(void *)&Other;

static int
setup(void **state)
{
	const struct dram_memory memory = {
	    MEM_POLICY_BIND, NODES_WITH_CPUS, DRAM_ANYWHERE};

	mock_os_reset();
	if (dram_memory_check(&memory) < 0 || test_leaks_setup(state) != 0)
		return -1;
	atomic_store(&Entry.kind, Kind);
	atomic_store(&Other_entry.kind, Other_kind);
	je_heap_init(&Heap, &memory, &Entry, 2);
	je_heap_init(&Other, &memory, &Other_entry, 2);
	return 0;
}

static int
teardown(void **state)
{
	mock_os_reset();
	je_heap_fini(&Heap);
	je_heap_fini(&Other);
	return test_leaks_teardown(state);
}

static void
test_blocks_of_any_size_lead_to_the_kind(void **state)
{
	(void)state;
	for (size_t size = 1; size < 8 * MIB; size = size * 2 + 1) {
		char *p = je_heap_alloc(&Heap, size, 0, true);

		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, size));
		memset(p, 0x5a, size);
		assert_true(je_heap_usable(&Heap, p) >= size);
		assert_ptr_equal(region_index_find_kind(p), Kind);
		assert_ptr_equal(region_index_find_kind(p + size - 1), Kind);
		p = je_heap_resize(&Heap, p, size * 2);
		assert_true(test_all_bytes(p, 0x5a, size));
		assert_ptr_equal(region_index_find_kind(p), Kind);
		je_heap_free(&Heap, p);
	}
	assert_null(je_heap_alloc(&Heap, SIZE_MAX, 0, false));
	char *p = je_heap_alloc(&Heap, 100, 64 * KIB, false);
	assert_int_equal((uintptr_t)p % (64 * KIB), 0);
	je_heap_free(&Heap, p);
}

static void
test_what_was_given_back_is_nobody_s(void **state)
{
	(void)state;
	char *p = je_heap_alloc(&Heap, 3 * MIB, 0, false);
	assert_non_null(p);
	assert_ptr_equal(region_index_find_kind(p + MIB), Kind);
	je_heap_free(&Heap, p);
	je_heap_purge(&Heap);
	assert_null(region_index_find_kind(p));
	assert_null(region_index_find_kind(p + MIB));
}

static void
test_blocks_of_others_are_ignored(void **state)
{
	static int foreign;
	char *p = je_heap_alloc(&Heap, 100, 0, false);
	char *q = je_heap_alloc(&Other, 100, 0, false);

	(void)state;
	memset(p, 1, 100);
	memset(q, 2, 100);
	assert_int_equal(je_heap_usable(&Heap, q), 0);
	assert_int_equal(je_heap_usable(&Heap, &foreign), 0);
	assert_null(je_heap_defrag(&Heap, q));
	je_heap_free(&Heap, q);
	je_heap_free(&Heap, &foreign);
	je_heap_free(&Heap, NULL);
	assert_true(je_heap_usable(&Other, q) >= 100);
	for (int i = 0; i < 100; i++) {
		char *r = je_heap_alloc(&Other, 100, 0, false);

		assert_ptr_not_equal(r, q);
		assert_ptr_equal(region_index_find_kind(r), Other_kind);
	}
	assert_true(test_all_bytes(q, 2, 100));
	je_heap_free(&Heap, p);
}

/* No page for a table of the index: no block, and nothing is left mapped. */
static void
test_without_memory_for_the_index_there_is_no_block(void **state)
{
	(void)state;
	void *p = je_heap_alloc(&Heap, 100, 0, false);
	assert_non_null(p);
	mock_numa_set_huge_pages(0);
	unsigned failed = 0;
	for (size_t i = 0; i < 2000 && failed == 0; i++) {
		mock_os_fail_all("os_map_anon", ENOMEM);
		void *q = je_heap_alloc(&Heap, 3 * MIB + DK_PAGE, 0, false);
		mock_os_reset();
		failed += q == NULL;
		if (q != NULL)
			assert_ptr_equal(region_index_find_kind(q), Kind);
	}
	assert_int_not_equal(failed, 0);
	p = je_heap_alloc(&Heap, 3 * MIB + DK_PAGE, 0, false);
	assert_non_null(p);
	assert_ptr_equal(region_index_find_kind(p), Kind);
}

/* --- a thread that is ending ------------------------------------------------------ */

static pthread_key_t Late_key;
static void *Early;
static size_t Nr_wrong;

/* After jemalloc has given up what it had of the thread. */
static void
use_late(void *arg)
{
	static const size_t sizes[] = {8, 100, 5000, 100000, 3 * MIB};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		void *p = je_heap_alloc(&Heap, sizes[i], 0, false);

		if (p != NULL && je_heap_usable(&Heap, p) == 0)
			Nr_wrong++;
		je_heap_free(&Heap, p);
	}
	Nr_wrong += je_heap_resize(&Heap, Early, 10 * MIB) != NULL;
	Nr_wrong += je_heap_usable(&Heap, Early) < 100;
	je_heap_free(&Heap, Early);
}

static void *
alloc_early(void *arg)
{
	void *p = je_heap_alloc(&Heap, 100, 0, false);

	(void)arg;
	return pthread_setspecific(Late_key, &Late_key) == 0 ? p : NULL;
}

/* Of other threads' blocks. */
static void *
free_early(void *arg)
{
	je_free(arg);
	return pthread_setspecific(Late_key, &Late_key) == 0 ? arg : NULL;
}

static void *
ask_early(void *arg)
{
	bool is_block = je_usable(arg) != 0;

	return pthread_setspecific(Late_key, &Late_key) == 0 && is_block ? arg
									 : NULL;
}

static void
test_an_ending_thread_gets_no_block_of_no_kind(void **state)
{
	static void *(*const rows[])(void *) = {
	    alloc_early, free_early, ask_early};
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(pthread_key_create(&Late_key, use_late), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *block = je_heap_alloc(&Heap, 1000, 0, false);

		Early = je_heap_alloc(&Heap, 100, 0, false);
		Nr_wrong = 0;
		assert_int_equal(
		    pthread_create(&thread, NULL, rows[i], block), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_non_null(result);
		assert_int_equal(Nr_wrong, 0);
	}
	assert_int_equal(pthread_key_delete(Late_key), 0);
}

static void
test_huge_pages_lead_to_the_kind(void **state)
{
	static struct je_heap huge;
	static struct region_index_entry entry;
	const struct dram_memory memory = {
	    MEM_POLICY_ANY, NODES_WITH_MEMORY, DRAM_HUGE_PAGES};

	(void)state;
	mock_numa_set_huge_pages(4);
	atomic_store(&entry.kind, Kind);
	je_heap_init(&huge, &memory, &entry, 1);
	char *p = je_heap_alloc(&huge, 100, 0, false);
	char *q = je_heap_alloc(&huge, 3 * MIB, 0, false);
	assert_true(p != NULL && q != NULL);
	assert_ptr_equal(region_index_find_kind(p), Kind);
	assert_ptr_equal(region_index_find_kind(q + 3 * MIB - 1), Kind);
	/* what is left over of a page has no block */
	assert_null(region_index_find_kind(q + 4 * MIB - 1));
	assert_null(je_heap_alloc(&huge, 4 * MIB, 0, false));
	je_heap_free(&huge, p);
	je_heap_free(&huge, q);
	je_heap_purge(&huge);
	assert_int_equal(mock_numa_nr_huge_pages(), 0);
	assert_null(region_index_find_kind(p));
	je_heap_fini(&huge);
	mock_numa_set_huge_pages(0);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_blocks_of_any_size_lead_to_the_kind),
	    UNIT(test_what_was_given_back_is_nobody_s),
	    UNIT(test_blocks_of_others_are_ignored),
	    UNIT(test_without_memory_for_the_index_there_is_no_block),
	    UNIT(test_huge_pages_lead_to_the_kind),
	    UNIT(test_an_ending_thread_gets_no_block_of_no_kind),
	};

	return cmocka_run_group_tests_name("je_heap", tests, NULL, NULL);
}
