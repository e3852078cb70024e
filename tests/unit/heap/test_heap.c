// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_heap.c -- a heap over a region: which blocks are whole pages, where
 * they lie, how they change, and what is ignored.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/hold.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "region/reclaimer.h"
#include "region/region.h"

enum {
	SMALL_MAX = 14 * 1024
}; /* heap.h */
#define SIZE (32 * MIB)

static struct fake_backing Fake;
static struct daxkind_region *Region;
static struct heap *Heap;

static void
open_heap(void)
{
	assert_int_equal(
	    region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region),
	    0);
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_int_equal(heap_new(Region, &Heap), 0);
}

static int
setup(void **state)
{
	mock_os_reset();
	fake_backing_init(&Fake, SIZE);
	open_heap();
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	heap_free_all(Heap);
	region_close(Region);
	fake_backing_fini(&Fake);
	return test_leaks_teardown(state);
}

/* Where no free range is better than another: none holds file space. */
static void
reopen_on_mapping(void)
{
	heap_free_all(Heap);
	region_close(Region);
	fake_backing_fini(&Fake);
	fake_backing_init_mapping(&Fake, SIZE);
	open_heap();
}

static struct space_figures
figures(void)
{
	struct space_figures f;

	region_get_figures(Region, &f);
	assert_true(space_check(&Region->space));
	return f;
}

static struct heap_stats
stats(void)
{
	struct heap_stats s;

	assert_int_equal(je_stats_refresh(), 0);
	assert_int_equal(heap_get_stats(Heap, &s), 0);
	return s;
}

static char *
alloc(size_t size)
{
	char *p = heap_alloc(Heap, size, 0, false);

	assert_non_null(p);
	assert_true(region_contains(Region, p, size));
	assert_true(heap_usable(Heap, p) >= size);
	memset(p, 0xaa, size);
	return p;
}

static char *
offset(size_t off)
{
	return Region->base + off;
}

/* --- large blocks ---------------------------------------------------------------- */

static void
test_large_blocks_are_whole_pages(void **state)
{
	static const struct {
		size_t size, usable;
	} rows[] = {
	    {SMALL_MAX + 1, 4 * DK_PAGE},
	    {4 * DK_PAGE, 4 * DK_PAGE},
	    {4 * DK_PAGE + 1, 5 * DK_PAGE},
	    {MIB, MIB},
	    {MIB + 1, MIB + DK_PAGE},
	    {7 * MIB - 100, 7 * MIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *p = alloc(rows[i].size);

		assert_int_equal((uintptr_t)p % DK_PAGE, 0);
		assert_int_equal(heap_usable(Heap, p), rows[i].usable);
		/* and no byte more is taken */
		assert_int_equal(figures().taken, rows[i].usable);
		assert_int_equal(stats().allocated, rows[i].usable);
		assert_int_equal(stats().active, rows[i].usable);
		heap_free(Heap, p);
		assert_int_equal(figures().taken, 0);
		assert_int_equal(stats().allocated, 0);
	}
}

static void
test_one_block_can_be_all_of_the_region(void **state)
{
	(void)state;
	char *p = alloc(SIZE);
	assert_ptr_equal(p, Region->base);
	assert_null(heap_alloc(Heap, 1, 0, false));
	assert_null(heap_alloc(Heap, DK_PAGE * 4, 0, false));
	heap_free(Heap, p);
	/* small ones held by nobody do not stand in its way */
	void *small[100];
	for (size_t i = 0; i < ARRAY_LEN(small); i++)
		small[i] = alloc(100 * (i + 1));
	assert_null(heap_alloc(Heap, SIZE, 0, false));
	for (size_t i = 0; i < ARRAY_LEN(small); i++)
		heap_free(Heap, small[i]);
	p = alloc(SIZE);
	heap_free(Heap, p);
}

static void
test_absurd_sizes_do_not_fit(void **state)
{
	static const size_t sizes[] = {SIZE + 1, GIB, PAGE_LARGE_MAX,
	    PAGE_LARGE_MAX + 1, (size_t)1 << 47, PTRDIFF_MAX,
	    (size_t)PTRDIFF_MAX + 1, SIZE_MAX - DK_PAGE, SIZE_MAX};

	(void)state;
	char *p = alloc(MIB);
	char *small = alloc(100);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		errno = 77;
		assert_null(heap_alloc(Heap, sizes[i], 0, true));
		assert_null(heap_alloc(Heap, sizes[i], 2 * MIB, false));
		assert_null(heap_alloc_pages(Heap, sizes[i], false));
		assert_null(heap_resize(Heap, p, sizes[i]));
		assert_null(heap_resize(Heap, small, sizes[i]));
		assert_int_equal(errno, 77);
	}
	for (size_t align = 128 * MIB; align != 0; align *= 2)
		assert_true(heap_alloc(Heap, 1, align, false) == NULL ||
			    (uintptr_t)p % align != 0);
	assert_true(test_all_bytes(p, 0xaa, MIB));
	assert_true(test_all_bytes(small, 0xaa, 100));
}

