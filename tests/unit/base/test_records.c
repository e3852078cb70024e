// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_records.c -- records whose pages go back to the kernel.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/os.h"
#include "base/records.h"
#include "base/util.h"

enum {
	NR = 2000
};

static void *Got[NR];

static int
setup(void **state)
{
	(void)state;
	mock_os_reset();
	return 0;
}

/* Whether the kernel has a page there, and not the one of zeroes. */
static bool
is_resident(const void *ptr)
{
	unsigned char in_core = 0;
	uintptr_t page = align_down((uintptr_t)ptr, DK_PAGE);

	assert_int_equal(mincore((void *)page, 1, &in_core), 0);
	return (in_core & 1) != 0;
}

static size_t
nr_resident(size_t nr)
{
	size_t sum = 0;

	for (size_t i = 0; i < nr; i++)
		sum += is_resident(Got[i]);
	return sum;
}

static void
get_all(struct records *records, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		Got[i] = records_get(records);
		assert_non_null(Got[i]);
		memset(Got[i], (int)i % 255 + 1, records->size);
	}
}

static void
assert_whole(const struct records *records, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		assert_true(
		    test_all_bytes(Got[i], (int)i % 255 + 1, records->size));
}

static void
test_records_do_not_overlap(void **state)
{
	static const size_t sizes[] = {
	    8, 40, 448, 2152, 4096, 12288, 16384, 16392, 42304};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		/* not on the stack: it is never ended */
		static struct records rows[ARRAY_LEN(sizes)];
		struct records *records = &rows[i];

		print_message("row: %zu bytes\n", sizes[i]);
		*records = (struct records)RECORDS_INIT(sizes[i], 1);
		get_all(records, 300);
		assert_whole(records, 300);
		for (size_t j = 0; j < 300; j++) {
			assert_int_equal((uintptr_t)Got[j] % sizeof(void *), 0);
			assert_true(sizes[i] < 16384 ||
				    (uintptr_t)Got[j] % DK_PAGE == 0);
		}
		/* every other one, and again */
		for (size_t j = 0; j < 300; j += 2)
			records_put(records, Got[j]);
		for (size_t j = 1; j < 300; j += 2)
			assert_true(
			    test_all_bytes(Got[j], (int)j % 255 + 1, sizes[i]));
		for (size_t j = 0; j < 300; j += 2) {
			Got[j] = records_get(records);
			memset(Got[j], (int)j % 255 + 1, sizes[i]);
		}
		assert_whole(records, 300);
		for (size_t j = 0; j < 300; j++)
			records_put(records, Got[j]);
		assert_ptr_equal(records->used, NULL);
	}
}

static void
test_free_records_give_their_pages_back(void **state)
{
	static const struct {
		size_t size, unit; /* bytes */
	} rows[] = {{40, 16384}, {2152, 16384}, {42304, 45056}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static struct records all[ARRAY_LEN(rows)];
		struct records *records = &all[i];

		print_message("row: %zu bytes\n", rows[i].size);
		*records = (struct records)RECORDS_INIT(rows[i].size, 2);
		size_t in_unit = rows[i].unit / rows[i].size;
		for (int round = 0; round < 3; round++) {
			get_all(records, NR);
			assert_int_equal(nr_resident(NR), NR);
			assert_whole(records, NR);
			for (size_t j = 0; j < NR; j++)
				records_put(records, Got[j]);
			/* but for two units */
			assert_in_range(nr_resident(NR), 1, 2 * in_unit);
			assert_int_equal(records->nr_kept, 2);
		}
		/* the same addresses again: they have a bound */
		assert_int_equal(mock_os_nr_calls("os_map_anon") > 0, 1);
		unsigned nr_maps = mock_os_nr_calls("os_map_anon");
		get_all(records, NR);
		assert_int_equal(mock_os_nr_calls("os_map_anon"), nr_maps);
	}
}

static void
test_what_is_kept_needs_no_system_call(void **state)
{
	static struct records records = RECORDS_INIT(42304, RECORDS_KEEP_FEW);

	(void)state;
	get_all(&records, RECORDS_KEEP_FEW);
	for (size_t i = 0; i < RECORDS_KEEP_FEW; i++)
		records_put(&records, Got[i]);
	mock_os_reset();
	for (int i = 0; i < 1000; i++) {
		get_all(&records, RECORDS_KEEP_FEW);
		for (size_t j = 0; j < RECORDS_KEEP_FEW; j++)
			records_put(&records, Got[j]);
	}
	assert_int_equal(mock_os_nr_calls(NULL), 0);
}

/* One that is in use keeps those that lie beside it, and no others. */
static void
test_a_record_in_use_keeps_its_unit_only(void **state)
{
	static struct records records = RECORDS_INIT(2152, 0);
	const size_t in_unit = 16384 / 2152;

	(void)state;
	get_all(&records, NR);
	for (size_t i = 0; i < NR; i++) {
		if (i != NR / 2)
			records_put(&records, Got[i]);
	}
	assert_in_range(nr_resident(NR), 1, in_unit);
	assert_true(test_all_bytes(Got[NR / 2], NR / 2 % 255 + 1, 2152));
	records_put(&records, Got[NR / 2]);
	assert_int_equal(nr_resident(NR), 0);
}

static void
test_pages_that_are_locked_stay(void **state)
{
	static struct records records = RECORDS_INIT(42304, 0);

	(void)state;
	get_all(&records, 10);
	mock_os_fail_all("os_drop_pages", EINVAL);
	for (size_t i = 0; i < 10; i++)
		records_put(&records, Got[i]);
	assert_int_equal(nr_resident(10), 10);
	mock_os_reset();
	get_all(&records, 10);
	assert_int_equal(mock_os_nr_calls("os_map_anon"), 0);
	assert_whole(&records, 10);
}

