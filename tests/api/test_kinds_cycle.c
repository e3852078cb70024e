// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kinds_cycle.c -- kinds that come and go 10,000 times, and one over
 * 4 TiB: what they leave, and what they cost.
 *
 * Holds this invariant: a constructor, and a kind that ended, leave nothing: no
 * descriptor, mapping, arena, registry entry; nothing costs memory or time in
 * proportion to the region's size at create.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* memkind, which takes longer, is asked for fewer. */
#define NR_CYCLES (TEST_OURS ? 10000 : 1000)
#define NR_SLOW_CYCLES (TEST_OURS ? 2000 : 400)
#define WARM_UP 100

/* What 9,500 cycles may leave: less than half a KiB each would show. */
#define RSS_SLACK ((TEST_OURS ? 4 : 1) * TEST_MIB)
#define MAPS_SLACK 8

struct left {
	size_t fds, maps, rss, arenas;
};

/* jemalloc's number of arenas, from the JSON report. */
static void
find_narenas(void *arg, const char *s)
{
	size_t *nr = arg;
	const char *at = strstr(s, "\"narenas\":");

	if (at != NULL && *nr == 0)
		*nr = strtoul(at + strlen("\"narenas\":"), NULL, 10);
}

static struct left
look(void)
{
	struct left l = {0};

	/* the report comes in pieces: the number may be one of its own, and
	 * then what is compared is 0 on both sides */
	assert_int_equal(
	    memkind_stats_print(find_narenas, &l.arenas,
		(memkind_stat_print_opt)(MEMKIND_STAT_PRINT_JSON_FORMAT |
					 MEMKIND_STAT_PRINT_OMIT_PER_ARENA |
					 MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA)),
	    MEMKIND_SUCCESS);
	l.fds = test_nr_fds();
	l.maps = test_nr_maps();
	l.rss = test_rss();
	return l;
}

static void
assert_no_growth(const struct left *before, const struct left *after)
{
	print_message("descriptors %zu to %zu, mappings %zu to %zu, resident "
		      "%zu to %zu KiB, arenas %zu to %zu\n",
	    before->fds, after->fds, before->maps, after->maps,
	    before->rss / TEST_KIB, after->rss / TEST_KIB, before->arenas,
	    after->arenas);
	assert_int_equal(after->fds, before->fds);
	assert_true(after->arenas <= before->arenas);
	if (DK_SANITIZED)
		return; /* their records are among these */
	assert_true(after->maps <= before->maps + MAPS_SLACK);
	assert_true(after->rss <= before->rss + RSS_SLACK);
}

static void
use_kind(memkind_t kind, size_t n)
{
	void *blocks[8];

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		blocks[i] = memkind_malloc(kind, (size_t)16 << (n + i) % 14);
		assert_non_null(blocks[i]);
	}
	/* half of them are left to the kind's end */
	for (size_t i = 0; i < ARRAY_LEN(blocks); i += 2)
		memkind_free(kind, blocks[i]);
}

typedef memkind_t (*kind_maker)(struct test_area *area);

static memkind_t
make_fixed(struct test_area *area)
{
	memkind_t kind = NULL;

	assert_int_equal(memkind_create_fixed(area->addr, area->len, &kind),
	    MEMKIND_SUCCESS);
	return kind;
}

static memkind_t
make_pmem(struct test_area *area)
{
	memkind_t kind = NULL;

	(void)area;
	assert_int_equal(memkind_create_pmem(test_dir(), 16 * TEST_MIB, &kind),
	    MEMKIND_SUCCESS);
	return kind;
}

static void
cycle(kind_maker make, size_t nr_cycles, size_t warm_up)
{
	struct left before = {0};
	struct left after;
	struct test_area area;
	double start = test_now();

	test_area_map(&area, 2 * TEST_MIB);
	for (size_t n = 0; n < nr_cycles; n++) {
		memkind_t kind = make(&area);

		use_kind(kind, n);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		if (n == warm_up)
			before = look();
	}
	after = look();
	print_message("%.1f us for each\n",
	    (test_now() - start) / (double)nr_cycles * 1e6);
	assert_no_growth(&before, &after);
	test_area_unmap(&area);
}

