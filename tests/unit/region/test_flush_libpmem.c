// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_flush_libpmem.c -- making stores durable: what arrives at libpmem.
 *
 * The tests of the table, and of a log over a recording table, see that the
 * library asks for flushes and drains; these see that the built-in tables make
 * them.  Stand-ins take notes of what libpmem is called with, and call it.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_library.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <daxkind.h>
#include <libpmem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "region/flush.h"

static struct test_area Area;

/* --- the stand-ins --------------------------------------------------------------- */

static void (*Real_flush)(const void *addr, size_t len);
static void (*Real_drain)(void);
static void *(*Real_memcpy)(
    void *dst, const void *src, size_t len, unsigned flags);
static void *(*Real_memset)(void *dst, int c, size_t len, unsigned flags);
static int (*Real_auto_flush)(void);

static char Notes[256];
static int Auto_flush;

static void
note(const char *what, const void *addr, size_t len, const char *how)
{
	size_t used = strlen(Notes);

	(void)snprintf(Notes + used, sizeof(Notes) - used, "%s(%zd, %zu)%s ",
	    what, addr == NULL ? 0 : (const char *)addr - Area.addr, len, how);
}

/* What is left out, of what a copy does by itself. */
static const char *
left_out(unsigned flags)
{
	switch (flags) {
	case 0:
		return "";
	case PMEM_F_MEM_NODRAIN:
		return " no drain";
	case PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH:
		return " no flush, no drain";
	default:
		return " other flags";
	}
}

static void
stand_in_flush(const void *addr, size_t len)
{
	note("flush", addr, len, "");
	Real_flush(addr, len);
}

static void
stand_in_drain(void)
{
	note("drain", NULL, 0, "");
	Real_drain();
}

static void *
stand_in_memcpy(void *dst, const void *src, size_t len, unsigned flags)
{
	note("copy", dst, len, left_out(flags));
	return Real_memcpy(dst, src, len, flags);
}

static void *
stand_in_memset(void *dst, int c, size_t len, unsigned flags)
{
	note("set", dst, len, left_out(flags));
	return Real_memset(dst, c, len, flags);
}

static int
stand_in_auto_flush(void)
{
	return Auto_flush;
}

static int
put_stand_ins(void **state)
{
	(void)state;
	mock_library_put(
	    "pmem_flush", (void *)stand_in_flush, (void **)&Real_flush);
	mock_library_put(
	    "pmem_drain", (void *)stand_in_drain, (void **)&Real_drain);
	mock_library_put(
	    "pmem_memcpy", (void *)stand_in_memcpy, (void **)&Real_memcpy);
	mock_library_put(
	    "pmem_memset", (void *)stand_in_memset, (void **)&Real_memset);
	mock_library_put("pmem_has_auto_flush", (void *)stand_in_auto_flush,
	    (void **)&Real_auto_flush);
	return 0;
}

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
	test_area_unmap(&Area);
	return test_leaks_teardown(state);
}

/* --- which platform ----------------------------------------------------------------- */

/* In a process that has not asked libpmem yet. */
static int
check_granularity(void *arg)
{
	Auto_flush = *(int *)arg;
	return flush_of_sync_mapping() ==
		       (Auto_flush == 1 ? FLUSH_BYTE : FLUSH_CACHE_LINE)
		   ? 0
		   : 1;
}

/* -1: it can not say. */
static void
test_caches_that_outlive_the_power_need_no_flush(void **state)
{
	static int answers[] = {0, 1, -1};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		assert_int_equal(
		    test_in_child(check_granularity, &answers[i]), 0);
}

/* --- the tables ---------------------------------------------------------------------- */

#define assert_noted(call, want)                  \
	do {                                      \
		Notes[0] = '\0';                  \
		call;                             \
		assert_string_equal(Notes, want); \
	} while (0)

