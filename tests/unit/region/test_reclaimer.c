// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_reclaimer.c -- the thread that gives file space back over time.
 *
 * Time passes when these tests say so (mock_time.h), and between two steps they
 * wait until the thread waits again.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/mock_os.h"
#include "../../support/mock_time.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/reason.h"
#include "base/util.h"
#include "region/reclaimer.h"
#include "region/region.h"

struct kept {
	struct fake_backing fake;
	struct daxkind_region *region;
};

static struct kept A, B;
static size_t Threads_before;

/* Threads that have ended may be listed for a moment. */
static bool
threads_become(size_t nr)
{
	double until = test_now() + 60;

	while (test_nr_threads() != nr) {
		if (test_now() > until)
			return false;
		test_sleep_ms(1);
	}
	return true;
}

/* A sanitizer may start a thread of its own with the first of all. */
static int
start_first_thread(void **state)
{
	(void)state;
	return reclaimer_set(true, NULL) == 0 ? reclaimer_set(false, NULL) : -1;
}

static int
setup(void **state)
{
	mock_os_reset();
	mock_time_stop();
	Threads_before = test_nr_threads();
	return test_leaks_setup(state);
}

static void
close_kept(struct kept *kept)
{
	if (kept->region == NULL)
		return;
	region_close(kept->region);
	kept->region = NULL;
	fake_backing_fini(&kept->fake);
}

static int
teardown(void **state)
{
	mock_os_reset();
	mock_time_go();
	close_kept(&A);
	close_kept(&B);
	(void)reclaimer_set(false, NULL);
	if (!threads_become(Threads_before))
		return -1;
	return test_leaks_teardown(state);
}

static void
open_kept(struct kept *kept)
{
	fake_backing_init(&kept->fake, 16 * MIB);
	assert_int_equal(region_open(&kept->fake.base, kept->fake.base.base,
			     kept->fake.base.size, &kept->region),
	    0);
}

/* Take and give so much, less than what a free gives back by itself. */
static void
make_idle(struct kept *kept, size_t len)
{
	struct region_block block;

	assert_int_equal(
	    region_take(kept->region, len, DK_PAGE, RANGESET_LOW, &block), 0);
	assert_int_equal(region_give(kept->region, block.addr, block.len), 0);
}

static size_t
held(struct kept *kept)
{
	return fake_backing_counts(&kept->fake).held;
}

/* The thread has nothing to do, and waits until there is something. */
static bool
becomes_asleep(void)
{
	return mock_time_await(RANK_RECLAIMER, 0, 1);
}

/* It has looked, and waits for the end of the period. */
static bool
is_between_looks(void)
{
	return mock_time_await(RANK_RECLAIMER, 1, 0);
}

static void
let_it_look(void)
{
	assert_true(is_between_looks());
	mock_time_pass(RECLAIMER_PERIOD_MS);
	assert_true(is_between_looks());
}

/* How many periods it takes until nothing is held any more, or 9. */
static unsigned
periods_until_given(struct kept *kept)
{
	for (unsigned nr = 0; nr < 4; nr++) {
		assert_true(is_between_looks());
		if (held(kept) == 0)
			return nr;
		mock_time_pass(RECLAIMER_PERIOD_MS);
	}
	return 9;
}

/* --- when there is a thread ------------------------------------------------------ */

static void
test_a_thread_is_there_while_a_region_is_open(void **state)
{
	(void)state;
	open_kept(&A);
	assert_true(threads_become(Threads_before + 1));
	open_kept(&B);
	assert_int_equal(test_nr_threads(), Threads_before + 1);
	close_kept(&A);
	assert_int_equal(test_nr_threads(), Threads_before + 1);
	close_kept(&B);
	assert_true(threads_become(Threads_before));
}

