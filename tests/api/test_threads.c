// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_threads.c -- blocks that change hands, and threads that come and go.
 *
 * Holds these invariants across threads: two live allocations never overlap;
 * what a thread frees, or leaves in its cache when it ends, others can have.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nothing is left of what the test took.  (In memkind there is no block of that
 * size even in a fresh area.) */
static void
assert_all_is_free(const struct test_heap *heap)
{
#if TEST_OURS
	void *p = memkind_malloc(heap->kind, heap->size / 100 * 95);

	assert_non_null(p);
	memkind_free(heap->kind, p);
#else
	(void)heap;
#endif
}

/* --- hand-over --------------------------------------------------------------- */

#define QUEUE_LEN 64

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void *blocks[QUEUE_LEN];
	size_t first, nr;
	memkind_t kind;
	size_t nr_blocks; /* to come */
	bool ok;
};

/* A block begins with its length, and is filled with its low byte. */
static void *
produce(void *arg)
{
	struct queue *q = arg;
	uint64_t rng = 9;

	for (size_t n = 0; n < q->nr_blocks; n++) {
		size_t log2 = test_random_size(&rng, 4, 16);
		size_t len = test_random_size(
		    &rng, (size_t)1 << log2, (size_t)2 << log2);
		char *p = memkind_malloc(q->kind, len);

		if (p == NULL) {
			q->ok = false;
			len = 0;
		} else {
			memset(p, (int)(len & 0xff), len);
			memcpy(p, &len, sizeof(len));
		}
		(void)pthread_mutex_lock(&q->lock);
		while (q->nr == QUEUE_LEN)
			(void)pthread_cond_wait(&q->changed, &q->lock);
		q->blocks[(q->first + q->nr++) % QUEUE_LEN] = p;
		(void)pthread_cond_broadcast(&q->changed);
		(void)pthread_mutex_unlock(&q->lock);
	}
	return NULL;
}

static void *
consume(void *arg)
{
	struct queue *q = arg;
	bool ok = true;

	for (size_t n = 0; n < q->nr_blocks; n++) {
		char *p;
		size_t len;

		(void)pthread_mutex_lock(&q->lock);
		while (q->nr == 0)
			(void)pthread_cond_wait(&q->changed, &q->lock);
		p = q->blocks[q->first];
		q->first = (q->first + 1) % QUEUE_LEN;
		q->nr--;
		(void)pthread_cond_broadcast(&q->changed);
		(void)pthread_mutex_unlock(&q->lock);
		if (p == NULL)
			continue;
		memcpy(&len, p, sizeof(len));
		if (len < 16 || len > (size_t)2 << 16 ||
		    !test_all_bytes(
			p + sizeof(len), (int)(len & 0xff), len - sizeof(len)))
			ok = false;
		memkind_free(n % 2 ? NULL : q->kind, p);
	}
	return ok ? q : NULL;
}

static void
check_hand_over(enum test_backing backing)
{
	struct test_heap heap;
	struct queue q;
	pthread_t producer;
	pthread_t consumer;
	void *rc;

	test_heap_make(&heap, backing, 64 * TEST_MIB);
	memset(&q, 0, sizeof(q));
	q.kind = heap.kind;
	q.nr_blocks = test_is_long() ? 1000000 : test_scaled(50000);
	q.ok = true;
	assert_int_equal(pthread_mutex_init(&q.lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&q.changed, NULL), 0);
	assert_int_equal(pthread_create(&producer, NULL, produce, &q), 0);
	assert_int_equal(pthread_create(&consumer, NULL, consume, &q), 0);
	assert_int_equal(pthread_join(producer, NULL), 0);
	assert_int_equal(pthread_join(consumer, &rc), 0);
	assert_ptr_equal(rc, &q);
	assert_true(q.ok);
	assert_int_equal(pthread_mutex_destroy(&q.lock), 0);
	assert_int_equal(pthread_cond_destroy(&q.changed), 0);
	assert_all_is_free(&heap);
	test_heap_end(&heap);
}

static void
test_one_thread_allocates_and_another_frees(void **state)
{
	(void)state;
	check_hand_over(TEST_ON_MAPPING);
	check_hand_over(TEST_ON_FILE);
}

/* --- the end of a thread ----------------------------------------------------- */

struct leaver {
	memkind_t kind;
	struct test_fill fill;
	bool frees;
};

static void *
fill_and_leave(void *arg)
{
	struct leaver *l = arg;

	test_fill(l->kind, 16, 3000, 77, &l->fill);
	if (l->frees)
		test_fill_free(l->kind, &l->fill);
	return NULL; /* with a cache full of blocks */
}

