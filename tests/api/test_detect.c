// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_detect.c -- whose block is it: memkind_detect_kind(), and pointers that
 * are nobody's.
 *
 * Holds this invariant: nothing aborts, exits or prints for a foreign pointer.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char Static_bytes[4096];

static const size_t Sizes[] = {
    1, 8, 100, 1000, 4096, 14000, 40000, 100000, 1000000, 5000000};

static void
test_blocks_of_several_kinds(void **state)
{
	struct test_heap heaps[TEST_NR_BACKINGS];
	memkind_t kinds[TEST_NR_BACKINGS + 2];

	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		test_heap_make(&heaps[b], (enum test_backing)b, 64 * TEST_MIB);
		kinds[b] = heaps[b].kind;
	}
	kinds[TEST_NR_BACKINGS] = MEMKIND_DEFAULT;
	kinds[TEST_NR_BACKINGS + 1] = MEMKIND_REGULAR;

	for (size_t i = 0; i < ARRAY_LEN(Sizes); i++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			char *p = memkind_malloc(kinds[k], Sizes[i]);
			void *q = NULL;

			assert_non_null(p);
			assert_ptr_equal(memkind_detect_kind(p), kinds[k]);
			p = memkind_realloc(kinds[k], p, 2 * Sizes[i]);
			assert_non_null(p);
			assert_ptr_equal(memkind_detect_kind(p), kinds[k]);
			memkind_free(NULL, p);
			p = memkind_calloc(kinds[k], 1, Sizes[i]);
			assert_ptr_equal(memkind_detect_kind(p), kinds[k]);
			memkind_free(kinds[k], p);
			assert_int_equal(memkind_posix_memalign(
					     kinds[k], &q, 65536, Sizes[i]),
			    0);
			assert_ptr_equal(memkind_detect_kind(q), kinds[k]);
			memkind_free(NULL, q);
		}
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++)
		test_heap_end(&heaps[b]);
}

static void
test_block_of_fixed_mmap(void **state)
{
	struct test_heap heap;
	void *p;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
	p = memkind_fixed_mmap(heap.kind, NULL, 10000);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_ptr_equal(memkind_detect_kind(p), heap.kind);
	memkind_free(NULL, p);
	test_heap_end(&heap);
}

struct thread_block {
	memkind_t kind;
	void *p;
	bool ok;
};

static void *
detect_in_thread(void *arg)
{
	struct thread_block *b = arg;

	b->ok = memkind_detect_kind(b->p) == b->kind;
	memkind_free(NULL, b->p);
	b->p = memkind_malloc(b->kind, 333);
	return NULL;
}

static void
test_blocks_of_other_threads(void **state)
{
	struct test_heap heap;
	struct thread_block b = {0};
	pthread_t thread;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
	b.kind = heap.kind;
	b.p = memkind_malloc(heap.kind, 500);
	assert_non_null(b.p);
	assert_int_equal(
	    pthread_create(&thread, NULL, detect_in_thread, &b), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(b.ok);
	assert_ptr_equal(memkind_detect_kind(b.p), heap.kind);
	memkind_free(NULL, b.p);
	test_heap_end(&heap);
}

/* --- nobody's ---------------------------------------------------------------- */

struct foreign {
	const char *why;
	void *p;
};

static size_t
list_foreign(struct foreign *rows, char *stack, char *heap, char *map)
{
	static const uintptr_t numbers[] = {
	    1, 8, 4096, (uintptr_t)1 << 46, UINTPTR_MAX - 7, UINTPTR_MAX};
	size_t n = 0;

	rows[n++] = (struct foreign){"NULL", NULL};
	rows[n++] = (struct foreign){"on the stack", stack};
	rows[n++] = (struct foreign){"static", Static_bytes};
	rows[n++] = (struct foreign){"static, odd", Static_bytes + 1};
	rows[n++] = (struct foreign){"of malloc()", heap};
	rows[n++] = (struct foreign){"in a block of malloc()", heap + 50};
	rows[n++] = (struct foreign){"a mapping", map};
	rows[n++] = (struct foreign){"in a mapping", map + 4096};
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		rows[n].why = "a number";
		memcpy(&rows[n].p, &numbers[i], sizeof(void *));
		n++;
	}
	return n;
}