static void
test_alignment_is_honoured(void **state)
{
	static const size_t sizes[] = {
	    1, 7, 100, 1000, 5000, 9000, SMALL_MAX, SMALL_MAX + 1, 100000};

	(void)state;
	for (size_t align = 1; align <= 8 * MIB; align *= 2) {
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
			void *p[4];

			for (size_t j = 0; j < ARRAY_LEN(p); j++) {
				p[j] = heap_alloc(
				    Heap, sizes[i], align, j % 2 == 0);
				assert_non_null(p[j]);
				assert_int_equal((uintptr_t)p[j] % align, 0);
				if (j % 2 == 0)
					assert_true(
					    test_all_bytes(p[j], 0, sizes[i]));
				memset(p[j], 0xaa, sizes[i]);
			}
			for (size_t j = 0; j < ARRAY_LEN(p); j++)
				heap_free(Heap, p[j]);
		}
	}
}

static void
test_wanted_zero_it_is_over_dirty_pages(void **state)
{
	static const size_t sizes[] = {
	    1, 8, 100, 4096, SMALL_MAX, SMALL_MAX + 1, 100000, 3 * MIB, SIZE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *p = alloc(SIZE);

		heap_free(Heap, p);
		p = heap_alloc(Heap, sizes[i], 0, true);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, sizes[i]));
		memset(p, 0xaa, sizes[i]);
		heap_free(Heap, p);
		p = heap_alloc(Heap, sizes[i], 0, true);
		assert_true(test_all_bytes(p, 0, sizes[i]));
		heap_free(Heap, p);
	}
}

static void
test_large_blocks_begin_low_and_small_ones_high(void **state)
{
	(void)state;
	reopen_on_mapping();
	char *small = alloc(100);
	char *large = alloc(MIB);
	assert_true(small >= offset(SIZE - MIB));
	assert_ptr_equal(large, offset(0));
	assert_ptr_equal(alloc(MIB), offset(MIB));
	/* a block of pages, whatever its size */
	char *pages = heap_alloc_pages(Heap, 10, true);
	assert_ptr_equal(pages, offset(2 * MIB));
	assert_int_equal(heap_usable(Heap, pages), DK_PAGE);
	heap_free(Heap, pages);
	assert_null(heap_alloc_pages(Heap, SIZE, false));
}

/* --- changing --------------------------------------------------------------------- */

static void
test_a_large_block_changes_where_it_is(void **state)
{
	(void)state;
	char *p = alloc(MIB);
	/* it grows over what is free behind it */
	for (size_t size = MIB; size <= 8 * MIB; size += 300001) {
		assert_ptr_equal(heap_resize(Heap, p, size), p);
		assert_int_equal(heap_usable(Heap, p), align_up(size, DK_PAGE));
		assert_int_equal(figures().taken, align_up(size, DK_PAGE));
		assert_true(test_all_bytes(p, 0xaa, MIB));
		memset(p + MIB, 0xbb, size - MIB);
	}
	/* and shrinks, giving the rest back */
	assert_ptr_equal(heap_resize(Heap, p, 2 * MIB), p);
	assert_int_equal(figures().taken, 2 * MIB);
	assert_int_equal(stats().allocated, 2 * MIB);
	char *other = alloc(SIZE - 2 * MIB);
	assert_ptr_equal(other, p + 2 * MIB);
	heap_free(Heap, other);
	assert_true(test_all_bytes(p, 0xaa, MIB));
	assert_true(test_all_bytes(p + MIB, 0xbb, MIB));
	/* the same size is no change */
	assert_ptr_equal(heap_resize(Heap, p, 2 * MIB - 1), p);
	assert_int_equal(heap_usable(Heap, p), 2 * MIB);
}

