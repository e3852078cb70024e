// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_own_ops.c -- kinds with an operations table of the program's own.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <stdatomic.h>
#include <string.h>

#define SIZE (16 * TEST_MIB)
#define NOT_SET ((memkind_t)(uintptr_t)0xDA)

/* How often each operation of the table was called. */
static struct {
	atomic_int create, destroy, malloc, calloc, memalign, realloc, free,
	    usable;
} Calls;

static int Create_rc; /* what create() returns without doing anything */

static int
count_create(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	atomic_fetch_add(&Calls.create, 1);
	if (Create_rc != 0)
		return Create_rc;
	return memkind_fixed_create(kind, ops, name);
}

static int
count_destroy(struct memkind *kind)
{
	atomic_fetch_add(&Calls.destroy, 1);
	return memkind_fixed_destroy(kind);
}

static void *
count_malloc(struct memkind *kind, size_t size)
{
	atomic_fetch_add(&Calls.malloc, 1);
	return MEMKIND_FIXED_OPS.malloc(kind, size);
}

static void *
count_calloc(struct memkind *kind, size_t num, size_t size)
{
	atomic_fetch_add(&Calls.calloc, 1);
	return MEMKIND_FIXED_OPS.calloc(kind, num, size);
}

static int
count_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	atomic_fetch_add(&Calls.memalign, 1);
	return MEMKIND_FIXED_OPS.posix_memalign(kind, memptr, alignment, size);
}

static void *
count_realloc(struct memkind *kind, void *ptr, size_t size)
{
	atomic_fetch_add(&Calls.realloc, 1);
	return MEMKIND_FIXED_OPS.realloc(kind, ptr, size);
}

static void
count_free(struct memkind *kind, void *ptr)
{
	atomic_fetch_add(&Calls.free, 1);
	MEMKIND_FIXED_OPS.free(kind, ptr);
}

static size_t
count_usable(struct memkind *kind, void *ptr)
{
	atomic_fetch_add(&Calls.usable, 1);
	return MEMKIND_FIXED_OPS.malloc_usable_size(kind, ptr);
}

static struct memkind_ops
counting_ops(void)
{
	struct memkind_ops ops = MEMKIND_FIXED_OPS;

	ops.create = count_create;
	ops.destroy = count_destroy;
	ops.malloc = count_malloc;
	ops.calloc = count_calloc;
	ops.posix_memalign = count_memalign;
	ops.realloc = count_realloc;
	ops.free = count_free;
	ops.malloc_usable_size = count_usable;
	return ops;
}

/* --- each test has a region -------------------------------------------------- */

static struct test_area Area;
static struct daxkind_region *Region;

static int
open_region(void **state)
{
	if (test_leaks_setup(state) != 0)
		return -1;
	memset(&Calls, 0, sizeof(Calls));
	Create_rc = 0;
	test_area_map(&Area, SIZE);
	return daxkind_region_open_mapping(Area.addr, Area.len, 0, &Region);
}

static int
close_region(void **state)
{
	assert_int_equal(daxkind_region_close(Region), 0);
	test_area_unmap(&Area);
	return test_leaks_teardown(state);
}

static void
test_calls_go_through_the_table(void **state)
{
	struct memkind_ops ops = counting_ops();
	memkind_t kind = NULL;
	void *p;
	void *q = NULL;

	(void)state;
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), "counting", &kind),
	    0);
	assert_int_equal(Calls.create, 1);
	assert_ptr_equal(daxkind_kind_region(kind), Region);

	p = memkind_malloc(kind, 100);
	assert_non_null(p);
	assert_true(test_area_holds(&Area, p, 100));
	assert_int_equal(Calls.malloc, 1);
	assert_ptr_equal(memkind_detect_kind(p), kind);
	assert_true(memkind_malloc_usable_size(kind, p) >= 100);
	assert_int_equal(Calls.usable, 1);
	p = memkind_realloc(kind, p, 5000);
	assert_non_null(p);
	assert_int_equal(Calls.realloc, 1);
	memkind_free(kind, p);
	assert_int_equal(Calls.free, 1);
	p = memkind_calloc(kind, 3, 30);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 0, 90));
	assert_int_equal(Calls.calloc, 1);
	assert_int_equal(memkind_posix_memalign(kind, &q, 256, 10), 0);
	assert_int_equal(Calls.memalign, 1);

	/* a kind that is found goes through its own table too */
	memkind_free(NULL, p);
	memkind_free(NULL, q);
	assert_int_equal(Calls.free, 3);

	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(Calls.destroy, 1);
}