static void
test_a_mapping_needs_no_thread(void **state)
{
	(void)state;
	fake_backing_init_mapping(&A.fake, 16 * MIB);
	assert_int_equal(region_open(&A.fake.base, A.fake.base.base,
			     A.fake.base.size, &A.region),
	    0);
	assert_int_equal(test_nr_threads(), Threads_before);
}

/* Memory that a program allocates from without having made a kind. */
static void
test_private_memory_is_visited_while_there_is_a_thread(void **state)
{
	(void)state;
	fake_backing_init(&A.fake, 16 * MIB);
	A.fake.base.is_private = true;
	assert_int_equal(region_open(&A.fake.base, A.fake.base.base,
			     A.fake.base.size, &A.region),
	    0);
	assert_int_equal(test_nr_threads(), Threads_before);
	make_idle(&A, MIB);
	assert_int_not_equal(held(&A), 0);
	/* another's thread does it, too, and ends with that */
	open_kept(&B);
	assert_true(threads_become(Threads_before + 1));
	make_idle(&A, MIB);
	assert_in_range(periods_until_given(&A), 1, 2);
	close_kept(&B);
	assert_true(threads_become(Threads_before));
}

static void
test_it_is_switched_on_and_off(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(reclaimer_set(true, NULL), 0);
		assert_int_equal(reclaimer_set(true, NULL), 0);
		assert_true(threads_become(Threads_before + 1));
		assert_int_equal(reclaimer_set(false, NULL), 0);
		assert_int_equal(reclaimer_set(false, NULL), 0);
		assert_true(threads_become(Threads_before));
	}
}

static void
test_on_it_stays_without_a_region(void **state)
{
	(void)state;
	assert_int_equal(reclaimer_set(true, NULL), 0);
	open_kept(&A);
	close_kept(&A);
	assert_true(threads_become(Threads_before + 1));
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_true(threads_become(Threads_before));
}

static void
test_off_it_comes_back_with_the_next_region(void **state)
{
	(void)state;
	open_kept(&A);
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_true(threads_become(Threads_before));
	make_idle(&A, MIB);
	mock_time_pass(3 * RECLAIMER_PERIOD_MS);
	assert_int_not_equal(held(&A), 0);
	open_kept(&B);
	assert_true(threads_become(Threads_before + 1));
	assert_in_range(periods_until_given(&A), 1, 2);
}

static void
test_without_a_thread_regions_work(void **state)
{
	(void)state;
	mock_os_fail_all("os_thread_start", EAGAIN);
	open_kept(&A);
	assert_int_equal(test_nr_threads(), Threads_before);
	assert_int_equal(reclaimer_set(true, NULL), REASON_NO_THREAD);
	mock_os_reset();
	/* frees give back what is too much, all the same */
	make_idle(&A, 8 * MIB);
	assert_true(held(&A) <= 2 * MIB);
	/* and later there may be one */
	make_idle(&A, MIB);
	assert_int_equal(reclaimer_set(true, NULL), 0);
	assert_true(threads_become(Threads_before + 1));
	assert_in_range(periods_until_given(&A), 1, 2);
}

/* --- what it does ------------------------------------------------------------------ */

/* What is idle at two looks goes at the second one, and not before. */
static void
test_idle_space_is_gone_within_two_periods(void **state)
{
	(void)state;
	open_kept(&A);
	open_kept(&B);
	for (unsigned late = 0; late < RECLAIMER_PERIOD_MS; late += 999) {
		assert_true(becomes_asleep());
		/* it looks at once, and then at the end of each period */
		make_idle(&A, 3 * MIB);
		assert_true(is_between_looks());
		mock_time_pass(late);
		make_idle(&B, DK_PAGE);
		mock_time_pass(RECLAIMER_PERIOD_MS - late - 1);
		assert_true(is_between_looks());
		assert_true(held(&A) >= 3 * MIB);
		mock_time_pass(1);
		assert_true(is_between_looks());
		assert_int_equal(held(&A), 0);
		assert_true(held(&B) >= DK_PAGE);
		let_it_look();
		assert_int_equal(held(&B), 0);
		assert_int_equal(mock_time_last_ms(), RECLAIMER_PERIOD_MS);
		mock_time_pass(RECLAIMER_PERIOD_MS);
	}
}

