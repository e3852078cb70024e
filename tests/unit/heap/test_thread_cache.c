// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_thread_cache.c -- small free blocks that a thread keeps for a heap: used
 * again, taken back by others, and gone with the thread or the heap, whichever
 * ends first.
 *
 * Holds these invariants: two live blocks never overlap; no room is said only
 * after every cache was emptied; a block never comes back from another heap.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/util.h"
#include "heap/cache_life.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "heap/size_class.h"
#include "heap/thread_cache.h"
#include "region/backing.h"
#include "region/reclaimer.h"
#include "region/region.h"

#define SIZE (64 * MIB)

struct place {
	struct test_area area;
	struct daxkind_region *region;
	struct heap *heap;
};

static struct place Place;

static void
open_place(struct place *place, size_t size)
{
	struct backing *b;

	test_area_map(&place->area, size);
	assert_int_equal(
	    backing_mapping_open(place->area.addr, size, 0, &b), 0);
	assert_int_equal(region_open(b, b->base, b->size, &place->region), 0);
	assert_int_equal(heap_new(place->region, &place->heap), 0);
}

static void
close_place(struct place *place)
{
	if (place->heap != NULL)
		heap_free_all(place->heap);
	place->heap = NULL;
	region_close(place->region);
	test_area_unmap(&place->area);
}

static int
setup(void **state)
{
	mock_os_reset();
	if (test_leaks_setup(state) != 0)
		return -1;
	open_place(&Place, SIZE);
	return 0;
}

static int
teardown(void **state)
{
	mock_os_reset();
	close_place(&Place);
	return test_leaks_teardown(state);
}

static size_t
cached(void)
{
	return thread_cache_bytes(&Place.heap->caches);
}

static void *
alloc(size_t size)
{
	void *p = heap_alloc(Place.heap, size, 0, false);

	assert_non_null(p);
	return p;
}

/* Run f(arg) in another thread to its end. */
static void
run(void *(*f)(void *arg), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, f, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* --- one thread ----------------------------------------------------------------- */

static void
test_what_was_freed_comes_back_first(void **state)
{
	static const size_t sizes[] = {1, 8, 100, 1000, 4096};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		void *p = alloc(sizes[i]);
		void *q = alloc(sizes[i]);

		assert_ptr_not_equal(p, q);
		size_t before = cached();
		heap_free(Place.heap, p);
		heap_free(Place.heap, q);
		size_t class_size = Size_classes.size[size_class_of(sizes[i])];
		assert_int_equal(cached(), before + 2 * class_size);
		assert_ptr_equal(alloc(sizes[i]), q);
		assert_ptr_equal(alloc(sizes[i]), p);
		assert_int_equal(cached(), before);
		heap_free(Place.heap, p);
		heap_free(Place.heap, q);
	}
}

static void
test_blocks_never_overlap(void **state)
{
	enum {
		NR = 3000
	};
	static struct {
		unsigned char *p;
		size_t size;
	} live[NR];
	uint64_t seed = (uint64_t)(test_now() * 1e9) | 1, random = seed;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	memset(live, 0, sizeof(live));
	for (size_t step = 0; step < 100000; step++) {
		size_t i = test_random_size(&random, 0, NR - 1);
		int mark = (int)(i % 255) + 1;

		if (live[i].p != NULL) {
			assert_int_equal(live[i].p[0], mark);
			assert_int_equal(live[i].p[live[i].size - 1], mark);
			if (step % 16 == 0)
				assert_true(test_all_bytes(
				    live[i].p, mark, live[i].size));
			heap_free(Place.heap, live[i].p);
			live[i].p = NULL;
		} else {
			live[i].size = test_random_size(&random, 1, 2000);
			live[i].p = alloc(live[i].size);
			memset(live[i].p, mark, live[i].size);
		}
	}
	for (size_t i = 0; i < NR; i++) {
		if (live[i].p != NULL)
			heap_free(Place.heap, live[i].p);
	}
}