static void
test_thread_that_ends_returns_its_cache(void **state)
{
	struct test_heap heap;
	struct leaver l = {.frees = true};

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 8 * TEST_MIB);
	l.kind = heap.kind;
	for (int i = 0; i < 10; i++) {
		pthread_t thread;

		assert_int_equal(
		    pthread_create(&thread, NULL, fill_and_leave, &l), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_all_is_free(&heap);
	}
	test_heap_end(&heap);
}

static void
test_blocks_outlive_their_thread(void **state)
{
	struct test_heap heap;
	struct leaver l = {.frees = false};
	pthread_t thread;

	(void)state;
	test_heap_make(&heap, TEST_ON_FILE, 16 * TEST_MIB);
	l.kind = heap.kind;
	assert_int_equal(pthread_create(&thread, NULL, fill_and_leave, &l), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(l.fill.bytes > 12 * TEST_MIB);
	assert_ptr_equal(memkind_detect_kind(l.fill.last), heap.kind);
	test_fill_free(NULL, &l.fill);
	assert_all_is_free(&heap);
	test_heap_end(&heap);
}

static void *
use_shortly(void *arg)
{
	memkind_t kind = arg;
	void *p = memkind_malloc(kind, 1000);
	void *q = memkind_malloc(kind, 40000);

	if (p == NULL || q == NULL)
		return NULL;
	memkind_free(kind, p);
	memkind_free(kind, q);
	return arg;
}

static void
test_many_short_threads_leave_nothing(void **state)
{
	const size_t nr_threads =
	    test_is_long() ? 20000 : 600 + test_scaled(2400);
	struct test_heap heap;
	size_t rss_before = 0;
	size_t maps_before = 0;

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 8 * TEST_MIB);
	for (size_t i = 0; i < nr_threads; i++) {
		pthread_t thread;
		void *rc;

		assert_int_equal(
		    pthread_create(&thread, NULL, use_shortly, heap.kind), 0);
		assert_int_equal(pthread_join(thread, &rc), 0);
		assert_ptr_equal(rc, heap.kind);
		if (i == 500) {
			rss_before = test_rss();
			maps_before = test_nr_maps();
		}
	}
	print_message("resident %zu to %zu KiB, mappings %zu to %zu\n",
	    rss_before / TEST_KIB, test_rss() / TEST_KIB, maps_before,
	    test_nr_maps());
	if (!DK_SANITIZED) {
		assert_true(test_rss() <= rss_before + 4 * TEST_MIB);
		assert_true(test_nr_maps() <= maps_before + 16);
	}
	assert_all_is_free(&heap);
	test_heap_end(&heap);
}

/* 16 at once, each with its own pattern in all that it has. */
static void *
hammer(void *arg)
{
	enum {
		NR = 200
	};
	memkind_t kind = arg;
	uint64_t rng = (uint64_t)(uintptr_t)&rng | 1;
	int mark = (int)(rng >> 8 & 0xff);
	struct {
		char *p;
		size_t len;
	} blocks[NR];
	const size_t nr_rounds = test_scaled(20000);
	bool ok = true;

	memset(blocks, 0, sizeof(blocks));
	for (size_t n = 0; n < nr_rounds; n++) {
		size_t i = test_random_size(&rng, 0, NR - 1);

		if (blocks[i].p != NULL &&
		    !test_all_bytes(blocks[i].p, mark, blocks[i].len))
			ok = false;
		memkind_free(kind, blocks[i].p);
		blocks[i].len = test_random_size(&rng, 1, 3000);
		blocks[i].p = memkind_malloc(kind, blocks[i].len);
		if (blocks[i].p == NULL)
			ok = false;
		else
			memset(blocks[i].p, mark, blocks[i].len);
	}
	for (size_t i = 0; i < NR; i++)
		memkind_free(kind, blocks[i].p);
	return ok ? arg : NULL;
}

static void
test_16_threads_at_once(void **state)
{
	struct test_heap heap;
	pthread_t threads[16];

	(void)state;
	test_heap_make(&heap, TEST_ON_MAPPING, 64 * TEST_MIB);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, hammer, heap.kind), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *rc;

		assert_int_equal(pthread_join(threads[i], &rc), 0);
		assert_ptr_equal(rc, heap.kind);
	}
	assert_all_is_free(&heap);
	test_heap_end(&heap);
}

/* --- kinds that end while threads know them ---------------------------------- */

struct waiter {
	pthread_barrier_t barrier;
	memkind_t kind;
	struct test_area *area;
	bool ok;
};