static void
test_kinds_with_and_without_a_table_in_turn(void **state)
{
	struct memkind_ops ops = counting_ops();

	(void)state;
	for (int i = 0; i < 10; i++) {
		memkind_t kind = NULL;

		if (i % 2)
			assert_int_equal(daxkind_kind_create(Region, &kind), 0);
		else
			assert_int_equal(daxkind_kind_create_with_ops(Region,
					     &ops, sizeof(ops), "x", &kind),
			    0);
		memkind_free(kind, memkind_malloc(kind, 1000));
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
	assert_int_equal(Calls.malloc, 5);
	assert_int_equal(Calls.create, 5);
	assert_int_equal(Calls.destroy, 5);
}

static void
test_create_that_fails_leaves_nothing(void **state)
{
	static const int codes[] = {
	    MEMKIND_ERROR_INVALID, MEMKIND_ERROR_MALLOC, MEMKIND_ERROR_RUNTIME};
	struct memkind_ops ops = counting_ops();
	memkind_t kind;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		int rc;

		kind = NOT_SET;
		Create_rc = codes[i];
		errno = 0;
		rc = daxkind_kind_create_with_ops(
		    Region, &ops, sizeof(ops), "bad", &kind);
		assert_true(rc < 0);
		assert_int_equal(errno, -rc);
		assert_null(kind);
		assert_string_not_equal(daxkind_last_error(), "");
	}
	assert_int_equal(Calls.destroy, 0);
	Create_rc = 0;
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), "good", &kind),
	    0);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

static void
test_bad_tables_are_refused(void **state)
{
	static const struct {
		const char *why;
		size_t off; /* of the operation that is missing */
	} rows[] = {
	    {"no create", offsetof(struct memkind_ops, create)},
	    {"no destroy", offsetof(struct memkind_ops, destroy)},
	    {"no malloc", offsetof(struct memkind_ops, malloc)},
	    {"no calloc", offsetof(struct memkind_ops, calloc)},
	    {"no posix_memalign", offsetof(struct memkind_ops, posix_memalign)},
	    {"no realloc", offsetof(struct memkind_ops, realloc)},
	    {"no free", offsetof(struct memkind_ops, free)},
	    {"no malloc_usable_size",
		offsetof(struct memkind_ops, malloc_usable_size)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memkind_ops ops = counting_ops();
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		memset((char *)&ops + rows[i].off, 0, sizeof(void *));
		errno = 0;
		assert_int_equal(daxkind_kind_create_with_ops(
				     Region, &ops, sizeof(ops), "bad", &kind),
		    -EINVAL);
		assert_int_equal(errno, EINVAL);
		assert_null(kind);
		assert_string_not_equal(daxkind_last_error(), "");
	}
	assert_int_equal(Calls.create, 0);
}

static void
test_bad_arguments_are_refused(void **state)
{
	char name[65];
	struct memkind_ops ops = counting_ops();
	memkind_t kind = NOT_SET;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[64] = '\0';
	assert_int_equal(daxkind_kind_create_with_ops(Region, NULL,
			     sizeof(struct memkind_ops), "x", &kind),
	    -EINVAL);
	assert_null(kind);
	assert_int_equal(
	    daxkind_kind_create_with_ops(NULL, &ops, sizeof(ops), "x", &kind),
	    -EINVAL);
	assert_int_equal(
	    daxkind_kind_create_with_ops(Region, &ops, sizeof(ops), "x", NULL),
	    -EINVAL);
	dk_row("64 bytes of name");
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), name, &kind),
	    -EINVAL);
	assert_null(kind);
	dk_row("63 bytes of name");
	name[63] = '\0';
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), name, &kind),
	    0);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