/* Whether others may take from the calling thread's cache, and find nothing in
 * its hands. */
static bool
is_out(void)
{
	struct thread_cache *c = cache_in_slot(Place.heap->caches.slot);

	return atomic_load(&c->busy) == 0 && atomic_load(&c->at_slabs) % 2 == 0;
}

/* Who stayed inside would be waited for each time that memory is short. */
static void
test_every_call_leaves_the_cache(void **state)
{
	enum {
		NR = 2000
	};
	static void *p[NR];
	int here;

	(void)state;
	/* hits and misses; bins that are full; what is not small, or not ours */
	for (size_t i = 0; i < NR; i++) {
		p[i] = alloc(64);
		assert_true(is_out());
	}
	for (size_t i = 0; i < NR; i++) {
		heap_free(Place.heap, p[i]);
		assert_true(is_out());
	}
	void *large = alloc(MIB);
	assert_true(is_out());
	heap_free(Place.heap, large);
	assert_true(is_out());
	heap_free(Place.heap, &here);
	assert_true(is_out());
	/* a cache that is closed, and one that opens again */
	(void)thread_cache_reclaim(&Place.heap->caches);
	assert_true(is_out());
	p[0] = alloc(64);
	assert_true(is_out());
	heap_free(Place.heap, p[0]);
	assert_true(is_out());
}

/* However the pages of the heap look that are as far from its beginning. */
static void
test_what_is_not_the_heap_s_is_not_cached(void **state)
{
	static char here[2 * SIZE];

	(void)state;
	/* half of the pages have small blocks */
	for (size_t i = 0; i < SIZE / 2 / 64; i++)
		(void)alloc(64);
	const struct heap_caches *hc = &Place.heap->caches;
	size_t before = cached();
	for (size_t off = 0; off < sizeof(here); off += 64 * DK_PAGE) {
		const void *owner = hc->owner;

		assert_false(thread_cache_free(owner, hc->slot, here + off));
		assert_int_equal(
		    thread_cache_usable(owner, hc->slot, here + off), 0);
		heap_free(Place.heap, here + off);
	}
	assert_int_equal(cached(), before);
}

static void
test_a_cache_has_a_limit(void **state)
{
	enum {
		NR = 20000
	};
	static void *p[NR];

	(void)state;
	for (size_t size = 16; size <= 14 * KIB; size += size / 2) {
		size_t nr = min_size(NR, SIZE / 2 / size);

		for (size_t i = 0; i < nr; i++)
			p[i] = alloc(size);
		for (size_t i = 0; i < nr; i++)
			heap_free(Place.heap, p[i]);
	}
	print_message("%zu KiB\n", cached() / KIB);
	assert_true(cached() <= SIZE / 64);
	/* and what is over it went back */
	struct space_figures figures;
	region_get_figures(Place.region, &figures);
	assert_true(figures.taken <= SIZE / 8);
}

static void
test_a_small_region_has_small_caches(void **state)
{
	struct place small;
	static void *p[1000];
	size_t nr = 0;

	(void)state;
	open_place(&small, 4 * MIB);
	while (nr < ARRAY_LEN(p) &&
	       (p[nr] = heap_alloc(small.heap, 2000, 0, false)) != NULL)
		nr++;
	while (nr > 0)
		heap_free(small.heap, p[--nr]);
	assert_true(thread_cache_bytes(&small.heap->caches) <= 4 * MIB / 64);
	close_place(&small);
}

static void
test_without_memory_for_a_cache_there_are_blocks(void **state)
{
	(void)state;
	/* all pools are used up by whoever asks for a lot of records */
	mock_os_fail_all("os_map_anon", ENOMEM);
	for (int i = 0; i < 100; i++) {
		void *p = alloc(100);

		memset(p, 0xaa, 100);
		heap_free(Place.heap, p);
	}
	mock_os_reset();
}

