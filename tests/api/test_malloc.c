// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_malloc.c -- malloc, calloc, posix_memalign, realloc, free, usable size:
 * what each answers, and what it leaves in errno.
 *
 * Holds this invariant: calloc is zero over dirty memory; num * size overflow
 * is ENOMEM; posix_memalign is aligned.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Any other errno than this was set by the function under test. */
#define ERRNO_BEFORE 77

static struct test_heap Heap;

/* Each test runs on each of these; Kind is the one. */
static memkind_t Kind;

static int
setup_on(void **state, enum test_backing backing)
{
	if (test_leaks_setup(state) != 0)
		return -1;
	test_heap_make(
	    &Heap, backing, (test_is_emulated() ? 32 : 64) * TEST_MIB);
	Kind = Heap.kind;
	return 0;
}

static int
setup_mapping(void **state)
{
	return setup_on(state, TEST_ON_MAPPING);
}

static int
setup_file(void **state)
{
	return setup_on(state, TEST_ON_FILE);
}

static int
teardown_heap(void **state)
{
	test_heap_end(&Heap);
	return test_leaks_teardown(state);
}

static int
setup_dram(void **state)
{
	Kind = MEMKIND_DEFAULT;
	return test_leaks_setup(state);
}

/* --- size 0 ------------------------------------------------------------------ */

static void
test_size_0_gives_null(void **state)
{
	void *p = &Heap;

	(void)state;
	errno = ERRNO_BEFORE;
	assert_null(memkind_malloc(Kind, 0));
	assert_null(memkind_calloc(Kind, 0, 1));
	assert_null(memkind_calloc(Kind, 1, 0));
	assert_null(memkind_calloc(Kind, 0, 0));
	assert_null(memkind_calloc(Kind, SIZE_MAX, 0));
	assert_null(memkind_realloc(Kind, NULL, 0));
	assert_int_equal(memkind_posix_memalign(Kind, &p, 64, 0), 0);
	assert_null(p);
	assert_int_equal(errno, ERRNO_BEFORE);
}

#if TEST_OURS
static void
test_size_0_gives_a_unique_block_once_allowed(void **state)
{
	void *p[5] = {NULL};

	(void)state;
	memkind_set_allow_zero_allocs(Kind, true);
	p[0] = memkind_malloc(Kind, 0);
	p[1] = memkind_malloc(Kind, 0);
	p[2] = memkind_calloc(Kind, 0, 5);
	p[3] = memkind_calloc(Kind, 5, 0);
	assert_int_equal(memkind_posix_memalign(Kind, &p[4], 64, 0), 0);
	assert_int_equal((uintptr_t)p[4] % 64, 0);
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		assert_non_null(p[i]);
		assert_ptr_equal(memkind_detect_kind(p[i]), Kind);
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(p[i], p[j]);
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		memkind_free(Kind, p[i]);

	memkind_set_allow_zero_allocs(Kind, false);
	assert_null(memkind_malloc(Kind, 0));
}
#endif

/* --- sizes that do not fit --------------------------------------------------- */