static void
test_a_large_block_moves_when_it_must(void **state)
{
	(void)state;
	char *p = alloc(MIB);
	char *behind = alloc(MIB);
	char *q = heap_resize(Heap, p, MIB + 1);
	assert_ptr_equal(q, behind + MIB);
	assert_true(test_all_bytes(q, 0xaa, MIB));
	assert_int_equal(heap_usable(Heap, p), 0);
	assert_int_equal(figures().taken, 2 * MIB + DK_PAGE);
	/* no room: it stays as it was */
	char *rest = alloc(figures().longest_free);
	assert_null(heap_resize(Heap, q, 8 * MIB));
	assert_true(test_all_bytes(q, 0xaa, MIB));
	assert_int_equal(heap_usable(Heap, q), MIB + DK_PAGE);
	heap_free(Heap, rest);
	/* to a small one and back */
	char *small = heap_resize(Heap, q, 100);
	assert_non_null(small);
	assert_true(heap_usable(Heap, small) < 200);
	assert_true(test_all_bytes(small, 0xaa, 100));
	q = heap_resize(Heap, small, 100000);
	assert_true(test_all_bytes(q, 0xaa, 100));
	assert_int_equal((uintptr_t)q % DK_PAGE, 0);
	heap_free(Heap, q);
	heap_free(Heap, behind);
}

static void
test_shrinking_never_fails(void **state)
{
	(void)state;
	char *p = alloc(SIZE);
	/* nowhere else is a place for 100 bytes */
	char *q = heap_resize(Heap, p, 100);
	assert_non_null(q);
	assert_true(heap_usable(Heap, q) >= 100);
	assert_true(test_all_bytes(q, 0xaa, 100));
	assert_true(figures().taken < SIZE);
	heap_free(Heap, q);
	/* nor without memory for records: it keeps what it has */
	p = alloc(8 * MIB);
	mock_os_fail_all("os_map_anon", ENOMEM);
	for (size_t size = 8 * MIB; size > MIB; size -= 64 * KIB) {
		assert_ptr_equal(heap_resize(Heap, p, size), p);
		assert_true(heap_usable(Heap, p) >= size);
	}
	mock_os_reset();
	assert_true(test_all_bytes(p, 0xaa, MIB));
	heap_free(Heap, p);
	assert_int_equal(figures().taken, 0);
}

static void
test_a_small_block_keeps_its_bytes(void **state)
{
	(void)state;
	char *p = alloc(10);
	size_t old = 10;
	for (size_t size = 10; size < 200000; size += size / 3) {
		p = heap_resize(Heap, p, size);
		assert_non_null(p);
		assert_true(heap_usable(Heap, p) >= size);
		assert_true(test_all_bytes(p, 0xaa, old));
		memset(p, 0xaa, size);
		old = size;
	}
	for (size_t size = 200000; size > 1; size -= size / 3 + 1) {
		p = heap_resize(Heap, p, size);
		assert_non_null(p);
		assert_true(test_all_bytes(p, 0xaa, min_size(size, old)));
	}
	/* within its class it stays */
	char *q = alloc(SMALL_MAX);
	assert_ptr_equal(heap_resize(Heap, q, SMALL_MAX - 1), q);
}

static void
test_defrag_moves_large_blocks_down(void **state)
{
	(void)state;
	char *a = alloc(MIB);
	char *b = alloc(MIB);
	memset(b, 0xbb, MIB);
	/* nowhere lower */
	assert_null(heap_defrag(Heap, b));
	assert_true(test_all_bytes(b, 0xbb, MIB));
	assert_int_equal(figures().taken, 2 * MIB);
	heap_free(Heap, a);
	char *c = heap_defrag(Heap, b);
	assert_ptr_equal(c, a);
	assert_true(test_all_bytes(c, 0xbb, MIB));
	assert_int_equal(heap_usable(Heap, b), 0);
	assert_int_equal(figures().taken, MIB);
	assert_null(heap_defrag(Heap, c));
	/* with no room at all it stays */
	char *rest = alloc(SIZE - MIB);
	assert_null(heap_defrag(Heap, c));
	heap_free(Heap, rest);
}

