// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_refill.c -- what one thread returned, every other can have.
 *
 * Holds these invariants: fill, free all, refill from any other thread gets
 * the same amount (within 2 %); NULL with ENOMEM only when no free run fits
 * after every arena of the kind was purged and every idle cache was returned.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define REGION_SIZE (256 * TEST_MIB)
#define NR_THREADS 9 /* the first one, and 8 others in turn */

/* What the bar says, where the machine can; memkind fails with less. */
static size_t
whole(void)
{
	return test_scaled(TEST_OURS ? REGION_SIZE : REGION_SIZE / 4);
}

/* Where the bar of 256 MiB has been tried with other sizes. */
static size_t
smaller(void)
{
	return test_is_emulated() ? whole() : whole() / 4;
}

struct filler {
	memkind_t kind;
	size_t lo, hi; /* bytes of a block */
	size_t bytes;  /* that fitted */
	int err;       /* what ended it */
};

static void *
fill_and_free(void *arg)
{
	struct filler *f = arg;
	struct test_fill fill;

	test_fill(f->kind, f->lo, f->hi, 12345, &fill);
	f->bytes = fill.bytes;
	f->err = fill.err;
	test_fill_free(f->kind, &fill);
	return NULL;
}

static void
run_thread(struct filler *f)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fill_and_free, f), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void
check_refill(enum test_backing backing, size_t size, size_t lo, size_t hi)
{
	struct test_heap heap;
	struct filler f = {.lo = lo, .hi = hi};
	size_t first = 0;
	void *p;

	test_heap_make(&heap, backing, size);
	f.kind = heap.kind;
	for (int i = 0; i < NR_THREADS; i++) {
		run_thread(&f);
		print_message("%s, %zu to %zu bytes, thread %d: %.4f of the "
			      "region\n",
		    test_backing_name(backing), lo, hi, i,
		    (double)f.bytes / (double)heap.size);
		assert_int_equal(f.err, ENOMEM);
		if (i == 0)
			first = f.bytes;
		assert_true(f.bytes >= first / 100 * 98);
	}
	/* the peers get .92 of mixed sizes, and this is no worse */
	assert_true(first >= heap.size / 100 * 85);

	p = memkind_malloc(heap.kind, heap.size / 100 * 95);
	assert_non_null(p);
	memkind_free(heap.kind, p);
	test_heap_end(&heap);
}

static void
test_1000_bytes_on_a_mapping(void **state)
{
	(void)state;
	check_refill(TEST_ON_MAPPING, whole(), 1000, 1000);
}

static void
test_1000_bytes_in_a_file(void **state)
{
	(void)state;
	check_refill(TEST_ON_FILE, whole(), 1000, 1000);
}

static void
test_mixed_small_on_a_mapping(void **state)
{
	(void)state;
	check_refill(TEST_ON_MAPPING, smaller(), 100, 4000);
}

static void
test_mixed_small_in_a_file(void **state)
{
	(void)state;
	check_refill(TEST_ON_FILE, smaller(), 100, 4000);
}

static void
test_mixed_large_on_a_mapping(void **state)
{
	(void)state;
	check_refill(TEST_ON_MAPPING, smaller(), 16 * TEST_KIB, 64 * TEST_KIB);
	check_refill(TEST_ON_MAPPING, smaller(), 100 * TEST_KIB, 2 * TEST_MIB);
}

static void
test_mixed_large_in_a_file(void **state)
{
	(void)state;
	check_refill(TEST_ON_FILE, smaller(), 16 * TEST_KIB, 64 * TEST_KIB);
	check_refill(TEST_ON_FILE, smaller(), 100 * TEST_KIB, 2 * TEST_MIB);
}

/* One size after the other: none may sit on what it was given. */
static void
check_sizes_in_turn(enum test_backing backing)
{
	static const struct {
		const char *why;
		size_t lo, hi;
	} rows[] = {
	    {"64 bytes", 64, 64},
	    {"1,000 bytes", 1000, 1000},
	    {"100 to 4,000 bytes", 100, 4000},
	    {"16 to 64 KiB", 16 * TEST_KIB, 64 * TEST_KIB},
	    {"1 MiB", TEST_MIB, TEST_MIB},
	    {"64 bytes again", 64, 64},
	};
	struct test_heap heap;
	struct filler f = {0};

	test_heap_make(&heap, backing, smaller());
	f.kind = heap.kind;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		f.lo = rows[i].lo;
		f.hi = rows[i].hi;
		fill_and_free(&f);
		print_message("%.4f of the region\n",
		    (double)f.bytes / (double)heap.size);
		assert_int_equal(f.err, ENOMEM);
		assert_true(f.bytes >= heap.size / 100 * 80);
	}
	test_heap_end(&heap);
}