/* One kind after the other; no block may come from a cache of the last one. */
static void *
use_what_comes(void *arg)
{
	struct waiter *w = arg;

	w->ok = true;
	for (;;) {
		(void)pthread_barrier_wait(&w->barrier);
		if (w->kind == NULL)
			return NULL;
		for (size_t i = 0; i < 500; i++) {
			size_t len = 16 + i % 20 * 50;
			void *p = memkind_malloc(w->kind, len);

			if (!test_area_holds(w->area, p, len))
				w->ok = false;
			memkind_free(w->kind, p);
		}
		(void)pthread_barrier_wait(&w->barrier);
	}
}

static void
test_no_block_of_a_kind_that_ended_is_handed_out(void **state)
{
	struct test_area areas[2];
	struct waiter w;
	pthread_t thread;

	(void)state;
	memset(&w, 0, sizeof(w));
	test_area_map(&areas[0], 4 * TEST_MIB);
	test_area_map(&areas[1], 4 * TEST_MIB);
	assert_int_equal(pthread_barrier_init(&w.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, use_what_comes, &w), 0);
	for (int i = 0; i < 100; i++) {
		w.area = &areas[i % 2];
		assert_int_equal(
		    memkind_create_fixed(w.area->addr, w.area->len, &w.kind),
		    MEMKIND_SUCCESS);
		(void)pthread_barrier_wait(&w.barrier);
		(void)pthread_barrier_wait(&w.barrier);
		assert_int_equal(memkind_destroy_kind(w.kind), MEMKIND_SUCCESS);
		assert_int_equal(
		    mprotect(w.area->addr, w.area->len, PROT_NONE), 0);
		assert_int_equal(mprotect(areas[(i + 1) % 2].addr, w.area->len,
				     PROT_READ | PROT_WRITE),
		    0);
	}
	w.kind = NULL;
	(void)pthread_barrier_wait(&w.barrier);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(w.ok);
	assert_int_equal(pthread_barrier_destroy(&w.barrier), 0);
	test_area_unmap(&areas[0]);
	test_area_unmap(&areas[1]);
}

/* --- fork -------------------------------------------------------------------- */

static atomic_bool Stop;

static void *
be_busy(void *arg)
{
	memkind_t kind = arg;

	while (!atomic_load(&Stop)) {
		void *p = memkind_malloc(kind, 100);
		void *q = memkind_malloc(kind, 50000);

		memkind_free(kind, p);
		memkind_free(kind, q);
	}
	return NULL;
}

static int
use_in_child(void *arg)
{
	memkind_t kind = arg;

	(void)alarm(150); /* a lock that nobody will release */
	for (size_t i = 1; i < 2000; i++) {
		void *p = memkind_malloc(kind, i * 20);

		if (p == NULL)
			return 1;
		memset(p, 1, i * 20);
		memkind_free(i % 2 ? kind : NULL, p);
	}
	return 0;
}

/* The child's memory is its own: a private mapping. */
static void
fork_while_busy(memkind_t kind)
{
	pthread_t threads[4];

	if (DK_TSAN) {
		/* jemalloc takes all of its locks before a fork */
		print_message("more locks than TSan can count\n");
		return;
	}
	atomic_store(&Stop, false);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, be_busy, kind), 0);
	for (int i = 0; i < (test_is_emulated() ? 2 : 20); i++)
		assert_int_equal(test_in_child(use_in_child, kind), 0);
	atomic_store(&Stop, true);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
test_child_of_a_busy_process_can_use_its_region(void **state)
{
	const size_t size = 32 * TEST_MIB;
	memkind_t kind = NULL;
	void *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(addr != MAP_FAILED);
	assert_int_equal(
	    memkind_create_fixed(addr, size, &kind), MEMKIND_SUCCESS);
	fork_while_busy(kind);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(munmap(addr, size), 0);
}

static void
test_child_of_a_busy_process_can_use_dram(void **state)
{
	(void)state;
	fork_while_busy(MEMKIND_DEFAULT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_one_thread_allocates_and_another_frees),
	    test_unit(test_thread_that_ends_returns_its_cache),
	    test_unit(test_blocks_outlive_their_thread),
	    test_unit(test_many_short_threads_leave_nothing),
	    test_unit(test_16_threads_at_once),
	    test_unit(test_no_block_of_a_kind_that_ended_is_handed_out),
	    test_unit(test_child_of_a_busy_process_can_use_dram),
	    test_unit(test_child_of_a_busy_process_can_use_its_region),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