static void
test_too_much_is_null_and_enomem(void **state)
{
	static const struct {
		const char *why;
		size_t size;
	} rows[] = {
	    {"more than any machine has", (size_t)1 << 47},
	    {"2^62", (size_t)1 << 62},
	    {"largest signed", PTRDIFF_MAX},
	    {"one more", (size_t)PTRDIFF_MAX + 1},
	    {"a page from the end", SIZE_MAX - 4095},
	    {"7 from the end", SIZE_MAX - 7},
	    {"the largest", SIZE_MAX},
	};
	void *old = memkind_malloc(Kind, 1000);

	(void)state;
	assert_non_null(old);
	memset(old, 0x5A, 1000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *p = &Heap;

		dk_row(rows[i].why);
		errno = 0;
		assert_null(memkind_malloc(Kind, rows[i].size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memkind_calloc(Kind, 1, rows[i].size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memkind_calloc(Kind, rows[i].size, 1));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memkind_realloc(Kind, old, rows[i].size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memkind_realloc(Kind, NULL, rows[i].size));
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(
		    memkind_posix_memalign(Kind, &p, 64, rows[i].size), ENOMEM);
		assert_true(test_all_bytes(old, 0x5A, 1000));
	}
	memkind_free(Kind, old);
}

static void
test_calloc_overflow_is_null_and_enomem(void **state)
{
	static const struct {
		const char *why;
		size_t num, size;
	} rows[] = {
	    {"16 bytes when it wraps", SIZE_MAX / 2 + 9, 2},
	    {"0 bytes when it wraps", (size_t)1 << 32, (size_t)1 << 32},
	    {"0 bytes, the other way", (size_t)1 << 63, 2},
	    {"1 byte when it wraps", SIZE_MAX, SIZE_MAX},
	    {"4,096 bytes when it wraps", SIZE_MAX / 4096 + 2, 4096},
	    {"just under 2^64", SIZE_MAX / 3, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		errno = 0;
		assert_null(memkind_calloc(Kind, rows[i].num, rows[i].size));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(memkind_calloc(Kind, rows[i].size, rows[i].num));
		assert_int_equal(errno, ENOMEM);
	}
}

/* --- errno ------------------------------------------------------------------- */

static void
test_success_leaves_errno(void **state)
{
	void *p;

	(void)state;
	for (size_t size = 1; size < 8 * TEST_MIB; size *= 7) {
		errno = ERRNO_BEFORE;
		p = memkind_malloc(Kind, size);
		assert_non_null(p);
		p = memkind_realloc(Kind, p, size + size / 2 + 1);
		assert_non_null(p);
		memkind_free(Kind, p);
		p = memkind_calloc(Kind, 1, size);
		assert_non_null(p);
		memkind_free(NULL, p);
		assert_int_equal(
		    memkind_posix_memalign(Kind, &p, 4096, size), 0);
		memkind_free(Kind, p);
		assert_int_equal(errno, ERRNO_BEFORE);
	}
	memkind_free(Kind, NULL);
	memkind_free(NULL, NULL);
	assert_int_equal(errno, ERRNO_BEFORE);
}

static void
test_failing_memalign_leaves_errno(void **state)
{
	void *p = NULL;

	(void)state;
	errno = ERRNO_BEFORE;
	assert_int_equal(memkind_posix_memalign(Kind, &p, 3, 10), EINVAL);
	assert_int_equal(errno, ERRNO_BEFORE);
	assert_int_equal(
	    memkind_posix_memalign(Kind, &p, 64, (size_t)1 << 47), ENOMEM);
	assert_int_equal(errno, ERRNO_BEFORE);
}

/* --- no kind ----------------------------------------------------------------- */

static void
test_no_kind_to_allocate_from_is_refused(void **state)
{
	void *p = &Heap;

	(void)state;
	errno = 0;
	assert_null(memkind_malloc(NULL, 10));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(memkind_calloc(NULL, 10, 1));
	assert_int_equal(errno, EINVAL);
	errno = ERRNO_BEFORE;
	assert_int_equal(memkind_posix_memalign(NULL, &p, 64, 10), EINVAL);
	assert_int_equal(memkind_posix_memalign(Kind, NULL, 64, 10), EINVAL);
	assert_int_equal(errno, ERRNO_BEFORE);
}

static void
test_no_kind_and_no_block_is_refused(void **state)
{
	(void)state;
	errno = 0;
	assert_null(memkind_realloc(NULL, NULL, 10));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(memkind_realloc(NULL, NULL, 0));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(memkind_malloc_usable_size(NULL, NULL), 0);
	assert_null(memkind_defrag_reallocate(NULL, NULL));
}

static void
test_null_kind_is_found_from_the_block(void **state)
{
	static const size_t sizes[] = {1, 100, 5000, 100000, 3 * TEST_MIB};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *p = memkind_malloc(Kind, sizes[i]);

		assert_non_null(p);
		memset(p, 0x5A, sizes[i]);
		assert_ptr_equal(memkind_detect_kind(p), Kind);
		assert_true(memkind_malloc_usable_size(NULL, p) >= sizes[i]);
		p = memkind_realloc(NULL, p, 2 * sizes[i]);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0x5A, sizes[i]));
		assert_ptr_equal(memkind_detect_kind(p), Kind);
		memkind_free(NULL, p);
		p = memkind_malloc(Kind, sizes[i]);
		assert_null(memkind_realloc(NULL, p, 0));
	}
}

/* --- usable size ------------------------------------------------------------- */

static void
test_usable_size_has_jemallocs_slack_at_most(void **state)
{
	(void)state;
	assert_int_equal(memkind_malloc_usable_size(Kind, NULL), 0);
	for (size_t size = 1; size < 24 * TEST_MIB;
	     size += 1 + size / (test_is_emulated() ? 2 : 9)) {
		/* classes are a quarter of a doubling apart, 16 bytes at
		 * least */
		size_t slack = size / 4 > 15 ? size / 4 : 15;
		char *p = memkind_malloc(Kind, size);
		size_t usable;

		assert_non_null(p);
		usable = memkind_malloc_usable_size(Kind, p);
		assert_in_range(usable, size, size + slack);
		test_touch(p, usable);
		memkind_free(Kind, p);
	}
}

