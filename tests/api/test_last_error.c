// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_last_error.c -- each failing call says why; no text is an older call's.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <daxkind.h>
#include <errno.h>
#include <hbwmalloc.h>
#include <limits.h>
#include <memkind_arena.h>
#include <memkind_default.h>
#include <memkind_fixed.h>
#include <memkind_hbw.h>
#include <memkind_hugetlb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (1 * TEST_MIB)

static memkind_t Kind, Dead;
static struct test_area Area;
static struct daxkind_region *None;
static memkind_t No_kind;
static size_t Value;
static void *Pointer;
static unsigned Arena;

/* An older call that failed. */
static void
poison(void)
{
	assert_int_equal(
	    daxkind_region_open_file("/poison/older", SIZE, 0, &None), -ENOENT);
	assert_non_null(strstr(daxkind_last_error(), "/poison/older"));
}

#define FAILING(X)                                                            \
	X(memkind_malloc(Kind, 2 * SIZE) == NULL, "fit in its region")        \
	X(MEMKIND_FIXED_OPS.mmap(Kind, NULL, 2 * SIZE) == MAP_FAILED,         \
	    "fit in its region")                                              \
	X(MEMKIND_FIXED_OPS.mmap(NULL, NULL, 1) == MAP_FAILED, "with a heap") \
	X(memkind_default_malloc(NULL, SIZE_MAX / 2) == NULL, "no memory")    \
	X(memkind_default_calloc(NULL, SIZE_MAX, 2) == NULL, "no memory")     \
	X(memkind_arena_malloc(NULL, 1) == NULL, "NULL")                      \
	X(memkind_malloc(NULL, 1) == NULL, "NULL")                            \
	X(memkind_malloc(Dead, 100) == NULL, "destroyed")                     \
	X(memkind_calloc(Kind, 2, SIZE) == NULL, "fit in its region")         \
	X(memkind_calloc(Kind, SIZE_MAX, 2) == NULL, "kind fixed")            \
	X(memkind_calloc(NULL, 1, 1) == NULL, "NULL")                         \
	X(memkind_realloc(Kind, NULL, 2 * SIZE) == NULL, "fit in")            \
	X(memkind_realloc(Kind, &Value, 10) == NULL, "not a block")           \
	X(memkind_posix_memalign(Kind, &Pointer, 64, 2 * SIZE), "fit in")     \
	X(memkind_posix_memalign(Kind, &Pointer, 3, 10), "alignment")         \
	X(memkind_create_fixed(NULL, SIZE, &No_kind), "NULL")                 \
	X(memkind_create_fixed(Area.addr, SIZE, NULL), "memkind_t")           \
	X(memkind_create_fixed(Area.addr, SIZE, &No_kind), "overlaps")        \
	X(memkind_create_pmem("/nonexistent/x", 0, &No_kind), "nonexistent")  \
	X(memkind_create_pmem(NULL, 0, &No_kind), "directory")                \
	X(memkind_create_pmem_with_config(NULL, &No_kind), "config_new")      \
	X(memkind_create_kind(0, MEMKIND_POLICY_MAX_VALUE, 0, &No_kind), "")  \
	X(memkind_destroy_kind(NULL), "kind is NULL")                         \
	X(memkind_destroy_kind(Dead), "destroyed")                            \
	X(memkind_check_available(NULL), "kind is NULL")                      \
	X(memkind_check_dax_path(NULL), "directory")                          \
	X(memkind_check_dax_path("/nonexistent/x"), "nonexistent")            \
	X(memkind_get_capacity(NULL) == -1, "NULL")                           \
	X(memkind_get_stat(Kind, MEMKIND_STAT_TYPE_ACTIVE, NULL), "result")   \
	X(memkind_get_stat(Kind, MEMKIND_STAT_TYPE_MAX_VALUE, &Value),        \
	    "stat_type")                                                      \
	X(memkind_get_stat(Dead, MEMKIND_STAT_TYPE_ACTIVE, &Value), "")       \
	X(memkind_stats_print(NULL, NULL, (memkind_stat_print_opt)(1 << 20)), \
	    "")