static void
test_10000_fixed_kinds_leave_nothing(void **state)
{
	(void)state;
	cycle(make_fixed, test_scaled(NR_CYCLES), WARM_UP);
}

/* A file each costs more; what they leave shows sooner, too. */
static void
test_many_pmem_kinds_leave_nothing(void **state)
{
	(void)state;
	cycle(make_pmem,
	    test_is_long() ? NR_CYCLES : test_scaled(NR_SLOW_CYCLES), WARM_UP);
}

/* Constructors that fail, all the ways that need no help to fail. */
static void
test_10000_failures_leave_nothing(void **state)
{
	struct left before = {0};
	struct left after;
	struct test_area area;
	memkind_t live;

	(void)state;
	test_area_map(&area, 2 * TEST_MIB);
	live = make_fixed(&area);
	for (size_t n = 0; n < test_scaled(NR_CYCLES); n++) {
		memkind_t kind = NULL;

		assert_int_equal(
		    memkind_create_fixed(area.addr, area.len, &kind),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(memkind_create_pmem("/nonexistent", 0, &kind),
		    MEMKIND_ERROR_INVALID);
		assert_int_equal(memkind_create_pmem(test_dir(), 1, &kind),
		    MEMKIND_ERROR_INVALID);
		if (n == WARM_UP)
			before = look();
	}
	after = look();
	assert_no_growth(&before, &after);
	assert_int_equal(memkind_destroy_kind(live), MEMKIND_SUCCESS);
	test_area_unmap(&area);
}

/* --- other threads' caches --------------------------------------------------- */

struct worker {
	pthread_barrier_t barrier;
	_Atomic(memkind_t) kind; /* NULL: the end */
	bool ok;
};

/* Uses each kind that comes, and so has a cache of it when it ends. */
static void *
use_kinds(void *arg)
{
	struct worker *w = arg;

	w->ok = true;
	for (;;) {
		memkind_t kind;

		(void)pthread_barrier_wait(&w->barrier);
		kind = w->kind;
		if (kind == NULL)
			return NULL;
		for (size_t i = 0; i < 50; i++) {
			void *p = memkind_malloc(kind, 16 + i * 40);

			if (p == NULL || memkind_detect_kind(p) != kind)
				w->ok = false;
			memkind_free(kind, p);
		}
		(void)pthread_barrier_wait(&w->barrier);
	}
}

static void
test_kinds_that_another_thread_used_leave_nothing(void **state)
{
	const size_t nr_cycles =
	    test_is_long() ? NR_CYCLES : test_scaled(NR_SLOW_CYCLES);
	struct left before = {0};
	struct left after;
	struct test_area area;
	struct worker w;
	pthread_t thread;

	(void)state;
	memset(&w, 0, sizeof(w));
	test_area_map(&area, 2 * TEST_MIB);
	assert_int_equal(pthread_barrier_init(&w.barrier, NULL, 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, use_kinds, &w), 0);
	for (size_t n = 0; n < nr_cycles; n++) {
		w.kind = make_fixed(&area);
		(void)pthread_barrier_wait(&w.barrier);
		use_kind(w.kind, n);
		(void)pthread_barrier_wait(&w.barrier);
		assert_int_equal(memkind_destroy_kind(w.kind), MEMKIND_SUCCESS);
		if (n == WARM_UP)
			before = look();
	}
	after = look();
	assert_no_growth(&before, &after);
	w.kind = NULL;
	(void)pthread_barrier_wait(&w.barrier);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(w.ok);
	assert_int_equal(pthread_barrier_destroy(&w.barrier), 0);
	test_area_unmap(&area);
}

/* More at once than memkind can have (476 on a machine like this). */
static void
test_1000_kinds_at_once(void **state)
{
	enum {
		NR = 1000
	};
	const size_t part = 64 * TEST_KIB;
	const size_t nr = test_scaled(NR);
	static memkind_t kinds[NR];
	struct test_area area;

	(void)state;
	test_area_map(&area, nr * part);
	for (size_t i = 0; i < nr; i++) {
		struct test_area a = {area.addr + i * part, part, NULL, 0};
		void *p;

		kinds[i] = make_fixed(&a);
		p = memkind_malloc(kinds[i], 100);
		assert_non_null(p);
		assert_true(test_area_holds(&a, p, 100));
	}
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(
		    memkind_destroy_kind(kinds[i]), MEMKIND_SUCCESS);
	test_area_unmap(&area);
}

#if TEST_OURS && !DK_SANITIZED
enum {
	NR_AT_ONCE = 1000,
	NR_USERS = 3
};

struct at_once {
	pthread_barrier_t barrier;
	memkind_t kinds[NR_AT_ONCE];
	size_t nr;
	_Atomic(memkind_t) last;
};

static void
use_all(struct at_once *all)
{
	for (size_t i = 0; i < all->nr; i++)
		assert_non_null(memkind_malloc(all->kinds[i], 100));
}

/* Has a cache of each kind when that ends, and lives on. */
static void *
use_all_and_wait(void *arg)
{
	struct at_once *all = arg;

	(void)pthread_barrier_wait(&all->barrier);
	use_all(all);
	(void)pthread_barrier_wait(&all->barrier);
	/* they are destroyed meanwhile */
	(void)pthread_barrier_wait(&all->barrier);
	memkind_free(all->last, memkind_malloc(all->last, 100));
	(void)pthread_barrier_wait(&all->barrier);
	(void)pthread_barrier_wait(&all->barrier);
	return NULL;
}

/* One round: how much is resident while all live, and after. */
static void
live_at_once(struct at_once *all, const struct test_area *area, size_t part,
    size_t *most, size_t *after)
{
	pthread_t threads[NR_USERS];
	struct test_area last;

	test_area_map(&last, 2 * TEST_MIB);
	for (size_t i = 0; i < NR_USERS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, use_all_and_wait, all),
		    0);
	for (size_t i = 0; i < all->nr; i++) {
		struct test_area a = {area->addr + i * part, part, NULL, 0};

		all->kinds[i] = make_fixed(&a);
	}
	use_all(all);
	(void)pthread_barrier_wait(&all->barrier);
	(void)pthread_barrier_wait(&all->barrier);
	*most = test_rss();
	for (size_t i = 0; i < all->nr; i++)
		assert_int_equal(
		    memkind_destroy_kind(all->kinds[i]), MEMKIND_SUCCESS);
	all->last = make_fixed(&last);
	assert_non_null(memkind_malloc(all->last, 100));
	(void)pthread_barrier_wait(&all->barrier);
	(void)pthread_barrier_wait(&all->barrier);
	/* what the program stored is not the library's */
	assert_int_equal(madvise(area->addr, all->nr * part, MADV_DONTNEED), 0);
	*after = test_rss();
	assert_int_equal(memkind_destroy_kind(all->last), MEMKIND_SUCCESS);
	(void)pthread_barrier_wait(&all->barrier);
	for (size_t i = 0; i < NR_USERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	test_area_unmap(&last);
}

/* The records of kinds that lived at once go back to the kernel, and those of
 * threads that used them: 1,000 left 75 MiB. */
static void
test_1000_kinds_of_4_threads_leave_little(void **state)
{
	static struct at_once all;
	const size_t part = 64 * TEST_KIB;
	size_t most, after, before = 0;
	struct test_area area;

	(void)state;
	assert_int_equal(
	    pthread_barrier_init(&all.barrier, NULL, NR_USERS + 1), 0);
	test_area_map(&area, NR_AT_ONCE * part);
	all.nr = 20; /* what is kept, however many there were */
	live_at_once(&all, &area, part, &most, &before);
	all.nr = NR_AT_ONCE;
	for (int i = 0; i < 2; i++) {
		live_at_once(&all, &area, part, &most, &after);
		print_message("resident: %zu KiB before, %zu with all, %zu "
			      "after\n",
		    before / TEST_KIB, most / TEST_KIB, after / TEST_KIB);
		assert_true(after <= before + 5 * TEST_MIB);
	}
	test_area_unmap(&area);
	assert_int_equal(pthread_barrier_destroy(&all.barrier), 0);
}
#endif

/* --- one that is large ------------------------------------------------------- */

/* The bar is 10 ms; this is a second of processor time, which a walk over the
 * pages of all that would take many times. */
static void
test_kind_over_4_tib_costs_next_to_nothing(void **state)
{
	const size_t size = (size_t)4 << 40;
	struct test_area area = {NULL, size, NULL, 0};
	struct test_fill fill;
	memkind_t kind = NULL;
	size_t rss_before;
	double start;
	void *p = NULL;

	(void)state;
	/* the library's own start is not counted */
	memkind_free(MEMKIND_DEFAULT, memkind_malloc(MEMKIND_DEFAULT, 1));
	area.addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area.addr == MAP_FAILED) {
		print_message("no 4 TiB of address space here\n");
		return;
	}
	rss_before = test_rss();
	start = test_cpu_now();
	assert_int_equal(
	    memkind_create_fixed(area.addr, size, &kind), MEMKIND_SUCCESS);
	print_message("created in %.2f ms with %zu KiB\n",
	    (test_cpu_now() - start) * 1e3,
	    (test_rss() - rss_before) / TEST_KIB);
	assert_true(test_cpu_now() - start < 1);
	assert_true(DK_SANITIZED || test_rss() - rss_before < 16 * TEST_MIB);
	assert_int_equal(memkind_get_capacity(kind), size);

	p = memkind_malloc(kind, (size_t)3 << 40);
	assert_non_null(p);
	memkind_free(kind, p);
	test_fill_up_to(kind, 16, 5000, 1, 20 * TEST_MIB, &fill);
	assert_int_equal(fill.err, 0);
	test_fill_free(kind, &fill);
	p = memkind_malloc(kind, (size_t)3 << 40);
	assert_non_null(p);

	start = test_cpu_now();
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	print_message("destroyed in %.2f ms\n", (test_cpu_now() - start) * 1e3);
	assert_true(test_cpu_now() - start < 1);
	assert_int_equal(munmap(area.addr, size), 0);
}