/* A program that was built with another version has another table. */
static void
test_tables_of_another_size(void **state)
{
	const size_t needed =
	    offsetof(struct memkind_ops, malloc_usable_size) + sizeof(void *);
	struct {
		struct memkind_ops ops;
		void *more[2];
	} large = {.ops = counting_ops(), .more = {NULL, NULL}};
	const struct {
		const char *why;
		size_t size;
		void *last; /* operation of the larger table */
		int rc;
	} rows[] = {
	    {"what must be there", needed, NULL, 0},
	    {"one less", needed - sizeof(void *), NULL, -EINVAL},
	    {"one more that is empty", sizeof(large), NULL, 0},
	    {"one more that is not known", sizeof(large), large.more, -E2BIG},
	    {"half a pointer", sizeof(large.ops) - 4, NULL, -EINVAL},
	    {"nothing", 0, NULL, -EINVAL},
	    {"more than there can be", 4104, NULL, -EINVAL},
	    {"the whole address space", SIZE_MAX & ~(size_t)7, NULL, -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memkind_t kind = NOT_SET;
		size_t value;

		dk_row(rows[i].why);
		large.more[1] = rows[i].last;
		assert_int_equal(daxkind_kind_create_with_ops(Region,
				     &large.ops, rows[i].size, "sized", &kind),
		    rows[i].rc);
		if (rows[i].rc < 0) {
			assert_null(kind);
			assert_string_not_equal(daxkind_last_error(), "");
			continue;
		}
		memkind_free(kind, memkind_malloc(kind, 100));
		/* what lies beyond the size is not looked at */
		assert_int_equal(
		    memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &value),
		    rows[i].size == needed ? MEMKIND_ERROR_INVALID
					   : MEMKIND_SUCCESS);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
}

static void
test_the_table_is_copied(void **state)
{
	struct memkind_ops ops = counting_ops();
	memkind_t kind = NULL;

	(void)state;
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), "copied", &kind),
	    0);
	memset(&ops, 0, sizeof(ops));
	void *p = memkind_malloc(kind, 100);
	assert_non_null(p);
	memkind_free(kind, p);
	assert_int_equal(Calls.malloc, 1);
	assert_int_equal(Calls.free, 1);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(Calls.destroy, 1);
}

/* What the table leaves out is refused, not called. */
static void
test_missing_operations_are_not_supported(void **state)
{
	struct memkind_ops ops = counting_ops();
	memkind_t kind = NULL;
	size_t value = 77;
	void *p;

	(void)state;
	ops.mmap = NULL;
	ops.mbind = NULL;
	ops.madvise = NULL;
	ops.get_mmap_flags = NULL;
	ops.get_mbind_mode = NULL;
	ops.get_mbind_nodemask = NULL;
	ops.get_arena = NULL;
	ops.check_available = NULL;
	ops.init_once = NULL;
	ops.update_memory_usage_policy = NULL;
	ops.get_stat = NULL;
	ops.defrag_reallocate = NULL;
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), "few", &kind),
	    0);
	p = memkind_malloc(kind, 100);
	assert_non_null(p);
	assert_true(
	    memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &value) < 0);
	assert_int_equal(value, 77);
	assert_null(memkind_defrag_reallocate(kind, p));
	/* which is the region's, whatever the table has */
	assert_int_equal(
	    daxkind_kind_set_policy(kind, DAXKIND_POLICY_BALANCED), 0);
	(void)memkind_check_available(kind);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

static int
create_nothing(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	Calls.create++;
	return 0;
}

static int
destroy_nothing(struct memkind *kind)
{
	(void)kind;
	Calls.destroy++;
	return 0;
}

/* Operations of our tables that are given to another create than theirs. */
static void
test_a_create_without_a_heap_is_refused(void **state)
{
	static const struct {
		const char *why;
		size_t off; /* of the operation that is MEMKIND_FIXED_OPS' */
	} rows[] = {
	    {"malloc", offsetof(struct memkind_ops, malloc)},
	    {"calloc", offsetof(struct memkind_ops, calloc)},
	    {"posix_memalign", offsetof(struct memkind_ops, posix_memalign)},
	    {"realloc", offsetof(struct memkind_ops, realloc)},
	    {"free", offsetof(struct memkind_ops, free)},
	    {"malloc_usable_size",
		offsetof(struct memkind_ops, malloc_usable_size)},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memkind_ops ops = counting_ops();
		memkind_t kind = NOT_SET;

		dk_row(rows[i].why);
		memset(&Calls, 0, sizeof(Calls));
		ops.create = create_nothing;
		ops.destroy = destroy_nothing;
		memcpy((char *)&ops + rows[i].off,
		    (char *)&MEMKIND_FIXED_OPS + rows[i].off, sizeof(void *));
		assert_int_equal(daxkind_kind_create_with_ops(
				     Region, &ops, sizeof(ops), "x", &kind),
		    -EINVAL);
		assert_null(kind);
		assert_non_null(
		    strstr(daxkind_last_error(), "memkind_fixed_create"));
		kind = NOT_SET;
		assert_int_equal(
		    memkind_create(&ops, "x", &kind), MEMKIND_ERROR_INVALID);
		assert_null(kind);
		/* what create did was undone */
		assert_int_equal(Calls.create, 2);
		assert_int_equal(Calls.destroy, 2);
	}
}

/* They come to them by a detour. */
static void *
pass_malloc(struct memkind *kind, size_t size)
{
	return MEMKIND_FIXED_OPS.malloc(kind, size);
}

