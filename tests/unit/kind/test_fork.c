// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fork.c -- a fork of a threaded program: whatever another thread was
 * about, the child can go on with kinds over memory of its own.
 *
 * Each case holds the other thread at the point that matters (hold.h).
 */
#include "../../support/cmocka_all.h"

#include "../../support/hold.h"
#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <memkind_fixed.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/heap.h"
#include "heap/thread_cache.h"
#include "kind/kind.h"
#include "kind/kind_fork.h"
#include "kind/kind_registry.h"
#include "kind/sigbus.h"
#include "region/backing.h"
#include "region/reclaimer.h"
#include "region/region.h"

#define SIZE (16 * MIB)

/* A kind over memory that the child gets a copy of. */
struct place {
	void *map;
	struct daxkind_region *region;
	struct memkind *kind;
	struct heap *heap;
};

static struct place Place;

static bool
open_place(struct place *place)
{
	struct backing *b;

	place->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (place->map == MAP_FAILED ||
	    backing_mapping_open(place->map, SIZE, 0, &b) < 0 ||
	    region_open(b, b->base, b->size, &place->region) < 0)
		return false;
	struct kind_spec spec = {
	    .region = place->region,
	    .capacity = SIZE,
	    .ops = &MEMKIND_FIXED_OPS,
	    .name = "test",
	};
	if (kind_new(&spec, &place->kind) < 0)
		return false;
	place->heap = place->kind->heap;
	return true;
}

static bool
close_place(struct place *place)
{
	int rc = kind_free(place->kind);

	region_close(place->region);
	return munmap(place->map, SIZE) == 0 && rc == 0;
}

static int
setup(void **state)
{
	mock_os_reset();
	if (!kind_fork_is_safe() || test_leaks_setup(state) != 0 ||
	    !open_place(&Place))
		return -1;
	return 0;
}

static int
teardown(void **state)
{
	if (!close_place(&Place))
		return -1;
	return test_leaks_teardown(state);
}

/* Make a kind, use it in this thread and in one of its own, and end it. */
static void *
use_place(void *arg)
{
	struct place *place = arg;

	for (size_t size = 8; size < 100000; size += size / 2 + 8) {
		void *p = heap_alloc(place->heap, size, 0, true);

		if (p == NULL)
			return NULL;
		heap_free(place->heap, p);
	}
	return arg;
}

static bool
use_in_thread(struct place *place)
{
	pthread_t thread;
	void *result;

	return pthread_create(&thread, NULL, use_place, place) == 0 &&
	       pthread_join(thread, &result) == 0 && result != NULL;
}

static bool
use_new_place(void)
{
	struct place place;

	return open_place(&place) && use_place(&place) != NULL &&
	       use_in_thread(&place) && close_place(&place);
}

/* --- the order of locks --------------------------------------------------------- */

/* Debug builds abort where it is wrong. */
static int
use_all(void *arg)
{
	struct place *places = arg;

	(void)alarm(150);
	for (size_t i = 0; i < 3; i++) {
		if (!use_in_thread(&places[i]) || !close_place(&places[i]))
			return 1;
	}
	return use_new_place() ? 0 : 2;
}

static void
test_locks_are_taken_in_the_order_of_ranks(void **state)
{
	struct place places[3];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		assert_true(open_place(&places[i]));
		assert_true(use_in_thread(&places[i]));
	}
	assert_int_equal(test_in_child(use_all, places), 0);
	assert_int_equal(use_all(places), 0);
	(void)alarm(0);
}

#if !DK_SANITIZED
static int
start_reclaimer_in_child(void *arg)
{
	(void)arg;
	(void)alarm(60);
	if (test_nr_threads() != 1)
		return 1;
	/* The parent's is not here. */
	if (reclaimer_set(true, NULL) != 0 || test_nr_threads() != 2)
		return 2;
	return reclaimer_set(false, NULL) == 0 && test_nr_threads() == 1 ? 0
									 : 3;
}

static void
test_a_child_starts_its_own_reclaimer(void **state)
{
	(void)state;
	assert_int_equal(reclaimer_set(true, NULL), 0);
	int status = test_in_child(start_reclaimer_in_child, NULL);
	size_t nr_threads = test_nr_threads();
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_int_equal(status, 0);
	assert_int_equal(nr_threads, 2);
}
#endif

#ifdef DK_DEBUG
/* --- who is at what ------------------------------------------------------------- */

static struct hold Hold;

static void
release(void *arg)
{
	hold_release(arg);
}

/* Fork with the other thread standing at its point; when the fork is about to
 * wait for it, let it go on. */
static int
fork_while_held(const char *point, int (*f)(void *arg), void *arg)
{
	hold_wait(&Hold);
	hold_call(point, release, &Hold);
	int status = test_in_child(f, arg);
	hold_call_no_more();
	hold_release(&Hold); /* where the fork did not wait */
	return status;
}

