// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_decorators.c -- functions of the program around each allocation.
 *
 * This program defines them all; memkind's headers declare none.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind.h>
#include <pthread.h>
#include <string.h>

/* What each was called with last, and how often. */
struct seen {
	unsigned nr;
	memkind_t kind;
	void *ptr;
	size_t a, b;
	void *result;
};

static struct {
	struct seen malloc_pre, malloc_post, calloc_pre, calloc_post;
	struct seen memalign_pre, memalign_post, realloc_pre, realloc_post;
	struct seen free_pre, free_post;
} Seen;

/* What the decorators are to change: NULL or 0 for nothing. */
static struct {
	memkind_t kind;
	size_t size;
	void *result;
	int err;
} Change;

static memkind_t Kind;
static struct test_area Area;

static void
note(struct seen *seen, memkind_t kind, void *ptr, size_t a, size_t b,
    void *result)
{
	*seen = (struct seen){seen->nr + 1, kind, ptr, a, b, result};
}

static void
change_input(memkind_t *kind, size_t *size)
{
	if (Change.kind != NULL)
		*kind = Change.kind;
	if (Change.size != 0)
		*size = Change.size;
}

/* The tests are compiled as the library is, with nothing to be seen. */
#pragma GCC visibility push(default)
void memkind_malloc_pre(memkind_t *kind, size_t *size);
void memkind_malloc_post(memkind_t kind, size_t size, void **result);
void memkind_calloc_pre(memkind_t *kind, size_t *num, size_t *size);
void memkind_calloc_post(
    memkind_t kind, size_t num, size_t size, void **result);
void memkind_posix_memalign_pre(
    memkind_t *kind, void **memptr, size_t *alignment, size_t *size);
void memkind_posix_memalign_post(
    memkind_t kind, void **memptr, size_t alignment, size_t size, int *err);
void memkind_realloc_pre(memkind_t *kind, void **ptr, size_t *size);
void memkind_realloc_post(
    memkind_t kind, void *ptr, size_t size, void **result);
void memkind_free_pre(memkind_t *kind, void **ptr);
void memkind_free_post(memkind_t kind, void *ptr);
#pragma GCC visibility pop

void
memkind_malloc_pre(memkind_t *kind, size_t *size)
{
	note(&Seen.malloc_pre, *kind, NULL, *size, 0, NULL);
	change_input(kind, size);
}

void
memkind_malloc_post(memkind_t kind, size_t size, void **result)
{
	note(&Seen.malloc_post, kind, NULL, size, 0, *result);
	if (Change.result != NULL)
		*result = Change.result;
}

void
memkind_calloc_pre(memkind_t *kind, size_t *num, size_t *size)
{
	note(&Seen.calloc_pre, *kind, NULL, *num, *size, NULL);
	change_input(kind, size);
}

void
memkind_calloc_post(memkind_t kind, size_t num, size_t size, void **result)
{
	note(&Seen.calloc_post, kind, NULL, num, size, *result);
}

void
memkind_posix_memalign_pre(
    memkind_t *kind, void **memptr, size_t *alignment, size_t *size)
{
	note(&Seen.memalign_pre, *kind, memptr, *alignment, *size, NULL);
	change_input(kind, size);
}

void
memkind_posix_memalign_post(
    memkind_t kind, void **memptr, size_t alignment, size_t size, int *err)
{
	note(&Seen.memalign_post, kind, memptr, alignment, size, *memptr);
	if (Change.err != 0)
		*err = Change.err;
}

void
memkind_realloc_pre(memkind_t *kind, void **ptr, size_t *size)
{
	note(&Seen.realloc_pre, *kind, *ptr, *size, 0, NULL);
	change_input(kind, size);
}

void
memkind_realloc_post(memkind_t kind, void *ptr, size_t size, void **result)
{
	note(&Seen.realloc_post, kind, ptr, size, 0, *result);
}

void
memkind_free_pre(memkind_t *kind, void **ptr)
{
	note(&Seen.free_pre, *kind, *ptr, 0, 0, NULL);
	change_input(kind, &(size_t){0});
}

void
memkind_free_post(memkind_t kind, void *ptr)
{
	note(&Seen.free_post, kind, ptr, 0, 0, NULL);
}

static int
setup(void **state)
{
	int rc = test_leaks_setup(state);

	test_area_map(&Area, 16 * TEST_MIB);
	assert_int_equal(
	    memkind_create_fixed(Area.addr, Area.len, &Kind), MEMKIND_SUCCESS);
	memset(&Seen, 0, sizeof(Seen));
	memset(&Change, 0, sizeof(Change));
	return rc;
}

static int
teardown(void **state)
{
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	test_area_unmap(&Area);
	return test_leaks_teardown(state);
}

