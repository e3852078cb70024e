// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_quarantine.c -- pages that are taken out of use are handed out by
 * nobody any more, and nothing else is lost.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (8 * TEST_MIB)

enum {
	NR_BAD = 20,
	NR_THREADS = 4,
	NR_BLOCKS = 400
};

static memkind_t Kind;
static struct test_heap Heap;

/* Bad pages, by address; set one after the other. */
static char *Bad[NR_BAD];
static _Atomic(size_t) Nr_bad;

static struct daxkind_space
figures(void)
{
	struct daxkind_space space;

	assert_int_equal(daxkind_region_space(
			     daxkind_kind_region(Kind), &space, sizeof(space)),
	    0);
	assert_int_equal(space.total, space.taken + space.free + space.bad);
	return space;
}

static bool
touches_bad(const char *p, size_t len, size_t nr_bad)
{
	for (size_t i = 0; i < nr_bad; i++) {
		if (p < Bad[i] + TEST_PAGE && p + len > Bad[i])
			return true;
	}
	return false;
}

static char *
page_of(char *p)
{
	return p - (uintptr_t)p % TEST_PAGE;
}

/* Everything that is free in blocks of one size, none of which is bad. */
static size_t
check_fill(size_t size)
{
	struct block {
		struct block *next;
	} *last = NULL, *b;
	size_t nr = 0;

	while ((b = memkind_malloc(Kind, size)) != NULL) {
		assert_false(touches_bad(
		    (char *)b, memkind_malloc_usable_size(Kind, b), Nr_bad));
		b->next = last;
		last = b;
		nr++;
	}
	while (last != NULL) {
		b = last;
		last = b->next;
		memkind_free(Kind, b);
	}
	return nr;
}

static void
make_heap(void)
{
	test_heap_make(&Heap, TEST_ON_MAPPING, SIZE);
	Kind = Heap.kind;
	Nr_bad = 0;
}

static void
end_heap(void)
{
	test_heap_end(&Heap);
}

static void
test_arguments_are_checked(void **state)
{
	char other;

	(void)state;
	make_heap();
	char *end = Heap.area.addr + Heap.size;
	const struct {
		const char *why;
		memkind_t kind;
		void *addr;
		size_t len;
		int rc;
	} rows[] = {
	    {"no kind", NULL, Heap.area.addr, 1, -EINVAL},
	    {"empty", Kind, Heap.area.addr, 0, -EINVAL},
	    {"not of the kind", Kind, &other, 1, -EINVAL},
	    {"NULL", Kind, NULL, 1, -EINVAL},
	    {"just behind", Kind, end, 1, -EINVAL},
	    {"over the end", Kind, end - 1, 2, -EINVAL},
	    {"wraps", Kind, end - 1, SIZE_MAX, -EINVAL},
	    {"plain DRAM", MEMKIND_DEFAULT, &other, 1, -ENOTSUP},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		errno = 0;
		assert_int_equal(
		    daxkind_quarantine(rows[i].kind, rows[i].addr, rows[i].len),
		    rows[i].rc);
		assert_int_equal(errno, -rows[i].rc);
		assert_string_not_equal(daxkind_last_error(), "");
	}
	assert_int_equal(figures().bad, 0);
	end_heap();
}

static void
test_free_pages_are_bad_at_once(void **state)
{
	(void)state;
	make_heap();
	/* two bytes over the edge of two pages */
	Bad[0] = Heap.area.addr + 3 * TEST_MIB - TEST_PAGE;
	Bad[1] = Bad[0] + TEST_PAGE;
	Nr_bad = 2;
	for (int i = 0; i < 2; i++) { /* twice is once */
		assert_int_equal(daxkind_quarantine(Kind, Bad[1] - 1, 2), 0);
		assert_int_equal(figures().bad, 2 * TEST_PAGE);
	}
	assert_true(check_fill(TEST_PAGE * 4) > SIZE / TEST_PAGE / 4 - 100);
	(void)check_fill(100);
	(void)check_fill(14000);
	assert_int_equal(figures().bad, 2 * TEST_PAGE);
	end_heap();
}