static void *
pass_calloc(struct memkind *kind, size_t num, size_t size)
{
	return MEMKIND_FIXED_OPS.calloc(kind, num, size);
}

static int
pass_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	return MEMKIND_FIXED_OPS.posix_memalign(kind, memptr, alignment, size);
}

static void *
pass_realloc(struct memkind *kind, void *ptr, size_t size)
{
	return MEMKIND_FIXED_OPS.realloc(kind, ptr, size);
}

static void
pass_free(struct memkind *kind, void *ptr)
{
	MEMKIND_FIXED_OPS.free(kind, ptr);
}

static size_t
pass_usable(struct memkind *kind, void *ptr)
{
	return MEMKIND_FIXED_OPS.malloc_usable_size(kind, ptr);
}

static void
test_operations_without_a_heap_have_no_block(void **state)
{
	struct memkind_ops ops = {
	    .create = create_nothing,
	    .destroy = destroy_nothing,
	    .malloc = pass_malloc,
	    .calloc = pass_calloc,
	    .posix_memalign = pass_memalign,
	    .realloc = pass_realloc,
	    .free = pass_free,
	    .malloc_usable_size = pass_usable,
	    .mmap = MEMKIND_FIXED_OPS.mmap,
	    .check_available = MEMKIND_FIXED_OPS.check_available,
	    .get_stat = MEMKIND_FIXED_OPS.get_stat,
	    .defrag_reallocate = MEMKIND_FIXED_OPS.defrag_reallocate,
	};
	memkind_t kind = NULL;
	size_t value;
	void *p;

	(void)state;
	assert_int_equal(daxkind_kind_create_with_ops(
			     Region, &ops, sizeof(ops), "empty", &kind),
	    0);
	errno = 0;
	assert_null(memkind_malloc(kind, 100));
	assert_int_equal(errno, EINVAL);
	assert_null(memkind_calloc(kind, 1, 100));
	assert_null(memkind_realloc(kind, NULL, 100));
	assert_null(memkind_realloc(kind, Area.addr, 100));
	assert_int_equal(memkind_posix_memalign(kind, &p, 64, 100), EINVAL);
	assert_null(p);
	memkind_free(kind, Area.addr);
	assert_int_equal(memkind_malloc_usable_size(kind, Area.addr), 0);
	assert_null(memkind_defrag_reallocate(kind, Area.addr));
	assert_int_equal(
	    memkind_check_available(kind), MEMKIND_ERROR_UNAVAILABLE);
	(void)memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &value);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

/* A destroy that forgets memkind_fixed_destroy(), and a create that fails after
 * memkind_fixed_create(): the heap ends all the same. */
static int
create_and_fail(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	int err = memkind_fixed_create(kind, ops, name);

	return err != 0 ? err : Create_rc;
}

static void
test_no_heap_is_left_behind(void **state)
{
	struct memkind_ops ops = MEMKIND_FIXED_OPS;
	memkind_t kind = NULL;

	(void)state;
	ops.destroy = destroy_nothing;
	ops.create = create_and_fail;
	for (int i = 0; i < 20; i++) {
		struct daxkind_space space;

		Create_rc = i % 2 != 0 ? MEMKIND_ERROR_RUNTIME : 0;
		int rc = daxkind_kind_create_with_ops(
		    Region, &ops, sizeof(ops), "forgetful", &kind);
		assert_int_equal(rc < 0, i % 2);
		if (rc == 0) {
			/* most of it: twice that does not fit */
			assert_non_null(memkind_malloc(kind, SIZE / 4 * 3));
			assert_non_null(memkind_malloc(kind, 100));
			assert_int_equal(
			    memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		}
		assert_int_equal(
		    daxkind_region_space(Region, &space, sizeof(space)), 0);
		assert_int_equal(space.taken, 0);
	}
	assert_int_equal(Calls.destroy, 10);
}

#define on_region(f) \
	cmocka_unit_test_setup_teardown(f, open_region, close_region)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    on_region(test_calls_go_through_the_table),
	    on_region(test_kinds_with_and_without_a_table_in_turn),
	    on_region(test_create_that_fails_leaves_nothing),
	    on_region(test_bad_tables_are_refused),
	    on_region(test_bad_arguments_are_refused),
	    on_region(test_tables_of_another_size),
	    on_region(test_the_table_is_copied),
	    on_region(test_missing_operations_are_not_supported),
	    on_region(test_a_create_without_a_heap_is_refused),
	    on_region(test_operations_without_a_heap_have_no_block),
	    on_region(test_no_heap_is_left_behind),
	};

	return cmocka_run_group_tests_name("own_ops", tests, NULL, NULL);
}
