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
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "kind/kind.h"
#include "kind/kind_fork.h"
#include "kind/kind_registry.h"
#include "kind/sigbus.h"
#include "region/backing.h"
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
	return sigbus_remove() == 0 && sigbus_install(NULL, NULL) == 0 &&
		       sigbus_remove() == 0
		   ? 0
		   : 1;
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
#endif

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_locks_are_taken_in_the_order_of_ranks),
#ifdef DK_DEBUG
	    UNIT(test_a_fork_waits_for_who_has_the_threads_lock),
	    UNIT(test_a_fork_waits_for_who_installs_the_sigbus_handler),
#endif
	};

	return cmocka_run_group_tests_name("fork", tests, NULL, NULL);
}
