// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kind.c -- what a memkind_t points to: made last and ended first, found
 * from any pointer, known once.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/reason.h"
#include "base/util.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_quarantine.h"
#include "kind/kind_registry.h"
#include "kind/kind_static.h"
#include "region/region.h"
#include "region/region_index.h"

static struct fake_backing Fake;
static struct daxkind_region *Region;

static int
setup(void **state)
{
	mock_os_reset();
	fake_backing_init_mapping(&Fake, 16 * MIB);
	if (region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region) <
	    0)
		return -1;
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	if (Region != NULL)
		region_close(Region);
	fake_backing_fini(&Fake);
	return test_leaks_teardown(state);
}

static int
make_kind(bool owns_region, size_t capacity, struct memkind_ops *ops,
    const char *name, struct memkind **kind)
{
	struct kind_spec spec = {
	    .region = Region,
	    .owns_region = owns_region,
	    .capacity = capacity,
	    .ops = ops,
	    .name = name,
	};

	return kind_new(&spec, kind);
}

static struct memkind *
new_kind(struct memkind_ops *ops)
{
	struct memkind *kind = NULL;

	assert_int_equal(make_kind(false, 16 * MIB, ops, "test", &kind), 0);
	assert_non_null(kind);
	return kind;
}

static int
count_one(struct memkind *kind, void *arg)
{
	(void)kind;
	(*(size_t *)arg)++;
	return 0;
}

static size_t
nr_kinds(void)
{
	size_t nr = 0;

	assert_int_equal(kind_registry_walk(count_one, &nr), 0);
	return nr;
}

/* --- making --------------------------------------------------------------------- */

static void
test_a_kind_knows_what_it_was_made_of(void **state)
{
	size_t before = nr_kinds();

	(void)state;
	struct memkind *kind = new_kind(&MEMKIND_FIXED_OPS);
	assert_ptr_equal(kind->ops, &MEMKIND_FIXED_OPS);
	assert_ptr_equal(kind->region, Region);
	assert_int_equal(kind->capacity, 16 * MIB);
	assert_string_equal(kind->name, "test");
	assert_false(kind_is_static(kind));
	assert_int_equal(nr_kinds(), before + 1);
	assert_int_equal(kind_free(kind), 0);
	assert_int_equal(nr_kinds(), before);
	/* the region is there for the next */
	assert_int_equal(kind_free(new_kind(&MEMKIND_FIXED_OPS)), 0);
}