static void
test_large_block_is_given_back_without_its_bad_page(void **state)
{
	(void)state;
	make_heap();
	size_t free_before = figures().free;
	char *p = memkind_malloc(Kind, TEST_MIB);
	assert_non_null(p);
	memset(p, 1, TEST_MIB);
	Bad[0] = p + 40 * TEST_PAGE;
	Nr_bad = 1;
	assert_int_equal(daxkind_quarantine(Kind, Bad[0] + 17, 1), 0);
	/* it is the caller's until it is freed */
	assert_true(test_all_bytes(p, 1, TEST_MIB));
	memkind_free(Kind, p);
	assert_int_equal(figures().bad, TEST_PAGE);
	assert_int_equal(figures().free, free_before - TEST_PAGE);
	(void)check_fill(TEST_MIB);
	(void)check_fill(TEST_PAGE * 5);
	end_heap();
}

/* Blocks that begin in the page, end in it, or lie across it. */
static void
test_small_blocks_of_a_bad_page_do_not_come_back(void **state)
{
	static const size_t sizes[] = {32, 48, 200, 1500, 3584, 10000, 14336};
	static char *blocks[NR_BLOCKS];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		print_message("blocks of %zu\n", sizes[i]);
		make_heap();
		for (size_t n = 0; n < NR_BLOCKS; n++) {
			blocks[n] = memkind_malloc(Kind, sizes[i]);
			assert_non_null(blocks[n]);
			memset(blocks[n], (int)(n & 0xff), sizes[i]);
		}
		/* some are in this thread's cache */
		for (size_t n = 0; n < NR_BLOCKS; n += 2)
			memkind_free(Kind, blocks[n]);
		Bad[0] = page_of(blocks[NR_BLOCKS / 2 + 1] + sizes[i] - 1);
		Nr_bad = 1;
		assert_int_equal(daxkind_quarantine(Kind, Bad[0], 1), 0);
		for (int round = 0; round < 3; round++)
			assert_true(check_fill(sizes[i]) > 0);
		for (size_t n = 1; n < NR_BLOCKS; n += 2) {
			assert_true(test_all_bytes(
			    blocks[n], (int)(n & 0xff), sizes[i]));
			assert_int_equal(memkind_malloc_usable_size(
					     Kind, blocks[n]) >= sizes[i],
			    1);
			memkind_free(Kind, blocks[n]);
		}
		for (int round = 0; round < 3; round++)
			assert_true(check_fill(sizes[i]) > 0);
		(void)check_fill(sizes[(i + 3) % ARRAY_LEN(sizes)]);
		(void)check_fill(TEST_MIB);
		assert_int_equal(figures().bad, TEST_PAGE);
		/* nothing but that page is lost: what a slab held came back */
		assert_true(figures().taken <= 256 * TEST_KIB);
		end_heap();
	}
}

/* The block that the next allocation would get, and the one that is freed last.
 * Of larger blocks, a small region has none in caches. */
static void
test_what_is_cached_or_in_use_does_not_come_back(void **state)
{
	static const size_t sizes[] = {8, 32, 48, 200, 500};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(sizes); i++) {
		size_t size = sizes[i / 2];
		bool is_cached = i % 2 == 0;

		print_message("blocks of %zu, %s\n", size,
		    is_cached ? "cached" : "in use");
		make_heap();
		char *p = memkind_malloc(Kind, size);
		assert_non_null(p);
		if (is_cached)
			memkind_free(Kind, p);
		Bad[0] = page_of(p + size - 1);
		Nr_bad = 1;
		assert_int_equal(daxkind_quarantine(Kind, Bad[0], 1), 0);
		if (!is_cached)
			memkind_free(Kind, p);
		assert_true(check_fill(size) > 0);
		end_heap();
	}
}

struct worker {
	pthread_t thread;
	uint64_t seed;
	size_t nr_bad_given;
	size_t nr_damaged;
};

static _Atomic(bool) Wants_stop;

/* Allocate and free at random; a block that was handed out after a page went
 * bad must not touch that page. */