static void
test_sizes_in_turn_on_a_mapping(void **state)
{
	(void)state;
	check_sizes_in_turn(TEST_ON_MAPPING);
}

static void
test_sizes_in_turn_in_a_file(void **state)
{
	(void)state;
	check_sizes_in_turn(TEST_ON_FILE);
}

/* --- idle caches ------------------------------------------------------------- */

struct idler {
	pthread_barrier_t barrier;
	struct filler f;
};

/* Blocks freed in any order: the last ones, which the thread caches, lie
 * scattered over the region, where they are most in the way. */
static size_t
fill_and_free_scattered(const struct filler *f)
{
	size_t cap = 16 * TEST_MIB / f->lo;
	void **blocks = malloc(cap * sizeof(*blocks));
	uint64_t rng = f->lo;
	size_t nr = 0;

	if (blocks == NULL)
		return 0;
	while (nr < cap) {
		blocks[nr] = memkind_malloc(f->kind, f->lo);
		if (blocks[nr] == NULL)
			break;
		nr++;
	}
	for (size_t left = nr; left > 0; left--) {
		size_t i = test_random_size(&rng, 0, left - 1);

		memkind_free(f->kind, blocks[i]);
		blocks[i] = blocks[left - 1];
	}
	free(blocks);
	return nr * f->lo;
}

static void *
fill_free_and_idle(void *arg)
{
	struct idler *idler = arg;

	idler->f.bytes = fill_and_free_scattered(&idler->f);
	(void)pthread_barrier_wait(&idler->barrier); /* its cache is full */
	(void)pthread_barrier_wait(&idler->barrier); /* until the end */
	return NULL;
}

/* The region is small, so that what 8 caches hold would show. */
static void
test_idle_caches_are_returned_before_enomem(void **state)
{
	enum {
		NR = 8
	};
	struct test_heap heap;
	struct idler idlers[NR];
	struct filler f = {.lo = 1000, .hi = 1000};
	pthread_t threads[NR];
	size_t first;
	void *p;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
	f.kind = heap.kind;
	run_thread(&f);
	first = f.bytes;

	for (size_t i = 0; i < NR; i++) {
		idlers[i].f = f;
		idlers[i].f.lo = idlers[i].f.hi = (size_t)32 << i;
		assert_int_equal(
		    pthread_barrier_init(&idlers[i].barrier, NULL, 2), 0);
		assert_int_equal(pthread_create(&threads[i], NULL,
				     fill_free_and_idle, &idlers[i]),
		    0);
		(void)pthread_barrier_wait(&idlers[i].barrier);
		print_message("%zu bytes: %.4f of the region\n",
		    (size_t)32 << i,
		    (double)idlers[i].f.bytes / (double)heap.size);
		assert_true(idlers[i].f.bytes >= heap.size / 100 * 90);
	}

	p = memkind_malloc(heap.kind, heap.size / 100 * 95);
	assert_non_null(p);
	memkind_free(heap.kind, p);
	(void)fill_and_free(&f);
	assert_true(f.bytes >= first / 100 * 98);

	for (size_t i = 0; i < NR; i++) {
		(void)pthread_barrier_wait(&idlers[i].barrier);
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(
		    pthread_barrier_destroy(&idlers[i].barrier), 0);
	}
	test_heap_end(&heap);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_1000_bytes_on_a_mapping),
	    test_unit(test_1000_bytes_in_a_file),
	    test_unit(test_mixed_small_on_a_mapping),
	    test_unit(test_mixed_small_in_a_file),
	    test_unit(test_mixed_large_on_a_mapping),
	    test_unit(test_mixed_large_in_a_file),
	    test_unit(test_sizes_in_turn_on_a_mapping),
	    test_unit(test_sizes_in_turn_in_a_file),
	    test_unit(test_idle_caches_are_returned_before_enomem),
	};

	return cmocka_run_group_tests_name("refill", tests, NULL, NULL);
}