static void
test_a_table_must_have_its_operations(void **state)
{
	const struct {
		const char *why;
		size_t off; /* of the operation that is missing */
		bool must;
	} rows[] = {
	    {"create", offsetof(struct memkind_ops, create), true},
	    {"destroy", offsetof(struct memkind_ops, destroy), true},
	    {"malloc", offsetof(struct memkind_ops, malloc), true},
	    {"calloc", offsetof(struct memkind_ops, calloc), true},
	    {"posix_memalign", offsetof(struct memkind_ops, posix_memalign),
		true},
	    {"realloc", offsetof(struct memkind_ops, realloc), true},
	    {"free", offsetof(struct memkind_ops, free), true},
	    {"malloc_usable_size",
		offsetof(struct memkind_ops, malloc_usable_size), true},
	    {"mmap", offsetof(struct memkind_ops, mmap), false},
	    {"check_available", offsetof(struct memkind_ops, check_available),
		false},
	    {"get_stat", offsetof(struct memkind_ops, get_stat), false},
	    {"defrag_reallocate",
		offsetof(struct memkind_ops, defrag_reallocate), false},
	    {"update_memory_usage_policy",
		offsetof(struct memkind_ops, update_memory_usage_policy),
		false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memkind_ops ops = MEMKIND_FIXED_OPS;
		struct memkind *kind = NULL;

		dk_row(rows[i].why);
		memset((char *)&ops + rows[i].off, 0, sizeof(ops.free));
		(void)error_set(0, "%s", "");
		assert_int_equal(make_kind(false, 0, &ops, "test", &kind),
		    rows[i].must ? -EINVAL : 0);
		if (rows[i].must) {
			assert_null(kind);
			assert_string_not_equal(error_text(), "");
		} else {
			assert_int_equal(kind_free(kind), 0);
		}
	}
	struct memkind *kind = NULL;
	assert_int_equal(make_kind(false, 0, NULL, "test", &kind), -EINVAL);
	assert_null(kind);
}

static void
test_a_name_has_a_limit(void **state)
{
	char name[KIND_NAME_SIZE + 1];
	struct memkind *kind = NULL;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[KIND_NAME_SIZE] = '\0';
	assert_int_equal(
	    make_kind(false, 0, &MEMKIND_FIXED_OPS, name, &kind), -EINVAL);
	assert_int_equal(
	    make_kind(false, 0, &MEMKIND_FIXED_OPS, NULL, &kind), -EINVAL);
	assert_null(kind);
	name[KIND_NAME_SIZE - 1] = '\0';
	assert_int_equal(
	    make_kind(false, 0, &MEMKIND_FIXED_OPS, name, &kind), 0);
	assert_string_equal(kind->name, name);
	assert_int_equal(kind_free(kind), 0);
}

static void
test_a_region_has_one_kind(void **state)
{
	struct memkind *kind = NULL;
	size_t before = nr_kinds();

	(void)state;
	struct memkind *first = new_kind(&MEMKIND_FIXED_OPS);
	(void)error_set(0, "%s", "");
	assert_int_equal(
	    make_kind(false, 0, &MEMKIND_FIXED_OPS, "test", &kind), -EBUSY);
	assert_null(kind);
	assert_string_not_equal(error_text(), "");
	assert_int_equal(nr_kinds(), before + 1);
	assert_ptr_equal(kind_of(Region->base), first);
	assert_int_equal(kind_free(first), 0);
}

static int Create_result;
static struct memkind *Seen_half_made;

static int
failing_create(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	Seen_half_made = kind_of(Region->base);
	return Create_result;
}

static void
test_a_failing_create_leaves_nothing(void **state)
{
	static const int errors[] = {MEMKIND_ERROR_MALLOC,
	    MEMKIND_ERROR_INVALID, MEMKIND_ERROR_ARENAS_CREATE,
	    MEMKIND_ERROR_UNAVAILABLE, MEMKIND_ERROR_RUNTIME, 12345, -77};
	struct memkind_ops ops = MEMKIND_FIXED_OPS;
	size_t before = nr_kinds();

	(void)state;
	ops.create = failing_create;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		struct memkind *kind = NULL;

		Create_result = errors[i];
		(void)error_set(0, "%s", "");
		int rc = make_kind(false, 0, &ops, "test", &kind);
		assert_true(rc < 0);
		assert_int_equal(rc, error_code_to_errno(errors[i]));
		assert_null(kind);
		assert_string_not_equal(error_text(), "");
		assert_int_equal(nr_kinds(), before);
		assert_null(kind_of(Region->base));
		/* nobody found it while it was being made */
		assert_null(Seen_half_made);
	}
	assert_int_equal(kind_free(new_kind(&MEMKIND_FIXED_OPS)), 0);
}

static void
test_without_memory_there_is_no_kind(void **state)
{
	struct memkind *kind = NULL;
	size_t before = nr_kinds();
	unsigned n = 0;
	int rc;

	(void)state;
	do {
		mock_os_fail_nth(++n, ENOMEM);
		(void)error_set(0, "%s", "");
		rc = make_kind(false, 0, &MEMKIND_FIXED_OPS, "test", &kind);
		if (mock_os_failed() == NULL)
			break;
		print_message("failed: %s\n", mock_os_failed());
		assert_int_equal(rc, -ENOMEM);
		assert_null(kind);
		assert_string_not_equal(error_text(), "");
		assert_int_equal(nr_kinds(), before);
		assert_null(kind_of(Region->base));
	} while (n < 100);
	mock_os_reset();
	assert_int_equal(rc, 0);
	assert_in_range(n, 3, 99);
	assert_int_equal(kind_free(kind), 0);
}

/* --- ending --------------------------------------------------------------------- */

static void
test_a_kind_ends_once(void **state)
{
	(void)state;
	struct memkind *kind = new_kind(&MEMKIND_FIXED_OPS);
	assert_non_null(memkind_malloc(kind, 100));
	assert_non_null(memkind_malloc(kind, MIB));
	assert_int_equal(kind_free(kind), 0);
	for (int i = 0; i < 3; i++) {
		(void)error_set(0, "%s", "");
		assert_int_equal(kind_free(kind), -EINVAL);
		assert_string_not_equal(error_text(), "");
	}
	/* all of the region is free again */
	struct space_figures figures;
	region_get_figures(Region, &figures);
	assert_int_equal(figures.longest_free, 16 * MIB);
	assert_null(kind_of(Region->base));
}

