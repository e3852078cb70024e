// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fixed.c -- memkind_create_fixed(): any area will do, and it stays the
 * caller's.
 *
 * Holds these invariants: a kind's memory comes from its region only, and two
 * live allocations never overlap; after memkind_destroy_kind() nothing of the
 * region is touched, and a caller's mapping is still mapped; the caller's
 * mapping is not written except through the caller's own stores.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NOT_SET ((memkind_t)(uintptr_t)0xDA)

static memkind_t
make_fixed(void *addr, size_t size)
{
	memkind_t kind = NOT_SET;

	assert_int_equal(
	    memkind_create_fixed(addr, size, &kind), MEMKIND_SUCCESS);
	assert_non_null(kind);
	assert_ptr_not_equal(kind, NOT_SET);
	return kind;
}

static void
end_kind(memkind_t kind)
{
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

/* A block, if there is one, is inside; if not, that is ENOMEM. */
static void
test_any_address_and_size_will_do(void **state)
{
	static const struct {
		const char *why;
		size_t shift, size;
		bool holds_a_byte; /* a whole page is inside */
	} rows[] = {
	    {"0 bytes", 0, 0, false},
	    {"1 byte", 0, 1, false},
	    {"25 bytes", 0, 25, false},
	    {"25 bytes, odd address", 1, 25, false},
	    {"1,024 bytes", 0, 1024, false},
	    {"1,024 bytes over a page's end", 3584, 1024, false},
	    {"a page less 1", 0, 4095, false},
	    {"a page", 0, 4096, true},
	    {"a page, odd address", 13, 4096, false},
	    {"two pages, odd address", 13, 8192, true},
	    {"64 KiB", 0, 65536, true},
	    {"64 KiB, odd address and size", 4095, 65537, true},
	    {"1 MiB less 1, odd address", 1, 1048575, true},
	};
	struct test_area area;

	(void)state;
	test_area_map(&area, 2 * TEST_MIB);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *addr = area.addr + rows[i].shift;
		memkind_t kind;
		char *p;

		dk_row(rows[i].why);
		kind = make_fixed(addr, rows[i].size);
		assert_int_equal(memkind_get_capacity(kind), rows[i].size);
		assert_int_equal(
		    memkind_check_available(kind), MEMKIND_SUCCESS);

		errno = 0;
		p = memkind_malloc(kind, 1);
		if (rows[i].holds_a_byte)
			assert_non_null(p);
		if (p == NULL) {
			assert_int_equal(errno, ENOMEM);
		} else {
			assert_in_range((uintptr_t)p, (uintptr_t)addr,
			    (uintptr_t)addr + rows[i].size - 1);
			*p = 1;
			memkind_free(kind, p);
		}
		errno = 0;
		assert_null(memkind_malloc(kind, rows[i].size + 1));
		assert_int_equal(errno, ENOMEM);
		end_kind(kind);
	}
	test_area_unmap(&area);
}

static void
test_static_array_will_do(void **state)
{
	static char array[256 * 1024 + 7];
	memkind_t kind = make_fixed(array + 1, sizeof(array) - 1);
	char *p = memkind_malloc(kind, 1000);

	(void)state;
	assert_non_null(p);
	assert_in_range((uintptr_t)p, (uintptr_t)array,
	    (uintptr_t)array + sizeof(array) - 1000);
	memset(p, 1, 1000);
	end_kind(kind);
	assert_int_equal(p[999], 1);
}