static void *
make_cache(void *arg)
{
	hold_at(&Hold, "a cache was made", 1);
	return use_place(arg);
}

static int
use_caches(void *arg)
{
	(void)alarm(150);
	return use_in_thread(arg) && use_new_place() ? 0 : 1;
}

static void
test_a_fork_waits_for_who_has_the_threads_lock(void **state)
{
	pthread_t thread;

	(void)state;
	hold_init(&Hold);
	assert_int_equal(pthread_create(&thread, NULL, make_cache, &Place), 0);
	assert_int_equal(
	    fork_while_held("fork takes RANK_THREADS", use_caches, &Place), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	hold_fini(&Hold);
}

static void *
install_handler(void *arg)
{
	hold_at(&Hold, "a SIGBUS handler is installed", 1);
	*(int *)arg = sigbus_install(NULL, NULL);
	return NULL;
}

static int
use_handler(void *arg)
{
	(void)arg;
	(void)alarm(150);
	/* the parent's is here, without its thread */
	mock_os_reset();
	if (sigbus_remove() != 0 || mock_os_nr_calls("os_thread_join") != 0)
		return 2;
	return sigbus_install(NULL, NULL) == 0 && sigbus_remove() == 0 ? 0 : 1;
}

static void
test_a_fork_waits_for_who_installs_the_sigbus_handler(void **state)
{
	pthread_t thread;
	int rc = 1;

	(void)state;
	hold_init(&Hold);
	assert_int_equal(
	    pthread_create(&thread, NULL, install_handler, &rc), 0);
	assert_int_equal(
	    fork_while_held("fork takes RANK_SIGBUS", use_handler, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rc, 0);
	assert_int_equal(sigbus_remove(), 0);
	hold_fini(&Hold);
}
/* --- who is in a heap ------------------------------------------------------------ */

static sem_t Ready, Go;

static void
wait_for(sem_t *sem)
{
	while (sem_wait(sem) != 0)
		;
}

/* What the other thread does, from the first time that it is held. */
struct doing {
	void (*prepare)(struct doing *doing);
	const char *point;
	void (*f)(struct doing *doing);
	void *block;
	size_t size;
};

static void *
do_it(void *arg)
{
	struct doing *doing = arg;

	doing->prepare(doing);
	(void)sem_post(&Ready);
	wait_for(&Go);
	hold_at(&Hold, doing->point, 1);
	doing->f(doing);
	(void)hold_cancel(&Hold);
	return NULL;
}

static void
start(pthread_t *thread, struct doing *doing)
{
	hold_init(&Hold);
	assert_int_equal(sem_init(&Ready, 0, 0), 0);
	assert_int_equal(sem_init(&Go, 0, 0), 0);
	assert_int_equal(pthread_create(thread, NULL, do_it, doing), 0);
	wait_for(&Ready);
}

static void
go(void)
{
	(void)sem_post(&Go);
	hold_wait(&Hold);
}

static void
finish(pthread_t thread)
{
	hold_release(&Hold);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(sem_destroy(&Ready), 0);
	assert_int_equal(sem_destroy(&Go), 0);
	hold_fini(&Hold);
}

/* Every block of that size that there is, each once, and no waiting for threads
 * that are not here.  Exits with 0, or the line of what is wrong. */
#define CHECK(x)                         \
	do {                             \
		if (!(x))                \
			return __LINE__; \
	} while (0)

static unsigned Nr_pauses;

static void
count_pause(void *arg)
{
	(void)arg;
	Nr_pauses++;
}

static int
use_all_of_heap(const struct doing *doing)
{
	enum {
		MAX = 600000
	};
	static uint64_t *blocks[MAX];
	size_t nr = 0;

	(void)alarm(60);
	hold_call("waiting for another thread", count_pause, NULL);
	while (nr < MAX && (blocks[nr] = heap_alloc(
				Place.heap, doing->size, 0, false)) != NULL) {
		blocks[nr][0] = nr;
		nr++;
	}
	CHECK(nr > 0 && nr < MAX);
	CHECK(Nr_pauses == 0);
	for (size_t i = 0; i < nr; i++)
		CHECK(blocks[i][0] == i);
	for (size_t i = 0; i < nr; i++)
		heap_free(Place.heap, blocks[i]);
	heap_purge(Place.heap);
	CHECK(heap_nr_bad_frees(Place.heap) == 0);
	CHECK(region_check(Place.region));
	return use_new_place() ? 0 : __LINE__;
}

static int
use_all_in_child(void *arg)
{
	return use_all_of_heap(arg);
}

static void
prepare_block(struct doing *doing)
{
	doing->block = heap_alloc(Place.heap, doing->size, 0, false);
}

static void
free_block(struct doing *doing)
{
	heap_free(Place.heap, doing->block);
}

/* Frees more than a bin holds. */
static void
overflow_bin(struct doing *doing)
{
	void *blocks[100];

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		blocks[i] = heap_alloc(Place.heap, doing->size, 0, false);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		heap_free(Place.heap, blocks[i]);
}

static void
test_a_bin_that_is_being_halved_has_each_block_once(void **state)
{
	static const char *const points[] = {
	    "a bin is being halved", "a block is out of the outbox"};
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct doing doing = {.prepare = prepare_block,
		    .point = points[i],
		    .f = overflow_bin,
		    .size = 64};

		dk_row(points[i]);
		start(&thread, &doing);
		go();
		int status = test_in_child(use_all_in_child, &doing);
		finish(thread);
		assert_int_equal(status, 0);
	}
}

static void
test_who_gives_a_slab_back_is_not_waited_for_in_the_child(void **state)
{
	static const char *const points[] = {
	    "pages go back", "blocks are back in their slabs"};
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct doing doing = {.prepare = prepare_block,
		    .point = points[i],
		    .f = free_block,
		    .size = 64};

		dk_row(points[i]);
		start(&thread, &doing);
		/* Its cache is closed, so the block goes to its slab. */
		(void)thread_cache_reclaim(&Place.heap->caches);
		go();
		int status = test_in_child(use_all_in_child, &doing);
		finish(thread);
		assert_int_equal(status, 0);
	}
}