static void
assert_table(enum flush_granularity granularity, const char *flush,
    const char *drain, const char *copy, const char *set)
{
	const struct flush_ops *ops = NULL;

	assert_int_equal(flush_get_ops(granularity, &ops), 0);
	mock_os_reset();
	assert_noted(assert_int_equal(ops->flush(Area.addr + 70, 9), 0), flush);
	assert_noted(ops->drain(), drain);
	assert_noted(
	    assert_int_equal(ops->copy(Area.addr + 100, "abc", 3), 0), copy);
	assert_memory_equal(Area.addr + 100, "abc", 3);
	assert_noted(
	    assert_int_equal(ops->set(Area.addr + 200, 'x', 5), 0), set);
	assert_memory_equal(Area.addr + 200, "xxxxx", 5);
	assert_int_equal(
	    mock_os_nr_calls("os_msync"), granularity == FLUSH_PAGE ? 3 : 0);
}

static void
test_cache_lines_are_flushed_and_waited_for(void **state)
{
	(void)state;
	assert_table(FLUSH_CACHE_LINE, "flush(70, 9) ", "drain(0, 0) ",
	    "copy(100, 3) no drain ", "set(200, 5) no drain ");
}

/* The stores themselves have to be in order, and out of the processor. */
static void
test_without_caches_to_flush_stores_are_waited_for(void **state)
{
	(void)state;
	assert_table(FLUSH_BYTE, "", "drain(0, 0) ",
	    "copy(100, 3) no flush, no drain ",
	    "set(200, 5) no flush, no drain ");
}

static void
test_pages_are_the_kernel_s(void **state)
{
	(void)state;
	assert_table(FLUSH_PAGE, "", "", "", "");
}

/* --- from the interface down ------------------------------------------------------------ */

static void
test_what_a_program_calls_arrives(void **state)
{
	struct daxkind_region *region;
	memkind_t kind;
	char want[128];

	(void)state;
	assert_int_equal(daxkind_region_open_mapping(
			     Area.addr, Area.len, DAXKIND_PERSISTENT, &region),
	    0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	assert_int_equal(flush_of_sync_mapping(), FLUSH_CACHE_LINE);
	char *p = memkind_malloc(kind, 1000);
	assert_non_null(p);
	ssize_t at = p - Area.addr;

	(void)snprintf(want, sizeof(want), "flush(%zd, 300) drain(0, 0) ", at);
	assert_noted(assert_int_equal(daxkind_persist(kind, p, 300), 0), want);
	assert_noted(
	    assert_int_equal(daxkind_region_persist(region, p, 300), 0), want);
	(void)snprintf(want, sizeof(want), "flush(%zd, 1) ", at + 5);
	assert_noted(assert_int_equal(daxkind_flush(kind, p + 5, 1), 0), want);
	assert_noted(
	    assert_int_equal(daxkind_region_flush(region, p + 5, 1), 0), want);
	assert_noted(assert_int_equal(daxkind_drain(kind), 0), "drain(0, 0) ");
	assert_noted(
	    assert_int_equal(daxkind_region_drain(region), 0), "drain(0, 0) ");
	(void)snprintf(
	    want, sizeof(want), "copy(%zd, 4) no drain drain(0, 0) ", at);
	assert_noted(
	    assert_int_equal(daxkind_memcpy_persist(kind, p, "abc", 4), 0),
	    want);
	(void)snprintf(
	    want, sizeof(want), "set(%zd, 700) no drain drain(0, 0) ", at);
	assert_noted(
	    assert_int_equal(daxkind_memset_persist(kind, p, 0, 700), 0), want);

	memkind_free(kind, p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    /* first: it wants children that have not loaded libpmem */
	    UNIT(test_caches_that_outlive_the_power_need_no_flush),
	    UNIT(test_cache_lines_are_flushed_and_waited_for),
	    UNIT(test_without_caches_to_flush_stores_are_waited_for),
	    UNIT(test_pages_are_the_kernel_s),
	    UNIT(test_what_a_program_calls_arrives),
	};

	return cmocka_run_group_tests_name(
	    "flush_libpmem", tests, put_stand_ins, NULL);
}