/* --- posix_memalign ---------------------------------------------------------- */

static void
test_memalign_refuses_bad_alignments(void **state)
{
	static const size_t aligns[] = {
	    0, 1, 2, 3, 4, 7, 9, 24, 63, 100, 4095, SIZE_MAX, (size_t)3 << 62};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(aligns); i++) {
		void *p = &Heap;

		assert_int_equal(
		    memkind_posix_memalign(Kind, &p, aligns[i], 10), EINVAL);
	}
}

/* As memkind has it, but for MEMKIND_DEFAULT. */
static void
test_memalign_of_size_0_refuses_a_bad_alignment(void **state)
{
	void *p = &Heap;

	(void)state;
	assert_int_equal(memkind_posix_memalign(Kind, &p, 3, 0), EINVAL);
}

/* As memkind has it, but for MEMKIND_DEFAULT. */
static void
test_failing_memalign_gives_null(void **state)
{
	void *p = &Heap;

	(void)state;
	assert_int_equal(memkind_posix_memalign(Kind, &p, 3, 10), EINVAL);
	assert_null(p);
	p = &Heap;
	assert_int_equal(
	    memkind_posix_memalign(Kind, &p, 64, (size_t)1 << 47), ENOMEM);
	assert_null(p);
}

static void
check_memalign(memkind_t kind, const struct test_area *area, unsigned max_log2)
{
	static const size_t sizes[] = {1, 8, 100, 4096, 5000, 100000, 1500000};

	for (unsigned log2 = 3; log2 <= max_log2; log2++)
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			size_t align = (size_t)1 << log2;
			char *p[2] = {NULL, NULL};

			for (size_t j = 0; j < ARRAY_LEN(p); j++) {
				void *q = NULL;

				/* two of 1 GiB each need not fit */
				if (j > 0 && log2 > max_log2 - 2)
					break;
				assert_int_equal(memkind_posix_memalign(
						     kind, &q, align, sizes[i]),
				    0);
				assert_non_null(q);
				assert_int_equal((uintptr_t)q % align, 0);
				if (area != NULL)
					assert_true(
					    test_area_holds(area, q, sizes[i]));
				assert_true(memkind_malloc_usable_size(
						kind, q) >= sizes[i]);
				test_touch(q, sizes[i]);
				p[j] = q;
			}
			memkind_free(kind, p[0]);
			memkind_free(kind, p[1]);
		}
}

static void
test_memalign_2_to_the_3_to_24(void **state)
{
	(void)state;
	/* 2^24 wants an aligned address with room behind it */
	check_memalign(Kind,
	    Heap.kind == Kind && Heap.area.map != NULL ? &Heap.area : NULL,
	    Heap.kind == Kind && Heap.size < 64 * TEST_MIB ? 22 : 24);
}