#define FAILING_DAXKIND(X)                                                   \
	X(daxkind_region_open(NULL, 0, 0, &None), "path")                    \
	X(daxkind_region_open("/", 0, 1u << 30, &None), "flag")              \
	X(daxkind_region_open_mapping(NULL, 1, 0, &None), "NULL")            \
	X(daxkind_region_open_devdax("/dev/null", 0, 0, 0, &None), "devdax") \
	X(daxkind_region_close(daxkind_kind_region(Kind)), "has a kind")     \
	X(daxkind_region_info(NULL, NULL, 1), "closed")                      \
	X(daxkind_region_space(NULL, NULL, 1), "closed")                     \
	X(daxkind_region_check(NULL), "closed")                              \
	X(daxkind_region_walk(NULL, NULL, NULL), "closed")                   \
	X(daxkind_kind_create(NULL, &No_kind), "region")                     \
	X(daxkind_kind_create_with_ops(NULL, NULL, 0, "x", &No_kind),        \
	    "region")                                                        \
	X(daxkind_kind_set_policy(NULL, DAXKIND_POLICY_DEFAULT), "policy")   \
	X(daxkind_persist(NULL, NULL, 1), "NULL")                            \
	X(daxkind_flush(Kind, &Value, 1), "inside")                          \
	X(daxkind_drain(NULL), "NULL")                                       \
	X(daxkind_memcpy_persist(Kind, &Value, "", 1), "inside")             \
	X(daxkind_memset_nodrain(Kind, &Value, 0, 1), "inside")              \
	X(daxkind_region_persist(NULL, NULL, 1), "closed")                   \
	X(daxkind_quarantine(NULL, NULL, 1), "NULL")                         \
	X(daxkind_sigbus_install(0, NULL, NULL), "callback")                 \
	X(daxkind_sigbus_remove(), "installed")

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static int
get_kind_by_partition(int partition, memkind_t *kind)
{
	return memkind_get_kind_by_partition(partition, kind);
}
#pragma GCC diagnostic pop

/* The program's own tables call these; each row names an invalid argument. */
#define FAILING_OPS(X)                                                         \
	X(memkind_posix_memalign(Kind, NULL, 64, 1), "memptr")                 \
	X(memkind_posix_memalign(NULL, &Pointer, 64, 1), "NULL")               \
	X(memkind_posix_check_alignment(NULL, 3), "alignment")                 \
	X(memkind_create(NULL, "x", &No_kind), "table")                        \
	X(memkind_create(NULL, "x", NULL), "memkind_t")                        \
	X(memkind_fixed_create(NULL, NULL, "x"), "region")                     \
	X(memkind_fixed_destroy(NULL), "region")                               \
	X(MEMKIND_FIXED_OPS.update_memory_usage_policy(                        \
	      Kind, MEMKIND_MEM_USAGE_POLICY_MAX_VALUE),                       \
	    "usage policy")                                                    \
	X(memkind_arena_create_map(NULL, NULL), "without a region")            \
	X(memkind_arena_create(NULL, NULL, "x"), "table")                      \
	X(memkind_arena_destroy(NULL), "memkind_arena_create()")               \
	X(memkind_arena_finalize(Kind), "memkind_arena_create()")              \
	X(memkind_thread_get_arena(NULL, &Arena, 0), "kind is NULL")           \
	X(memkind_thread_get_arena(Kind, NULL, 0), "arena argument")           \
	X(memkind_thread_get_arena(Dead, &Arena, 0), "destroyed")              \
	X(memkind_thread_get_arena(MEMKIND_DEFAULT, &Arena, 0),                \
	    "arenas of its own")                                               \
	X(memkind_bijective_get_arena(NULL, &Arena, 0), "kind is NULL")        \
	X(memkind_arena_set_max_bg_threads(SIZE_MAX), "threads")               \
	X(memkind_arena_malloc(Dead, 1) == NULL, "destroyed")                  \
	X(memkind_arena_calloc(NULL, 1, 1) == NULL, "kind is NULL")            \
	X(memkind_arena_realloc(NULL, NULL, 1) == NULL, "kind is NULL")        \
	X(memkind_arena_realloc_with_kind_detect(&Value, 1) == NULL,           \
	    "not a block")                                                     \
	X(memkind_arena_posix_memalign(NULL, &Pointer, 64, 1), "kind is NULL") \
	X(memkind_arena_posix_memalign(Kind, NULL, 64, 1), "memptr")           \
	X(memkind_arena_posix_memalign(Kind, &Pointer, 3, 1), "alignment")     \
	X(memkind_arena_update_memory_usage_policy(                            \
	      NULL, MEMKIND_MEM_USAGE_POLICY_DEFAULT),                         \
	    "kind is NULL")                                                    \
	X(memkind_arena_update_memory_usage_policy(                            \
	      Kind, MEMKIND_MEM_USAGE_POLICY_MAX_VALUE),                       \
	    "usage policy")                                                    \
	X(memkind_default_create(NULL, NULL, "x"), "table")                    \
	X(memkind_default_posix_memalign(NULL, NULL, 64, 1), "memptr")         \
	X(memkind_default_posix_memalign(NULL, &Pointer, 3, 1), "alignment")   \
	X(memkind_default_posix_memalign(NULL, &Pointer, 8, SIZE_MAX / 2),     \
	    "no memory")                                                       \
	X(memkind_default_mbind(NULL, &Value, 1), "kind is NULL")              \
	X(memkind_default_mmap(NULL, NULL, 1) == MAP_FAILED, "kind is NULL")   \
	X(memkind_default_mmap(Kind, NULL, SIZE_MAX / 2) == MAP_FAILED,        \
	    "mmap(2) refuses")                                                 \
	X(memkind_default_mbind(Kind, Area.addr, SIZE), "get_mbind_nodemask")  \
	X(memkind_get_capacity(MEMKIND_HBW_PREFERRED) == -1, "")               \
	X(memkind_default_get_mmap_flags(NULL, NULL), "result")                \
	X(memkind_nohugepage_madvise(NULL, (void *)1, 1), "huge pages")