static void
test_each_heap_has_its_own_blocks(void **state)
{
	/* more than a thread has slots: several share one */
	enum {
		NR = 2 * TLS_SLOTS + 5
	};
	static struct place places[NR];
	static void *p[NR][4];

	(void)state;
	for (size_t i = 0; i < NR; i++)
		open_place(&places[i], 4 * MIB);
	for (int round = 0; round < 5; round++) {
		for (size_t j = 0; j < 4; j++) {
			for (size_t i = 0; i < NR; i++) {
				p[i][j] =
				    heap_alloc(places[i].heap, 64, 0, false);
				assert_true(region_contains(
				    places[i].region, p[i][j], 64));
			}
		}
		for (size_t j = 0; j < 4; j++) {
			for (size_t i = 0; i < NR; i++)
				heap_free(places[i].heap, p[i][j]);
		}
	}
	/* in another order than they were made */
	for (size_t i = 0; i < NR; i += 2)
		close_place(&places[i]);
	for (size_t i = 1; i < NR; i += 2) {
		void *q = heap_alloc(places[i].heap, 64, 0, false);

		assert_true(region_contains(places[i].region, q, 64));
		close_place(&places[i]);
	}
}

/* --- others ------------------------------------------------------------------------ */

static void
test_reclaim_empties_the_own_cache(void **state)
{
	(void)state;
	assert_false(thread_cache_reclaim(&Place.heap->caches));
	void *p[50];
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = alloc(200);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		heap_free(Place.heap, p[i]);
	assert_true(cached() > 0);
	assert_true(thread_cache_reclaim(&Place.heap->caches));
	assert_int_equal(cached(), 0);
	assert_false(thread_cache_reclaim(&Place.heap->caches));
	/* and it goes on */
	void *q = alloc(200);
	heap_free(Place.heap, q);
	assert_ptr_equal(alloc(200), q);
	heap_free(Place.heap, q);
}

static pthread_barrier_t Barrier;

static void
meet(void)
{
	(void)pthread_barrier_wait(&Barrier);
}

/* Free blocks, wait twice, and go on. */
static void *
free_and_wait(void *arg)
{
	void *p[50];
	bool *right = arg;

	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = heap_alloc(Place.heap, 200, 0, false);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		heap_free(Place.heap, p[i]);
	meet();
	meet();
	*right = true;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = heap_alloc(Place.heap, 200, 0, false);
		*right = *right && p[i] != NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		heap_free(Place.heap, p[i]);
	return NULL;
}

static void
test_reclaim_empties_the_caches_of_others(void **state)
{
	pthread_t thread;
	bool right = false;

	(void)state;
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, free_and_wait, &right), 0);
	meet();
	size_t before = cached();
	bool any = thread_cache_reclaim(&Place.heap->caches);
	size_t after = cached();
	meet();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
	assert_true(before > 0);
	assert_true(any);
	assert_int_equal(after, 0);
	assert_true(right);
}

/* Seccomp may come after the start: nobody knows then whether the other is
 * inside of its cache. */
static void
test_without_a_barrier_nothing_is_taken_from_others(void **state)
{
	pthread_t thread;
	bool right = false;

	(void)state;
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, free_and_wait, &right), 0);
	meet();
	size_t before = cached();
	mock_os_fail_all("os_membarrier", EPERM);
	bool any = thread_cache_reclaim(&Place.heap->caches);
	size_t after = cached();
	bool again = thread_cache_reclaim_idle(&Place.heap->caches) &&
		     thread_cache_reclaim_idle(&Place.heap->caches);
	size_t at_last = cached();
	unsigned nr_asked = mock_os_nr_calls("os_membarrier");
	mock_os_reset();
	meet();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
	assert_true(before > 0);
	assert_false(any);
	assert_int_equal(after, before);
	assert_true(again); /* there is something still */
	assert_int_equal(at_last, before);
	assert_int_equal(nr_asked, 2);
	assert_true(right);
	/* one's own needs none */
	heap_free(Place.heap, alloc(200));
	mock_os_fail_all("os_membarrier", EPERM);
	assert_true(thread_cache_reclaim(&Place.heap->caches));
	assert_int_equal(cached(), 0);
}