/* Of many blocks leave those that stay says, and gather them. */
static void
assert_gathers(bool (*stays)(size_t i))
{
	enum {
		NR = 4000
	};
	static char *p[NR];
	size_t nr_moved = 0;

	for (size_t i = 0; i < NR; i++) {
		p[i] = alloc(1000);
		memset(p[i], (int)(i % 251), 1000);
	}
	for (size_t i = 0; i < NR; i++) {
		if (!stays(i)) {
			heap_free(Heap, p[i]);
			p[i] = NULL;
		}
	}
	heap_purge(Heap);
	size_t before = figures().taken;
	for (size_t i = 0; i < NR; i++) {
		if (p[i] == NULL)
			continue;
		char *q = heap_defrag(Heap, p[i]);
		if (q != NULL) {
			p[i] = q;
			nr_moved++;
		}
		assert_true(test_all_bytes(p[i], (int)(i % 251), 1000));
	}
	heap_purge(Heap);
	print_message("%zu moved, %zu KiB to %zu KiB\n", nr_moved, before / KIB,
	    figures().taken / KIB);
	assert_true(nr_moved > 0);
	assert_true(figures().taken <= before / 4 * 3);
	for (size_t i = 0; i < NR; i++) {
		if (p[i] != NULL)
			heap_free(Heap, p[i]);
	}
}

static bool
stays_one_of_8(size_t i)
{
	return i % 8 == 0;
}

static bool
stays_by_chance(size_t i)
{
	uint64_t random = i + 1;

	return test_random(&random) % 4 == 0;
}

static void
test_defrag_gathers_small_blocks(void **state)
{
	(void)state;
	assert_gathers(stays_by_chance);
	assert_gathers(stays_one_of_8);
}

/* --- what is no block ------------------------------------------------------------- */

static void
test_a_large_block_is_freed_once(void **state)
{
	(void)state;
	char *a = alloc(MIB);
	char *b = alloc(MIB);
	memset(b, 0xbb, MIB);
	heap_free(Heap, a);
	heap_free(Heap, a);
	heap_free(Heap, a);
	assert_int_equal(figures().taken, MIB);
	assert_int_equal(stats().allocated, MIB);
	assert_true(test_all_bytes(b, 0xbb, MIB));
	assert_null(heap_resize(Heap, a, 100));
	assert_null(heap_defrag(Heap, a));
	assert_int_equal(heap_usable(Heap, a), 0);
}

/* How many blocks of a size are handed out twice, of some hundreds. */
static size_t
nr_given_twice(size_t size)
{
	enum {
		NR = 300
	};
	char *p[NR];
	size_t nr = 0;

	for (size_t i = 0; i < NR; i++) {
		p[i] = alloc(size);
		for (size_t j = 0; j < i; j++)
			nr += p[j] == p[i];
	}
	for (size_t i = 0; i < NR; i++)
		heap_free(Heap, p[i]);
	heap_purge(Heap);
	return nr;
}

static void
test_a_small_block_is_freed_once(void **state)
{
	static const size_t sizes[] = {8, 100, 1000, 14336};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t before = heap_nr_bad_frees(Heap);
		char *p = alloc(sizes[i]);
		char *q = alloc(sizes[i]);
		char *stays = alloc(sizes[i]);

		/* at once */
		heap_free(Heap, p);
		heap_free(Heap, p);
		assert_int_equal(heap_nr_bad_frees(Heap), before + 1);
		assert_int_equal(nr_given_twice(sizes[i]), 0);
		assert_int_equal(heap_nr_bad_frees(Heap), before + 1);

		/* after another, which is found when the cache is emptied */
		p = alloc(sizes[i]);
		heap_free(Heap, p);
		heap_free(Heap, q);
		heap_free(Heap, p);
		heap_free(Heap, q);
		heap_purge(Heap);
		assert_int_equal(heap_nr_bad_frees(Heap), before + 3);
		assert_int_equal(nr_given_twice(sizes[i]), 0);

		/* and where the slab has gone meanwhile */
		heap_free(Heap, stays);
		heap_purge(Heap);
		assert_int_equal(figures().taken, 0);
		p = alloc(sizes[i]);
		q = alloc(sizes[i] == 8 ? 100 : 8);
		heap_free(Heap, p);
		heap_purge(Heap);
		heap_free(Heap, p);
		assert_int_equal(heap_nr_bad_frees(Heap), before + 4);
		heap_free(Heap, q);
		heap_purge(Heap);
		assert_int_equal(figures().taken, 0);

		/* or goes while the cache is being emptied */
		p = alloc(sizes[i]);
		q = alloc(sizes[i]);
		heap_free(Heap, p);
		heap_free(Heap, q);
		heap_free(Heap, p);
		heap_free(Heap, q);
		heap_purge(Heap);
		assert_int_equal(heap_nr_bad_frees(Heap), before + 6);
		assert_int_equal(figures().taken, 0);
	}
}