static void
test_without_memory_there_is_no_record(void **state)
{
	static struct records records = RECORDS_INIT(4000, RECORDS_KEEP_FEW);
	void *last = NULL, *record;

	(void)state;
	mock_os_fail_all("os_map_anon", ENOMEM);
	assert_null(records_get(&records));
	mock_os_reset();
	assert_non_null(records_get(&records));
	/* those that are mapped, and then the one that rests */
	mock_os_fail_all("os_map_anon", ENOMEM);
	while ((record = records_get(&records)) != NULL)
		last = record;
	assert_non_null(last);
	records_retire(&records, last);
	assert_ptr_equal(records_get(&records), last);
	assert_null(records_get(&records));
	mock_os_reset();
	assert_non_null(records_get(&records));
}

/* A stale pointer to it meets no new one for a while, and what it reads is what
 * was left there, or zeroes. */
static void
test_a_retired_record_rests(void **state)
{
	static struct records records = RECORDS_INIT(2152, RECORDS_KEEP_FEW);

	(void)state;
	for (size_t i = 0; i < 3 * RECORDS_REST; i++) {
		Got[i] = records_get(&records);
		assert_non_null(Got[i]);
		for (size_t j = i > RECORDS_REST ? i - RECORDS_REST : 0; j < i;
		     j++)
			assert_ptr_not_equal(Got[i], Got[j]);
		records_retire(&records, Got[i]);
	}
	assert_int_equal(records.nr_resting, RECORDS_REST);
	/* memory has a bound */
	mock_os_reset();
	for (size_t i = 0; i < 100000; i++)
		records_retire(&records, records_get(&records));
	assert_int_equal(mock_os_nr_calls("os_map_anon"), 0);

	/* of many at once, all but the last ones give their pages back */
	get_all(&records, NR);
	for (size_t i = 0; i < NR; i++)
		records_retire(&records, Got[i]);
	assert_in_range(nr_resident(NR), RECORDS_REST,
	    RECORDS_REST + (RECORDS_KEEP_FEW + 2) * (size_t)7);
	for (size_t i = 0; i < NR; i++) {
		const char *after_link = (char *)Got[i] + sizeof(void *);

		assert_true(records_has(&records, Got[i]));
		assert_true(*after_link == 0 ||
			    *(const unsigned char *)after_link == i % 255 + 1);
	}
}

static void
test_kept_records_read_as_they_were_left(void **state)
{
	static struct records records = RECORDS_INIT(448, RECORDS_KEEP_ALL);

	(void)state;
	get_all(&records, NR);
	for (size_t i = 0; i < NR; i++)
		records_retire(&records, Got[i]);
	for (size_t i = 0; i < NR; i++)
		assert_true(test_all_bytes((char *)Got[i] + sizeof(void *),
		    (int)i % 255 + 1, 448 - sizeof(void *)));
	assert_int_equal(mock_os_nr_calls("os_drop_pages"), 0);
}

static void
test_any_pointer_is_told_from_a_record(void **state)
{
	static struct records records = RECORDS_INIT(2152, 0);

	(void)state;
	assert_false(records_has(&records, &records));
	assert_false(records_has(&records, NULL));
	for (size_t i = 0; i < 1000; i++) {
		char *record = records_get(&records);

		Got[i] = record;
		assert_true(records_has(&records, record));
		assert_false(records_has(&records, record + 1));
		assert_false(records_has(&records, record - 1));
		assert_false(records_has(&records, record + 8));
	}
	/* the rest of a unit is no record */
	assert_false(records_has(&records, (char *)Got[0] + (size_t)7 * 2152));
	for (size_t i = 0; i < 1000; i++) {
		records_put(&records, Got[i]);
		assert_true(records_has(&records, Got[i]));
	}
	assert_false(records_has(&records, NULL));
	assert_false(records_has(&records, (void *)UINTPTR_MAX));
	assert_false(records_has(&records, &records));
}

static int
go_on_in_child(void *arg)
{
	struct records *records = arg;

	for (size_t i = 0; i < NR; i += 2) {
		if (!test_all_bytes(Got[i], (int)i % 255 + 1, records->size))
			return 1;
		records_put(records, Got[i]);
	}
	for (size_t i = 0; i < NR; i++) {
		Got[i] = records_get(records);
		if (Got[i] == NULL)
			return 2;
		memset(Got[i], 1, records->size);
	}
	return 0;
}

/* A child has all of them, and what it gives back is not the parent's. */
static void
test_a_fork_in_the_middle(void **state)
{
	static struct records records = RECORDS_INIT(2152, 1);

	(void)state;
	get_all(&records, NR);
	for (size_t i = 1; i < NR; i += 2)
		records_put(&records, Got[i]);
	assert_int_equal(test_in_child(go_on_in_child, &records), 0);
	for (size_t i = 0; i < NR; i += 2) {
		assert_true(test_all_bytes(Got[i], (int)i % 255 + 1, 2152));
		records_put(&records, Got[i]);
	}
	assert_in_range(nr_resident(NR), 1, 7);
	get_all(&records, NR);
	assert_whole(&records, NR);
}

#define UNIT(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_records_do_not_overlap),
	    UNIT(test_free_records_give_their_pages_back),
	    UNIT(test_what_is_kept_needs_no_system_call),
	    UNIT(test_a_record_in_use_keeps_its_unit_only),
	    UNIT(test_pages_that_are_locked_stay),
	    UNIT(test_without_memory_there_is_no_record),
	    UNIT(test_a_retired_record_rests),
	    UNIT(test_kept_records_read_as_they_were_left),
	    UNIT(test_any_pointer_is_told_from_a_record),
	    UNIT(test_a_fork_in_the_middle),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
