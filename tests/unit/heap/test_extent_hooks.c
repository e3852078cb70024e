// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_extent_hooks.c -- where arenas get their extents: called as jemalloc
 * calls them, and by jemalloc.
 *
 * Holds these invariants: *zero is true only over zeroes, and what is wanted
 * zero is; new_addr is served exactly or refused; alignment is honoured; what
 * one arena gives back another can have in one piece.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"
#include "heap/extent_hooks.h"
#include "heap/je.h"
#include "heap/page_map.h"
#include "heap/size_class.h"
#include "region/reclaimer.h"
#include "region/region.h"

static struct fake_backing Fake;
static struct daxkind_region *Region;
static struct page_map Pages;
static struct extent_hooks Hooks;

static void
open_fake(void)
{
	assert_int_equal(
	    region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region),
	    0);
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_int_equal(page_map_init(&Pages, Region->base, Region->size), 0);
	extent_hooks_init(&Hooks, Region, &Pages);
}

static int
setup(void **state)
{
	mock_os_reset();
	assert_int_equal(size_class_init(), 0);
	fake_backing_init(&Fake, 64 * MIB);
	open_fake();
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	page_map_fini(&Pages);
	region_close(Region);
	fake_backing_fini(&Fake);
	return test_leaks_teardown(state);
}

static char *
alloc(void *new_addr, size_t len, size_t align, bool *zero)
{
	return Hooks.je.alloc(&Hooks.je, new_addr, len, align, zero);
}

/* With no wish about zero. */
static char *
alloc_any(size_t len, size_t align)
{
	bool zero = false;
	char *p = alloc(NULL, len, align, &zero);

	if (p != NULL) {
		assert_int_equal((uintptr_t)p % align, 0);
		assert_true(region_contains(Region, p, len));
		assert_true(fake_backing_holds(&Fake, p, len));
		assert_true(!zero || test_all_bytes(p, 0, len));
	}
	return p;
}

static bool
give(void *addr, size_t len)
{
	return Hooks.je.give(&Hooks.je, addr, len);
}

static struct space_figures
figures(void)
{
	struct space_figures f;

	region_get_figures(Region, &f);
	return f;
}

static void
test_zero_is_said_over_zeroes_only(void **state)
{
	bool zero = false;

	(void)state;
	char *p = alloc(NULL, MIB, DK_PAGE, &zero);
	assert_non_null(p);
	assert_true(zero); /* of a new file */
	memset(p, 0xaa, MIB);
	assert_true(give(p, MIB));
	zero = false;
	assert_ptr_equal(alloc(NULL, MIB, DK_PAGE, &zero), p);
	assert_false(zero);
	assert_true(give(p, MIB));
	/* the file space went meanwhile: it is zero again */
	region_trim(Region, 0);
	zero = false;
	p = alloc(NULL, MIB, DK_PAGE, &zero);
	assert_true(zero);
	assert_true(test_all_bytes(p, 0, MIB));
}

static void
test_what_is_wanted_zero_is(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		bool zero = true;
		char *p = alloc(NULL, MIB, DK_PAGE, &zero);

		assert_non_null(p);
		assert_true(zero);
		assert_true(test_all_bytes(p, 0, MIB));
		memset(p, 0xaa, MIB);
		assert_true(give(p, MIB));
		/* at its address too */
		zero = true;
		assert_ptr_equal(alloc(p, 64 * KIB, DK_PAGE, &zero), p);
		assert_true(zero);
		assert_true(test_all_bytes(p, 0, 64 * KIB));
		assert_true(test_all_bytes(p + 64 * KIB, 0xaa, DK_PAGE));
		assert_true(give(p, 64 * KIB));
	}
}