static void
test_the_middle_of_a_small_block_is_not_freed(void **state)
{
	(void)state;
	char *p = alloc(100);
	size_t before = heap_nr_bad_frees(Heap);
	heap_free(Heap, p + 8);
	heap_purge(Heap);
	assert_int_equal(heap_nr_bad_frees(Heap), before + 1);
	assert_true(test_all_bytes(p, 0xaa, 100));
	assert_int_equal(nr_given_twice(100), 0);
	heap_free(Heap, p);
	heap_purge(Heap);
	assert_int_equal(heap_nr_bad_frees(Heap), before + 1);
	assert_int_equal(figures().taken, 0);
}

static void
test_frees_of_what_is_no_block_are_counted(void **state)
{
	static int here;

	(void)state;
	char *p = alloc(MIB);
	heap_free(Heap, &here);
	heap_free(Heap, p + DK_PAGE);
	heap_free(Heap, p);
	heap_free(Heap, p);
	assert_int_equal(heap_nr_bad_frees(Heap), 3);
}

static void
test_pointers_that_are_no_blocks_are_ignored(void **state)
{
	static int here;

	(void)state;
	char *p = alloc(MIB);
	void *foreign = malloc(100);
	void *const pointers[] = {NULL, &here, foreign, p + 1, p + 8,
	    p + DK_PAGE, p + 5 * DK_PAGE, p + MIB - DK_PAGE, p + MIB,
	    offset(SIZE / 2), offset(SIZE - 1), offset(SIZE), Region->base - 1,
	    (void *)UINTPTR_MAX};

	for (size_t i = 0; i < ARRAY_LEN(pointers); i++) {
		heap_free(Heap, pointers[i]);
		assert_int_equal(heap_usable(Heap, pointers[i]), 0);
		assert_null(heap_resize(Heap, pointers[i], 100));
		assert_null(heap_defrag(Heap, pointers[i]));
	}
	assert_int_equal(figures().taken, MIB);
	assert_int_equal(heap_usable(Heap, p), MIB);
	assert_true(test_all_bytes(p, 0xaa, MIB));
	free(foreign);
}

/* The number of the meeting that each thread has come to. */
static _Atomic(unsigned) Meetings[2];
static void *Block; /* NULL: the end; written between two meetings only */

static void
meet(unsigned self)
{
	unsigned nr = atomic_fetch_add(&Meetings[self], 1) + 1;

	/* As close as can be: no system call while the other comes. */
	for (unsigned i = 1; atomic_load(&Meetings[!self]) < nr; i++) {
		if (i % 2000 == 0)
			(void)sched_yield();
	}
}

/* What two threads do at once is seldom the same instruction: shift them. */
static void
wait_a_little(unsigned nr)
{
	for (volatile unsigned i = nr % 64; i > 0; i--)
		;
}

static void *
free_blocks(void *arg)
{
	(void)arg;
	for (unsigned nr = 0;; nr++) {
		meet(1);
		if (Block == NULL)
			return NULL;
		wait_a_little(nr / 64);
		heap_free(Heap, Block);
		meet(1);
	}
}

static void
test_of_two_threads_one_frees(void **state)
{
	double until = test_now() + 0.6;
	struct space_figures is;
	pthread_t thread;
	size_t taken = 0;
	unsigned nr = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, free_blocks, NULL), 0);
	for (; test_now() < until; nr++) {
		Block = heap_alloc(Heap, 5 * DK_PAGE, 0, false);
		meet(0);
		wait_a_little(nr);
		heap_free(Heap, Block);
		meet(0);
		region_get_figures(Region, &is);
		taken |= is.taken;
	}
	Block = NULL;
	meet(0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("%u times\n", nr);
	assert_int_equal(taken, 0);
	assert_int_equal(figures().longest_free, SIZE);
	assert_int_equal(stats().allocated, 0);
}

#ifdef DK_DEBUG
static struct hold Hold;

static void *
free_late(void *arg)
{
	hold_at(&Hold, "a large block is about to go", 1);
	heap_free(Heap, arg);
	return NULL;
}