static void
test_bad_arguments_are_refused(void **state)
{
	static const struct {
		const char *why;
		uintptr_t addr;
		size_t size;
	} rows[] = {
	    {"NULL", 0, TEST_MIB},
	    {"wraps", UINTPTR_MAX - 4095, TEST_MIB},
	    {"wraps by a page", UINTPTR_MAX - 4095, 8192},
	    {"as large as an address can be", 4096, SIZE_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memkind_t kind = NOT_SET;
		void *addr;

		dk_row(rows[i].why);
		memcpy(&addr, &rows[i].addr, sizeof(addr));
		assert_int_equal(
		    memkind_create_fixed(addr, rows[i].size, &kind),
		    MEMKIND_ERROR_INVALID);
		assert_null(kind);
		test_says_why();
	}
}

static void
test_nowhere_to_put_the_kind_is_refused(void **state)
{
	struct test_area area;

	(void)state;
	test_area_map(&area, TEST_MIB);
	assert_int_equal(memkind_create_fixed(area.addr, area.len, NULL),
	    MEMKIND_ERROR_INVALID);
	test_area_unmap(&area);
}

struct overlap {
	const char *why;
	size_t off, size; /* KiB; there is a kind from 1024 to 2048 */
	int rc;
};

static void
check_overlaps(const struct overlap *rows, size_t nr)
{
	struct test_area area;
	memkind_t live;

	test_area_map(&area, 4 * TEST_MIB);
	live = make_fixed(area.addr + TEST_MIB, TEST_MIB);
	for (size_t i = 0; i < nr; i++) {
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		assert_int_equal(
		    memkind_create_fixed(area.addr + rows[i].off * TEST_KIB,
			rows[i].size * TEST_KIB, &kind),
		    rows[i].rc);
		if (rows[i].rc == MEMKIND_SUCCESS) {
			end_kind(kind);
		} else {
			assert_null(kind);
			test_says_why();
		}
	}
	/* what was refused has not hurt it */
	assert_non_null(memkind_malloc(live, 1000));
	end_kind(live);
	test_area_unmap(&area);
}

static void
test_area_of_a_live_kind_is_refused(void **state)
{
	static const struct overlap rows[] = {
	    {"the same", 1024, 1024, MEMKIND_ERROR_INVALID},
	    {"just before", 0, 1024, MEMKIND_SUCCESS},
	    {"just after", 2048, 1024, MEMKIND_SUCCESS},
	};

	(void)state;
	check_overlaps(rows, ARRAY_LEN(rows));
}

static void
test_area_that_overlaps_a_live_one_is_refused(void **state)
{
	static const struct overlap rows[] = {
	    {"inside", 1280, 256, MEMKIND_ERROR_INVALID},
	    {"around", 512, 2048, MEMKIND_ERROR_INVALID},
	    {"over its start", 512, 1024, MEMKIND_ERROR_INVALID},
	    {"over its end", 1536, 1024, MEMKIND_ERROR_INVALID},
	    {"its first KiB", 0, 1025, MEMKIND_ERROR_INVALID},
	    {"its last KiB", 2047, 1024, MEMKIND_ERROR_INVALID},
	};

	(void)state;
	check_overlaps(rows, ARRAY_LEN(rows));
}

static void
test_same_area_again_after_destroy(void **state)
{
	struct test_area area;

	(void)state;
	test_area_map(&area, 8 * TEST_MIB);
	for (int i = 0; i < 5; i++) {
		memkind_t kind = make_fixed(area.addr, area.len);
		void *large = memkind_malloc(kind, 6 * TEST_MIB);

		assert_non_null(large);
		assert_non_null(memkind_malloc(kind, 1000));
		memset(large, i, 6 * TEST_MIB);
		end_kind(kind); /* with live blocks in it */
	}
	test_area_unmap(&area);
}

/* memkind_malloc() and free are no stores of the caller's either. */
static void
test_area_is_written_by_its_owner_only(void **state)
{
	static const size_t sizes[] = {
	    1, 8, 100, 1000, 4000, 5000, 20000, 100000, 300000};
	struct test_area area;
	memkind_t kind;

	(void)state;
	test_area_map(&area, 8 * TEST_MIB);
	memset(area.addr, 0xAA, area.len);

	kind = make_fixed(area.addr, area.len);
	assert_true(test_all_bytes(area.addr, 0xAA, area.len));
	end_kind(kind);
	assert_true(test_all_bytes(area.addr, 0xAA, area.len));

	if (test_heap_fills_blocks()) {
		print_message("built to fill blocks: no more to see\n");
		test_area_unmap(&area);
		return;
	}
	kind = make_fixed(area.addr, area.len);
	for (int round = 0; round < 3; round++) {
		void *blocks[ARRAY_LEN(sizes)][4];

		for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
			for (size_t j = 0; j < 4; j++) {
				blocks[i][j] = memkind_malloc(kind, sizes[i]);
				assert_non_null(blocks[i][j]);
			}
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
			for (size_t j = 0; j < 4; j++)
				memkind_free(kind, blocks[i][j]);
	}
	assert_true(test_all_bytes(area.addr, 0xAA, area.len));
	end_kind(kind);
	assert_true(test_all_bytes(area.addr, 0xAA, area.len));
	test_area_unmap(&area);
}

static void
test_failing_create_does_not_write_the_area(void **state)
{
	struct test_area area;
	memkind_t live;
	memkind_t kind;

	(void)state;
	test_area_map(&area, 4 * TEST_MIB);
	memset(area.addr, 0xAA, area.len);
	live = make_fixed(area.addr, TEST_MIB);
	assert_int_equal(memkind_create_fixed(area.addr, area.len, &kind),
	    MEMKIND_ERROR_INVALID);
	end_kind(live);
	assert_true(test_all_bytes(area.addr, 0xAA, area.len));
	test_area_unmap(&area);
}

static void
test_content_survives_destroy(void **state)
{
	struct test_area area;
	memkind_t kind;
	char *p;

	(void)state;
	test_area_map(&area, 4 * TEST_MIB);
	kind = make_fixed(area.addr, area.len);
	p = memkind_malloc(kind, TEST_MIB);
	assert_non_null(p);
	memset(p, 0x5A, TEST_MIB);
	end_kind(kind);
	assert_true(test_all_bytes(p, 0x5A, TEST_MIB));
	memset(area.addr, 0, area.len); /* still mapped, still writable */
	test_area_unmap(&area);
}

/* --- blocks ------------------------------------------------------------------ */

struct block {
	char *p;
	size_t len;
};

static int
compare_blocks(const void *a, const void *b)
{
	const struct block *x = a;
	const struct block *y = b;

	return x->p < y->p ? -1 : x->p > y->p;
}

/* Fill, check that all is inside and apart, free all; in each round the same
 * bytes must fit (test_refill has what memkind does there). */
static void
fill_and_check(memkind_t kind, const struct test_area *area, uint64_t seed,
    size_t lo, size_t hi)
{
	size_t cap = area->len / lo + 1;
	struct block *blocks = calloc(cap, sizeof(*blocks));
	size_t first_bytes = 0;

	assert_non_null(blocks);
	for (int round = 0; round < (test_is_emulated() ? 2 : 3); round++) {
		uint64_t rng = seed;
		size_t bytes = 0;
		size_t nr = 0;

		for (;;) {
			size_t size = test_random_size(&rng, lo, hi);
			char *p;

			errno = 0;
			p = memkind_malloc(kind, size);
			if (p == NULL)
				break;
			assert_true(nr < cap);
			blocks[nr].p = p;
			blocks[nr].len = memkind_malloc_usable_size(kind, p);
			assert_true(blocks[nr].len >= size);
			nr++;
			bytes += size;
		}
		assert_int_equal(errno, ENOMEM);
		if (round == 0)
			first_bytes = bytes;
		print_message("%zu to %zu bytes: %zu blocks, %.3f\n", lo, hi,
		    nr, (double)bytes / (double)area->len);
#if TEST_OURS
		assert_true(bytes >= first_bytes / 100 * 98);
#endif

		qsort(blocks, nr, sizeof(*blocks), compare_blocks);
		for (size_t i = 0; i < nr; i++) {
			assert_true(
			    test_area_holds(area, blocks[i].p, blocks[i].len));
			if (i > 0)
				assert_true(
				    blocks[i - 1].p + blocks[i - 1].len <=
				    blocks[i].p);
		}
		for (size_t i = 0; i < nr; i++)
			memkind_free(kind, blocks[i].p);
	}
	free(blocks);
}

static void
test_blocks_are_inside_and_never_overlap(void **state)
{
	struct test_area area;
	memkind_t kind;

	(void)state;
	test_area_map(&area, (test_is_emulated() ? 8 : 16) * TEST_MIB);
	kind = make_fixed(area.addr, area.len);
	fill_and_check(kind, &area, 1, 16, 16);
	fill_and_check(kind, &area, 2, 1, 2000);
	fill_and_check(kind, &area, 3, 4000, 70000);
	fill_and_check(kind, &area, 4, 1, 300000);
	fill_and_check(kind, &area, 5, 65536, 65536);
	fill_and_check(kind, &area, 6, TEST_MIB, 3 * TEST_MIB);
	end_kind(kind);
	test_area_unmap(&area);
}

static void
test_blocks_are_aligned_for_any_type(void **state)
{
	struct test_area area;
	memkind_t kind;

	(void)state;
	test_area_map(&area, 16 * TEST_MIB);
	kind = make_fixed(area.addr + 1, area.len - 1);
	for (size_t size = 1; size < TEST_MIB; size += 1 + size / 3) {
		void *p = memkind_malloc(kind, size);
		uintptr_t want = size < 16 ? 8 : 16;

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % want, 0);
		memkind_free(kind, p);
	}
	end_kind(kind);
	test_area_unmap(&area);
}

