// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_page_map.c -- what begins in each page.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <string.h>

#include "heap/page_map.h"

/* Any address will do: nothing of the region itself is touched. */
static char *const Base = (char *)0x7000000000000;

static int
teardown(void **state)
{
	mock_os_reset();
	return test_leaks_teardown(state);
}

static void
test_each_page_has_its_word(void **state)
{
	enum {
		NR = 1000
	};
	struct page_map map;

	(void)state;
	assert_int_equal(page_map_init(&map, Base, NR * DK_PAGE), 0);
	for (size_t i = 0; i < NR; i++)
		assert_int_equal(page_map_get(&map, Base + i * DK_PAGE), 0);
	for (size_t i = 0; i < NR; i++)
		page_map_set(&map, Base + i * DK_PAGE, (uint32_t)i + 5);
	for (size_t i = 0; i < NR; i++) {
		/* of any address in it */
		assert_int_equal(page_map_get(&map, Base + i * DK_PAGE), i + 5);
		assert_int_equal(
		    page_map_get(&map, Base + (i + 1) * DK_PAGE - 1), i + 5);
	}
	page_map_set(&map, Base + 7 * DK_PAGE, 0);
	assert_int_equal(page_map_get(&map, Base + 7 * DK_PAGE), 0);
	assert_int_equal(page_map_get(&map, Base + 6 * DK_PAGE), 11);
	assert_int_equal(page_map_get(&map, Base + 8 * DK_PAGE), 13);
	page_map_fini(&map);
}

static void
test_words_of_large_blocks_keep_their_length(void **state)
{
	static const size_t lens[] = {DK_PAGE, 2 * DK_PAGE, MIB, 5 * GIB,
	    (size_t)4 << 40, PAGE_LARGE_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		uint32_t word = page_word_of_large(lens[i]);

		assert_true(page_is_large(word));
		assert_int_equal(page_large_len(word), lens[i]);
		assert_int_not_equal(word, PAGE_SMALL);
	}
	assert_false(page_is_large(0));
	assert_false(page_is_large(PAGE_SMALL));
}

static void
test_less_than_a_page_has_no_words(void **state)
{
	static const size_t sizes[] = {0, 1, DK_PAGE - 1};
	struct page_map map;

	(void)state;
	mock_os_reset();
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(page_map_init(&map, Base, sizes[i]), 0);
		page_map_fini(&map);
	}
	assert_int_equal(mock_os_nr_calls(NULL), 0);
}

static void
test_what_is_not_written_takes_no_memory(void **state)
{
	const size_t size = (size_t)4 << 40;
	struct page_map map;
	size_t before = test_rss();

	(void)state;
	assert_int_equal(page_map_init(&map, Base, size), 0);
	for (size_t off = 0; off < size; off += size / 64)
		page_map_set(&map, Base + off, PAGE_SMALL);
	page_map_set(&map, Base + size - DK_PAGE, PAGE_SMALL);
	/* 4 GiB of words, of which 65 pages are present; no huge ones */
	assert_true(test_rss() < before + 8 * MIB);
	page_map_fini(&map);
}

static void
test_without_memory_there_is_no_map(void **state)
{
	struct page_map map;

	(void)state;
	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_int_equal(page_map_init(&map, Base, MIB), -ENOMEM);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_each_page_has_its_word),
	    UNIT(test_words_of_large_blocks_keep_their_length),
	    UNIT(test_less_than_a_page_has_no_words),
	    UNIT(test_what_is_not_written_takes_no_memory),
	    UNIT(test_without_memory_there_is_no_map),
	};

	return cmocka_run_group_tests_name("page_map", tests, NULL, NULL);
}