/* By the time that the other frees it, its place is another block's. */
static void
test_who_is_late_frees_no_other_block(void **state)
{
	pthread_t thread;

	(void)state;
	char *p = alloc(MIB);
	hold_init(&Hold);
	assert_int_equal(pthread_create(&thread, NULL, free_late, p), 0);
	hold_wait(&Hold);
	heap_free(Heap, p);
	char *q = alloc(MIB / 2);
	hold_release(&Hold);
	assert_int_equal(pthread_join(thread, NULL), 0);
	hold_fini(&Hold);
	assert_ptr_equal(p, q);
	assert_int_equal(heap_usable(Heap, q), MIB / 2);
	assert_int_equal(figures().taken, MIB / 2);
	assert_int_equal(stats().allocated, MIB / 2);
	heap_free(Heap, q);
}
#endif

/* --- room ------------------------------------------------------------------------ */

enum {
	MAX_BLOCKS = 64 * 1024
};

/* Fill the heap with blocks of a size, free all, and say how many it were. */
struct fill {
	size_t size;
	size_t nr;
};

static void *
fill_and_free(void *arg)
{
	struct fill *fill = arg;
	static void *blocks[MAX_BLOCKS];

	for (fill->nr = 0; fill->nr < MAX_BLOCKS; fill->nr++) {
		blocks[fill->nr] = heap_alloc(Heap, fill->size, 0, false);
		if (blocks[fill->nr] == NULL)
			break;
		memset(blocks[fill->nr], 0xaa, fill->size);
	}
	for (size_t i = 0; i < fill->nr; i++)
		heap_free(Heap, blocks[i]);
	return NULL;
}

static void
test_every_thread_gets_what_the_first_got(void **state)
{
	static const size_t sizes[] = {1000, 10000, 30000};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t first = 0;

		for (int j = 0; j < 3; j++) {
			struct fill fill = {.size = sizes[i]};
			pthread_t thread;

			assert_int_equal(
			    pthread_create(&thread, NULL, fill_and_free, &fill),
			    0);
			assert_int_equal(pthread_join(thread, NULL), 0);
			first = j == 0 ? fill.nr : first;
			print_message("%zu of %zu bytes\n", fill.nr, sizes[i]);
			assert_true(fill.nr * 100 >= first * 98);
		}
		assert_true(first * sizes[i] >= SIZE / 100 * 85);
	}
	/* also in one piece */
	heap_free(Heap, alloc(SIZE));
}

static void
test_what_the_own_thread_keeps_is_no_obstacle(void **state)
{
	struct fill fill = {.size = 1000};

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)fill_and_free(&fill);
		assert_true(fill.nr * fill.size >= SIZE / 100 * 85);
		/* the caches of this thread are full now */
		heap_free(Heap, alloc(SIZE));
	}
}

/* Every other block of a full heap is free, so there is no room for a slab. */
static void
test_a_larger_block_stands_in_where_it_is_aligned(void **state)
{
	enum {
		NR = SIZE / 1792
	};
	static char *blocks[NR];
	size_t nr = 0, nr_aligned = 0, nr_stood_in = 0;
	char *p;

	(void)state;
	reopen_on_mapping();
	while ((p = heap_alloc(Heap, 1792, 0, false)) != NULL)
		blocks[nr++] = p;
	for (size_t i = 0; i < nr; i += 2)
		heap_free(Heap, blocks[i]);
	/* Of size 1,536, which 1,792 would stand in for. */
	while ((p = heap_alloc(Heap, 1100, 512, false)) != NULL) {
		assert_int_equal((uintptr_t)p % 512, 0);
		nr_aligned++;
	}
	assert_in_range(nr_aligned, 0, 100);
	while ((p = heap_alloc(Heap, 1500, 0, false)) != NULL)
		nr_stood_in++;
	assert_in_range(nr_stood_in, nr / 2 - 100, nr / 2);
	/* Less than half of a block would be used. */
	heap_free(Heap, blocks[1]);
	assert_null(heap_alloc(Heap, 768, 0, false));
	p = heap_alloc(Heap, 800, 0, false); /* of class 896 */
	assert_ptr_equal(p, blocks[1]);
	assert_int_equal(heap_usable(Heap, p), 1792);
}