static void
check_foreign(memkind_t kind)
{
	struct foreign rows[20];
	char stack[64] = "stack";
	char *block = malloc(100);
	char *map = mmap(NULL, 4 * TEST_MIB, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t nr;

	assert_non_null(block);
	assert_true(map != MAP_FAILED);
	memset(Static_bytes, 0x11, sizeof(Static_bytes));
	memset(block, 0x22, 100);
	memset(map, 0x33, 4 * TEST_MIB);
	nr = list_foreign(rows, stack, block, map);
	for (size_t i = 0; i < nr; i++) {
		dk_row(rows[i].why);
		assert_null(memkind_detect_kind(rows[i].p));
		errno = 77;
		memkind_free(NULL, rows[i].p);
		assert_int_equal(errno, 77);
		assert_null(memkind_realloc(NULL, rows[i].p, 1000));
		assert_int_equal(errno, EINVAL);
		assert_int_equal(
		    memkind_malloc_usable_size(NULL, rows[i].p), 0);
		assert_null(memkind_defrag_reallocate(NULL, rows[i].p));
		if (kind != NULL) {
			errno = 77;
			memkind_free(kind, rows[i].p);
			assert_int_equal(errno, 77);
		}
	}
	/* none of it was written, and malloc()'s block is still malloc()'s */
	assert_string_equal(stack, "stack");
	assert_true(test_all_bytes(Static_bytes, 0x11, sizeof(Static_bytes)));
	assert_true(test_all_bytes(block, 0x22, 100));
	assert_true(test_all_bytes(map, 0x33, 4 * TEST_MIB));
	free(block);
	assert_int_equal(munmap(map, 4 * TEST_MIB), 0);
}

static void
test_null_is_nobodys(void **state)
{
	(void)state;
	assert_null(memkind_detect_kind(NULL));
	errno = 77;
	memkind_free(NULL, NULL);
	memkind_free(MEMKIND_DEFAULT, NULL);
	assert_int_equal(errno, 77);
	assert_null(memkind_realloc(NULL, NULL, 1000));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(memkind_malloc_usable_size(NULL, NULL), 0);
	assert_int_equal(memkind_malloc_usable_size(MEMKIND_DEFAULT, NULL), 0);
	assert_null(memkind_defrag_reallocate(NULL, NULL));
}

static void
test_foreign_pointers_without_any_kind(void **state)
{
	(void)state;
	check_foreign(NULL);
}

static void
test_foreign_pointers_with_a_kind(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;
		void *live;

		print_message(
		    "on: %s\n", test_backing_name((enum test_backing)b));
		test_heap_make(&heap, (enum test_backing)b, 32 * TEST_MIB);
		live = memkind_malloc(heap.kind, 100);
		assert_non_null(live);
		memset(live, 0x5A, 100);
		check_foreign(heap.kind);
		assert_true(test_all_bytes(live, 0x5A, 100));
		assert_ptr_equal(memkind_detect_kind(live), heap.kind);
		test_heap_end(&heap);
	}
}

/* Inside the region, but where no block was handed out. */
static void
test_pointers_into_free_space_are_ignored(void **state)
{
	struct test_heap heap;
	char *live;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
	live = memkind_malloc(heap.kind, 100000);
	assert_non_null(live);
	memset(live, 0x5A, 100000);
	for (size_t off = 0; off < heap.size; off += TEST_MIB / 2 + 24) {
		char *p = heap.area.addr + off;

		if (p >= live && p < live + 100000)
			continue;
		memkind_free(off % 16 ? heap.kind : NULL, p);
		assert_int_equal(memkind_malloc_usable_size(heap.kind, p), 0);
	}
	assert_true(test_all_bytes(live, 0x5A, 100000));
	memkind_free(heap.kind, live);
	live = memkind_malloc(heap.kind, heap.size / 100 * 95);
	assert_non_null(live);
	test_heap_end(&heap);
}

static void
test_foreign_pointers_to_the_default_kind(void **state)
{
	(void)state;
	memkind_free(MEMKIND_DEFAULT, memkind_malloc(MEMKIND_DEFAULT, 100));
	check_foreign(MEMKIND_DEFAULT);
}

static void
test_blocks_of_a_destroyed_kind_are_nobodys(void **state)
{
	struct test_area area;
	memkind_t kind = NULL;
	void *blocks[ARRAY_LEN(Sizes)];

	(void)state;
	test_area_map(&area, 32 * TEST_MIB);
	assert_int_equal(
	    memkind_create_fixed(area.addr, area.len, &kind), MEMKIND_SUCCESS);
	for (size_t i = 0; i < ARRAY_LEN(Sizes); i++) {
		blocks[i] = memkind_malloc(kind, Sizes[i]);
		assert_non_null(blocks[i]);
	}
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	for (size_t i = 0; i < ARRAY_LEN(Sizes); i++) {
		assert_null(memkind_detect_kind(blocks[i]));
		memkind_free(NULL, blocks[i]);
	}
	test_area_unmap(&area);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_foreign_pointers_without_any_kind),
	    test_unit(test_null_is_nobodys),
	    test_unit(test_blocks_of_several_kinds),
	    test_unit(test_block_of_fixed_mmap),
	    test_unit(test_blocks_of_other_threads),
	    test_unit(test_foreign_pointers_with_a_kind),
	    test_unit(test_pointers_into_free_space_are_ignored),
	    test_unit(test_foreign_pointers_to_the_default_kind),
	    test_unit(test_blocks_of_a_destroyed_kind_are_nobodys),
	};

	return cmocka_run_group_tests_name("detect", tests, NULL, NULL);
}