static void
test_an_address_is_served_exactly_or_refused(void **state)
{
	bool zero = false;

	(void)state;
	char *base = Region->base;
	char *p = alloc_any(MIB, DK_PAGE);
	/* from the high end */
	assert_ptr_equal(p, base + 63 * MIB);
	assert_null(alloc(p, DK_PAGE, DK_PAGE, &zero));
	assert_null(alloc(p - MIB, 2 * MIB, DK_PAGE, &zero));
	assert_null(alloc(p + MIB, DK_PAGE, DK_PAGE, &zero));
	assert_null(alloc(base - MIB, MIB, DK_PAGE, &zero));
	assert_null(alloc(&zero, DK_PAGE, DK_PAGE, &zero));
	assert_false(zero);
	assert_int_equal(figures().taken, MIB);
	assert_ptr_equal(alloc(base + MIB, MIB, DK_PAGE, &zero), base + MIB);
	assert_ptr_equal(
	    alloc(base + 2 * MIB, DK_PAGE, DK_PAGE, &zero), base + 2 * MIB);
}

static void
test_alignment_is_honoured(void **state)
{
	(void)state;
	/* jemalloc asks for whole pages of any alignment, also below a page */
	for (size_t align = 1; align <= 16 * MIB; align *= 2) {
		char *p = alloc_any(3 * DK_PAGE, align);

		assert_non_null(p);
		assert_true(give(p, 3 * DK_PAGE));
		p = alloc_any(2 * MIB, align);
		assert_non_null(p);
		assert_true(give(p, 2 * MIB));
		/* the next begins elsewhere */
		assert_non_null(alloc_any(DK_PAGE, DK_PAGE));
	}
	bool zero = true;
	assert_null(alloc(NULL, DK_PAGE, (size_t)1 << 46, &zero));
}

static void
test_what_does_not_fit_is_refused(void **state)
{
	static const size_t lens[] = {
	    64 * MIB + DK_PAGE, GIB, (size_t)1 << 47, SIZE_MAX - DK_PAGE + 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		bool zero = false;

		errno = 77;
		assert_null(alloc(NULL, lens[i], DK_PAGE, &zero));
		assert_null(alloc(Region->base, lens[i], DK_PAGE, &zero));
		assert_false(zero);
		assert_int_equal(errno, 77);
	}
	assert_int_equal(figures().taken, 0);
	assert_non_null(alloc_any(64 * MIB, DK_PAGE));
	assert_null(alloc_any(DK_PAGE, DK_PAGE));
}

static void
test_no_file_space_is_a_refusal(void **state)
{
	bool zero = false;

	(void)state;
	fake_backing_set_room(&Fake, 8 * MIB);
	assert_null(alloc(NULL, 16 * MIB, DK_PAGE, &zero));
	assert_null(alloc(Region->base, 16 * MIB, DK_PAGE, &zero));
	assert_false(zero);
	assert_int_equal(figures().taken, 0);
	assert_non_null(alloc_any(8 * MIB, DK_PAGE));
}

static void
test_what_is_given_merges_whoever_had_it(void **state)
{
	static const size_t order[] = {2, 0, 3, 1};
	char *p[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		p[i] = alloc_any(16 * MIB, DK_PAGE);
		assert_non_null(p[i]);
	}
	for (size_t i = 0; i < 4; i++)
		assert_true(give(p[order[i]], 16 * MIB));
	assert_int_equal(figures().longest_free, 64 * MIB);
	/* and not as it was cut */
	char *all = alloc_any(64 * MIB, DK_PAGE);
	assert_ptr_equal(all, Region->base);
	assert_true(give(all + 30 * MIB, 20 * MIB));
	assert_true(give(all, 30 * MIB));
	assert_true(give(all + 50 * MIB, 14 * MIB));
	assert_int_equal(figures().longest_free, 64 * MIB);
}

static void
test_given_pages_have_no_blocks(void **state)
{
	(void)state;
	char *p = alloc_any(8 * DK_PAGE, DK_PAGE);
	for (size_t i = 0; i < 8; i++)
		page_map_set(&Pages, p + i * DK_PAGE, PAGE_SMALL);
	assert_true(give(p + DK_PAGE, 6 * DK_PAGE));
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(page_map_get(&Pages, p + i * DK_PAGE),
		    i == 0 || i == 7 ? PAGE_SMALL : 0);
}