#define FAILING_HBW(X)                                                        \
	X(hbw_set_policy((hbw_policy_t)0), "hbw_policy_t")                    \
	X(hbw_posix_memalign(NULL, 64, 1), "memptr")                          \
	X(hbw_posix_memalign_psize(&Pointer, 64, 1, HBW_PAGESIZE_MAX_VALUE),  \
	    "hbw_pagesize_t")                                                 \
	X(hbw_posix_memalign_psize(&Pointer, 64, 1, HBW_PAGESIZE_1GB_STRICT), \
	    "1 GiB")                                                          \
	X(hbw_set_policy(HBW_POLICY_BIND), "HBW_POLICY_PREFERRED")            \
	X(hbw_verify_memory_region(NULL, 1, 0), "NULL")                       \
	X(hbw_verify_memory_region(&Value, 1, ~0), "HBW_TOUCH_PAGES")         \
	X(hbw_verify_memory_region((void *)4096, 1, HBW_TOUCH_PAGES),         \
	    "nothing is mapped")                                              \
	X(get_kind_by_partition(-1, &No_kind), "static kind")                 \
	X(get_kind_by_partition(0, NULL), "memkind_t")

static void
make_kinds(void)
{
	test_area_map(&Area, SIZE);
	assert_int_equal(memkind_create_fixed(Area.addr, SIZE, &Dead), 0);
	assert_int_equal(memkind_destroy_kind(Dead), 0);
	assert_int_equal(memkind_create_fixed(Area.addr, SIZE, &Kind), 0);
}

static void
end_kinds(void)
{
	assert_int_equal(memkind_destroy_kind(Kind), 0);
	test_area_unmap(&Area);
}