static void
test_what_is_used_between_two_looks_stays(void **state)
{
	(void)state;
	open_kept(&A);
	assert_true(becomes_asleep());
	make_idle(&A, 3 * MIB);
	assert_true(is_between_looks());
	for (unsigned i = 0; i < 4; i++) {
		make_idle(&A, 3 * MIB);
		let_it_look();
		assert_true(held(&A) >= 3 * MIB);
	}
	let_it_look();
	assert_int_equal(held(&A), 0);
}

/* A free that gives space back itself leaves a part for the next take. */
static void
test_what_a_trim_keeps_is_given_back_later(void **state)
{
	(void)state;
	open_kept(&A);
	make_idle(&A, 16 * MIB);
	assert_in_range(held(&A), DK_PAGE, 4 * MIB);
	assert_in_range(periods_until_given(&A), 1, 2);
}

static void
test_space_in_use_stays(void **state)
{
	struct region_block block;

	(void)state;
	open_kept(&A);
	assert_int_equal(
	    region_take(A.region, 4 * MIB, DK_PAGE, RANGESET_LOW, &block), 0);
	memset(block.addr, 0xaa, block.len);
	make_idle(&A, 2 * MIB);
	assert_true(held(&A) > 4 * MIB);
	let_it_look();
	assert_int_equal(held(&A), 4 * MIB);
	mock_time_pass(RECLAIMER_PERIOD_MS);
	assert_true(becomes_asleep());
	assert_int_equal(held(&A), 4 * MIB);
	assert_true(test_all_bytes(block.addr, 0xaa, block.len));
}

/* What comes too fast to be given back at the free itself. */
static void
test_at_once_it_comes_back_soon(void **state)
{
	(void)state;
	open_kept(&A);
	assert_true(becomes_asleep());
	region_set_policy(A.region, REGION_GIVE_AT_ONCE);
	A.fake.discard_ms = 10;
	make_idle(&A, DK_PAGE);
	assert_int_equal(held(&A), 0);
	assert_true(is_between_looks());
	assert_int_equal(mock_time_last_ms(), RECLAIMER_PERIOD_AT_ONCE_MS);
	make_idle(&A, DK_PAGE);
	assert_true(is_between_looks());
	assert_int_equal(held(&A), 0);
}

static void
test_it_sleeps_while_nothing_is_idle(void **state)
{
	(void)state;
	open_kept(&A);
	make_idle(&A, MIB);
	assert_in_range(periods_until_given(&A), 1, 2);
	/* it notices that at its next look at the latest */
	mock_time_pass(RECLAIMER_PERIOD_MS);
	assert_true(becomes_asleep());
	unsigned nr = mock_time_nr_waits();
	mock_time_pass(10 * RECLAIMER_PERIOD_MS);
	assert_true(becomes_asleep());
	assert_int_equal(mock_time_nr_waits(), nr);
	/* and wakes again */
	make_idle(&A, MIB);
	assert_in_range(periods_until_given(&A), 1, 2);
}

static _Atomic(unsigned) Nr_visits;

static bool
wants_three_visits(void *arg)
{
	(void)arg;
	return atomic_fetch_add(&Nr_visits, 1) < 2;
}

/* What threads cache is found idle at the second look at the earliest. */
static void
test_a_heap_is_visited_until_it_wants_no_more(void **state)
{
	(void)state;
	open_kept(&A);
	assert_true(becomes_asleep());
	atomic_store(&Nr_visits, 0);
	reclaimer_set_task(&A.region->reclaimer, wants_three_visits, NULL);
	reclaimer_wake();
	for (unsigned nr = 1; nr <= 3; nr++) {
		assert_true(is_between_looks());
		assert_int_equal(atomic_load(&Nr_visits), nr);
		mock_time_pass(RECLAIMER_PERIOD_MS);
	}
	assert_true(becomes_asleep());
	assert_int_equal(atomic_load(&Nr_visits), 3);
	reclaimer_set_task(&A.region->reclaimer, NULL, NULL);
}