/* The block is there; that it is was about to be said. */
static int
alloc_the_last(void *arg)
{
	const struct doing *doing = arg;

	(void)alarm(150);
	return heap_alloc(Place.heap, doing->size, 0, false) != NULL ? 0 : 1;
}

static void
test_what_was_just_freed_is_found_in_the_child(void **state)
{
	struct doing doing = {.prepare = prepare_block,
	    .point = "blocks are back in their slabs",
	    .f = free_block,
	    .size = 1000};
	pthread_t thread;

	(void)state;
	start(&thread, &doing);
	while (heap_alloc(Place.heap, 1000, 0, false) != NULL)
		;
	while (heap_alloc_pages(Place.heap, 1, false) != NULL)
		;
	assert_null(heap_alloc(Place.heap, 1000, 0, false));
	go();
	int status = test_in_child(alloc_the_last, &doing);
	finish(thread);
	assert_int_equal(status, 0);
}

static void
shrink_block(struct doing *doing)
{
	doing->block = heap_resize(Place.heap, doing->block, 64 * KIB);
}

static int
free_shrunk(void *arg)
{
	struct doing *doing = arg;

	(void)alarm(150);
	/* Somebody has what was given back. */
	void *rest = heap_alloc(Place.heap, SIZE - 64 * KIB, 0, false);
	memset(doing->block, 1, heap_usable(Place.heap, doing->block));
	heap_free(Place.heap, doing->block);
	CHECK(region_check(Place.region));
	if (rest != NULL)
		heap_free(Place.heap, rest);
	CHECK(region_check(Place.region));
	return 0;
}

static void
test_a_block_that_shrinks_is_no_longer_than_what_it_has(void **state)
{
	static const char *const points[] = {
	    "a large block shrinks", "a large block has shrunk"};
	pthread_t thread;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct doing doing = {.prepare = prepare_block,
		    .point = points[i],
		    .f = shrink_block,
		    .size = SIZE};

		dk_row(points[i]);
		start(&thread, &doing);
		go();
		int status = test_in_child(free_shrunk, &doing);
		finish(thread);
		assert_int_equal(status, 0);
		heap_free(Place.heap, doing.block);
	}
}

static void
enter_cache(struct doing *doing)
{
	struct thread_cache *c = cache_in_slot(Place.heap->caches.slot);

	(void)cache_enter(c, Place.heap->caches.owner);
	DK_POINT("inside its cache");
	cache_leave(c);
	heap_free(Place.heap, doing->block);
}

static void
test_who_is_inside_its_cache_is_not_waited_for_in_the_child(void **state)
{
	struct doing doing = {.prepare = prepare_block,
	    .point = "inside its cache",
	    .f = enter_cache,
	    .size = 64};
	pthread_t thread;

	(void)state;
	start(&thread, &doing);
	go();
	int status = test_in_child(use_all_in_child, &doing);
	finish(thread);
	assert_int_equal(status, 0);
}

/* --- waiting for a thread that ends ------------------------------------------------ */

static struct place Ending;
static sem_t Is_waiting;
static pid_t Waiter;

