// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_flush.c -- making stores durable: the table of each granularity, and
 * that the API goes by it and by nothing else.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/util.h"
#include "region/flush.h"
#include "region/region.h"

#define ERRNO_BEFORE 77

static struct test_area Area;

static int
setup(void **state)
{
	mock_os_reset();
	if (test_leaks_setup(state) != 0)
		return -1;
	test_area_map(&Area, TEST_MIB);
	return 0;
}

static int
teardown(void **state)
{
	mock_os_reset();
	for (unsigned g = 0; g < NR_FLUSH; g++)
		flush_set_ops((enum flush_granularity)g, NULL);
	test_area_unmap(&Area);
	return test_leaks_teardown(state);
}

static const struct flush_ops *
get_ops(enum flush_granularity granularity)
{
	const struct flush_ops *ops = NULL;

	assert_int_equal(flush_get_ops(granularity, &ops), 0);
	assert_non_null(ops);
	return ops;
}

/* --- the built-in tables ------------------------------------------------------ */

static void
test_copy_and_set_store_any_range(void **state)
{
	static const size_t lens[] = {
	    0, 1, 7, 8, 63, 64, 65, 255, 4095, 4096, 4097, 100000};
	static unsigned char from[100000];
	unsigned char *to = (unsigned char *)Area.addr;

	(void)state;
	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (unsigned char)(i * 31 + 7);
	for (unsigned g = 0; g < NR_FLUSH; g++) {
		const struct flush_ops *ops =
		    get_ops((enum flush_granularity)g);

		for (size_t i = 0; i < 4 * ARRAY_LEN(lens); i++) {
			size_t len = lens[i / 4];
			size_t off = i % 4 * 1365; /* in and over pages */

			memset(to, 0xaa, sizeof(from) + 8 * DK_PAGE);
			errno = ERRNO_BEFORE;
			assert_int_equal(
			    ops->copy(to + DK_PAGE + off, from, len), 0);
			ops->drain();
			assert_memory_equal(to + DK_PAGE + off, from, len);
			assert_true(test_all_bytes(to, 0xaa, DK_PAGE + off));
			assert_int_equal(to[DK_PAGE + off + len], 0xaa);
			assert_int_equal(
			    ops->set(to + DK_PAGE + off, 0x55, len), 0);
			ops->drain();
			assert_true(
			    test_all_bytes(to + DK_PAGE + off, 0x55, len));
			assert_true(test_all_bytes(to, 0xaa, DK_PAGE + off));
			assert_int_equal(to[DK_PAGE + off + len], 0xaa);
			assert_int_equal(
			    ops->flush(to + DK_PAGE + off, len), 0);
			ops->drain();
			assert_int_equal(errno, ERRNO_BEFORE);
		}
	}
}

static void
test_only_pages_are_synced(void **state)
{
	static const struct {
		const char *why;
		size_t off, len;
		unsigned nr_calls;
	} rows[] = {
	    {"nothing", 100, 0, 0},
	    {"a byte", 100, 1, 1},
	    {"over pages", 5 * DK_PAGE - 1, DK_PAGE + 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		for (unsigned g = 0; g < NR_FLUSH; g++) {
			const struct flush_ops *ops =
			    get_ops((enum flush_granularity)g);

			mock_os_reset();
			assert_int_equal(
			    ops->flush(Area.addr + rows[i].off, rows[i].len),
			    0);
			ops->drain();
			assert_int_equal(mock_os_nr_calls("os_msync"),
			    g == FLUSH_PAGE ? rows[i].nr_calls : 0);
		}
	}
}

static void
test_a_failing_sync_is_told(void **state)
{
	const struct flush_ops *ops = get_ops(FLUSH_PAGE);

	(void)state;
	errno = ERRNO_BEFORE;
	mock_os_fail_all("os_msync", EIO);
	assert_int_equal(ops->flush(Area.addr, 1), -EIO);
	assert_int_equal(ops->copy(Area.addr, "x", 1), -EIO);
	assert_int_equal(ops->set(Area.addr, 'x', 1), -EIO);
	mock_os_reset();
	/* and the kernel's own */
	void *hole = NULL;
	assert_int_equal(os_map_anon(3 * DK_PAGE, &hole), 0);
	char *page = (char *)hole + DK_PAGE;
	assert_int_equal(os_unmap(hole, DK_PAGE), 0);
	assert_int_equal(os_unmap(page + DK_PAGE, DK_PAGE), 0);
	assert_int_equal(ops->flush(hole, DK_PAGE), -ENOMEM);
	/* of all pages that it touches, and no other */
	assert_int_equal(ops->flush(page, DK_PAGE), 0);
	assert_int_equal(ops->flush(page + DK_PAGE - 1, 1), 0);
	assert_int_equal(ops->flush(page - 1, 2), -ENOMEM);
	assert_int_equal(ops->flush(page + DK_PAGE - 1, 2), -ENOMEM);
	assert_int_equal(os_unmap(page, DK_PAGE), 0);
	assert_int_equal(errno, ERRNO_BEFORE);
}

static void
test_plain_memory_is_not_persistent(void **state)
{
	(void)state;
	enum flush_granularity g = flush_of_sync_mapping();
	assert_true(g == FLUSH_BYTE || g == FLUSH_CACHE_LINE);
	if (test_devdax() == NULL)
		assert_false(flush_is_pmem(Area.addr, DK_PAGE));
	assert_false(flush_is_pmem(NULL, 0));
}

/* --- the API over a table that takes notes ---------------------------------------- */

static char Notes[64];
static enum flush_granularity Noted;
static int Rc;

static void
note(const char *what)
{
	size_t len = strlen(Notes);

	(void)snprintf(Notes + len, sizeof(Notes) - len, "%s ", what);
}

static int
note_flush(const void *addr, size_t len)
{
	(void)addr;
	(void)len;
	note("flush");
	return Rc;
}

static void
note_drain(void)
{
	note("drain");
}

static int
note_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	note("copy");
	return Rc;
}

