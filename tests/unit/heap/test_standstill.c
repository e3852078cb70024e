// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_standstill.c -- a thread that stands still, stopped or off the
 * processor, anywhere in the heap: others can have all free memory but the slab
 * that it works on; for that they wait, and not for ever.
 *
 * Each case holds the thread at the point that matters (hold.h).
 */
#include "../../support/cmocka_all.h"

#include "../../support/hold.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "heap/heap.h"
#include "heap/thread_cache.h"
#include "region/backing.h"
#include "region/reclaimer.h"
#include "region/region.h"

#ifndef DK_DEBUG
int
main(void)
{
	puts("skipped: only builds with --enable-debug have points at which a "
	     "thread can be held");
	return 77;
}
#else

/* One arena, which all threads share. */
#define SIZE (32 * MIB)
enum {
	MAX_BLOCKS = 512 * 1024
};

static struct test_area Area;
static struct daxkind_region *Region;
static struct heap *Heap;
static struct hold Hold;
static void *Blocks[MAX_BLOCKS];
static void *Pages[SIZE / DK_PAGE];

static int
setup(void **state)
{
	struct backing *b;

	mock_os_reset();
	if (test_leaks_setup(state) != 0)
		return -1;
	test_area_map(&Area, SIZE);
	assert_int_equal(backing_mapping_open(Area.addr, SIZE, 0, &b), 0);
	assert_int_equal(region_open(b, b->base, b->size, &Region), 0);
	assert_int_equal(heap_new(Region, &Heap), 0);
	assert_int_equal(Heap->arenas.nr_slots, 1);
	hold_init(&Hold);
	return 0;
}

static int
teardown(void **state)
{
	mock_os_reset();
	hold_call_no_more();
	hold_fini(&Hold);
	heap_free_all(Heap);
	region_close(Region);
	test_area_unmap(&Area);
	return test_leaks_teardown(state);
}

static size_t
fill(size_t size, void **blocks, size_t max)
{
	size_t nr = 0;

	while (
	    nr < max && (blocks[nr] = heap_alloc(Heap, size, 0, false)) != NULL)
		nr++;
	assert_true(nr < max);
	return nr;
}

static size_t
fill_with_pages(void)
{
	size_t nr = 0;

	while (nr < ARRAY_LEN(Pages) &&
	       (Pages[nr] = heap_alloc_pages(Heap, 1, false)) != NULL)
		nr++;
	return nr;
}

/* What a thread does that is held, and where. */
struct doing {
	const char *point;
	void **blocks; /* to free */
	size_t nr;
};

static void *
free_blocks(void *arg)
{
	struct doing *doing = arg;

	hold_at(&Hold, doing->point, 1);
	for (size_t i = 0; i < doing->nr; i++)
		heap_free(Heap, doing->blocks[i]);
	return NULL;
}

static void
start(pthread_t *thread, void *(*f)(void *arg), void *arg)
{
	assert_int_equal(pthread_create(thread, NULL, f, arg), 0);
	hold_wait(&Hold);
}

static void
finish(pthread_t thread)
{
	hold_release(&Hold);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static unsigned Nr_pauses;

static void
count_pause(void *arg)
{
	(void)arg;
	Nr_pauses++;
}

static void
release_at_pause(void *arg)
{
	(void)arg;
	Nr_pauses++;
	/* Others can use the heap meanwhile: its lock is not held. */
	(void)thread_cache_bytes(&Heap->caches);
	hold_release(&Hold);
}

static void
watch_pauses(void (*f)(void *arg))
{
	Nr_pauses = 0;
	hold_call("waiting for another thread", f, NULL);
}

/* --- in free ------------------------------------------------------------------- */

/* In the middle of giving back a slab that has become free. */
static void
test_who_stands_in_free_keeps_only_its_slab(void **state)
{
	static const size_t sizes[] = {7000, 10000, 3000};
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t nr = fill(sizes[i], Blocks, MAX_BLOCKS);
		/* The first slab's, and more than one of these fill no slab. */
		struct doing doing = {"pages go back", Blocks, 16};

		hold_fini(&Hold);
		hold_init(&Hold);
		start(&thread, free_blocks, &doing);
		for (size_t j = 16; j < nr; j++)
			heap_free(Heap, Blocks[j]);
		void *large = heap_alloc(Heap, MIB, 0, false);
		struct space_figures figures;
		region_get_figures(Region, &figures);
		size_t nr_pages = fill_with_pages();
		for (size_t j = 0; j < nr_pages; j++)
			heap_free(Heap, Pages[j]);
		heap_free(Heap, large);
		finish(thread);
		assert_non_null(large);
		print_message("%zu of %zu bytes, then %zu pages of %zu\n", nr,
		    sizes[i], nr_pages, (SIZE - MIB) / DK_PAGE);
		/* 16 blocks are in its hands, in that many slabs at most */
		assert_true(nr_pages + 16 * 7 >= (SIZE - MIB) / DK_PAGE);
	}
}