static void
test_no_room_is_said_after_all_caches_are_empty(void **state)
{
	pthread_t thread;
	bool right = false;

	(void)state;
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, free_and_wait, &right), 0);
	meet();
	/* all of the region, of which the other thread caches a part */
	void *all = heap_alloc(Place.heap, SIZE, 0, false);
	if (all != NULL)
		heap_free(Place.heap, all);
	meet();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
	assert_non_null(all);
	assert_true(right);
}

static _Atomic(bool) Is_inside;
static _Atomic(bool) Was_left;

/* Frees a block and stays inside of its cache for a while. */
static void *
stay_inside(void *arg)
{
	struct thread_cache *c;

	heap_free(Place.heap, heap_alloc(Place.heap, 200, 0, false));
	c = cache_in_slot(Place.heap->caches.slot);
	*(bool *)arg = cache_enter(c, Place.heap->caches.owner);
	atomic_store(&Is_inside, true);
	test_sleep_ms(30);
	atomic_store(&Was_left, true);
	cache_leave(c);
	return NULL;
}

static void
test_reclaim_waits_for_who_is_inside(void **state)
{
	pthread_t thread;
	bool entered = false;

	(void)state;
	atomic_store(&Is_inside, false);
	atomic_store(&Was_left, false);
	assert_int_equal(
	    pthread_create(&thread, NULL, stay_inside, &entered), 0);
	while (!atomic_load(&Is_inside))
		test_sleep_ms(1);
	bool any = thread_cache_reclaim(&Place.heap->caches);
	bool was_left = atomic_load(&Was_left);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(entered);
	assert_true(any);
	assert_true(was_left);
}

/* Frees five blocks of a list, into its cache, and waits. */
static void *
free_some_and_wait(void *arg)
{
	void **blocks = arg;

	for (size_t i = 0; i < 5; i++)
		heap_free(Place.heap, blocks[i]);
	meet();
	meet();
	return NULL;
}

static size_t
fill(void **blocks, size_t max, size_t size)
{
	size_t nr = 0;

	while (nr < max) {
		blocks[nr] = heap_alloc(Place.heap, size, 0, false);
		if (blocks[nr] == NULL)
			break;
		nr++;
	}
	return nr;
}

static void
test_a_full_heap_notices_what_others_free(void **state)
{
	static const size_t sizes[] = {1024, 4096, 14336};
	static void *blocks[SIZE / 1024];
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		void *extra[6] = {NULL};
		size_t nr = fill(blocks, ARRAY_LEN(blocks), sizes[i]);

		print_message("%zu of %zu bytes\n", nr, sizes[i]);
		/* more than once: it may remember that it is full */
		for (int j = 0; j < 5; j++)
			assert_null(heap_alloc(Place.heap, sizes[i], 0, false));
		assert_int_equal(
		    pthread_create(&thread, NULL, free_some_and_wait, blocks),
		    0);
		meet();
		size_t nr_extra = fill(extra, ARRAY_LEN(extra), sizes[i]);
		meet();
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(nr_extra, 5);
		assert_null(heap_alloc(Place.heap, sizes[i], 0, false));
		/* a large block makes room for small ones, and the other way */
		for (size_t j = 0; j < 5; j++)
			heap_free(Place.heap, extra[j]);
		for (size_t j = 5; j < nr; j++)
			heap_free(Place.heap, blocks[j]);
		void *large = alloc(SIZE);
		assert_null(heap_alloc(Place.heap, sizes[i], 0, false));
		assert_null(heap_alloc(Place.heap, sizes[i], 0, false));
		assert_ptr_equal(
		    heap_resize(Place.heap, large, SIZE - 4 * MIB), large);
		heap_free(Place.heap, alloc(sizes[i]));
		heap_free(Place.heap, large);
		heap_free(Place.heap, alloc(SIZE));
	}
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
}