static void
test_a_kind_takes_its_own_region_along(void **state)
{
	struct memkind *kind;

	(void)state;
	char *base = Region->base;
	assert_int_equal(
	    make_kind(true, 0, &MEMKIND_FIXED_OPS, "owner", &kind), 0);
	assert_int_equal(kind_free(kind), 0);
	Region = NULL;
	assert_false(Fake.is_open);
	assert_null(region_index_find(base));
}

static int Destroy_result;

static int
failing_destroy(struct memkind *kind)
{
	int err = memkind_fixed_destroy(kind);

	return Destroy_result != 0 ? Destroy_result : err;
}

static void
test_a_failing_destroy_is_told_and_ends_it(void **state)
{
	struct memkind_ops ops = MEMKIND_FIXED_OPS;
	size_t before = nr_kinds();

	(void)state;
	ops.destroy = failing_destroy;
	struct memkind *kind = new_kind(&ops);
	Destroy_result = MEMKIND_ERROR_OPERATION_FAILED;
	assert_int_equal(kind_free(kind), REASON_FAILED);
	assert_int_equal(nr_kinds(), before);
	assert_int_equal(kind_free(kind), -EINVAL);
	assert_int_equal(kind_free(new_kind(&MEMKIND_FIXED_OPS)), 0);
}

/* --- finding --------------------------------------------------------------------- */

static void
test_every_pointer_has_its_kind_or_none(void **state)
{
	static int here;
	void *foreign = malloc(100);

	(void)state;
	struct memkind *kind = new_kind(&MEMKIND_FIXED_OPS);
	void *small = memkind_malloc(kind, 100);
	void *large = memkind_malloc(kind, MIB);
	void *dram = memkind_malloc(MEMKIND_DEFAULT, 100);
	void *large_dram = memkind_malloc(MEMKIND_DEFAULT, 4 * MIB);
	void *regular = memkind_malloc(MEMKIND_REGULAR, 100);
	assert_ptr_equal(kind_of(small), kind);
	assert_ptr_equal(kind_of(large), kind);
	assert_ptr_equal(kind_of((char *)large + MIB - 1), kind);
	assert_ptr_equal(kind_of(dram), MEMKIND_DEFAULT);
	assert_ptr_equal(kind_of(large_dram), MEMKIND_DEFAULT);
	assert_ptr_equal(kind_of(regular), MEMKIND_REGULAR);
	assert_null(kind_of(NULL));
	assert_null(kind_of(&here));
	assert_null(kind_of(foreign));
	assert_null(kind_of((void *)UINTPTR_MAX));
	memkind_free(NULL, dram);
	memkind_free(NULL, large_dram);
	memkind_free(NULL, regular);
	assert_int_equal(kind_free(kind), 0);
	assert_null(kind_of(small));
	assert_null(kind_of(large));
	free(foreign);
}

static int
stop_at_second(struct memkind *kind, void *arg)
{
	(void)kind;
	return ++*(int *)arg == 2 ? -7 : 0;
}

static void
test_the_registry_is_walked_until_somebody_says_stop(void **state)
{
	struct memkind *kinds[3];
	int nr = 0;

	(void)state;
	assert_int_equal(nr_kinds(), 0);
	for (size_t i = 0; i < 3; i++) {
		kinds[i] = kind_registry_new();
		assert_non_null(kinds[i]);
		assert_true(test_all_bytes(kinds[i], 0, sizeof(*kinds[i])));
		/* not before it is added */
		size_t before = nr_kinds();
		kind_registry_add(kinds[i]);
		assert_int_equal(nr_kinds(), before + 1);
	}
	assert_int_equal(kind_registry_walk(stop_at_second, &nr), -7);
	assert_int_equal(nr, 2);
	/* from the middle, the end and the beginning */
	static const size_t order[] = {1, 0, 2};
	for (size_t i = 0; i < 3; i++) {
		struct memkind *kind = kinds[order[i]];
		size_t visits = 0;

		assert_int_equal(
		    kind_registry_visit(kind, count_one, &visits), 0);
		assert_int_equal(visits, 1);
		assert_int_equal(kind_registry_remove(kind), 0);
		assert_int_equal(nr_kinds(), 2 - i);
		assert_int_equal(
		    kind_registry_visit(kind, count_one, &visits), -EINVAL);
		assert_int_equal(visits, 1);
		assert_int_equal(kind_registry_remove(kind), -EINVAL);
		kind_registry_free(kind);
	}
}