static void
test_without_file_space_there_is_no_block(void **state)
{
	size_t taken = 0;
	char *p;

	(void)state;
	fake_backing_set_room(&Fake, 8 * MIB);
	while ((p = heap_alloc(Heap, 100000, 0, false)) != NULL)
		taken += heap_usable(Heap, p);
	assert_in_range(taken, 8 * MIB - 100000 - DK_PAGE, 8 * MIB);
	while (heap_alloc(Heap, 4096, 0, false) != NULL)
		;
	assert_true(fake_backing_counts(&Fake).max_held <= 8 * MIB);
	fake_backing_set_room(&Fake, SIZE);
	assert_non_null(heap_alloc(Heap, 4096, 0, false));
	assert_non_null(heap_alloc(Heap, 100000, 0, false));
}

static void
test_purge_gives_everything_free_back(void **state)
{
	struct fill fill = {.size = 3000};

	(void)state;
	(void)fill_and_free(&fill);
	char *p = alloc(MIB);
	char *q = alloc(100);
	heap_purge(Heap);
	assert_in_range(figures().taken, MIB, MIB + 64 * KIB);
	assert_int_equal(fake_backing_counts(&Fake).held, figures().taken);
	assert_true(test_all_bytes(p, 0xaa, MIB));
	assert_true(test_all_bytes(q, 0xaa, 100));
}

static void
test_stats_count_small_and_large_blocks(void **state)
{
	void *p[200];

	(void)state;
	assert_int_equal(stats().allocated, 0);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = alloc(1024);
	char *large = alloc(MIB);
	struct heap_stats s = stats();
	assert_int_equal(s.allocated, 200 * 1024 + MIB);
	assert_in_range(s.active, s.allocated, 2 * s.allocated);
	assert_true(s.resident >= s.active);
	assert_int_equal(s.resident, fake_backing_counts(&Fake).held);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		heap_free(Heap, p[i]);
	heap_free(Heap, large);
	assert_int_equal(stats().allocated, 0);
	heap_purge(Heap);
	assert_int_equal(stats().active, 0);
}

/* --- beginning and end -------------------------------------------------------------- */

static void
test_the_end_frees_all_of_the_region(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		for (size_t size = 1; size < 4 * MIB; size += size / 2 + 1)
			(void)alloc(size);
		assert_true(figures().taken > 8 * MIB);
		heap_free_all(Heap);
		assert_int_equal(figures().taken, 0);
		assert_int_equal(figures().longest_free, SIZE);
		assert_int_equal(heap_new(Region, &Heap), 0);
		/* nothing of it is taken for records */
		assert_int_equal(figures().taken, 0);
	}
}

static void
test_without_memory_there_is_no_heap(void **state)
{
	struct heap *heap = NULL;
	unsigned n = 0;
	int rc;

	(void)state;
	do {
		mock_os_fail_nth(++n, ENOMEM);
		(void)error_set(0, "%s", "");
		rc = heap_new(Region, &heap);
		if (mock_os_failed() == NULL)
			break;
		print_message("failed: %s\n", mock_os_failed());
		assert_int_equal(rc, -ENOMEM);
		assert_null(heap);
		assert_string_not_equal(error_text(), "");
	} while (n < 100);
	assert_int_equal(rc, 0);
	assert_in_range(n, 3, 99);
	heap_free_all(heap);
}

static char *
defrag(char *p)
{
	char *moved = heap_defrag(Heap, p);

	return moved != NULL ? moved : p;
}

/* Records are in DRAM: whoever looks at the region finds its blocks only. */
static void
test_the_heap_writes_nothing_to_its_region(void **state)
{
	uint64_t random = 3;
	char *p[300] = {NULL};

	(void)state;
	reopen_on_mapping();
	memset(Region->base, 0xaa, SIZE);
	for (int step = 0; step < 20000; step++) {
		size_t i = test_random_size(&random, 0, ARRAY_LEN(p) - 1);
		size_t size =
		    test_random_size(&random, 1, step % 8 == 0 ? 300000 : 3000);

		if (p[i] == NULL)
			p[i] = heap_alloc(Heap, size, 0, false);
		else if (step % 3 == 0)
			p[i] = heap_resize(Heap, p[i], size);
		else if (step % 5 == 0)
			p[i] = defrag(p[i]);
		else {
			heap_free(Heap, p[i]);
			p[i] = NULL;
		}
	}
	heap_purge(Heap);
	assert_true(test_all_bytes(Region->base, 0xaa, SIZE));
	heap_free_all(Heap);
	assert_true(test_all_bytes(Region->base, 0xaa, SIZE));
	assert_int_equal(heap_new(Region, &Heap), 0);
	assert_true(test_all_bytes(Region->base, 0xaa, SIZE));
}