static void
test_idle_caches_are_emptied_at_the_second_look(void **state)
{
	(void)state;
	void *p = alloc(200);
	heap_free(Place.heap, p);
	assert_true(thread_cache_reclaim_idle(&Place.heap->caches));
	assert_true(cached() > 0);
	/* it was used since */
	(void)alloc(200);
	(void)alloc(300);
	assert_true(thread_cache_reclaim_idle(&Place.heap->caches));
	assert_true(cached() > 0);
	assert_false(thread_cache_reclaim_idle(&Place.heap->caches));
	assert_int_equal(cached(), 0);
}

static void
test_an_emptied_cache_is_filled_again(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		heap_free(Place.heap, alloc(200));
		assert_true(cached() > 0);
		thread_cache_empty(&Place.heap->caches);
		assert_int_equal(cached(), 0);
		heap_free(Place.heap, alloc(200));
		assert_true(cached() > 0);
		while (thread_cache_reclaim_idle(&Place.heap->caches))
			;
		assert_int_equal(cached(), 0);
	}
}

/* --- ends --------------------------------------------------------------------------- */

static void *
fill_cache(void *arg)
{
	void *p[100];

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = heap_alloc(Place.heap, 10 * (i + 1), 0, false);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		heap_free(Place.heap, p[i]);
	return NULL;
}

static void
test_a_thread_leaves_nothing_cached(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		run(fill_cache, NULL);
		assert_int_equal(cached(), 0);
	}
	/* one block can be all of the region */
	heap_free(Place.heap, alloc(SIZE));
}

/* A value of a thread whose destructor uses the heap: a second time the
 * thread has a cache, or none, but no block is lost. */
static pthread_key_t Late_key;

static _Atomic(unsigned) Nr_wrong;

static void
use_late(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		void *p = heap_alloc(Place.heap, 100, 0, false);

		if (p == NULL || !region_contains(Place.region, p, 100))
			atomic_fetch_add(&Nr_wrong, 1);
		heap_free(Place.heap, p);
	}
}

static void *
use_late_too(void *arg)
{
	(void)pthread_setspecific(Late_key, &Late_key);
	return fill_cache(arg);
}

static void
test_an_ending_thread_may_use_the_heap(void **state)
{
	(void)state;
	assert_int_equal(pthread_key_create(&Late_key, use_late), 0);
	for (int i = 0; i < 10; i++)
		run(use_late_too, NULL);
	assert_int_equal(pthread_key_delete(Late_key), 0);
	assert_int_equal(atomic_load(&Nr_wrong), 0);
	assert_int_equal(cached(), 0);
	heap_free(Place.heap, alloc(SIZE));
}

/* Has used jemalloc, whose data are gone then, but no heap like this one. */
static void *
use_late_only(void *arg)
{
	void *p = je_alloc(*(unsigned *)arg, 100, 0, false);

	je_free(p);
	return pthread_setspecific(Late_key, &Late_key) == 0 ? p : NULL;
}

static void
test_an_ending_thread_may_use_its_first_heap(void **state)
{
	unsigned arena = 0;

	(void)state;
	assert_int_equal(arena_set_get(&Place.heap->arenas, &arena), 0);
	atomic_store(&Nr_wrong, 0);
	assert_int_equal(pthread_key_create(&Late_key, use_late), 0);
	for (int i = 0; i < 10; i++)
		run(use_late_only, &arena);
	assert_int_equal(pthread_key_delete(Late_key), 0);
	assert_int_equal(atomic_load(&Nr_wrong), 0);
	assert_int_equal(cached(), 0);
	heap_free(Place.heap, alloc(SIZE));
}