/* jemalloc gives the numbers of ended arenas to new ones, in any order. */
static void
test_kinds_never_hand_out_each_others_memory(void **state)
{
	enum {
		NR_KINDS = 24,
		PART = 2 * 1024 * 1024
	};
	struct test_area area;
	memkind_t kinds[NR_KINDS];

	(void)state;
	test_area_map(&area, (size_t)NR_KINDS * PART);
	for (size_t i = 0; i < NR_KINDS; i++)
		kinds[i] = make_fixed(area.addr + i * PART, PART);
	for (size_t i = 0; i < NR_KINDS; i += 3)
		end_kind(kinds[i]);
	for (size_t i = 0; i < NR_KINDS; i += 3)
		kinds[i] = make_fixed(area.addr + i * PART, PART);

	for (size_t n = 0; n < 256; n++)
		for (size_t i = 0; i < NR_KINDS; i++) {
			struct test_area part = {
			    area.addr + i * PART, PART, NULL, 0};
			size_t size = (size_t)16 << n % 9;
			void *p = memkind_malloc(kinds[i], size);

			assert_non_null(p);
			assert_true(test_area_holds(&part, p, size));
			assert_ptr_equal(memkind_detect_kind(p), kinds[i]);
		}
	for (size_t i = 0; i < NR_KINDS; i++)
		end_kind(kinds[i]);
	test_area_unmap(&area);
}