/* The larger ones want address space, not memory. */
static void
test_memalign_up_to_2_to_the_30(void **state)
{
	struct test_area area;
	memkind_t kind;

	(void)state;
	memset(&area, 0, sizeof(area));
	area.len = 3 * TEST_GIB;
	area.addr = mmap(NULL, area.len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(area.addr != MAP_FAILED);
	assert_int_equal(
	    memkind_create_fixed(area.addr, area.len, &kind), MEMKIND_SUCCESS);
	check_memalign(kind, &area, 30);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(munmap(area.addr, area.len), 0);
}

static void
test_memalign_beyond_the_area_is_enomem(void **state)
{
	void *p = &Heap;

	(void)state;
	errno = ERRNO_BEFORE;
	assert_int_equal(
	    memkind_posix_memalign(Kind, &p, (size_t)1 << 46, 8), ENOMEM);
	assert_int_equal(
	    memkind_posix_memalign(Kind, &p, (size_t)1 << 63, 8), ENOMEM);
	assert_int_equal(
	    memkind_posix_memalign(Kind, &p, (size_t)1 << 63, SIZE_MAX),
	    ENOMEM);
	assert_int_equal(errno, ERRNO_BEFORE);
}

/* --- realloc ----------------------------------------------------------------- */

static void
test_realloc_of_null_allocates(void **state)
{
	char *p = memkind_realloc(Kind, NULL, 1000);

	(void)state;
	assert_non_null(p);
	memset(p, 1, 1000);
	memkind_free(Kind, p);
}

static void
test_realloc_to_0_frees(void **state)
{
	(void)state;
	/* would not fit if it did not */
	for (int i = 0; i < 50; i++) {
		void *p = memkind_malloc(Kind, 20 * TEST_MIB);

		assert_non_null(p);
		errno = ERRNO_BEFORE;
		assert_null(memkind_realloc(Kind, p, 0));
		assert_int_equal(errno, ERRNO_BEFORE);
	}
}

/* Up and down through all size classes, the content checked at each step. */
static void
test_realloc_keeps_the_content(void **state)
{
	uint64_t rng = 42;
	size_t max = Kind == MEMKIND_DEFAULT ? 4 * TEST_MIB : Heap.size / 6;
	unsigned char *p = NULL;
	size_t len = 0;
	unsigned char fill = 0;

	(void)state;
	for (size_t i = 0; i < test_scaled(2000); i++) {
		unsigned log2 = (unsigned)test_random_size(&rng, 0, 22);
		size_t size = test_random_size(
		    &rng, (size_t)1 << log2, ((size_t)2 << log2) - 1);
		unsigned char *q;

		if (size > max)
			size = max;
		q = memkind_realloc(Kind, p, size);
		assert_non_null(q);
		assert_true(test_all_bytes(q, fill, len < size ? len : size));
		fill = (unsigned char)(i % 255 + 1);
		memset(q, fill, size);
		p = q;
		len = size;
	}
	memkind_free(Kind, p);
}

static void
test_realloc_within_the_class_stays(void **state)
{
	char *p = memkind_malloc(Kind, 100);
	size_t usable;

	(void)state;
	assert_non_null(p);
	usable = memkind_malloc_usable_size(Kind, p);
	assert_ptr_equal(memkind_realloc(Kind, p, usable), p);
	memkind_free(Kind, p);
}

static void
grow_in_place(size_t from, size_t step, size_t to)
{
	char *p = memkind_malloc(Kind, from);
	size_t nr_moved = 0;

	assert_non_null(p);
	memset(p, 0x5A, from);
	for (size_t len = from; len + step <= to; len += step) {
		char *q = memkind_realloc(Kind, p, len + step);

		assert_non_null(q);
		if (q != p)
			nr_moved++;
		p = q;
		memset(p + len, 0x5A, step);
	}
	assert_true(test_all_bytes(p, 0x5A, to));
	memkind_free(Kind, p);
	assert_int_equal(nr_moved, 0);
}

static void
test_realloc_next_to_free_space_keeps_its_address(void **state)
{
	size_t most = Heap.size / 2;

	(void)state;
	print_message("row: 1 MiB by 1 MiB\n");
	grow_in_place(TEST_MIB, TEST_MIB, most);
	print_message("row: 1 MiB by 4 KiB\n");
	grow_in_place(TEST_MIB, 4 * TEST_KIB, 8 * TEST_MIB);
	print_message("row: 256 KiB by 64 KiB\n");
	grow_in_place(256 * TEST_KIB, 64 * TEST_KIB, 8 * TEST_MIB);
	print_message("row: 64 KiB by 4 KiB\n");
	grow_in_place(64 * TEST_KIB, 4 * TEST_KIB, 4 * TEST_MIB);
}

static void
test_realloc_to_less_and_back_keeps_its_address(void **state)
{
	static const size_t sizes[] = {
	    6 * TEST_MIB, 10 * TEST_MIB, 8 * TEST_MIB, 10 * TEST_MIB, TEST_MIB};
	char *p = memkind_malloc(Kind, 10 * TEST_MIB);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_ptr_equal(memkind_realloc(Kind, p, sizes[i]), p);
		memset(p, 1, sizes[i]);
	}
	memkind_free(Kind, p);
}

/* There is no room to move to. */
static void
test_realloc_grows_when_only_the_place_behind_is_free(void **state)
{
	size_t third = Heap.size / 3 / TEST_PAGE * TEST_PAGE;
	char *p = memkind_malloc(Kind, third);

	(void)state;
	assert_non_null(p);
	memset(p, 0x5A, third);
	p = memkind_realloc(Kind, p, 2 * third + third / 2);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 0x5A, third));
	memkind_free(Kind, p);
}