static void
test_static_kinds_are_for_ever(void **state)
{
	struct memkind *const kinds[] = {MEMKIND_DEFAULT, MEMKIND_REGULAR};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		assert_true(kind_is_static(kinds[i]));
		assert_null(kinds[i]->region);
		assert_int_equal(
		    memkind_destroy_kind(kinds[i]), MEMKIND_SUCCESS);
		void *p = memkind_malloc(kinds[i], 1000);
		assert_non_null(p);
		assert_ptr_equal(kind_of(p), kinds[i]);
		memkind_free(kinds[i], p);
	}
	assert_false(kind_is_static(NULL));
}

static void
test_error_codes_go_both_ways(void **state)
{
	static const struct {
		int rc, err, to_program; /* of daxkind_* */
		bool is_read_back;
	} rows[] = {
	    {0, MEMKIND_SUCCESS, 0, true},
	    {-ENOMEM, MEMKIND_ERROR_MALLOC, -ENOMEM, true},
	    {-ENODEV, MEMKIND_ERROR_UNAVAILABLE, -ENODEV, true},
	    {-ENXIO, MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE, -ENXIO, true},
	    {-EINVAL, MEMKIND_ERROR_INVALID, -EINVAL, true},
	    {REASON_ENVIRON, MEMKIND_ERROR_ENVIRON, -EINVAL, true},
	    {REASON_BAD_OPS, MEMKIND_ERROR_BADOPS, -EINVAL, true},
	    {REASON_AMBIGUOUS, MEMKIND_ERROR_RUNTIME, -EINVAL, true},
	    {REASON_NO_HUGE_PAGES, MEMKIND_ERROR_HUGETLB, -ENOMEM, true},
	    {REASON_NO_ARENA, MEMKIND_ERROR_ARENAS_CREATE, -EAGAIN, true},
	    {REASON_MMAP, MEMKIND_ERROR_MMAP, -EOPNOTSUPP, true},
	    {REASON_MBIND, MEMKIND_ERROR_MBIND, -EIO, true},
	    {REASON_TOO_MANY, MEMKIND_ERROR_TOOMANY, -EAGAIN, true},
	    {REASON_FAILED, MEMKIND_ERROR_OPERATION_FAILED, -EIO, true},
	    {REASON_NO_THREAD, MEMKIND_ERROR_OPERATION_FAILED, -EAGAIN, false},
	    {-EIO, MEMKIND_ERROR_OPERATION_FAILED, -EIO, false},
	    {-EOPNOTSUPP, MEMKIND_ERROR_OPERATION_FAILED, -EOPNOTSUPP, false},
	    {-EAGAIN, MEMKIND_ERROR_MMAP, -EAGAIN, false},
	    {-ENOSPC, MEMKIND_ERROR_INVALID, -ENOSPC, false},
	    {-EUSERS, MEMKIND_ERROR_INVALID, -EUSERS, false},
	    {-EBADMSG, MEMKIND_ERROR_INVALID, -EBADMSG, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("row: %d\n", rows[i].rc);
		assert_int_equal(
		    error_code_from_errno(rows[i].rc), rows[i].err);
		assert_int_equal(
		    error_errno_of(rows[i].rc), rows[i].to_program);
		if (rows[i].is_read_back)
			assert_int_equal(
			    error_code_to_errno(rows[i].err), rows[i].rc);
	}
	/* whatever else there is, it is an error, and no reason is an errno */
	for (int err = -300; err < 300; err++) {
		if (err != MEMKIND_SUCCESS)
			assert_true(error_code_to_errno(err) < 0);
		if (err < 0) {
			assert_int_not_equal(
			    error_code_from_errno(err), MEMKIND_SUCCESS);
			assert_int_equal(error_errno_of(err), err);
		}
	}
	for (int reason = REASON_LAST; reason <= REASON_FIRST; reason++) {
		assert_in_range(-error_errno_of(reason), 1, 4095);
		/* What has no row of its own gets this code. */
		assert_int_not_equal(
		    error_code_from_errno(reason), MEMKIND_ERROR_INVALID);
		assert_int_not_equal(
		    error_code_from_errno(reason), MEMKIND_SUCCESS);
		assert_true(reason < -4095);
	}
}

static int Deep_rc;

static int
create_that_knows_why(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	return error_code_from_errno(error_set(Deep_rc, "far below"));
}

/* Codes are fewer than reasons: those must not get lost on the way up. */
static void
test_a_failing_create_says_what_failed_below(void **state)
{
	static const int rows[] = {-ENOSPC, -EOPNOTSUPP, -EINTR, -ENOMEM,
	    REASON_ENVIRON, REASON_NO_THREAD, REASON_NO_ARENA, -EAGAIN};
	struct memkind_ops ops = MEMKIND_FIXED_OPS;
	struct memkind *kind;

	(void)state;
	ops.create = create_that_knows_why;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		Deep_rc = rows[i];
		print_message("row: %d\n", rows[i]);
		assert_int_equal(
		    make_kind(false, 0, &ops, "test", &kind), rows[i]);
		assert_string_equal(error_text(), "far below");
	}
}