/* The thread has gone to sleep, in the kernel. */
static void
wait_until_asleep(pid_t tid)
{
	char path[64], text[64] = "", state = '?';

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	while (state != 'S') {
		FILE *file = fopen(path, "r");

		assert_non_null(file);
		assert_int_equal(fscanf(file, "%*d %63s %c", text, &state), 2);
		assert_int_equal(fclose(file), 0);
		(void)sched_yield();
	}
}

static void
note_waiting(void *arg)
{
	(void)arg;
	Waiter = gettid();
	(void)sem_post(&Is_waiting);
}

static void *
end_kind(void *arg)
{
	hold_call("waiting for a cache that ends", note_waiting, NULL);
	*(bool *)arg = close_place(&Ending);
	hold_call_no_more();
	return NULL;
}

static void *
use_and_end(void *arg)
{
	void *result = use_place(arg);

	hold_at(&Hold, "a cache has ended", 1);
	return result;
}

/* Wait for a thread that ends, and see it come. */
static bool
end_kind_before_its_thread(void)
{
	pthread_t thread;
	bool ok;

	hold_init(&Hold);
	ok = open_place(&Ending) &&
	     pthread_create(&thread, NULL, use_and_end, &Ending) == 0;
	if (!ok)
		return false;
	hold_wait(&Hold);
	/* This thread is about to wait, with the lock that the other wants. */
	hold_call("waiting for a cache that ends", release, &Hold);
	ok = close_place(&Ending);
	hold_call_no_more();
	ok = pthread_join(thread, NULL) == 0 && ok;
	hold_fini(&Hold);
	return ok;
}

static int
end_kinds_in_child(void *arg)
{
	(void)arg;
	(void)alarm(150);
	for (int i = 0; i < 10; i++)
		CHECK(end_kind_before_its_thread());
	return 0;
}

static void
test_a_child_can_wait_for_its_own_threads(void **state)
{
	pthread_t ending, waiting;
	bool ok = false;

	(void)state;
	assert_int_equal(sem_init(&Is_waiting, 0, 0), 0);
	hold_init(&Hold);
	assert_true(open_place(&Ending));
	assert_int_equal(
	    pthread_create(&ending, NULL, use_and_end, &Ending), 0);
	hold_wait(&Hold);
	assert_int_equal(pthread_create(&waiting, NULL, end_kind, &ok), 0);
	wait_for(&Is_waiting);
	wait_until_asleep(Waiter);
	int status = test_in_child(end_kinds_in_child, NULL);
	hold_release(&Hold);
	assert_int_equal(pthread_join(ending, NULL), 0);
	assert_int_equal(pthread_join(waiting, NULL), 0);
	hold_fini(&Hold);
	assert_true(ok);
	assert_int_equal(status, 0);
	assert_true(end_kind_before_its_thread());
	assert_int_equal(sem_destroy(&Is_waiting), 0);
}

static int
close_in_child(void *arg)
{
	(void)alarm(60);
	return close_place(arg) ? 0 : 1;
}

/* The thread is not there, and says so never. */
static void
test_a_child_does_not_wait_for_who_was_leaving(void **state)
{
	pthread_t ending;

	(void)state;
	hold_init(&Hold);
	assert_true(open_place(&Ending));
	assert_int_equal(
	    pthread_create(&ending, NULL, use_and_end, &Ending), 0);
	hold_wait(&Hold);
	int status = test_in_child(close_in_child, &Ending);
	hold_release(&Hold);
	assert_int_equal(pthread_join(ending, NULL), 0);
	hold_fini(&Hold);
	assert_true(close_place(&Ending));
	assert_int_equal(status, 0);
}
#endif

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
#if DK_THREAD_SANITIZER
	/* jemalloc makes its mutexes anew in a child. */
	puts("skipped: ThreadSanitizer takes jemalloc's mutexes in a child of "
	     "fork(2) for those of the parent");
	return 77;
#endif
	const struct CMUnitTest tests[] = {
		UNIT(test_locks_are_taken_in_the_order_of_ranks),
#if !DK_SANITIZED
		UNIT(test_a_child_starts_its_own_reclaimer),
#endif
#ifdef DK_DEBUG
		UNIT(test_a_fork_waits_for_who_has_the_threads_lock),
		UNIT(test_a_fork_waits_for_who_installs_the_sigbus_handler),
		UNIT(test_a_bin_that_is_being_halved_has_each_block_once),
		UNIT(test_who_gives_a_slab_back_is_not_waited_for_in_the_child),
		UNIT(test_what_was_just_freed_is_found_in_the_child),
		UNIT(test_a_block_that_shrinks_is_no_longer_than_what_it_has),
		UNIT(
		    test_who_is_inside_its_cache_is_not_waited_for_in_the_child),
		UNIT(test_a_child_can_wait_for_its_own_threads),
		UNIT(test_a_child_does_not_wait_for_who_was_leaving),
#endif
	};

	return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