/* Has a cache of a heap that ends before it. */
static void *
outlive_heap(void *arg)
{
	bool *right = arg;

	(void)fill_cache(NULL);
	meet();
	/* there is another heap now */
	meet();
	(void)fill_cache(NULL);
	void *p = heap_alloc(Place.heap, 100, 0, false);
	*right = p != NULL && region_contains(Place.region, p, 100);
	heap_free(Place.heap, p);
	return NULL;
}

static void
test_a_heap_may_end_before_a_thread(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	for (int i = 0; i < 3 * TLS_SLOTS; i++) {
		bool right = false;

		assert_int_equal(
		    pthread_create(&thread, NULL, outlive_heap, &right), 0);
		meet();
		heap_free_all(Place.heap);
		assert_int_equal(heap_new(Place.region, &Place.heap), 0);
		meet();
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_true(right);
		assert_int_equal(cached(), 0);
	}
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
}

/* A thread that has used many heaps holds next to nothing of those that ended:
 * first the stacks go, then, when it next comes by, the records. */
static void
test_heaps_that_ended_leave_no_pages(void **state)
{
	enum {
		NR = 100,
		KEPT = 16
	};
	static struct place places[NR];

	(void)state;
	heap_free(Place.heap, alloc(100));
	for (size_t i = 0; i < NR; i++) {
		open_place(&places[i], MIB);
		assert_non_null(heap_alloc(places[i].heap, 100, 0, false));
	}
	mock_os_reset();
	for (size_t i = 0; i < NR; i++)
		close_place(&places[i]);
	assert_in_range(mock_os_nr_calls("os_drop_pages"), NR - KEPT, NR);
	assert_in_range(Thread_caches->nr_dead, NR, NR + KEPT);
	mock_os_reset();
	/* of a class of which it has none */
	heap_free(Place.heap, alloc(2000));
	assert_int_equal(Thread_caches->nr_dead, 0);
	assert_in_range(mock_os_nr_calls("os_drop_pages"), NR - KEPT, NR);
}

static void *
fill_cache_and_meet(void *arg)
{
	(void)fill_cache(arg);
	meet();
	return NULL; /* and now its destructor runs */
}