/* Each block is the last of its slab, so that one that is lost is a page. */
static size_t
make_lonely_blocks(size_t nr_slabs, void **lonely)
{
	enum {
		PER_SLAB = 64
	};

	/* Blocks of 64 bytes, in the order of their addresses about. */
	for (size_t i = 0; i < nr_slabs * PER_SLAB; i++) {
		Blocks[i] = heap_alloc(Heap, 64, 0, false);
		assert_non_null(Blocks[i]);
	}
	size_t nr = 0;
	for (size_t i = 0; i < nr_slabs * PER_SLAB; i++) {
		bool is_first = (uintptr_t)Blocks[i] % DK_PAGE == 0;

		if (is_first && nr < nr_slabs)
			lonely[nr++] = Blocks[i];
		else
			heap_free(Heap, Blocks[i]);
	}
	(void)thread_cache_reclaim(&Heap->caches);
	return nr;
}

static void
test_what_is_on_its_way_out_of_a_cache_is_found(void **state)
{
	enum {
		NR = 100
	};
	void *lonely[NR];
	pthread_t thread;

	(void)state;
	size_t nr = make_lonely_blocks(NR, lonely);
	assert_true(nr > 80);
	/* the rest of the region is full */
	size_t nr_full = fill_with_pages();
	void *const last = Pages[nr_full - 1];
	assert_null(heap_alloc_pages(Heap, 1, false));
	/* Caches are open again, and the other thread's gets too full. */
	atomic_store(&Heap->caches.reopen_countdown, 0);
	struct doing doing = {"a block is out of the outbox", lonely, nr};
	start(&thread, free_blocks, &doing);
	size_t nr_more = fill_with_pages();
	for (size_t i = 0; i < nr_more; i++)
		heap_free(Heap, Pages[i]);
	heap_free(Heap, last);
	finish(thread);
	/* It stands at the first that leaves its bin, which has room for 64. */
	print_message("%zu pages\n", nr_more);
	assert_int_equal(nr_more, 65 - 1);
}

/* As where a page has gone bad: nothing of it is left in a thread's keeping. */
static void
test_what_is_on_its_way_is_emptied_with_its_cache(void **state)
{
	enum {
		NR = 200
	};
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < NR; i++)
		Blocks[i] = heap_alloc(Heap, 200, 0, false);
	thread_cache_empty(&Heap->caches);
	struct doing doing = {"a block is out of the outbox", Blocks, NR};
	start(&thread, free_blocks, &doing);
	size_t before = thread_cache_bytes(&Heap->caches);
	thread_cache_empty(&Heap->caches);
	size_t after = thread_cache_bytes(&Heap->caches);
	finish(thread);
	assert_true(before > 0);
	assert_int_equal(after, 0);
}

static void *
alloc_all(void)
{
	return heap_alloc(Heap, SIZE, 0, false);
}

static sem_t Is_in, May_leave;

static void
init_sems(void)
{
	assert_int_equal(sem_init(&Is_in, 0, 0), 0);
	assert_int_equal(sem_init(&May_leave, 0, 0), 0);
}