static bool
wakes_once(void *arg)
{
	(void)arg;
	if (atomic_fetch_add(&Nr_visits, 1) == 0)
		reclaimer_wake();
	return false;
}

/* As by a free while the thread looks, at what it has looked at already. */
static void
test_what_comes_during_a_look_is_seen_at_the_next(void **state)
{
	(void)state;
	open_kept(&A);
	assert_true(becomes_asleep());
	atomic_store(&Nr_visits, 0);
	reclaimer_set_task(&A.region->reclaimer, wakes_once, NULL);
	reclaimer_wake();
	for (unsigned nr = 1; nr <= 2; nr++) {
		assert_true(is_between_looks());
		assert_int_equal(atomic_load(&Nr_visits), nr);
		mock_time_pass(RECLAIMER_PERIOD_MS);
	}
	assert_true(becomes_asleep());
	assert_int_equal(atomic_load(&Nr_visits), 2);
	reclaimer_set_task(&A.region->reclaimer, NULL, NULL);
}

static bool
wants_more_visits(void *arg)
{
	(void)arg;
	return true;
}

/* It may have begun a long wait for another's sake. */
static void
test_at_once_ends_a_long_wait(void **state)
{
	(void)state;
	open_kept(&B);
	assert_true(becomes_asleep());
	reclaimer_set_task(&B.region->reclaimer, wants_more_visits, NULL);
	reclaimer_wake();
	assert_true(is_between_looks());
	assert_int_equal(mock_time_last_ms(), RECLAIMER_PERIOD_MS);
	open_kept(&A);
	make_idle(&A, DK_PAGE);
	unsigned nr = mock_time_nr_waits();
	region_set_policy(A.region, REGION_GIVE_AT_ONCE);
	for (int i = 0; i < 10000 && mock_time_nr_waits() == nr; i++)
		test_sleep_ms(1);
	assert_int_equal(mock_time_nr_waits(), nr + 1);
	assert_int_equal(mock_time_last_ms(), RECLAIMER_PERIOD_AT_ONCE_MS);
	reclaimer_set_task(&B.region->reclaimer, NULL, NULL);
}

static _Atomic(unsigned) Nr_tasks;

static void
task(void)
{
	atomic_fetch_add(&Nr_tasks, 1);
}

static void
test_a_task_is_done_each_period(void **state)
{
	(void)state;
	atomic_store(&Nr_tasks, 0);
	assert_int_equal(reclaimer_set(true, task), 0);
	for (unsigned nr = 1; nr <= 3; nr++) {
		assert_true(is_between_looks());
		assert_int_equal(atomic_load(&Nr_tasks), nr);
		mock_time_pass(RECLAIMER_PERIOD_MS);
	}
	assert_true(is_between_looks());
	assert_int_equal(reclaimer_set(false, NULL), 0);
	assert_int_equal(atomic_load(&Nr_tasks), 4);
	/* a region does not bring it back */
	open_kept(&A);
	make_idle(&A, MIB);
	assert_in_range(periods_until_given(&A), 1, 2);
	assert_int_equal(atomic_load(&Nr_tasks), 4);
}

/* --- ends ---------------------------------------------------------------------- */

static _Atomic(bool) Is_closed;

static void *
close_in_thread(void *arg)
{
	region_close(arg);
	atomic_store(&Is_closed, true);
	return NULL;
}