#define unit(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Of a region and without one, small and large: no call goes by them. */
static void
test_each_call_is_seen_once(void **state)
{
	static const size_t sizes[] = {16, 100, 5000, 100000, 3 * TEST_MIB};

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		memkind_t kind = i % 3 == 0   ? MEMKIND_DEFAULT
				 : i % 3 == 1 ? MEMKIND_REGULAR
					      : Kind;
		size_t size = sizes[i % ARRAY_LEN(sizes)];
		void *p = memkind_malloc(kind, size);

		assert_non_null(p);
		assert_int_equal(Seen.malloc_pre.nr, i + 1);
		assert_ptr_equal(Seen.malloc_pre.kind, kind);
		assert_int_equal(Seen.malloc_pre.a, size);
		assert_int_equal(Seen.malloc_post.nr, i + 1);
		assert_ptr_equal(Seen.malloc_post.kind, kind);
		assert_int_equal(Seen.malloc_post.a, size);
		assert_ptr_equal(Seen.malloc_post.result, p);
		void *q = memkind_realloc(kind, p, size + 1);
		assert_non_null(q);
		assert_int_equal(Seen.realloc_pre.nr, i + 1);
		assert_ptr_equal(Seen.realloc_pre.ptr, p);
		assert_int_equal(Seen.realloc_post.nr, i + 1);
		assert_ptr_equal(Seen.realloc_post.result, q);
		memkind_free(kind, q);
		assert_int_equal(Seen.free_pre.nr, i + 1);
		assert_ptr_equal(Seen.free_pre.ptr, q);
		assert_int_equal(Seen.free_post.nr, i + 1);
		assert_ptr_equal(Seen.free_post.ptr, q);
	}
}

static void
test_the_other_two(void **state)
{
	void *p;

	(void)state;
	p = memkind_calloc(Kind, 3, 40);
	assert_non_null(p);
	assert_int_equal(Seen.calloc_pre.nr, 1);
	assert_int_equal(Seen.calloc_pre.a, 3);
	assert_int_equal(Seen.calloc_pre.b, 40);
	assert_ptr_equal(Seen.calloc_post.result, p);
	memkind_free(NULL, p);
	assert_int_equal(Seen.free_pre.nr, 1);
	assert_int_equal(memkind_posix_memalign(Kind, &p, 256, 40), 0);
	assert_int_equal(Seen.memalign_pre.nr, 1);
	assert_ptr_equal(Seen.memalign_pre.ptr, &p);
	assert_int_equal(Seen.memalign_post.a, 256);
	assert_int_equal(Seen.memalign_post.b, 40);
	assert_ptr_equal(Seen.memalign_post.result, p);
	memkind_free(Kind, p);
	assert_int_equal(Seen.malloc_pre.nr, 0);
}

/* Calls that the library makes of itself are no calls of the program. */
static void
test_what_is_done_inside_is_not_seen(void **state)
{
	(void)state;
	void *p = memkind_realloc(Kind, NULL, 100);
	assert_non_null(p);
	assert_null(memkind_realloc(Kind, p, 0));
	assert_int_equal(Seen.realloc_pre.nr, 2);
	assert_int_equal(Seen.malloc_pre.nr, 0);
	assert_int_equal(Seen.free_pre.nr, 0);
}

static void
test_failures_and_nothing_are_seen(void **state)
{
	(void)state;
	errno = 0;
	assert_null(memkind_malloc(Kind, 64 * TEST_MIB));
	assert_int_equal(errno, ENOMEM);
	assert_null(memkind_malloc(Kind, 0));
	assert_int_equal(Seen.malloc_post.nr, 2);
	assert_null(Seen.malloc_post.result);
	memkind_free(Kind, NULL);
	assert_int_equal(Seen.free_pre.nr, 1);
	assert_null(Seen.free_pre.ptr);
}

static void
test_input_can_be_changed(void **state)
{
	void *p;

	(void)state;
	Change.kind = MEMKIND_REGULAR;
	Change.size = 50000;
	p = memkind_malloc(Kind, 10);
	assert_ptr_equal(memkind_detect_kind(p), MEMKIND_REGULAR);
	assert_true(memkind_malloc_usable_size(NULL, p) >= 50000);
	assert_ptr_equal(Seen.malloc_post.kind, MEMKIND_REGULAR);
	assert_int_equal(Seen.malloc_post.a, 50000);
	memkind_free(Kind, p);
	assert_ptr_equal(Seen.free_post.kind, MEMKIND_REGULAR);
	assert_int_equal(memkind_posix_memalign(Kind, &p, 64, 10), 0);
	assert_ptr_equal(memkind_detect_kind(p), MEMKIND_REGULAR);
	Change.kind = NULL;
	memkind_free(NULL, p);
}

static void
test_output_can_be_changed(void **state)
{
	char mine[16];
	void *p;

	(void)state;
	Change.result = mine;
	assert_ptr_equal(memkind_malloc(Kind, 10), mine);
	memkind_free(Kind, Seen.malloc_post.result);
	Change.err = EINTR;
	assert_int_equal(memkind_posix_memalign(Kind, &p, 64, 10), EINTR);
	memkind_free(Kind, p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    unit(test_each_call_is_seen_once),
	    unit(test_the_other_two),
	    unit(test_what_is_done_inside_is_not_seen),
	    unit(test_failures_and_nothing_are_seen),
	    unit(test_input_can_be_changed),
	    unit(test_output_can_be_changed),
	};

	return cmocka_run_group_tests_name("decorators", tests, NULL, NULL);
}