static int
note_set(void *dst, int c, size_t len)
{
	memset(dst, c, len);
	note("set");
	return Rc;
}

static const struct flush_ops Noting = {
    .flush = note_flush,
    .drain = note_drain,
    .copy = note_copy,
    .set = note_set,
};

/* Run call, of which the table must see want. */
#define assert_noted(call, rc, want)              \
	do {                                      \
		Notes[0] = '\0';                  \
		assert_int_equal(call, rc);       \
		assert_string_equal(Notes, want); \
	} while (0)

static void
assert_api_goes_by_the_table(unsigned flags)
{
	struct daxkind_region *region;
	struct daxkind_region_info info;
	memkind_t kind;
	int here;

	assert_int_equal(
	    daxkind_region_open_mapping(Area.addr, Area.len, flags, &region),
	    0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	Noted = (enum flush_granularity)info.granularity;
	flush_set_ops(Noted, &Noting);
	Rc = 0;

	char *p = memkind_malloc(kind, 1000);
	assert_non_null(p);
	assert_noted(daxkind_flush(kind, p, 10), 0, "flush ");
	assert_noted(daxkind_drain(kind), 0, "drain ");
	assert_noted(daxkind_persist(kind, p, 10), 0, "flush drain ");
	assert_noted(daxkind_region_flush(region, p, 10), 0, "flush ");
	assert_noted(daxkind_region_drain(region), 0, "drain ");
	assert_noted(daxkind_region_persist(region, p, 10), 0, "flush drain ");
	assert_noted(daxkind_memcpy_nodrain(kind, p, "abc", 4), 0, "copy ");
	assert_string_equal(p, "abc");
	assert_noted(
	    daxkind_memcpy_persist(kind, p, "def", 4), 0, "copy drain ");
	assert_string_equal(p, "def");
	assert_noted(daxkind_memset_nodrain(kind, p, 'x', 9), 0, "set ");
	assert_noted(daxkind_memset_persist(kind, p, 'y', 9), 0, "set drain ");
	assert_true(test_all_bytes(p, 'y', 9));

	/* what fails is not drained */
	Rc = -EIO;
	assert_noted(daxkind_flush(kind, p, 10), -EIO, "flush ");
	assert_noted(daxkind_persist(kind, p, 10), -EIO, "flush ");
	assert_noted(daxkind_region_persist(region, p, 10), -EIO, "flush ");
	assert_noted(daxkind_memcpy_persist(kind, p, "abc", 4), -EIO, "copy ");
	assert_noted(daxkind_memset_persist(kind, p, 'x', 9), -EIO, "set ");

	/* what is not the kind's is neither stored to nor flushed */
	Rc = 0;
	here = 1;
	assert_noted(daxkind_persist(kind, &here, 4), -EINVAL, "");
	assert_noted(daxkind_memset_persist(kind, &here, 0, 4), -EINVAL, "");
	assert_noted(daxkind_persist(kind, p, SIZE_MAX), -EINVAL, "");
	assert_noted(daxkind_region_persist(region, &here, 4), -EINVAL, "");
	assert_noted(daxkind_region_flush(region, p, SIZE_MAX), -EINVAL, "");
	assert_noted(daxkind_persist(kind, (char *)info.base + info.size, 1),
	    -EINVAL, "");
	assert_noted(daxkind_persist(NULL, p, 1), -EINVAL, "");
	assert_noted(daxkind_drain(NULL), -EINVAL, "");
	assert_noted(daxkind_drain(MEMKIND_DEFAULT), -ENOTSUP, "");
	assert_int_equal(here, 1);

	/* the built-in table again */
	flush_set_ops(Noted, NULL);
	assert_noted(daxkind_persist(kind, p, 10), 0, "");
	memkind_free(kind, p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_the_api_goes_by_the_table(void **state)
{
	(void)state;
	dk_row("pages");
	assert_api_goes_by_the_table(0);
	dk_row("cache lines, or none");
	assert_api_goes_by_the_table(DAXKIND_PERSISTENT);
	assert_int_equal(Noted, flush_of_sync_mapping());
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_copy_and_set_store_any_range),
	    UNIT(test_only_pages_are_synced),
	    UNIT(test_a_failing_sync_is_told),
	    UNIT(test_plain_memory_is_not_persistent),
	    UNIT(test_the_api_goes_by_the_table),
	};

	return cmocka_run_group_tests_name("flush", tests, NULL, NULL);
}