static void
test_each_failing_call_says_why(void **state)
{
	(void)state;
	make_kinds();
#define CHECK(call, text)                                                \
	do {                                                             \
		dk_row(#call);                                           \
		poison();                                                \
		assert_true((call) != 0);                                \
		print_message("    %s\n", daxkind_last_error());         \
		assert_string_not_equal(daxkind_last_error(), "");       \
		assert_null(strstr(daxkind_last_error(), "/poison"));    \
		assert_null(strstr(daxkind_last_error(), "last_error")); \
		assert_non_null(strstr(daxkind_last_error(), text));     \
	} while (0);
	FAILING(CHECK)
	FAILING_DAXKIND(CHECK)
	FAILING_OPS(CHECK)
	FAILING_HBW(CHECK)
	end_kinds();
}

/* Operations of a program that fail, and say nothing. */
static int
no_flags(struct memkind *kind, int *flags)
{
	(void)kind;
	(void)flags;
	return MEMKIND_ERROR_INVALID;
}

static int
no_nodes(struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	(void)kind;
	(void)nodemask;
	(void)maxnode;
	return MEMKIND_ERROR_UNAVAILABLE;
}

static int
no_advice(struct memkind *kind, void *addr, size_t size)
{
	(void)kind;
	(void)addr;
	(void)size;
	return -1;
}

static memkind_t
make_own(struct memkind_ops *ops)
{
	memkind_t kind;

	assert_int_equal(memkind_create(ops, "own", &kind), 0);
	return kind;
}

static void
test_a_program_s_operation_that_fails_is_named(void **state)
{
	struct memkind_ops flags = MEMKIND_DEFAULT_OPS;
	struct memkind_ops nodes = MEMKIND_DEFAULT_OPS;
	struct memkind_ops advice = MEMKIND_DEFAULT_OPS;

	(void)state;
	flags.get_mmap_flags = no_flags;
	nodes.get_mbind_nodemask = no_nodes;
	nodes.get_mbind_mode = memkind_default_get_mbind_mode;
	advice.madvise = no_advice;
	memkind_t no_flags_kind = make_own(&flags);
	memkind_t no_nodes_kind = make_own(&nodes);
	memkind_t no_advice_kind = make_own(&advice);
	make_kinds();
	CHECK(memkind_default_mmap(no_flags_kind, NULL, 1) == MAP_FAILED,
	    "get_mmap_flags")
	CHECK(memkind_default_mmap(no_advice_kind, NULL, 4096) == MAP_FAILED,
	    "madvise")
	CHECK(memkind_default_mbind(no_nodes_kind, Area.addr, SIZE),
	    "get_mbind_nodemask")
	CHECK(memkind_hbw_check_available(no_nodes_kind), "not available")
	CHECK(
	    memkind_hugetlb_check_available_2mb(no_nodes_kind), "not available")
	end_kinds();
	assert_int_equal(memkind_destroy_kind(no_flags_kind), 0);
	assert_int_equal(memkind_destroy_kind(no_nodes_kind), 0);
	assert_int_equal(memkind_destroy_kind(no_advice_kind), 0);
}

static void
test_mbind_that_refuses_is_named(void **state)
{
	(void)state;
	make_kinds();
	char *odd = (char *)Area.addr + 1;
	if (memkind_default_mbind(MEMKIND_INTERLEAVE, odd, 4096) == 0)
		puts("skipped: mbind(2) is not permitted here");
	else
		CHECK(memkind_default_mbind(MEMKIND_INTERLEAVE, odd, 4096),
		    "mbind(2)")
	end_kinds();
}

/* Where the granularity is a page, the kernel writes, and may fail. */
static void
test_a_flush_that_fails_says_so(void **state)
{
	char *hole;

	(void)state;
	make_kinds();
	hole = (char *)Area.addr + SIZE / 2;
	assert_int_equal(munmap(hole, 4096), 0);
	const struct daxkind_region *region = daxkind_kind_region(Kind);
	CHECK(daxkind_persist(Kind, hole, 1), "not durable")
	CHECK(daxkind_flush(Kind, hole, 1), "not durable")
	CHECK(daxkind_region_persist(region, hole, 1), "not durable")
	CHECK(daxkind_region_flush(region, hole, 1), "not durable")
	end_kinds();
}

static void
test_offsets_that_are_none(void **state)
{
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	make_kinds();
	assert_int_equal(daxkind_region_open_durable(test_path("durable"), SIZE,
			     "last_error", DAXKIND_CREATE, &region),
	    0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	CHECK(daxkind_offset(kind, &Value) == 0, "not in the region")
	CHECK(daxkind_at(kind, SIZE) == NULL, "beyond the region")
	CHECK(daxkind_offset(Kind, Area.addr) == 0, "volatile")
	CHECK(daxkind_at(Kind, 1) == NULL, "volatile")
	CHECK(daxkind_root(kind, "none") == NULL, "no root")
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(unlink(test_path("durable")), 0);
	end_kinds();
}

#define WORKING(X)                                                  \
	X(memkind_check_available(Kind))                            \
	X(memkind_get_capacity(Kind) == -1)                         \
	X(memkind_update_cached_stats())                            \
	X(memkind_get_stat(Kind, MEMKIND_STAT_TYPE_ACTIVE, &Value)) \
	X(memkind_set_bg_threads(false))                            \
	X(daxkind_region_check(daxkind_kind_region(Kind)))          \
	X(daxkind_region_close(NULL))                               \
	X(daxkind_kind_set_policy(Kind, DAXKIND_POLICY_DEFAULT))    \
	X(daxkind_quarantine(Kind, Area.addr, 1))                   \
	X(memkind_destroy_kind(MEMKIND_DEFAULT))

static void
test_a_call_that_works_leaves_no_older_text(void **state)
{
	(void)state;
	make_kinds();
#define CHECK_NONE(call)                                       \
	do {                                                   \
		dk_row(#call);                                 \
		poison();                                      \
		assert_true((call) == 0);                      \
		assert_string_equal(daxkind_last_error(), ""); \
	} while (0);
	WORKING(CHECK_NONE)
	end_kinds();
}

/* A cache of a program's fills its heap, and evicts: what was short is said. */
static void
test_a_full_heap_says_what_was_short(void **state)
{
	char text[512];

	(void)state;
	make_kinds();
	while (memkind_malloc(Kind, 10000) != NULL)
		;
	poison();
	assert_null(memkind_malloc(Kind, 10000));
	assert_int_equal(errno, ENOMEM);
	(void)snprintf(text, sizeof(text), "%s", daxkind_last_error());
	print_message("%s\n", text);
	assert_non_null(strstr(text, "kind fixed is full"));
	assert_non_null(strstr(text, "10000 bytes"));
	/* what it was then: the text is the same when the kind is gone */
	assert_null(memkind_malloc(Kind, 10000));
	end_kinds();
	assert_string_equal(daxkind_last_error(), "");
}

/* Paths are as long as they are, and commands are of use whole. */
static void
test_a_long_path_does_not_cut_the_advice(void **state)
{
	static char path[PATH_MAX - 1];
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 100 == 0 ? '/' : 'p';
	for (size_t len = 50; len < sizeof(path); len += 400) {
		char end = path[len];

		path[len] = '\0';
		assert_int_equal(
		    daxkind_region_open_file(path, SIZE, 0, &region), -ENOENT);
		assert_non_null(strstr(daxkind_last_error(), path));
		assert_non_null(strstr(daxkind_last_error(), "DAXKIND_CREATE"));
		path[len] = end;
	}
}

/* -12 is ENVIRON of memkind's, and ENOMEM of ours. */
static void
test_a_message_is_of_the_function_that_failed(void **state)
{
	static const struct {
		const char *path;
		unsigned flags;
		int rc;
		const char *text;
	} rows[] = {
	    {"/nonexistent/x", 0, -ENOENT, "No such file"},
	    {"/etc/passwd", 0, -EEXIST, "File exists"},
	    {"/", 1u << 30, -EINVAL, "Invalid argument"},
	};
	char text[MEMKIND_ERROR_MESSAGE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc = daxkind_region_open(
		    rows[i].path, SIZE, rows[i].flags, &None);
		assert_int_equal(rc, rows[i].rc);
		memkind_error_message(rc, text, sizeof(text));
		print_message("%d: %s\n", rc, text);
		assert_non_null(strstr(text, rows[i].text));
	}
	/* and of memkind's what it was */
	assert_int_equal(
	    memkind_create_pmem(NULL, 0, &No_kind), MEMKIND_ERROR_INVALID);
	memkind_error_message(MEMKIND_ERROR_INVALID, text, sizeof(text));
	assert_non_null(strstr(text, "argument"));
	memkind_error_message(MEMKIND_ERROR_ENVIRON, text, sizeof(text));
	assert_non_null(strstr(text, "environment"));
	memkind_error_message(MEMKIND_ERROR_BADOPS, text, sizeof(text));
	assert_non_null(strstr(text, "memkind_ops"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_each_failing_call_says_why),
	    test_unit(test_a_program_s_operation_that_fails_is_named),
	    test_unit(test_mbind_that_refuses_is_named),
	    test_unit(test_a_flush_that_fails_says_so),
	    test_unit(test_offsets_that_are_none),
	    test_unit(test_a_call_that_works_leaves_no_older_text),
	    test_unit(test_a_full_heap_says_what_was_short),
	    test_unit(test_a_long_path_does_not_cut_the_advice),
	    test_unit(test_a_message_is_of_the_function_that_failed),
	};

	if (test_is_emulated()) {
		puts("skipped: not about the memory that it runs on");
		return 77;
	}
	return cmocka_run_group_tests_name("last_error", tests, NULL, NULL);
}