static void
test_a_give_may_be_refused(void **state)
{
	char *p[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(p); i++)
		p[i] = alloc_any(DK_PAGE, DK_PAGE);
	/* Every other one: a new range each time, until records run out. */
	mock_os_fail_all("os_map_anon", ENOMEM);
	for (i = 0; i < ARRAY_LEN(p); i += 2)
		(void)give(p[i], DK_PAGE);
	mock_os_reset();
	/* whatever was refused is still taken, not lost */
	size_t taken = figures().taken;
	assert_in_range(taken, 32 * DK_PAGE, 64 * DK_PAGE);
	assert_int_equal(figures().free, 64 * MIB - taken);
	assert_true(space_check(&Region->space));
}

static void
test_a_closing_heap_gets_and_gives_nothing(void **state)
{
	bool zero = false;

	(void)state;
	char *p = alloc_any(MIB, DK_PAGE);
	Hooks.is_closing = true;
	assert_null(alloc(NULL, MIB, DK_PAGE, &zero));
	assert_true(give(p, MIB));
	/* all of it goes at once, later */
	assert_int_equal(figures().taken, MIB);
}

/* --- by jemalloc ------------------------------------------------------------------ */

enum {
	BLOCK_LEN = 10000
};

/* Fill the region through an arena, free all, and say how much it was. */
static void *
fill_and_free(void *arg)
{
	static void *blocks[10000];
	unsigned arena;
	size_t nr = 0;

	*(size_t *)arg = 0;
	if (je_arena_new(&Hooks.je, true, &arena) < 0)
		return NULL;
	while (nr < ARRAY_LEN(blocks)) {
		blocks[nr] = je_alloc(arena, BLOCK_LEN, 0, nr % 2 == 0);
		if (blocks[nr] == NULL)
			break;
		if (nr % 2 == 0 && !test_all_bytes(blocks[nr], 0, BLOCK_LEN))
			return NULL;
		memset(blocks[nr++], 0xaa, BLOCK_LEN);
	}
	*(size_t *)arg = nr * BLOCK_LEN;
	while (nr > 0)
		je_free(blocks[--nr]);
	je_arena_free(&Hooks.je, true, arena);
	return arg;
}

/* The arena is another each time, and so is the thread. */
static void
test_each_arena_gets_what_the_one_before_got(void **state)
{
	size_t first = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		pthread_t thread;
		void *result;
		size_t bytes;

		assert_int_equal(
		    pthread_create(&thread, NULL, fill_and_free, &bytes), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_ptr_equal(result, &bytes);
		print_message("%zu KiB\n", bytes / KIB);
		if (i == 0)
			first = bytes;
		assert_true(bytes >= first / 100 * 98);
		/* the end of an arena gives everything back */
		assert_int_equal(figures().taken, 0);
		assert_int_equal(figures().longest_free, 64 * MIB);
		assert_true(space_check(&Region->space));
	}
	assert_true(first >= 50 * MIB);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_zero_is_said_over_zeroes_only),
	    UNIT(test_what_is_wanted_zero_is),
	    UNIT(test_an_address_is_served_exactly_or_refused),
	    UNIT(test_alignment_is_honoured),
	    UNIT(test_what_does_not_fit_is_refused),
	    UNIT(test_no_file_space_is_a_refusal),
	    UNIT(test_what_is_given_merges_whoever_had_it),
	    UNIT(test_given_pages_have_no_blocks),
	    UNIT(test_a_give_may_be_refused),
	    UNIT(test_a_closing_heap_gets_and_gives_nothing),
	    UNIT(test_each_arena_gets_what_the_one_before_got),
	};

	return cmocka_run_group_tests_name("extent_hooks", tests, NULL, NULL);
}