static void
test_realloc_to_less_gives_the_rest_back(void **state)
{
	char *p = memkind_malloc(Kind, Heap.size / 10 * 9);
	char *q;

	(void)state;
	assert_non_null(p);
	memset(p, 0x5A, 10000);
	p = memkind_realloc(Kind, p, 10000);
	assert_non_null(p);
	assert_true(test_all_bytes(p, 0x5A, 10000));
	q = memkind_malloc(Kind, Heap.size / 10 * 8);
	assert_non_null(q);
	memkind_free(Kind, q);
	memkind_free(Kind, p);
}

/* The kind that is named is where the block is afterwards, as memkind does. */
static void
test_realloc_into_another_kind_moves_the_block(void **state)
{
	static const size_t sizes[] = {100, 5000, TEST_MIB};
	struct test_heap other;

	(void)state;
	test_heap_make(&other, TEST_ON_MAPPING, 16 * TEST_MIB);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *p = memkind_malloc(other.kind, sizes[i]);

		assert_non_null(p);
		memset(p, 0x5A, sizes[i]);
		p = memkind_realloc(Kind, p, 3 * sizes[i]);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0x5A, sizes[i]));
		assert_ptr_equal(memkind_detect_kind(p), Kind);
		memkind_free(Kind, p);
	}
	test_heap_end(&other);
}

/* --- calloc ------------------------------------------------------------------ */

static void
calloc_is_zero(memkind_t kind, size_t size)
{
	/* fresh from the region, then from what was freed dirty */
	for (int i = 0; i < 3; i++) {
		char *p = memkind_calloc(kind, 1, size);

		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, size));
		memset(p, 0xAA, memkind_malloc_usable_size(kind, p));
		memkind_free(kind, p);
	}
}

static void
check_calloc_over_dirt(struct test_heap *heap)
{
	/* memkind has no third of it in one block for long */
	size_t max = heap->size / (TEST_OURS ? 3 : 8);

	if (max > 64 * TEST_MIB)
		max = 64 * TEST_MIB;
	for (size_t size = 1; size <= max; size *= 2) {
		calloc_is_zero(heap->kind, size);
		if (size > 2)
			calloc_is_zero(heap->kind, size - 1);
		if (size < max)
			calloc_is_zero(heap->kind, size + 1);
		if (size > 8 && size < TEST_MIB)
			calloc_is_zero(heap->kind, size / 4 * 5);
	}
	/* many at once: no two share a page that is cleared twice */
	for (size_t size = 16; size <= 40000; size = size * 3 + 1) {
		enum {
			NR = 200
		};
		char *blocks[NR];

		for (size_t i = 0; i < NR; i++) {
			blocks[i] = memkind_calloc(heap->kind, size, 1);
			assert_non_null(blocks[i]);
			assert_true(test_all_bytes(blocks[i], 0, size));
			memset(blocks[i], 0xAA, size);
		}
		for (size_t i = 0; i < NR; i++) {
			assert_true(test_all_bytes(blocks[i], 0xAA, size));
			memkind_free(heap->kind, blocks[i]);
		}
	}
}

/* Three blocks of 64 MiB fit. */
static size_t
dirty_size(void)
{
	if (test_is_emulated())
		return 24 * TEST_MIB;
	return (TEST_OURS ? 200 : 100) * TEST_MIB;
}

static void
test_calloc_is_zero_over_a_dirty_mapping(void **state)
{
	struct test_heap heap;

	(void)state;
	memset(&heap, 0, sizeof(heap));
	heap.size = test_size(dirty_size());
	test_area_map(&heap.area, heap.size);
	memset(heap.area.addr, 0xAA, heap.size);
	assert_int_equal(
	    memkind_create_fixed(heap.area.addr, heap.size, &heap.kind),
	    MEMKIND_SUCCESS);
	check_calloc_over_dirt(&heap);
	test_heap_end(&heap);
}

static void
test_calloc_is_zero_in_a_file(void **state)
{
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_FILE, dirty_size());
	check_calloc_over_dirt(&heap);
	test_heap_end(&heap);
}

/* What comes from growing in place is no fresh memory either. */
static void
test_calloc_is_zero_next_to_what_realloc_gave_back(void **state)
{
	(void)state;
	for (size_t size = 8 * TEST_KIB; size <= TEST_MIB; size *= 2) {
		char *p = memkind_malloc(Kind, 4 * size);
		char *q;

		assert_non_null(p);
		memset(p, 0xAA, 4 * size);
		p = memkind_realloc(Kind, p, size);
		assert_non_null(p);
		q = memkind_calloc(Kind, 2, size);
		assert_non_null(q);
		assert_true(test_all_bytes(q, 0, 2 * size));
		assert_true(test_all_bytes(p, 0xAA, size));
		memkind_free(Kind, q);
		memkind_free(Kind, p);
	}
}