static void
fini_sems(void)
{
	assert_int_equal(sem_destroy(&May_leave), 0);
	assert_int_equal(sem_destroy(&Is_in), 0);
}

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		;
}

/* Free a block past its cache, which is closed meanwhile. */
static void *
free_past_cache(void *arg)
{
	void *p = heap_alloc(Heap, 64, 0, false);

	(void)sem_post(&Is_in);
	wait_for(&May_leave);
	hold_at(&Hold, "pages go back", 1);
	heap_free(Heap, p);
	return arg;
}

/* It holds the only slab that there is. */
static void
start_free_past_cache(pthread_t *thread)
{
	init_sems();
	assert_int_equal(
	    pthread_create(thread, NULL, free_past_cache, NULL), 0);
	wait_for(&Is_in);
	(void)thread_cache_reclaim(&Heap->caches);
	(void)sem_post(&May_leave);
	hold_wait(&Hold);
}

/* Stand at the first block that leaves the cache, and again when it is back in
 * its slab, which was not said yet. */
static void
stand_with_block(void *arg)
{
	(void)arg;
	hold_call_no_more();
	(void)sem_post(&Is_in);
	wait_for(&May_leave);
}

static void *
free_and_stand_twice(void *arg)
{
	struct doing *doing = arg;

	hold_call("a block is out of the outbox", stand_with_block, NULL);
	hold_at(&Hold, doing->point, 1);
	for (size_t i = 0; i < doing->nr; i++)
		heap_free(Heap, doing->blocks[i]);
	return NULL;
}

/* A class looks full only as long as no other thread may have freed a block of
 * it; nobody waits for that thread again. */
static void
test_a_block_that_came_back_untold_is_found(void **state)
{
	static void *again[MAX_BLOCKS];
	struct doing doing = {"blocks are back in their slabs", Blocks, 200};
	pthread_t thread;

	(void)state;
	(void)fill(1000, Blocks, MAX_BLOCKS);
	size_t nr_full = fill_with_pages();
	assert_null(heap_alloc(Heap, 1000, 0, false));
	atomic_store(&Heap->caches.reopen_countdown, 0);
	init_sems();
	assert_int_equal(
	    pthread_create(&thread, NULL, free_and_stand_twice, &doing), 0);
	wait_for(&Is_in);
	size_t nr = fill(1000, again, MAX_BLOCKS);
	assert_null(heap_alloc(Heap, 1000, 0, false));
	(void)sem_post(&May_leave);
	hold_wait(&Hold);
	watch_pauses(count_pause);
	void *last = heap_alloc(Heap, 1000, 0, false);
	hold_call_no_more();
	finish(thread);
	fini_sems();
	print_message("%zu blocks, %u pauses\n", nr, Nr_pauses);
	assert_true(nr > 0);
	assert_non_null(last);
	assert_int_equal(Nr_pauses, 0);
	for (size_t i = 0; i < nr_full; i++)
		heap_free(Heap, Pages[i]);
}

static void
test_for_the_slab_itself_others_wait(void **state)
{
	pthread_t thread;

	(void)state;
	start_free_past_cache(&thread);
	watch_pauses(release_at_pause);
	void *all = alloc_all();
	hold_call_no_more();
	finish(thread);
	fini_sems();
	assert_true(Nr_pauses > 0);
	assert_non_null(all);
	heap_free(Heap, all);
}

static void
test_nobody_waits_for_ever_nor_twice(void **state)
{
	pthread_t thread;

	(void)state;
	start_free_past_cache(&thread);
	watch_pauses(count_pause);
	void *first = alloc_all();
	unsigned nr_first = Nr_pauses;
	void *second = alloc_all();
	unsigned nr_second = Nr_pauses - nr_first;
	hold_call_no_more();
	finish(thread);
	fini_sems();
	assert_null(first);
	assert_true(nr_first > 0);
	assert_null(second);
	assert_int_equal(nr_second, 0);
	/* and what it kept is there again */
	void *third = alloc_all();
	assert_non_null(third);
	heap_free(Heap, third);
}

/* --- inside its cache ----------------------------------------------------------- */

static _Atomic(bool) Was_left;