static void
test_a_region_of_no_pages_has_no_room(void **state)
{
	struct daxkind_region *region;
	struct backing *b;
	struct heap *heap;

	(void)state;
	static char area[100];
	assert_int_equal(
	    backing_mapping_open(area, sizeof(area), BACKING_ANY_AREA, &b), 0);
	assert_int_equal(region_open(b, area, sizeof(area), &region), 0);
	assert_int_equal(heap_new(region, &heap), 0);
	assert_null(heap_alloc(heap, 1, 0, false));
	assert_null(heap_alloc(heap, 100000, 0, true));
	heap_free(heap, area);
	assert_int_equal(heap_usable(heap, area), 0);
	heap_free_all(heap);
	region_close(region);
}

#if !DK_SANITIZED
/* Addresses alone: no page of it is touched. */
static void
test_a_block_is_no_longer_than_its_word_can_say(void **state)
{
	const size_t size = PAGE_LARGE_MAX + 2 * DK_PAGE;
	struct daxkind_region *region;
	struct backing *b;
	struct heap *heap;
	void *area = NULL;

	(void)state;
	if (os_map_anon(size, &area) < 0) {
		print_message("skipped: there are no addresses for 8 TiB\n");
		return;
	}
	assert_int_equal(
	    backing_mapping_open(area, size, BACKING_ANY_AREA, &b), 0);
	assert_int_equal(region_open(b, area, size, &region), 0);
	assert_int_equal(heap_new(region, &heap), 0);
	assert_null(heap_alloc(heap, PAGE_LARGE_MAX + 1, 0, false));
	void *p = heap_alloc(heap, PAGE_LARGE_MAX, 0, false);
	assert_non_null(p);
	assert_int_equal(heap_usable(heap, p), PAGE_LARGE_MAX);
	assert_null(heap_resize(heap, p, PAGE_LARGE_MAX + 1));
	assert_int_equal(heap_usable(heap, p), PAGE_LARGE_MAX);
	heap_free(heap, p);
	heap_free_all(heap);
	region_close(region);
	assert_int_equal(os_unmap(area, size), 0);
}
#endif

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_large_blocks_are_whole_pages),
		UNIT(test_one_block_can_be_all_of_the_region),
		UNIT(test_absurd_sizes_do_not_fit),
		UNIT(test_alignment_is_honoured),
		UNIT(test_wanted_zero_it_is_over_dirty_pages),
		UNIT(test_large_blocks_begin_low_and_small_ones_high),
		UNIT(test_a_large_block_changes_where_it_is),
		UNIT(test_a_large_block_moves_when_it_must),
		UNIT(test_shrinking_never_fails),
		UNIT(test_a_small_block_keeps_its_bytes),
		UNIT(test_defrag_moves_large_blocks_down),
		UNIT(test_defrag_gathers_small_blocks),
		UNIT(test_a_large_block_is_freed_once),
		UNIT(test_a_small_block_is_freed_once),
		UNIT(test_the_middle_of_a_small_block_is_not_freed),
		UNIT(test_frees_of_what_is_no_block_are_counted),
		UNIT(test_pointers_that_are_no_blocks_are_ignored),
		UNIT(test_of_two_threads_one_frees),
#ifdef DK_DEBUG
		UNIT(test_who_is_late_frees_no_other_block),
#endif
		UNIT(test_every_thread_gets_what_the_first_got),
		UNIT(test_what_the_own_thread_keeps_is_no_obstacle),
		UNIT(test_a_larger_block_stands_in_where_it_is_aligned),
		UNIT(test_without_file_space_there_is_no_block),
		UNIT(test_purge_gives_everything_free_back),
		UNIT(test_stats_count_small_and_large_blocks),
		UNIT(test_the_end_frees_all_of_the_region),
		UNIT(test_without_memory_there_is_no_heap),
		UNIT(test_the_heap_writes_nothing_to_its_region),
		UNIT(test_a_region_of_no_pages_has_no_room),
#if !DK_SANITIZED
		UNIT(test_a_block_is_no_longer_than_its_word_can_say),
#endif
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
