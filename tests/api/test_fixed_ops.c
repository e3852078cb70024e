// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fixed_ops.c -- memkind_fixed_create(), memkind_fixed_destroy() and
 * memkind_fixed_mmap(), called and through a table.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE (16 * TEST_MIB)

static const size_t Sizes[] = {
    1, 4095, 4096, 4097, 100000, TEST_MIB, 2 * TEST_MIB, 3 * TEST_MIB + 1};

#if TEST_OURS
static size_t
taken_of(memkind_t kind)
{
	struct daxkind_space space;

	assert_int_equal(daxkind_region_space(
			     daxkind_kind_region(kind), &space, sizeof(space)),
	    0);
	return space.taken;
}
#endif

static void
test_mmap_takes_whole_pages(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;

		if (!TEST_OURS && b != TEST_ON_MAPPING)
			continue; /* memkind has another function for files */
		print_message(
		    "on: %s\n", test_backing_name((enum test_backing)b));
		test_heap_make(&heap, (enum test_backing)b, SIZE);
		for (size_t i = 0; i < ARRAY_LEN(Sizes); i++) {
			size_t pages = (Sizes[i] + TEST_PAGE - 1) / TEST_PAGE;
			char *p = memkind_fixed_mmap(heap.kind, NULL, Sizes[i]);

			assert_ptr_not_equal(p, MAP_FAILED);
			assert_int_equal((uintptr_t)p % TEST_PAGE, 0);
			if (b == TEST_ON_MAPPING)
				assert_true(
				    test_area_holds(&heap.area, p, Sizes[i]));
			memset(p, 0x5A, pages * TEST_PAGE);
		}
		test_heap_end(&heap);
	}
}

/* memkind takes the pages for good. */
static void
test_what_mmap_took_is_a_block(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;

		test_heap_make(&heap, (enum test_backing)b, SIZE);
		for (size_t i = 0; i < ARRAY_LEN(Sizes); i++) {
			char *p = memkind_fixed_mmap(heap.kind, NULL, Sizes[i]);

			assert_ptr_not_equal(p, MAP_FAILED);
			assert_ptr_equal(memkind_detect_kind(p), heap.kind);
			memkind_free(heap.kind, p);
		}
		assert_non_null(memkind_malloc(heap.kind, SIZE / 100 * 95));
		test_heap_end(&heap);
	}
}

#if TEST_OURS
static void
test_what_mmap_takes_is_counted(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;

		print_message(
		    "on: %s\n", test_backing_name((enum test_backing)b));
		test_heap_make(&heap, (enum test_backing)b, SIZE);
		for (size_t i = 0; i < ARRAY_LEN(Sizes); i++) {
			size_t pages = (Sizes[i] + TEST_PAGE - 1) / TEST_PAGE;
			size_t before = taken_of(heap.kind);
			char *p = memkind_fixed_mmap(heap.kind, NULL, Sizes[i]);

			assert_ptr_not_equal(p, MAP_FAILED);
			assert_int_equal(
			    taken_of(heap.kind) - before, pages * TEST_PAGE);
			memkind_free(heap.kind, p);
			assert_int_equal(taken_of(heap.kind), before);
		}
		test_heap_end(&heap);
	}
}
#endif

/* The address that is asked for is ignored. */
static void
test_mmap_ignores_the_address(void **state)
{
	struct test_heap heap;
	char *p;
	char *q;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, SIZE);
	p = memkind_fixed_mmap(heap.kind, heap.area.addr, 10000);
	q = memkind_fixed_mmap(heap.kind, p, 10000);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_ptr_not_equal(q, MAP_FAILED);
	assert_ptr_not_equal(p, q);
	assert_ptr_not_equal(
	    memkind_fixed_mmap(heap.kind, &heap, 100), MAP_FAILED);
	test_heap_end(&heap);
}

static void
test_mmap_refuses(void **state)
{
	static const size_t too_large[] = {
	    SIZE + 1, (size_t)1 << 40, SIZE_MAX - 4095, SIZE_MAX};
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, SIZE);
	for (size_t i = 0; i < ARRAY_LEN(too_large); i++) {
		errno = 0;
		assert_ptr_equal(
		    memkind_fixed_mmap(heap.kind, NULL, too_large[i]),
		    MAP_FAILED);
		assert_int_equal(errno, ENOMEM);
	}
	test_heap_end(&heap);
}

static void
test_mmap_refuses_no_bytes(void **state)
{
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, SIZE);
	errno = 0;
	assert_ptr_equal(memkind_fixed_mmap(heap.kind, NULL, 0), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	test_heap_end(&heap);
}