/* Caches a block and stays inside of its cache. */
static void *
stay_inside(void *arg)
{
	void *p = heap_alloc(Heap, 200, 0, false);
	struct thread_cache *c;

	(void)arg;
	heap_free(Heap, p);
	c = cache_in_slot(Heap->caches.slot);
	bool entered = cache_enter(c, Heap->caches.owner);
	(void)sem_post(&Is_in);
	wait_for(&May_leave);
	atomic_store(&Was_left, true);
	cache_leave(c);
	/* and it goes on, with a cache that is its own again */
	p = heap_alloc(Heap, 200, 0, false);
	heap_free(Heap, p);
	bool is_own = atomic_load(&c->owner) == Heap->caches.owner;
	return entered && p != NULL && is_own ? Heap : NULL;
}

static void
start_inside(pthread_t *thread)
{
	init_sems();
	atomic_store(&Was_left, false);
	assert_int_equal(pthread_create(thread, NULL, stay_inside, NULL), 0);
	wait_for(&Is_in);
}

static void
finish_inside(pthread_t thread)
{
	void *result;

	assert_int_equal(sem_post(&May_leave), 0);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_non_null(result);
	fini_sems();
}

static void
leave_at_pause(void *arg)
{
	(void)arg;
	Nr_pauses++;
	(void)thread_cache_bytes(&Heap->caches);
	if (Nr_pauses == 1)
		(void)sem_post(&May_leave);
}

static void
test_who_is_inside_its_cache_is_waited_for(void **state)
{
	pthread_t thread;

	(void)state;
	start_inside(&thread);
	watch_pauses(leave_at_pause);
	bool any = thread_cache_reclaim(&Heap->caches);
	bool was_left = atomic_load(&Was_left);
	size_t cached = thread_cache_bytes(&Heap->caches);
	hold_call_no_more();
	finish_inside(thread);
	assert_true(any);
	assert_true(was_left);
	assert_true(Nr_pauses > 0);
	(void)cached;
}

/* It keeps its cache, and is not waited for: room is not short. */
static void
test_who_is_inside_is_not_idle(void **state)
{
	pthread_t thread;

	(void)state;
	start_inside(&thread);
	size_t before = thread_cache_bytes(&Heap->caches);
	watch_pauses(count_pause);
	for (int i = 0; i < 3; i++)
		(void)thread_cache_reclaim_idle(&Heap->caches);
	hold_call_no_more();
	const struct thread_cache *c = Heap->caches.list;
	bool is_alone = c != NULL && c->heap_next == NULL;
	bool is_own = is_alone && atomic_load(&c->owner) == Heap->caches.owner;
	size_t after = thread_cache_bytes(&Heap->caches);
	finish_inside(thread);
	assert_true(is_own);
	assert_int_equal(Nr_pauses, 0);
	assert_int_not_equal(before, 0);
	assert_int_equal(after, before);
}

/* Pauses sleep: a thread of lower priority on the same processor has to run. */
static void
test_waiting_is_no_spinning(void **state)
{
	pthread_t thread;

	(void)state;
	start_inside(&thread);
	watch_pauses(leave_at_pause);
	mock_os_reset();
	(void)thread_cache_reclaim(&Heap->caches);
	hold_call_no_more();
	finish_inside(thread);
	assert_int_equal(mock_os_nr_calls("os_pause"), Nr_pauses);
}

static void
test_who_stays_inside_keeps_only_its_cache(void **state)
{
	pthread_t thread;
	void *own[40];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		own[i] = heap_alloc(Heap, 100, 0, false);
	start_inside(&thread);
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		heap_free(Heap, own[i]);
	size_t before = thread_cache_bytes(&Heap->caches);
	watch_pauses(count_pause);
	(void)thread_cache_reclaim(&Heap->caches);
	unsigned nr_first = Nr_pauses;
	size_t after = thread_cache_bytes(&Heap->caches);
	(void)thread_cache_reclaim(&Heap->caches);
	unsigned nr_second = Nr_pauses - nr_first;
	/* all but what it may have its hands on can be had */
	void *large = heap_alloc(Heap, SIZE - MIB, 0, false);
	hold_call_no_more();
	finish_inside(thread);
	print_message("%zu bytes, then %zu; %u pauses, then %u\n", before,
	    after, nr_first, nr_second);
	assert_true(after < before && after > 0);
	assert_true(nr_first > 0);
	assert_true(nr_second < nr_first / 10);
	assert_non_null(large);
	heap_free(Heap, large);
	/* The thread has ended, and left nothing. */
	assert_int_equal(thread_cache_bytes(&Heap->caches), 0);
	large = alloc_all();
	assert_non_null(large);
	heap_free(Heap, large);
}