#if TEST_OURS && !DK_SANITIZED
/* There is an end to them: it is an error of create, and each kind that was made
 * has blocks. */
static void
test_the_last_kind_has_blocks(void **state)
{
	enum {
		MOST = 5000
	};
	static memkind_t kinds[MOST];
	const size_t part = 64 * TEST_KIB;
	size_t nr = 0;
	int rc = MEMKIND_SUCCESS;

	(void)state;
	if (test_is_emulated()) {
		print_message("not enough memory for the records there\n");
		return;
	}
	char *area = mmap(NULL, MOST * part, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(area, MAP_FAILED);
	while (nr < MOST && (rc = memkind_create_fixed(area + nr * part, part,
				 &kinds[nr])) == MEMKIND_SUCCESS)
		nr++;
	print_message("%zu kinds\n", nr);
	assert_in_range(nr, 4000, MOST - 1);
	assert_int_equal(rc, MEMKIND_ERROR_ARENAS_CREATE);
	assert_null(kinds[nr]);
	assert_non_null(strstr(daxkind_last_error(), "too many kinds"));
	for (size_t i = 0; i < nr; i++)
		assert_non_null(memkind_malloc(kinds[i], 100));
	assert_int_equal(memkind_destroy_kind(kinds[0]), MEMKIND_SUCCESS);
	assert_int_equal(
	    memkind_create_fixed(area, part, &kinds[0]), MEMKIND_SUCCESS);
	assert_non_null(memkind_malloc(kinds[0], 100));
	while (nr > 0)
		assert_int_equal(
		    memkind_destroy_kind(kinds[--nr]), MEMKIND_SUCCESS);
	assert_int_equal(munmap(area, MOST * part), 0);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#if !DK_SANITIZED
		/* first, as it is about the most that there ever were */
		test_ours_only(
		    test_unit, test_1000_kinds_of_4_threads_leave_little),
#endif
		test_unit(test_10000_fixed_kinds_leave_nothing),
		test_unit(test_many_pmem_kinds_leave_nothing),
		test_unit(test_10000_failures_leave_nothing),
		test_unit(test_kinds_that_another_thread_used_leave_nothing),
		test_unit(test_1000_kinds_at_once),
#if !DK_SANITIZED
		test_ours_only(test_unit, test_the_last_kind_has_blocks),
#endif
		test_unit(test_kind_over_4_tib_costs_next_to_nothing),
	};

	return cmocka_run_group_tests_name("kinds_cycle", tests, NULL, NULL);
}