/* --- bad pages ------------------------------------------------------------------- */

/* A free() that is built on kinds asks the registry whose a block is, whose
 * lock is held here. */
static void
test_a_quarantine_neither_allocates_nor_frees(void **state)
{
	enum {
		NR = 300
	};
	static char *blocks[NR];
	struct memkind *kind = new_kind(&MEMKIND_FIXED_OPS);
	struct heap *heap = kind->heap;

	(void)state;
	for (size_t i = 0; i < NR; i++) {
		blocks[i] = heap_alloc(heap, 200, 0, false);
		assert_non_null(blocks[i]);
	}
	char *bad = blocks[NR / 2];
	for (size_t i = 0; i < NR; i++) {
		if (i % 2 == 0)
			heap_free(heap, blocks[i]);
	}
	kind_quarantine_anywhere(bad, 1);
	/* Free blocks of that page are met, and withheld. */
	for (size_t i = 0; i < NR; i++)
		assert_non_null(heap_alloc(heap, 200, 0, false));
	size_t withheld = atomic_load(&heap->quarantine.withheld_bytes);
	assert_true(withheld > 0);
	mock_os_reset();
	/* Another page; those that are withheld are free meanwhile. */
	kind_quarantine_anywhere(bad - MIB, 1);
	assert_int_equal(atomic_load(&heap->quarantine.withheld_bytes), 0);
	assert_int_equal(mock_os_nr_calls("os_new"), 0);
	assert_int_equal(mock_os_nr_calls("os_delete"), 0);
	assert_int_equal(kind_free(kind), 0);
}

static void
test_no_background_thread_is_an_error_with_a_text(void **state)
{
	(void)state;
	mock_os_fail_all("os_thread_start", EAGAIN);
	error_clear();
	assert_int_equal(
	    memkind_set_bg_threads(true), MEMKIND_ERROR_OPERATION_FAILED);
	assert_non_null(strstr(error_text(), "thread"));
	assert_int_equal(memkind_set_bg_threads(false), MEMKIND_SUCCESS);
	mock_os_reset();
	assert_int_equal(memkind_set_bg_threads(true), MEMKIND_SUCCESS);
	assert_int_equal(memkind_set_bg_threads(false), MEMKIND_SUCCESS);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_kind_knows_what_it_was_made_of),
	    UNIT(test_a_table_must_have_its_operations),
	    UNIT(test_a_name_has_a_limit),
	    UNIT(test_a_region_has_one_kind),
	    UNIT(test_a_failing_create_leaves_nothing),
	    UNIT(test_without_memory_there_is_no_kind),
	    UNIT(test_a_kind_ends_once),
	    UNIT(test_a_kind_takes_its_own_region_along),
	    UNIT(test_a_failing_destroy_is_told_and_ends_it),
	    UNIT(test_every_pointer_has_its_kind_or_none),
	    UNIT(test_the_registry_is_walked_until_somebody_says_stop),
	    UNIT(test_static_kinds_are_for_ever),
	    UNIT(test_a_quarantine_neither_allocates_nor_frees),
	    UNIT(test_no_background_thread_is_an_error_with_a_text),
	    UNIT(test_error_codes_go_both_ways),
	    UNIT(test_a_failing_create_says_what_failed_below),
	};

	return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