static void
test_a_heap_and_a_thread_may_end_at_once(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_barrier_init(&Barrier, NULL, 2), 0);
	for (int i = 0; i < 300; i++) {
		struct space_figures figures;

		assert_int_equal(
		    pthread_create(&thread, NULL, fill_cache_and_meet, NULL),
		    0);
		meet();
		heap_free_all(Place.heap);
		region_get_figures(Place.region, &figures);
		assert_int_equal(figures.taken, 0);
		assert_int_equal(heap_new(Place.region, &Place.heap), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
}

/* --- all at once -------------------------------------------------------------------- */

enum {
	NR_WORKERS = 3,
	NR_HELD = 200,
	NR_SHARED = 64
};

static _Atomic(bool) Stop;
/* Blocks that one thread allocates and another frees. */
static _Atomic(uint64_t *) Shared[NR_SHARED];

/* A block begins and ends with its address, xored with its tag. */
static bool
check_and_free(uint64_t *p)
{
	uint64_t tag = p[0] ^ (uint64_t)(uintptr_t)p;
	bool right = p[1] == ~p[0] && tag == 0x5eed;

	p[0] = 0;
	heap_free(Place.heap, p);
	return right;
}

static uint64_t *
alloc_tagged(size_t size)
{
	uint64_t *p = heap_alloc(Place.heap, size, 0, false);

	if (p != NULL) {
		p[0] = (uint64_t)(uintptr_t)p ^ 0x5eed;
		p[1] = ~p[0];
	}
	return p;
}

static void *
work(void *arg)
{
	uint64_t *held[NR_HELD] = {NULL};
	uint64_t random = *(uint64_t *)arg;
	bool right = true;

	while (right && !atomic_load(&Stop)) {
		size_t i = test_random_size(&random, 0, NR_HELD - 1);
		size_t j = test_random_size(&random, 0, NR_SHARED - 1);

		if (held[i] != NULL) {
			right = check_and_free(held[i]);
			held[i] = NULL;
		} else {
			held[i] =
			    alloc_tagged(test_random_size(&random, 16, 1000));
		}
		if (test_random(&random) % 4 == 0) {
			uint64_t *p =
			    atomic_exchange(&Shared[j], alloc_tagged(64));

			right = right && (p == NULL || check_and_free(p));
		}
	}
	for (size_t i = 0; right && i < NR_HELD; i++)
		right = held[i] == NULL || check_and_free(held[i]);
	*(uint64_t *)arg = right;
	return NULL;
}

static void
test_blocks_are_sound_while_caches_are_taken_away(void **state)
{
	pthread_t threads[NR_WORKERS];
	uint64_t args[NR_WORKERS];
	double until = test_now() + 0.6;
	unsigned nr = 0;

	(void)state;
	atomic_store(&Stop, false);
	for (size_t i = 0; i < NR_WORKERS; i++) {
		args[i] = i + 1;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &args[i]), 0);
	}
	for (; test_now() < until; nr++) {
		if (nr % 2 == 0)
			(void)thread_cache_reclaim(&Place.heap->caches);
		else
			thread_cache_reclaim_idle(&Place.heap->caches);
		(void)cached();
	}
	atomic_store(&Stop, true);
	for (size_t i = 0; i < NR_WORKERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (size_t i = 0; i < NR_WORKERS; i++)
		assert_int_equal(args[i], 1);
	for (size_t i = 0; i < NR_SHARED; i++) {
		uint64_t *p = atomic_exchange(&Shared[i], NULL);

		assert_true(p == NULL || check_and_free(p));
	}
	print_message("%u times taken away\n", nr);
	/* nothing was lost */
	heap_free(Place.heap, alloc(SIZE));
}

/* --- size classes ----------------------------------------------------------------- */

static void
test_a_block_has_the_size_of_its_class(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		void *p = alloc(Size_classes.size[i]);

		assert_int_equal(je_usable(p), Size_classes.size[i]);
		assert_int_equal(
		    heap_usable(Place.heap, p), Size_classes.size[i]);
		heap_free(Place.heap, p);
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_what_was_freed_comes_back_first),
	    UNIT(test_blocks_never_overlap),
	    UNIT(test_every_call_leaves_the_cache),
	    UNIT(test_what_is_not_the_heap_s_is_not_cached),
	    UNIT(test_a_cache_has_a_limit),
	    UNIT(test_a_small_region_has_small_caches),
	    UNIT(test_without_memory_for_a_cache_there_are_blocks),
	    UNIT(test_each_heap_has_its_own_blocks),
	    UNIT(test_reclaim_empties_the_own_cache),
	    UNIT(test_reclaim_empties_the_caches_of_others),
	    UNIT(test_without_a_barrier_nothing_is_taken_from_others),
	    UNIT(test_reclaim_waits_for_who_is_inside),
	    UNIT(test_no_room_is_said_after_all_caches_are_empty),
	    UNIT(test_a_full_heap_notices_what_others_free),
	    UNIT(test_idle_caches_are_emptied_at_the_second_look),
	    UNIT(test_an_emptied_cache_is_filled_again),
	    UNIT(test_a_thread_leaves_nothing_cached),
	    UNIT(test_an_ending_thread_may_use_the_heap),
	    UNIT(test_an_ending_thread_may_use_its_first_heap),
	    UNIT(test_a_heap_may_end_before_a_thread),
	    UNIT(test_heaps_that_ended_leave_no_pages),
	    UNIT(test_a_heap_and_a_thread_may_end_at_once),
	    UNIT(test_blocks_are_sound_while_caches_are_taken_away),
	    UNIT(test_a_block_has_the_size_of_its_class),
	};

	return cmocka_run_group_tests_name("thread_cache", tests, NULL, NULL);
}