static void
test_close_waits_for_the_thread(void **state)
{
	pthread_t thread;

	(void)state;
	/* With another region the thread stays: it is not joined. */
	open_kept(&B);
	open_kept(&A);
	make_idle(&A, MIB);
	assert_true(is_between_looks());
	fake_backing_stop(&A.fake, FAKE_DISCARD);
	mock_time_pass(RECLAIMER_PERIOD_MS);
	assert_true(fake_backing_wait_stopped(&A.fake, 1));
	atomic_store(&Is_closed, false);
	assert_int_equal(
	    pthread_create(&thread, NULL, close_in_thread, A.region), 0);
	bool does_wait = mock_time_await(RANK_RECLAIMER, 0, 1);
	bool was_closed = atomic_load(&Is_closed);
	fake_backing_go(&A.fake);
	assert_int_equal(pthread_join(thread, NULL), 0);
	A.region = NULL;
	fake_backing_fini(&A.fake);
	assert_true(does_wait);
	assert_false(was_closed);
}

static void
test_regions_come_and_go_beside_it(void **state)
{
	double until = test_now() + 0.3;

	(void)state;
	open_kept(&A);
	while (test_now() < until) {
		open_kept(&B);
		make_idle(&A, MIB);
		make_idle(&B, MIB);
		mock_time_pass(RECLAIMER_PERIOD_MS);
		close_kept(&B);
	}
}

#if !DK_SANITIZED
/* A child has the regions, but no thread, until it opens one. */
static int
look_in_child(void *arg)
{
	struct kept c;

	(void)arg;
	if (test_nr_threads() != 1)
		return 1;
	fake_backing_init(&c.fake, 16 * MIB);
	if (region_open(&c.fake.base, c.fake.base.base, c.fake.base.size,
		&c.region) != 0)
		return 2;
	if (!threads_become(2))
		return 3;
	make_idle(&c, MIB);
	if (!is_between_looks())
		return 4;
	mock_time_pass(RECLAIMER_PERIOD_MS);
	if (!is_between_looks() || held(&c) > 0)
		return 5;
	region_close(c.region);
	region_close(A.region);
	return threads_become(1) ? 0 : 6;
}

static void
test_a_child_gets_a_thread_with_its_first_region(void **state)
{
	(void)state;
	open_kept(&A);
	/* kind_fork.c registers these in the library */
	assert_int_equal(
	    pthread_atfork(reclaimer_before_fork,
		reclaimer_after_fork_in_parent, reclaimer_after_fork_in_child),
	    0);
	assert_int_equal(test_in_child(look_in_child, NULL), 0);
	/* this one's is still there */
	make_idle(&A, MIB);
	assert_in_range(periods_until_given(&A), 1, 2);
}
#endif

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(test_a_thread_is_there_while_a_region_is_open),
		UNIT(test_a_mapping_needs_no_thread),
		UNIT(test_private_memory_is_visited_while_there_is_a_thread),
		UNIT(test_it_is_switched_on_and_off),
		UNIT(test_on_it_stays_without_a_region),
		UNIT(test_off_it_comes_back_with_the_next_region),
		UNIT(test_without_a_thread_regions_work),
		UNIT(test_idle_space_is_gone_within_two_periods),
		UNIT(test_what_is_used_between_two_looks_stays),
		UNIT(test_what_a_trim_keeps_is_given_back_later),
		UNIT(test_space_in_use_stays),
		UNIT(test_at_once_it_comes_back_soon),
		UNIT(test_it_sleeps_while_nothing_is_idle),
		UNIT(test_a_heap_is_visited_until_it_wants_no_more),
		UNIT(test_what_comes_during_a_look_is_seen_at_the_next),
		UNIT(test_at_once_ends_a_long_wait),
		UNIT(test_a_task_is_done_each_period),
		UNIT(test_close_waits_for_the_thread),
		UNIT(test_regions_come_and_go_beside_it),
#if !DK_SANITIZED
		UNIT(test_a_child_gets_a_thread_with_its_first_region),
#endif
	};

	return cmocka_run_group_tests_name(
	    "reclaimer", tests, start_first_thread, NULL);
}