static void
test_mmap_refuses_what_has_no_region(void **state)
{
	(void)state;
	errno = 0;
	assert_ptr_equal(memkind_fixed_mmap(NULL, NULL, 4096), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_ptr_equal(
	    memkind_fixed_mmap(MEMKIND_DEFAULT, NULL, 4096), MAP_FAILED);
	assert_int_equal(errno, EINVAL);
}

/* Blocks of both in turn until nothing fits; each keeps its pattern. */
static void
test_mmap_and_heap_never_overlap(void **state)
{
	enum {
		MOST = 4000
	};
	static struct {
		char *p;
		size_t len;
	} blocks[MOST];
	struct test_heap heap;
	uint64_t rng = 5;
	size_t nr = 0;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, SIZE);
	while (nr < MOST) {
		size_t len = test_random_size(&rng, 1, 30000);
		char *p = nr % 2 ? memkind_malloc(heap.kind, len)
				 : memkind_fixed_mmap(heap.kind, NULL, len);

		if (p == NULL || p == MAP_FAILED) {
			assert_int_equal(errno, ENOMEM);
			break;
		}
		assert_true(test_area_holds(&heap.area, p, len));
		memset(p, (int)(nr % 251), len);
		blocks[nr].p = p;
		blocks[nr].len = len;
		nr++;
	}
	assert_true(nr > 500);
	assert_true(nr < MOST);
	for (size_t i = 0; i < nr; i++)
		assert_true(
		    test_all_bytes(blocks[i].p, (int)(i % 251), blocks[i].len));
#if TEST_OURS
	for (size_t i = 0; i < nr; i++)
		memkind_free(i % 3 ? heap.kind : NULL, blocks[i].p);
	assert_non_null(memkind_malloc(heap.kind, SIZE / 100 * 95));
#endif
	test_heap_end(&heap);
}

/* Purges what caches hold before it says that there is no room. */
static void
test_mmap_gets_what_the_heap_returned(void **state)
{
	struct test_heap heap;
	struct test_fill fill;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, SIZE);
	test_fill(heap.kind, 16, 5000, 1, &fill);
	test_fill_free(heap.kind, &fill);
	assert_ptr_not_equal(
	    memkind_fixed_mmap(heap.kind, NULL, SIZE / 100 * 95), MAP_FAILED);
	test_heap_end(&heap);
}

static void
test_create_and_destroy_refuse_what_has_no_region(void **state)
{
	(void)state;
	assert_int_equal(memkind_fixed_create(NULL, &MEMKIND_FIXED_OPS, "x"),
	    MEMKIND_ERROR_INVALID);
	assert_int_equal(
	    memkind_fixed_create(MEMKIND_DEFAULT, &MEMKIND_FIXED_OPS, "x"),
	    MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_fixed_destroy(NULL), MEMKIND_ERROR_INVALID);
}

static void
test_exported_table_is_complete(void **state)
{
	const struct memkind_ops *ops = &MEMKIND_FIXED_OPS;

	(void)state;
	assert_ptr_equal(ops->create, memkind_fixed_create);
	assert_ptr_equal(ops->destroy, memkind_fixed_destroy);
	assert_ptr_equal(ops->mmap, memkind_fixed_mmap);
	assert_non_null(ops->malloc);
	assert_non_null(ops->calloc);
	assert_non_null(ops->posix_memalign);
	assert_non_null(ops->realloc);
	assert_non_null(ops->free);
	assert_non_null(ops->malloc_usable_size);
	assert_non_null(ops->get_stat);
}

#if TEST_OURS
/* A table of nothing but what must be there. */
static void
test_table_with_the_three_functions(void **state)
{
	struct memkind_ops ops = {
	    .create = memkind_fixed_create,
	    .destroy = memkind_fixed_destroy,
	    .mmap = memkind_fixed_mmap,
	    .malloc = MEMKIND_FIXED_OPS.malloc,
	    .calloc = MEMKIND_FIXED_OPS.calloc,
	    .posix_memalign = MEMKIND_FIXED_OPS.posix_memalign,
	    .realloc = MEMKIND_FIXED_OPS.realloc,
	    .free = MEMKIND_FIXED_OPS.free,
	    .malloc_usable_size = MEMKIND_FIXED_OPS.malloc_usable_size,
	};
	struct daxkind_region *region = NULL;
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	memset(area.addr, 0xAA, area.len);
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len, 0, &region), 0);
	for (int i = 0; i < 3; i++) {
		memkind_t kind = NULL;
		char *p;
		char *q;

		assert_int_equal(daxkind_kind_create_with_ops(
				     region, &ops, sizeof(ops), "mine", &kind),
		    0);
		p = memkind_malloc(kind, 1000);
		assert_non_null(p);
		q = ops.mmap(kind, NULL, 1000);
		assert_ptr_not_equal(q, MAP_FAILED);
		assert_true(test_area_holds(&area, p, 1000));
		assert_true(test_area_holds(&area, q, TEST_PAGE));
		assert_true(test_all_bytes(q, 0xAA, TEST_PAGE));
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
	if (!test_heap_fills_blocks())
		assert_true(test_all_bytes(area.addr, 0xAA, area.len));
	assert_int_equal(daxkind_region_close(region), 0);
	test_area_unmap(&area);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_mmap_takes_whole_pages),
	    test_unit(test_what_mmap_took_is_a_block),
	    test_ours_only(test_unit, test_what_mmap_takes_is_counted),
	    test_unit(test_mmap_ignores_the_address),
	    test_unit(test_mmap_refuses),
	    test_unit(test_mmap_refuses_no_bytes),
	    test_unit(test_mmap_refuses_what_has_no_region),
	    test_unit(test_mmap_and_heap_never_overlap),
	    test_unit(test_mmap_gets_what_the_heap_returned),
	    test_unit(test_create_and_destroy_refuse_what_has_no_region),
	    test_unit(test_exported_table_is_complete),
	    test_ours_only(test_unit, test_table_with_the_three_functions),
	};

	return cmocka_run_group_tests_name("fixed_ops", tests, NULL, NULL);
}