static void *
work(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->seed;
	struct {
		char *p;
		size_t size;
	} held[64] = {{NULL, 0}};

	while (!atomic_load(&Wants_stop)) {
		size_t i = test_random_size(&random, 0, ARRAY_LEN(held) - 1);
		size_t shift = test_random_size(&random, 4, 17);

		if (held[i].p != NULL) {
			if (!test_all_bytes(
				held[i].p, (int)(w->seed & 0xff), held[i].size))
				w->nr_damaged++;
			memkind_free(Kind, held[i].p);
		}
		size_t nr_bad = atomic_load(&Nr_bad);
		held[i].size = test_random_size(
		    &random, (size_t)1 << (shift - 1), (size_t)1 << shift);
		held[i].p = memkind_malloc(Kind, held[i].size);
		if (held[i].p == NULL)
			continue;
		memset(held[i].p, (int)(w->seed & 0xff), held[i].size);
		if (touches_bad(held[i].p, held[i].size, nr_bad))
			w->nr_bad_given++;
	}
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		memkind_free(Kind, held[i].p);
	return NULL;
}

static void
test_20_pages_go_bad_under_load(void **state)
{
	static struct worker workers[NR_THREADS];
	uint64_t random = 7;

	(void)state;
	make_heap();
	atomic_store(&Wants_stop, false);
	for (uint64_t i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){.seed = i + 1};
		assert_int_equal(
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]),
		    0);
	}
	while (Nr_bad < NR_BAD) {
		/* small blocks come from the high end, large from the low */
		size_t off = test_random_size(&random, 0, 500) * TEST_PAGE;

		test_sleep_ms(20);
		if (Nr_bad % 2 == 0)
			off = Heap.size - TEST_PAGE - off;
		Bad[Nr_bad] = Heap.area.addr + off;
		if (touches_bad(Bad[Nr_bad], 1, Nr_bad))
			continue;
		assert_int_equal(
		    daxkind_quarantine(Kind, Bad[Nr_bad], TEST_PAGE), 0);
		atomic_fetch_add(&Nr_bad, 1);
	}
	test_sleep_ms(300);
	atomic_store(&Wants_stop, true);
	for (size_t i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].nr_bad_given, 0);
		assert_int_equal(workers[i].nr_damaged, 0);
	}
	for (size_t size = 40; size < TEST_MIB; size *= 5)
		(void)check_fill(size);
	/* all of the rest is of use */
	size_t nr = check_fill(TEST_PAGE * 4);
	assert_true(nr >= SIZE / TEST_PAGE / 4 - 2 * NR_BAD - 64);
	assert_int_equal(figures().bad, NR_BAD * TEST_PAGE);
	end_heap();
}

/* A kind may come and go; the region remembers. */
static void
test_next_kind_on_the_region_does_not_get_it(void **state)
{
	struct daxkind_region *region;
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	Heap.size = SIZE;
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, SIZE, 0, &region), 0);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(daxkind_kind_create(region, &Kind), 0);
		if (round == 0) {
			char *p = memkind_malloc(Kind, 3000);

			assert_non_null(p);
			Bad[0] = page_of(p);
			Nr_bad = 1;
			assert_int_equal(daxkind_quarantine(Kind, p, 1), 0);
		} else {
			assert_int_equal(figures().bad, TEST_PAGE);
			(void)check_fill(3000);
			(void)check_fill(TEST_MIB / 2);
		}
		assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	}
	assert_int_equal(daxkind_region_close(region), 0);
	test_area_unmap(&area);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_arguments_are_checked),
	    test_unit(test_free_pages_are_bad_at_once),
	    test_unit(test_large_block_is_given_back_without_its_bad_page),
	    test_unit(test_small_blocks_of_a_bad_page_do_not_come_back),
	    test_unit(test_what_is_cached_or_in_use_does_not_come_back),
	    test_unit(test_20_pages_go_bad_under_load),
	    test_unit(test_next_kind_on_the_region_does_not_get_it),
	};

	return cmocka_run_group_tests_name("quarantine", tests, NULL, NULL);
}