/* --- defrag ------------------------------------------------------------------ */

/* Thin out many blocks, then move what can be moved. */
static void
test_defrag_keeps_the_content(void **state)
{
	enum {
		NR = 20000,
		SIZE = 200
	};
	static char *blocks[NR];
	size_t nr_moved = 0;

	(void)state;
	for (size_t i = 0; i < NR; i++) {
		blocks[i] = memkind_malloc(Kind, SIZE);
		assert_non_null(blocks[i]);
		memset(blocks[i], (int)(i % 251), SIZE);
	}
	for (size_t i = 0; i < NR; i++)
		if (i % 16 != 0) {
			memkind_free(Kind, blocks[i]);
			blocks[i] = NULL;
		}
	for (size_t i = 0; i < NR; i += 16) {
		char *moved =
		    memkind_defrag_reallocate(i % 32 ? NULL : Kind, blocks[i]);

		if (moved != NULL) {
			blocks[i] = moved;
			nr_moved++;
		}
		assert_ptr_equal(memkind_detect_kind(blocks[i]), Kind);
	}
	print_message("%zu blocks were moved\n", nr_moved);
	assert_true(nr_moved > 0);
	for (size_t i = 0; i < NR; i += 16) {
		assert_true(test_all_bytes(blocks[i], (int)(i % 251), SIZE));
		memkind_free(Kind, blocks[i]);
	}
	assert_null(memkind_defrag_reallocate(Kind, NULL));
}

#define ON_ALL(f)                                                      \
	{#f " (mapping)", f, setup_mapping, teardown_heap, NULL},      \
	    {#f " (file)", f, setup_file, teardown_heap, NULL},        \
	{                                                              \
#f " (DRAM)", f, setup_dram, test_leaks_teardown, NULL \
	}
#define ON_REGIONS(f)                                             \
	{#f " (mapping)", f, setup_mapping, teardown_heap, NULL}, \
	{                                                         \
#f " (file)", f, setup_file, teardown_heap, NULL  \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    ON_ALL(test_size_0_gives_null),
	    test_ours_only(
		ON_ALL, test_size_0_gives_a_unique_block_once_allowed),
	    ON_ALL(test_too_much_is_null_and_enomem),
	    ON_ALL(test_calloc_overflow_is_null_and_enomem),
	    ON_ALL(test_success_leaves_errno),
	    ON_ALL(test_failing_memalign_leaves_errno),
	    ON_ALL(test_no_kind_to_allocate_from_is_refused),
	    test_unit(test_no_kind_and_no_block_is_refused),
	    ON_ALL(test_null_kind_is_found_from_the_block),
	    ON_ALL(test_usable_size_has_jemallocs_slack_at_most),
	    ON_ALL(test_memalign_refuses_bad_alignments),
	    ON_ALL(test_memalign_of_size_0_refuses_a_bad_alignment),
	    ON_ALL(test_failing_memalign_gives_null),
	    ON_ALL(test_memalign_2_to_the_3_to_24),
	    ON_ALL(test_realloc_of_null_allocates),
	    ON_ALL(test_realloc_to_0_frees),
	    ON_ALL(test_realloc_keeps_the_content),
	    ON_ALL(test_realloc_within_the_class_stays),
	    ON_ALL(test_realloc_into_another_kind_moves_the_block),
	    ON_ALL(test_calloc_is_zero_next_to_what_realloc_gave_back),
	    ON_ALL(test_defrag_keeps_the_content),
	    ON_REGIONS(test_memalign_beyond_the_area_is_enomem),
	    ON_REGIONS(test_realloc_next_to_free_space_keeps_its_address),
	    ON_REGIONS(test_realloc_to_less_and_back_keeps_its_address),
	    ON_REGIONS(test_realloc_grows_when_only_the_place_behind_is_free),
	    ON_REGIONS(test_realloc_to_less_gives_the_rest_back),
	    test_unit(test_memalign_up_to_2_to_the_30),
	    test_unit(test_calloc_is_zero_over_a_dirty_mapping),
	    test_unit(test_calloc_is_zero_in_a_file),
	};

	return cmocka_run_group_tests_name("malloc", tests, NULL, NULL);
}