/*
 * A store of the other thread may be on its way while it reads on: its mark
 * that it is inside is seen only after the barrier.
 */
static struct thread_cache *Theirs;
static void *Popped;

static void *
pop_without_being_seen(void *arg)
{
	void *p[3];

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		p[i] = heap_alloc(Heap, 200, 0, false);
	for (size_t i = 0; i < ARRAY_LEN(p); i++)
		heap_free(Heap, p[i]);
	Theirs = cache_in_slot(Heap->caches.slot);
	struct cache_bin *bin = cache_bin(Theirs, size_class_word(200));
	void **top = cache_top(bin);
	Popped = top[-1];
	(void)sem_post(&Is_in);
	wait_for(&May_leave);
	cache_set_top(bin, top - 1);
	cache_leave(Theirs);
	return Heap;
}

static void
let_marks_be_seen(void *arg)
{
	(void)arg;
	atomic_store(&Theirs->busy, 1);
}

static void
test_a_barrier_comes_before_looking_who_is_inside(void **state)
{
	pthread_t thread;
	bool is_given_twice = false;

	(void)state;
	init_sems();
	assert_int_equal(
	    pthread_create(&thread, NULL, pop_without_being_seen, NULL), 0);
	wait_for(&Is_in);
	watch_pauses(leave_at_pause);
	mock_os_call_at_membarrier(let_marks_be_seen, NULL);
	(void)thread_cache_reclaim(&Heap->caches);
	mock_os_reset();
	hold_call_no_more();
	for (size_t i = 0; i < 1000; i++)
		is_given_twice =
		    is_given_twice || heap_alloc(Heap, 200, 0, false) == Popped;
	finish_inside(thread);
	assert_false(is_given_twice);
}

/* --- ending ---------------------------------------------------------------------- */

static void *
cache_and_end(void *arg)
{
	heap_free(Heap, heap_alloc(Heap, 64, 0, false));
	hold_at(&Hold, "pages go back", 1);
	return arg;
}

static void
test_an_ending_thread_is_waited_for(void **state)
{
	pthread_t thread;

	(void)state;
	start(&thread, cache_and_end, NULL);
	/* Who looks for room takes this lock. */
	int err = pthread_mutex_trylock(&Heap->caches.lock.mutex);
	if (err == 0)
		(void)pthread_mutex_unlock(&Heap->caches.lock.mutex);
	finish(thread);
	assert_int_equal(err, EBUSY);
	void *large = alloc_all();
	assert_non_null(large);
	heap_free(Heap, large);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_who_stands_in_free_keeps_only_its_slab),
	    UNIT(test_what_is_on_its_way_out_of_a_cache_is_found),
	    UNIT(test_a_block_that_came_back_untold_is_found),
	    UNIT(test_what_is_on_its_way_is_emptied_with_its_cache),
	    UNIT(test_for_the_slab_itself_others_wait),
	    UNIT(test_nobody_waits_for_ever_nor_twice),
	    UNIT(test_who_is_inside_its_cache_is_waited_for),
	    UNIT(test_who_is_inside_is_not_idle),
	    UNIT(test_waiting_is_no_spinning),
	    UNIT(test_who_stays_inside_keeps_only_its_cache),
	    UNIT(test_a_barrier_comes_before_looking_who_is_inside),
	    UNIT(test_an_ending_thread_is_waited_for),
	};

	return cmocka_run_group_tests_name("standstill", tests, NULL, NULL);
}
#endif