/* --- after the end ----------------------------------------------------------- */

struct worker {
	pthread_t thread;
	pthread_barrier_t barrier;
	memkind_t first;
	memkind_t second;
	struct test_area second_area;
	bool ok;
};

/* Leaves full caches of the first kind behind, and goes on with the second. */
static void *
use_both_kinds(void *arg)
{
	struct worker *w = arg;
	struct test_fill fill;

	w->ok = true;
	test_fill_up_to(w->first, 16, 5000, 7, TEST_MIB, &fill);
	test_fill_free(w->first, &fill);
	(void)pthread_barrier_wait(&w->barrier);
	/* the first kind is ended and its area taken away */
	(void)pthread_barrier_wait(&w->barrier);
	for (int i = 0; i < 2000; i++) {
		void *p = memkind_malloc(w->second, 16 + (size_t)i * 2);

		if (!test_area_holds(&w->second_area, p, 16 + (size_t)i * 2))
			w->ok = false;
		memkind_free(w->second, i % 2 ? NULL : p);
	}
	return NULL; /* the thread's end must not touch it either */
}

static void
test_nothing_of_the_area_is_touched_after_destroy(void **state)
{
	struct test_area area;
	struct worker w;
	struct test_fill fill;

	(void)state;
	memset(&w, 0, sizeof(w));
	test_area_map(&area, 8 * TEST_MIB);
	test_area_map(&w.second_area, 16 * TEST_MIB);
	w.first = make_fixed(area.addr, area.len);
	assert_int_equal(pthread_barrier_init(&w.barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&w.thread, NULL, use_both_kinds, &w), 0);
	(void)pthread_barrier_wait(&w.barrier);

	test_fill_up_to(w.first, 16, 100000, 8, 4 * TEST_MIB, &fill);
	end_kind(w.first);
	/* from here on a touch is a SIGSEGV */
	assert_int_equal(mprotect(area.addr, area.len, PROT_NONE), 0);
	w.second = make_fixed(w.second_area.addr, w.second_area.len);
	(void)pthread_barrier_wait(&w.barrier);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_true(w.ok);
	end_kind(w.second);

	assert_int_equal(
	    mprotect(area.addr, area.len, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(pthread_barrier_destroy(&w.barrier), 0);
	test_area_unmap(&w.second_area);
	test_area_unmap(&area);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_any_address_and_size_will_do),
	    test_unit(test_static_array_will_do),
	    test_unit(test_bad_arguments_are_refused),
	    test_unit(test_nowhere_to_put_the_kind_is_refused),
	    test_unit(test_area_of_a_live_kind_is_refused),
	    test_unit(test_area_that_overlaps_a_live_one_is_refused),
	    test_unit(test_same_area_again_after_destroy),
	    test_unit(test_area_is_written_by_its_owner_only),
	    test_unit(test_failing_create_does_not_write_the_area),
	    test_unit(test_content_survives_destroy),
	    test_unit(test_blocks_are_inside_and_never_overlap),
	    test_unit(test_blocks_are_aligned_for_any_type),
	    test_unit(test_kinds_never_hand_out_each_others_memory),
	    test_unit(test_nothing_of_the_area_is_touched_after_destroy),
	};

	return cmocka_run_group_tests_name("fixed", tests, NULL, NULL);
}
