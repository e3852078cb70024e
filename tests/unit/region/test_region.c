// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_region.c -- a range is handed out only with file space behind it: over
 * a backing that counts, refuses and waits as it is told.
 *
 * Holds these invariants: file space held is what is taken and a stated slack,
 * and never more than there is room for; holes are used again; no room is said
 * only when there is none, also while other threads are at it; a range is
 * called zero only if it is.
 */
#include "../../support/cmocka_all.h"

#include "../../support/fake_backing.h"
#include "../../support/mock_os.h"
#include "../../support/mock_time.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "region/reclaimer.h"
#include "region/region.h"
#include "region/region_index.h"

/* What region_give.c keeps idle at most, and what region_take.c reserves for a
 * small request. */
#define IDLE_LIMIT (4 * MIB)
#define AHEAD_LEN (2 * MIB)

static struct fake_backing Fake;
static struct daxkind_region *Region;

static void
open_fake(void)
{
	assert_int_equal(
	    region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region),
	    0);
	/* The reclaimer's own tests are elsewhere: here nothing happens alone. */
	assert_int_equal(reclaimer_set(false, NULL), 0);
}

static void
open_size(size_t size)
{
	fake_backing_init(&Fake, size);
	open_fake();
}

static int
setup(void **state)
{
	mock_os_reset();
	return test_leaks_setup(state);
}

/* Something that another thread does, and may have to wait in. */
struct job {
	void (*run)(struct job *job);
	char *addr;
	size_t len;
	int rc;
	struct region_block block;
	pthread_t thread;
	_Atomic(bool) is_done;
	bool is_joined;
};

static struct job Jobs[4];
static size_t Nr_jobs;

static void
take_job(struct job *job)
{
	job->rc =
	    region_take(Region, job->len, DK_PAGE, RANGESET_LOW, &job->block);
}

static void
take_at_job(struct job *job)
{
	job->rc = region_take_at(Region, job->addr, job->len, &job->block);
}

static void
give_job(struct job *job)
{
	job->rc = region_give(Region, job->addr, job->len);
}

static void
trim_job(struct job *job)
{
	region_trim(Region, job->len);
}

static void
give_all_job(struct job *job)
{
	(void)job;
	region_give_all(Region);
}

static void *
run_job(void *arg)
{
	struct job *job = arg;

	job->run(job);
	atomic_store(&job->is_done, true);
	return NULL;
}

static struct job *
start(void (*run)(struct job *job), char *addr, size_t len)
{
	struct job *job = &Jobs[Nr_jobs];

	assert_true(Nr_jobs < ARRAY_LEN(Jobs));
	*job = (struct job){.run = run, .addr = addr, .len = len};
	assert_int_equal(pthread_create(&job->thread, NULL, run_job, job), 0);
	Nr_jobs++;
	return job;
}

static int
end(struct job *job)
{
	(void)pthread_join(job->thread, NULL);
	job->is_joined = true;
	return job->rc;
}

/* Also for a test that failed in the middle. */
static void
end_all_jobs(void)
{
	fake_backing_go(&Fake);
	for (size_t i = 0; i < Nr_jobs; i++) {
		if (!Jobs[i].is_joined)
			(void)end(&Jobs[i]);
	}
	Nr_jobs = 0;
}

static void
assert_waits(struct job *job)
{
	for (int i = 0; i < 15; i++) {
		test_sleep_ms(2);
		assert_false(atomic_load(&job->is_done));
	}
}

static int
teardown(void **state)
{
	end_all_jobs();
	mock_time_go();
	mock_os_reset();
	region_close(Region);
	fake_backing_fini(&Fake);
	return test_leaks_teardown(state);
}

static struct space_figures
figures(void)
{
	struct space_figures f;

	region_get_figures(Region, &f);
	assert_int_equal(f.total, f.taken + f.free + f.bad);
	return f;
}

static struct fake_counts
counts(void)
{
	return fake_backing_counts(&Fake);
}

/* The map is sound and says what the backing does of file space. */
static void
assert_map_is_right(void)
{
	assert_true(space_check(&Region->space));
	assert_null(Region->flights);
	assert_int_equal(figures().held, counts().held);
}

static struct region_block
take(size_t len, size_t align, enum rangeset_end end)
{
	struct region_block block = {0};

	assert_int_equal(region_take(Region, len, align, end, &block), 0);
	assert_int_equal(block.len, len);
	assert_int_equal((uintptr_t)block.addr % align, 0);
	assert_true(region_contains(Region, block.addr, len));
	assert_true(fake_backing_holds(&Fake, block.addr, len));
	if (block.is_zero)
		assert_true(test_all_bytes(block.addr, 0, len));
	return block;
}

static struct region_block
take_low(size_t len)
{
	return take(len, DK_PAGE, RANGESET_LOW);
}

/* Somebody wrote to it. */
static void
give_dirty(void *addr, size_t len)
{
	memset(addr, 0xaa, len);
	assert_int_equal(region_give(Region, addr, len), 0);
}

/* --- opening ------------------------------------------------------------------- */

static void
test_open_makes_it_findable_until_close(void **state)
{
	struct daxkind_region *other;

	(void)state;
	open_size(8 * MIB);
	char *base = Fake.base.base;
	assert_ptr_equal(Region->base, base);
	assert_int_equal(Region->size, 8 * MIB);
	assert_ptr_equal(region_index_find(base + 5 * MIB), Region);
	assert_int_equal(figures().total, 8 * MIB);
	assert_int_equal(figures().held, 0);
	assert_int_equal(counts().nr_ensures, 0);
	/* no byte may be in two regions */
	(void)error_set(0, "%s", "");
	assert_int_equal(
	    region_open(&Fake.base, base + MIB, DK_PAGE, &other), -EEXIST);
	assert_string_not_equal(error_text(), "");
	assert_true(Fake.is_open);
	region_close(Region);
	assert_false(Fake.is_open);
	assert_null(region_index_find(base + 5 * MIB));
	fake_backing_fini(&Fake);
	open_size(MIB);
}

static void
test_open_without_memory_leaves_nothing(void **state)
{
	unsigned n = 0;
	int rc;

	(void)state;
	fake_backing_init(&Fake, 8 * MIB);
	do {
		(void)error_set(0, "%s", "");
		mock_os_fail_nth(++n, ENOMEM);
		rc = region_open(
		    &Fake.base, Fake.base.base, Fake.base.size, &Region);
		const char *failed = mock_os_failed();
		mock_os_reset();
		if (failed == NULL)
			break;
		print_message("failed: %s\n", failed);
		assert_true(Fake.is_open);
		if (strcmp(failed, "os_thread_start") == 0) {
			/* it does without the reclaimer */
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -ENOMEM);
		assert_string_not_equal(error_text(), "");
		assert_null(region_index_find(Fake.base.base));
	} while (n < 100);
	assert_in_range(n, 1, 99);
	assert_int_equal(rc, 0);
}

static void
test_one_kind_at_a_time_is_on_a_region(void **state)
{
	static char place[1];
	struct memkind *kind = (struct memkind *)place;

	(void)state;
	open_size(MIB);
	assert_null(atomic_load(&Region->index.kind));
	assert_int_equal(region_claim(Region), 0);
	region_set_kind(Region, kind);
	(void)error_set(0, "%s", "");
	assert_int_equal(region_claim(Region), -EBUSY);
	assert_string_not_equal(error_text(), "");
	assert_ptr_equal(atomic_load(&Region->index.kind), kind);
	region_set_kind(Region, NULL);
	assert_int_equal(region_claim(Region), -EBUSY);
	region_unclaim(Region);
	assert_int_equal(region_claim(Region), 0);
	region_unclaim(Region);
}

static void
test_contains_is_about_all_of_the_range(void **state)
{
	static const struct {
		const char *why;
		size_t off, len;
		bool contains;
	} rows[] = {
	    {"all", 0, MIB, true},
	    {"a byte more", 0, MIB + 1, false},
	    {"the first byte", 0, 1, true},
	    {"the last byte", MIB - 1, 1, true},
	    {"the last and one more", MIB - 1, 2, false},
	    {"behind it", MIB, 1, false},
	    {"nothing at the end", MIB, 0, true},
	    {"nothing behind it", MIB + 1, 0, false},
	    {"before it", (size_t)-1, 1, false},
	    {"over the beginning", (size_t)-1, 2, false},
	    {"wrapping", 1, SIZE_MAX, false},
	    {"wrapping to its end", DK_PAGE, SIZE_MAX - DK_PAGE + 1, false},
	};

	(void)state;
	open_size(MIB);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uintptr_t addr = (uintptr_t)Region->base + rows[i].off;

		dk_row(rows[i].why);
		assert_int_equal(
		    region_contains(Region, (void *)addr, rows[i].len),
		    rows[i].contains);
	}
	assert_false(region_contains(Region, NULL, 0));
	assert_false(region_contains(Region, NULL, SIZE_MAX));
}

/* --- taking -------------------------------------------------------------------- */

static void
test_what_is_taken_holds_file_space(void **state)
{
	uint64_t random = 5;

	(void)state;
	open_size(64 * MIB);
	for (int i = 0; i < 40; i++) {
		size_t len = DK_PAGE * test_random_size(&random, 1, 200);
		size_t align = DK_PAGE << test_random_size(&random, 0, 6);

		/* take() looks at each */
		(void)take(
		    len, align, i % 2 == 0 ? RANGESET_LOW : RANGESET_HIGH);
		assert_map_is_right();
	}
	assert_int_equal(take_low(DK_PAGE).is_zero, true);
}

static void
test_small_requests_reserve_ahead(void **state)
{
	(void)state;
	open_size(8 * MIB);
	(void)take_low(DK_PAGE);
	assert_int_equal(counts().nr_ensures, 1);
	assert_int_equal(counts().held, AHEAD_LEN);
	/* the rest of the piece needs no call of the system */
	for (size_t i = 1; i < AHEAD_LEN / DK_PAGE; i++)
		(void)take_low(DK_PAGE);
	assert_int_equal(counts().nr_ensures, 1);
	(void)take_low(DK_PAGE);
	assert_int_equal(counts().nr_ensures, 2);
	assert_map_is_right();
	/* in front of it too */
	struct region_block block;
	assert_int_equal(region_take_at(Region,
			     Region->base + 8 * MIB - DK_PAGE, DK_PAGE, &block),
	    0);
	assert_int_equal(counts().held, 6 * MIB);
	assert_map_is_right();
	/* but not for who asks for the space back at once */
	region_set_policy(Region, REGION_GIVE_AT_ONCE);
	assert_int_equal(
	    region_take_at(Region, Region->base + 5 * MIB, DK_PAGE, &block), 0);
	assert_int_equal(counts().held, 6 * MIB + DK_PAGE);
	assert_map_is_right();
}

static void
test_reserving_ahead_takes_what_is_free_only(void **state)
{
	(void)state;
	open_size(4 * MIB);
	region_set_policy(Region, REGION_GIVE_AT_ONCE);
	struct region_block a = take_low(128 * KIB);
	struct region_block b = take_low(128 * KIB);
	(void)take_low(128 * KIB);
	struct region_block d = take_low(128 * KIB);
	memset(a.addr, 0xaa, a.len);
	memset(b.addr, 0xbb, b.len);
	memset(d.addr, 0xdd, d.len);
	assert_int_equal(region_give(Region, b.addr, b.len), 0);
	region_trim(Region, 0);
	region_set_policy(Region, REGION_GIVE_LATER);
	/* in the middle of a hole between a and c */
	struct region_block block;
	assert_int_equal(
	    region_take_at(Region, b.addr + 16 * KIB, DK_PAGE, &block), 0);
	assert_true(block.is_zero);
	assert_map_is_right();
	assert_true(test_all_bytes(a.addr, 0xaa, a.len));
	assert_true(test_all_bytes(d.addr, 0xdd, d.len));
	/* only up to the next taken range */
	assert_int_equal(counts().held, 512 * KIB);
	assert_int_equal(figures().taken, 384 * KIB + DK_PAGE);
}

static void
test_take_at_is_exact_or_refused(void **state)
{
	struct region_block block = {.addr = NULL};

	(void)state;
	open_size(8 * MIB);
	char *base = Region->base;
	assert_int_equal(region_take_at(Region, base + MIB, MIB, &block), 0);
	assert_ptr_equal(block.addr, base + MIB);
	assert_int_equal(block.len, MIB);
	assert_true(fake_backing_holds(&Fake, block.addr, block.len));
	struct space_figures before = figures();
	assert_int_equal(
	    region_take_at(Region, base + MIB, DK_PAGE, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, base, 2 * MIB, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, base - MIB, MIB, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, base + 8 * MIB, MIB, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, base + 7 * MIB, 2 * MIB, &block), -ENOMEM);
	struct space_figures after = figures();
	assert_memory_equal(&before, &after, sizeof(before));
	assert_map_is_right();
}

static void
test_a_mapping_needs_no_file_space(void **state)
{
	struct region_block block;

	(void)state;
	fake_backing_init_mapping(&Fake, 8 * MIB);
	open_fake();
	assert_int_equal(
	    region_take(Region, 8 * MIB, DK_PAGE, RANGESET_LOW, &block), 0);
	assert_false(block.is_zero);
	assert_int_equal(region_give(Region, block.addr, block.len), 0);
	region_trim(Region, 0);
	assert_false(region_has_idle(Region));
	assert_false(region_trim_unneeded(Region));
	assert_int_equal(counts().nr_ensures, 0);
	assert_int_equal(counts().nr_discards, 0);
	assert_int_equal(figures().held, 8 * MIB);
	assert_true(space_check(&Region->space));
}

/* --- a file that was there ------------------------------------------------------ */

/* Every page of [from, to) is somebody's. */
static void
open_with_content(size_t size, size_t unit, size_t from, size_t to)
{
	fake_backing_init(&Fake, size);
	Fake.base.unit = unit;
	Fake.base.has_content = true;
	Fake.base.starts_zero = false;
	memset(Fake.base.base + from, 0xee, to - from);
	open_fake();
}

/* Take and give at random; note the pages that were handed out. */
static void
use_at_random(bool *used, uint64_t *random)
{
	enum {
		NR = 16
	};
	struct region_block blocks[NR] = {{0}};

	for (int i = 0; i < 600; i++) {
		struct region_block *b =
		    &blocks[test_random_size(random, 0, NR - 1)];

		if (b->addr != NULL) {
			give_dirty(b->addr, b->len);
			b->addr = NULL;
		} else if (region_take(Region,
			       DK_PAGE * test_random_size(random, 1, 40),
			       DK_PAGE,
			       i % 2 == 0 ? RANGESET_LOW : RANGESET_HIGH,
			       b) == 0) {
			size_t page =
			    (size_t)(b->addr - Region->base) / DK_PAGE;

			if (b->is_zero)
				assert_true(test_all_bytes(b->addr, 0, b->len));
			memset(used + page, true, b->len / DK_PAGE);
		}
		if (i % 50 == 0)
			region_trim(Region, 0);
		assert_true(region_check(Region));
	}
	region_give_all(Region);
	region_trim(Region, 0);
	(void)region_trim_unneeded(Region);
	(void)region_trim_unneeded(Region);
}

/* What is not handed out stays, whatever is reserved, given back and punched
 * beside it. */
static void
test_content_that_was_there_is_kept(void **state)
{
	static const size_t units[] = {0, 64 * KIB, 2 * MIB};
	static bool used[16 * MIB / 4096];
	uint64_t random = 11;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		print_message("units of %zu\n", units[i]);
		open_with_content(16 * MIB, units[i], 0, 16 * MIB);
		memset(used, 0, sizeof(used));
		use_at_random(used, &random);
		for (size_t page = 0; page < ARRAY_LEN(used); page++)
			assert_true(
			    used[page] ||
			    test_all_bytes(
				Region->base + page * DK_PAGE, 0xee, DK_PAGE));
		region_close(Region);
		fake_backing_fini(&Fake);
	}
	open_size(MIB);
}

static void
test_holes_of_a_file_that_was_there_are_ours(void **state)
{
	(void)state;
	open_with_content(16 * MIB, 0, 4 * MIB, 5 * MIB);
	/* a hole all around: zero, and the rest of its 2 MiB as well */
	struct region_block a = take_low(DK_PAGE);
	assert_true(a.is_zero);
	assert_int_equal(counts().held, AHEAD_LEN);
	assert_map_is_right();
	/* data beside it: nothing is reserved for later */
	struct region_block b = {.addr = NULL};
	assert_int_equal(
	    region_take_at(Region, Region->base + 5 * MIB, DK_PAGE, &b), 0);
	assert_int_equal(counts().held, AHEAD_LEN + DK_PAGE);
	assert_map_is_right();
	give_dirty(a.addr, a.len);
	give_dirty(b.addr, b.len);
	region_trim(Region, 0);
	assert_int_equal(counts().held, 0);
	assert_map_is_right();
	assert_true(test_all_bytes(Region->base + 4 * MIB, 0xee, MIB));
}

static void
test_a_failing_take_keeps_content(void **state)
{
	struct region_block block;

	(void)state;
	open_with_content(16 * MIB, 0, 0, 16 * MIB);
	fake_backing_set_room(&Fake, 4 * MIB);
	assert_int_equal(
	    region_take(Region, 8 * MIB, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	assert_true(test_all_bytes(Region->base, 0xee, 16 * MIB));
	assert_map_is_right();
}

static void
test_what_was_reserved_at_open_stays_reserved(void **state)
{
	(void)state;
	fake_backing_init(&Fake, 8 * MIB);
	bool is_zero;
	assert_int_equal(backing_ensure(&Fake.base, 0, 8 * MIB, &is_zero), 0);
	Fake.base.keeps_space = true;
	Fake.base.starts_as_holes = false;
	open_fake();
	assert_int_equal(figures().held, 8 * MIB);
	struct region_block all = take_low(8 * MIB);
	assert_int_equal(counts().nr_ensures, 1);
	give_dirty(all.addr, all.len);
	region_set_policy(Region, REGION_GIVE_AT_ONCE);
	region_trim(Region, 0);
	(void)region_trim_unneeded(Region);
	(void)region_trim_unneeded(Region);
	assert_false(region_has_idle(Region));
	assert_int_equal(counts().nr_discards, 0);
	assert_int_equal(figures().held, 8 * MIB);
}

/* --- blocks of the file system larger than a page ---------------------------------- */

static void
test_file_space_comes_and_goes_in_units(void **state)
{
	static const size_t units[] = {16 * KIB, 64 * KIB, 2 * MIB};
	static bool used[16 * MIB / 4096];
	uint64_t random = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		print_message("units of %zu\n", units[i]);
		fake_backing_init(&Fake, 16 * MIB);
		Fake.base.unit = units[i];
		open_fake();
		if (i == 1)
			region_set_policy(Region, REGION_GIVE_AT_ONCE);
		/* a page takes a unit, which goes only as a whole */
		struct region_block a = take_low(DK_PAGE);
		assert_int_equal(counts().held,
		    i == 1 ? units[i] : max_size(units[i], AHEAD_LEN));
		assert_map_is_right();
		struct region_block b = take_low(DK_PAGE);
		assert_ptr_equal(b.addr, a.addr + DK_PAGE);
		give_dirty(a.addr, a.len);
		region_trim(Region, 0);
		assert_int_equal(counts().held, units[i]);
		assert_map_is_right();
		assert_false(region_has_idle(Region));
		give_dirty(b.addr, b.len);
		region_trim(Region, 0);
		assert_int_equal(counts().held, 0);
		assert_map_is_right();
		use_at_random(used, &random);
		assert_int_equal(counts().held, 0);
		assert_map_is_right();
		region_close(Region);
		fake_backing_fini(&Fake);
	}
	open_size(MIB);
}

static void
test_units_are_short_of_file_space(void **state)
{
	struct region_block block;

	(void)state;
	fake_backing_init(&Fake, 16 * MIB);
	Fake.base.unit = 64 * KIB;
	open_fake();
	fake_backing_set_room(&Fake, 3 * 64 * KIB);
	char *first = take_low(DK_PAGE).addr;
	for (size_t i = 1; i < 3 * 16; i++)
		assert_ptr_equal(take_low(DK_PAGE).addr, first + i * DK_PAGE);
	assert_int_equal(
	    region_take(Region, DK_PAGE, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	assert_map_is_right();
	/* what was idle of a unit that is in use is so after a failure, too */
	char *last = first + 47 * DK_PAGE;
	assert_int_equal(region_give(Region, last, DK_PAGE), 0);
	assert_int_equal(
	    region_take_at(Region, last, 17 * DK_PAGE, &block), -ENOMEM);
	assert_map_is_right();
	assert_int_equal(region_take_at(Region, last, DK_PAGE, &block), 0);
	assert_map_is_right();
	/* a unit that is almost free helps nobody, a free one does */
	assert_int_equal(region_give(Region, first, 15 * DK_PAGE), 0);
	assert_int_equal(
	    region_take(Region, 16 * DK_PAGE, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	assert_map_is_right();
	assert_int_equal(region_give(Region, first + 15 * DK_PAGE, DK_PAGE), 0);
	struct region_block unit = take(16 * DK_PAGE, DK_PAGE, RANGESET_HIGH);
	assert_int_equal(region_give(Region, unit.addr, unit.len), 0);
	region_set_policy(Region, REGION_GIVE_AT_ONCE);
	assert_int_equal(region_take_at(Region, Region->base + 8 * MIB,
			     16 * DK_PAGE, &block),
	    0);
	assert_map_is_right();
}

/* --- no file space -------------------------------------------------------------- */

static void
test_a_full_file_system_changes_nothing(void **state)
{
	struct region_block block = {.addr = NULL};

	(void)state;
	open_size(16 * MIB);
	fake_backing_set_room(&Fake, 4 * MIB);
	struct region_block kept = take_low(3 * MIB);
	memset(kept.addr, 0xaa, kept.len);
	struct space_figures before = figures();
	for (int i = 0; i < 3; i++) {
		(void)error_set(0, "%s", "");
		assert_int_equal(
		    region_take(Region, 2 * MIB, DK_PAGE, RANGESET_LOW, &block),
		    -ENOMEM);
		assert_int_equal(Region->no_space, ENOSPC);
		assert_int_equal(region_take_at(Region, Region->base + 8 * MIB,
				     2 * MIB, &block),
		    -ENOMEM);
		assert_null(block.addr);
		assert_map_is_right();
		struct space_figures after = figures();
		assert_memory_equal(&before, &after, sizeof(before));
	}
	assert_true(test_all_bytes(kept.addr, 0xaa, kept.len));
	/* what fits is there, and with more room the rest */
	(void)take_low(MIB);
	assert_int_equal(
	    region_take(Region, DK_PAGE, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	fake_backing_set_room(&Fake, 16 * MIB);
	(void)take_low(12 * MIB);
	assert_int_equal(figures().free, 0);
	assert_map_is_right();
}

static void
test_any_refusal_of_file_space_is_no_memory(void **state)
{
	static const int errors[] = {EIO, EDQUOT, ENOSPC, EFBIG, EINTR};
	struct region_block block;

	(void)state;
	open_size(4 * MIB);
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		fake_backing_set_rc(&Fake, -errors[i], 0);
		assert_int_equal(
		    region_take(Region, DK_PAGE, DK_PAGE, RANGESET_LOW, &block),
		    -ENOMEM);
		assert_map_is_right();
		assert_int_equal(figures().taken, 0);
	}
	fake_backing_set_rc(&Fake, 0, 0);
	(void)take_low(4 * MIB);
}

static void
test_reserving_ahead_is_no_reason_to_fail(void **state)
{
	(void)state;
	open_size(16 * MIB);
	fake_backing_set_room(&Fake, 10 * DK_PAGE);
	/* less is left than a piece */
	for (size_t i = 0; i < 10; i++) {
		(void)take_low(DK_PAGE);
		assert_map_is_right();
	}
	assert_int_equal(counts().held, 10 * DK_PAGE);
	struct region_block block;
	assert_int_equal(
	    region_take(Region, DK_PAGE, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	assert_map_is_right();
}

static void
test_idle_space_elsewhere_makes_room(void **state)
{
	(void)state;
	open_size(32 * MIB);
	fake_backing_set_room(&Fake, 6 * MIB);
	/* idle: 1 MiB of each of 3, not one of which is 2 MiB long */
	struct region_block a = take_low(6 * MIB);
	for (size_t i = 0; i < 3; i++)
		give_dirty(a.addr + 2 * i * MIB, MIB);
	assert_int_equal(counts().held, 6 * MIB);
	struct region_block b = take_low(3 * MIB);
	assert_true(b.addr >= a.addr + a.len);
	assert_map_is_right();
	assert_int_equal(counts().held, 6 * MIB);
	assert_true(counts().max_held <= 6 * MIB);
}

static void
test_holes_are_used_again(void **state)
{
	(void)state;
	open_size(8 * MIB);
	for (int i = 0; i < 20; i++) {
		struct region_block block = take_low(8 * MIB);

		assert_true(block.is_zero);
		give_dirty(block.addr, block.len);
		region_trim(Region, 0);
		assert_int_equal(counts().held, 0);
		assert_map_is_right();
	}
	assert_int_equal(counts().max_held, 8 * MIB);
}

/* --- what is zero ----------------------------------------------------------------- */

static void
test_only_what_is_zero_is_called_so(void **state)
{
	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(4 * MIB);
	assert_true(a.is_zero);
	give_dirty(a.addr, a.len);
	struct region_block b = take_low(4 * MIB);
	assert_ptr_equal(b.addr, a.addr);
	assert_false(b.is_zero);
	/* a part of it is dirty */
	assert_int_equal(region_give(Region, b.addr, b.len), 0);
	struct region_block c = take_low(8 * MIB);
	assert_false(c.is_zero);
	/* a hole that was made is zero; take() looks at its bytes */
	give_dirty(c.addr, c.len);
	region_trim(Region, 0);
	assert_true(take_low(8 * MIB).is_zero);
}

static void
test_what_the_backing_zeroes_is_zero(void **state)
{
	(void)state;
	fake_backing_init(&Fake, 8 * MIB);
	Fake.base.starts_zero = false;
	memset(Fake.base.base, 0xaa, 8 * MIB);
	open_fake();
	assert_false(take_low(2 * MIB).is_zero);
	Fake.writes_zeroes = true;
	assert_true(take_low(2 * MIB).is_zero);
	/* a failing ensure gave the range back: it is zero as well */
	Fake.writes_zeroes = false;
	fake_backing_set_rc(&Fake, -ENOSPC, 0);
	struct region_block block;
	assert_int_equal(
	    region_take(Region, 2 * MIB, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	fake_backing_set_rc(&Fake, 0, 0);
	assert_true(take_low(2 * MIB).is_zero);
	/* where it could not, it is as it was */
	fake_backing_set_rc(&Fake, -ENOSPC, -EOPNOTSUPP);
	assert_int_equal(
	    region_take(Region, 2 * MIB, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
	fake_backing_set_rc(&Fake, 0, 0);
	assert_false(take_low(2 * MIB).is_zero);
}

static void
test_a_file_system_without_holes_is_served(void **state)
{
	(void)state;
	open_size(64 * MIB);
	fake_backing_set_rc(&Fake, 0, -EOPNOTSUPP);
	struct region_block all = take_low(64 * MIB);
	for (size_t off = 0; off < 64 * MIB; off += MIB)
		give_dirty(all.addr + off, MIB);
	/* it is asked once, and never again */
	assert_int_equal(counts().nr_discards, 1);
	assert_false(region_has_idle(Region));
	region_trim(Region, 0);
	(void)region_trim_unneeded(Region);
	assert_int_equal(counts().nr_discards, 1);
	assert_map_is_right();
	assert_int_equal(figures().held, 64 * MIB);
	/* what is kept is used again, and nobody calls it zero */
	unsigned nr_ensures = counts().nr_ensures;
	for (size_t off = 0; off < 64 * MIB; off += MIB)
		assert_false(take_low(MIB).is_zero);
	assert_int_equal(counts().nr_ensures, nr_ensures);
	assert_map_is_right();
}

/* --- giving file space back -------------------------------------------------------- */

static void
test_idle_space_has_a_limit(void **state)
{
	(void)state;
	open_size(256 * MIB);
	/* up to it, frees call nobody */
	struct region_block a = take_low(IDLE_LIMIT);
	give_dirty(a.addr, a.len);
	assert_int_equal(counts().nr_discards, 0);
	assert_int_equal(figures().held, IDLE_LIMIT);
	assert_true(region_has_idle(Region));
	/* beyond, down to half of it, in few calls */
	a = take_low(128 * MIB);
	for (size_t off = 0; off < 128 * MIB; off += 64 * KIB) {
		give_dirty(a.addr + off, 64 * KIB);
		size_t limit = max_size(IDLE_LIMIT, figures().taken / 2);
		size_t idle = figures().held - figures().taken;
		assert_true(idle <= limit);
	}
	assert_map_is_right();
	assert_int_equal(figures().taken, 0);
	/* half of 4 to 16 MiB each time, and not at each of 2,048 frees */
	assert_in_range(counts().nr_discards, 8, 80);
	assert_in_range(figures().held, IDLE_LIMIT / 4, IDLE_LIMIT);
}

static void
test_a_free_that_goes_on_and_off_punches_nothing(void **state)
{
	(void)state;
	open_size(64 * MIB);
	for (int i = 0; i < 200; i++) {
		struct region_block a = take_low(2 * MIB);

		assert_int_equal(region_give(Region, a.addr, a.len), 0);
	}
	assert_int_equal(counts().nr_ensures, 1);
	assert_int_equal(counts().nr_discards, 0);
}

static void
test_at_once_means_at_once(void **state)
{
	(void)state;
	open_size(64 * MIB);
	region_set_policy(Region, REGION_GIVE_AT_ONCE);
	struct region_block a = take_low(32 * MIB);
	give_dirty(a.addr, a.len);
	assert_int_equal(figures().held, 0);
	assert_map_is_right();
	/* With a bound on the time it takes: the reclaimer does the rest, and
	 * comes back soon for it. */
	for (int i = 0; i < 2000; i++) {
		a = take_low(DK_PAGE);
		give_dirty(a.addr, a.len);
	}
	assert_true(region_trim_unneeded(Region));
	assert_int_equal(figures().held, 0);
	region_set_policy(Region, REGION_GIVE_LATER);
	assert_false(region_trim_unneeded(Region));
}

static void
give_a_dirty_page(void)
{
	struct region_block a = take_low(DK_PAGE);

	give_dirty(a.addr, a.len);
}

/* Nine times as long as it took nothing is given back, and a limit holds. */
static void
test_at_once_takes_a_tenth_of_the_time_at_most(void **state)
{
	(void)state;
	mock_os_fail_all("os_thread_start", EAGAIN);
	open_size(64 * MIB);
	mock_os_reset();
	region_set_policy(Region, REGION_GIVE_AT_ONCE);
	mock_time_stop();
	Fake.discard_ms = 10;
	for (int i = 0; i < 3; i++) {
		give_a_dirty_page();
		assert_int_equal(figures().held, 0);
		give_a_dirty_page();
		assert_int_equal(figures().held, DK_PAGE);
		mock_time_pass(89);
		give_a_dirty_page();
		assert_int_equal(figures().held, DK_PAGE);
		mock_time_pass(1);
	}
	give_a_dirty_page();
	assert_int_equal(figures().held, 0);
	struct region_block a = take_low(32 * MIB);
	give_dirty(a.addr, a.len);
	assert_int_equal(figures().held, 0);
}

static void
test_trim_keeps_what_it_is_told(void **state)
{
	static const size_t keeps[] = {
	    8 * MIB, 5 * MIB + DK_PAGE, MIB, DK_PAGE, 0};

	(void)state;
	open_size(64 * MIB);
	struct region_block a = take_low(32 * MIB);
	/* pieces of 1 MiB, together 4 MiB: none beyond the limit */
	for (size_t i = 0; i < 4; i++)
		give_dirty(a.addr + 4 * i * MIB, MIB);
	for (size_t i = 0; i < ARRAY_LEN(keeps); i++) {
		region_trim(Region, keeps[i]);
		assert_int_equal(figures().held - figures().taken,
		    min_size(keeps[i], 4 * MIB));
		assert_map_is_right();
	}
}

static void
test_trim_makes_small_holes_in_the_end(void **state)
{
	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(2 * MIB);
	/* 4 KiB each, with 4 KiB between them */
	for (size_t off = 0; off < 2 * MIB; off += 8 * KIB)
		give_dirty(a.addr + off, 4 * KIB);
	region_trim(Region, 0);
	assert_int_equal(figures().held, MIB);
	assert_map_is_right();
}

static void
test_trim_takes_large_ranges_piece_by_piece(void **state)
{
	(void)state;
	open_size(300 * MIB);
	struct region_block a = take_low(300 * MIB);
	assert_int_equal(region_give(Region, a.addr, a.len), 0);
	region_trim(Region, 0);
	assert_int_equal(counts().discarded, 300 * MIB);
	assert_in_range(counts().nr_discards, 5, 6);
	assert_int_equal(counts().max_discard, 64 * MIB);
	assert_map_is_right();
}

static void
test_a_failing_discard_ends_the_trim_and_loses_nothing(void **state)
{
	(void)state;
	open_size(64 * MIB);
	fake_backing_set_rc(&Fake, 0, -EIO);
	struct region_block a = take_low(32 * MIB);
	give_dirty(a.addr, a.len);
	assert_int_equal(counts().nr_discards, 1);
	assert_map_is_right();
	assert_int_equal(figures().held, 32 * MIB);
	assert_false(take_low(MIB).is_zero);
	/* it is tried again another time */
	fake_backing_set_rc(&Fake, 0, 0);
	region_trim(Region, 0);
	assert_int_equal(figures().held, MIB);
	assert_map_is_right();
}

static void
test_what_was_idle_at_two_looks_goes(void **state)
{
	(void)state;
	open_size(64 * MIB);
	struct region_block a = take_low(3 * MIB);
	give_dirty(a.addr, 2 * MIB);
	assert_false(region_trim_unneeded(Region));
	assert_int_equal(figures().held, 3 * MIB);
	/* 1 MiB of it was needed meanwhile: that stays for once */
	struct region_block b = take_low(MIB);
	give_dirty(b.addr, b.len);
	assert_false(region_trim_unneeded(Region));
	assert_int_equal(figures().held, 2 * MIB);
	assert_true(region_has_idle(Region));
	assert_false(region_trim_unneeded(Region));
	assert_int_equal(figures().held, MIB);
	assert_false(region_has_idle(Region));
	assert_map_is_right();
}

static void
test_give_all_takes_everything_back(void **state)
{
	uint64_t random = 9;

	(void)state;
	open_size(64 * MIB);
	for (int i = 0; i < 100; i++) {
		struct region_block a =
		    take(DK_PAGE * test_random_size(&random, 1, 100), DK_PAGE,
			i % 2 == 0 ? RANGESET_LOW : RANGESET_HIGH);

		memset(a.addr, 0xaa, a.len);
		if (i % 3 == 0)
			assert_int_equal(region_give(Region, a.addr, a.len), 0);
	}
	region_give_all(Region);
	assert_int_equal(figures().taken, 0);
	assert_int_equal(figures().longest_free, 64 * MIB);
	assert_map_is_right();
	/* dirty as it is */
	assert_false(take_low(64 * MIB).is_zero);
	region_give_all(Region);
	region_give_all(Region);
	assert_map_is_right();
}

/* --- bad ranges ------------------------------------------------------------------- */

static void
test_a_bad_range_is_never_handed_out(void **state)
{
	struct region_block block;
	size_t end;

	(void)state;
	open_size(16 * MIB);
	char *base = Region->base;
	struct region_block a = take_low(8 * MIB);
	assert_int_equal(region_mark_bad(Region, base + 7 * MIB, 2 * MIB), 0);
	assert_int_equal(region_mark_bad(Region, base + 8, DK_PAGE), -EINVAL);
	assert_int_equal(region_mark_bad(Region, base - MIB, MIB), -EINVAL);
	assert_int_equal(
	    region_mark_bad(Region, base + 15 * MIB, 2 * MIB), -EINVAL);
	assert_int_equal(figures().bad, MIB);
	give_dirty(a.addr, a.len);
	assert_int_equal(figures().bad, 2 * MIB);
	assert_int_equal(region_run_at(Region, 8 * MIB, &end), SPACE_RUN_BAD);
	assert_int_equal(end, 9 * MIB);
	while (region_take(Region, MIB, DK_PAGE, RANGESET_LOW, &block) == 0)
		assert_true(block.addr < base + 7 * MIB ||
			    block.addr >= base + 9 * MIB);
	assert_int_equal(figures().taken, 14 * MIB);
	region_give_all(Region);
	assert_int_equal(figures().bad, 2 * MIB);
	assert_int_equal(figures().free, 14 * MIB);
	assert_true(space_check(&Region->space));
}

static void
test_known_bad_blocks_are_not_handed_out(void **state)
{
	struct region_block block;
	size_t end;

	(void)state;
	fake_backing_init(&Fake, 4 * MIB);
	/* sectors in a page, over two pages, and at the end */
	fake_backing_add_bad(&Fake, 5 * DK_PAGE + 512, 1024);
	fake_backing_add_bad(&Fake, 8 * DK_PAGE - 512, 1024);
	fake_backing_add_bad(&Fake, 4 * MIB - 512, 512);
	open_fake();
	assert_int_equal(figures().bad, 4 * DK_PAGE);
	assert_int_equal(
	    region_run_at(Region, 5 * DK_PAGE, &end), SPACE_RUN_BAD);
	assert_int_equal(end, 6 * DK_PAGE);
	while (
	    region_take(Region, DK_PAGE, DK_PAGE, RANGESET_HIGH, &block) == 0) {
		size_t page = (size_t)(block.addr - Region->base) / DK_PAGE;

		assert_true(page != 5 && page != 7 && page != 8 &&
			    page != 4 * MIB / DK_PAGE - 1);
	}
	assert_int_equal(figures().taken, 4 * MIB - 4 * DK_PAGE);
	assert_map_is_right();
}

static void
test_bad_blocks_that_can_not_be_asked_fail_the_open(void **state)
{
	(void)state;
	fake_backing_init(&Fake, 4 * MIB);
	fake_backing_set_find_bad_rc(&Fake, -EIO);
	(void)error_set(0, "%s", "");
	assert_int_equal(
	    region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region),
	    -EIO);
	assert_string_not_equal(error_text(), "");
	assert_null(region_index_find(Fake.base.base));
	assert_true(Fake.is_open);
	fake_backing_set_find_bad_rc(&Fake, 0);
	open_fake();
}

static void
test_bad_blocks_that_are_met_are_stepped_over(void **state)
{
	struct region_block block;

	(void)state;
	open_size(8 * MIB);
	fake_backing_add_bad(&Fake, MIB + 512, 512);
	fake_backing_add_bad(&Fake, 3 * MIB, 2 * DK_PAGE);
	/* the lowest place that is good */
	assert_ptr_equal(
	    take_low(1536 * KIB).addr, Region->base + MIB + DK_PAGE);
	assert_ptr_equal(
	    take_low(1536 * KIB).addr, Region->base + 3 * MIB + 2 * DK_PAGE);
	assert_int_equal(figures().bad, 3 * DK_PAGE);
	assert_map_is_right();
	/* exactly there it is refused */
	fake_backing_add_bad(&Fake, 7 * MIB, 512);
	assert_int_equal(
	    region_take_at(Region, Region->base + 6 * MIB, 2 * MIB, &block),
	    -ENOMEM);
	assert_int_equal(figures().bad, 4 * DK_PAGE);
	assert_map_is_right();
	/* an error that no bad block explains is what it was */
	fake_backing_set_rc(&Fake, -EIO, 0);
	assert_int_equal(
	    region_take(Region, MIB, DK_PAGE, RANGESET_LOW, &block), -ENOMEM);
	fake_backing_set_rc(&Fake, 0, 0);
	assert_map_is_right();
}

static void
test_runs_are_offsets(void **state)
{
	size_t end;

	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(4 * MIB);
	assert_int_equal(region_give(Region, a.addr, MIB), 0);
	assert_int_equal(region_run_at(Region, 0, &end), SPACE_RUN_IDLE);
	assert_int_equal(end, MIB);
	assert_int_equal(region_run_at(Region, 2 * MIB, &end), SPACE_RUN_TAKEN);
	assert_int_equal(end, 4 * MIB);
	assert_int_equal(region_run_at(Region, 4 * MIB, &end), SPACE_RUN_HOLE);
	assert_int_equal(end, 16 * MIB);
}

/* What something that writes over the records would leave. */
static void
test_a_check_finds_records_that_disagree(void **state)
{
	size_t base;

	(void)state;
	open_size(16 * MIB);
	base = (size_t)(uintptr_t)Region->base;
	assert_true(region_check(Region));
	assert_int_equal(rangeset_add(&Region->space.bad, base, DK_PAGE), 0);
	assert_false(region_check(Region));
	assert_int_equal(rangeset_remove(&Region->space.bad, base, DK_PAGE), 0);
	assert_true(region_check(Region));
}

/* --- threads ---------------------------------------------------------------------- */

static void
test_no_room_waits_for_a_take_that_may_fail(void **state)
{
	(void)state;
	open_size(16 * MIB);
	/* The first has all of the region, but will get no file space. */
	fake_backing_stop(&Fake, FAKE_ENSURE);
	struct job *first = start(take_job, NULL, 16 * MIB);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	fake_backing_set_room(&Fake, 8 * MIB);
	struct job *second = start(take_job, NULL, 4 * MIB);
	assert_waits(second);
	fake_backing_go(&Fake);
	assert_int_equal(end(first), -ENOMEM);
	assert_int_equal(end(second), 0);
	assert_int_equal(figures().taken, 4 * MIB);
	assert_map_is_right();
}

static void
test_no_room_waits_for_what_is_becoming_a_hole(void **state)
{
	(void)state;
	open_size(16 * MIB);
	struct region_block all = take_low(16 * MIB);
	/* That much idle space is given back by the thread that frees it. */
	fake_backing_stop(&Fake, FAKE_DISCARD);
	struct job *give = start(give_job, all.addr, all.len);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	assert_int_equal(region_longest_free(Region), 16 * MIB);
	struct job *take = start(take_job, NULL, 8 * MIB);
	assert_waits(take);
	fake_backing_go(&Fake);
	assert_int_equal(end(give), 0);
	assert_int_equal(end(take), 0);
	assert_int_equal(figures().taken, 8 * MIB);
	assert_map_is_right();
}

static void
test_no_room_is_said_at_once_when_nothing_is_in_flight(void **state)
{
	struct region_block block;

	(void)state;
	open_size(16 * MIB);
	(void)take_low(16 * MIB);
	assert_int_equal(
	    region_take(Region, DK_PAGE, DK_PAGE, RANGESET_LOW, &block),
	    -ENOMEM);
}

/* A block that grows and shrinks and grows: its old end is being punched. */
static void
test_growing_in_place_waits_for_what_is_becoming_a_hole(void **state)
{
	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(8 * MIB);
	memset(a.addr, 0xaa, 4 * MIB);
	assert_int_equal(region_give(Region, a.addr + 4 * MIB, 4 * MIB), 0);
	fake_backing_stop(&Fake, FAKE_DISCARD);
	(void)start(trim_job, NULL, 0);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	struct job *grow = start(take_at_job, a.addr + 4 * MIB, 6 * MIB);
	assert_waits(grow);
	/* but not where a part is somebody's, or where nothing is in flight */
	struct region_block block;
	assert_int_equal(
	    region_take_at(Region, a.addr + 3 * MIB, 2 * MIB, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, a.addr + 2 * MIB, MIB, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, a.addr - MIB, 5 * MIB, &block), -ENOMEM);
	assert_int_equal(
	    region_take_at(Region, a.addr + 8 * MIB, 9 * MIB, &block), -ENOMEM);
	assert_false(atomic_load(&grow->is_done));
	fake_backing_go(&Fake);
	assert_int_equal(end(grow), 0);
	assert_ptr_equal(grow->block.addr, a.addr + 4 * MIB);
	end_all_jobs();
	assert_int_equal(figures().taken, 10 * MIB);
	assert_true(test_all_bytes(a.addr, 0xaa, 4 * MIB));
	assert_map_is_right();
}

static void
test_growing_in_place_waits_for_what_is_reserved_ahead(void **state)
{
	(void)state;
	open_size(16 * MIB);
	/* reserves the rest of its 2 MiB, which is nobody's */
	fake_backing_stop(&Fake, FAKE_ENSURE);
	struct job *take = start(take_job, NULL, MIB);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	struct job *grow = start(take_at_job, Region->base + MIB, MIB);
	assert_waits(grow);
	fake_backing_go(&Fake);
	assert_int_equal(end(take), 0);
	assert_int_equal(end(grow), 0);
	assert_map_is_right();
	/* what another was given in the meantime is refused then */
	fake_backing_stop(&Fake, FAKE_ENSURE);
	take = start(take_job, NULL, 2 * MIB);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	grow = start(take_at_job, Region->base + 2 * MIB, 2 * MIB);
	assert_waits(grow);
	fake_backing_go(&Fake);
	assert_int_equal(end(take), 0);
	assert_int_equal(end(grow), -ENOMEM);
	assert_map_is_right();
}

static void
test_figures_show_what_is_in_flight_as_free(void **state)
{
	size_t end_off;

	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(12 * MIB);
	fake_backing_stop(&Fake, FAKE_DISCARD);
	struct job *give = start(give_job, a.addr, 12 * MIB);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	struct space_figures now = figures();
	assert_int_equal(now.taken, 0);
	assert_int_equal(now.free, 16 * MIB);
	assert_int_equal(now.longest_free, 16 * MIB);
	assert_int_equal(now.held, 12 * MIB);
	assert_int_equal(region_run_at(Region, 0, &end_off), SPACE_RUN_IDLE);
	fake_backing_go(&Fake);
	assert_int_equal(end(give), 0);
	region_trim(Region, 0);

	/* nor is it anybody's before it is handed out */
	fake_backing_stop(&Fake, FAKE_ENSURE);
	struct job *take = start(take_job, NULL, 4 * MIB);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	now = figures();
	assert_int_equal(now.taken, 0);
	assert_int_equal(now.longest_free, 16 * MIB);
	assert_int_equal(now.held, 0);
	assert_int_equal(region_run_at(Region, MIB, &end_off), SPACE_RUN_HOLE);
	assert_int_equal(end_off, 4 * MIB);
	fake_backing_go(&Fake);
	assert_int_equal(end(take), 0);
	assert_int_equal(figures().taken, 4 * MIB);
	assert_int_equal(figures().longest_free, 12 * MIB);
	assert_map_is_right();
}

static void
test_no_file_space_waits_for_what_is_becoming_a_hole(void **state)
{
	(void)state;
	open_size(32 * MIB);
	fake_backing_set_room(&Fake, 8 * MIB);
	struct region_block a = take_low(8 * MIB);
	assert_int_equal(region_give(Region, a.addr, 4 * MIB), 0);
	/* All file space is held: by what is taken, and by what is on its way
	 * back. */
	fake_backing_stop(&Fake, FAKE_DISCARD);
	(void)start(trim_job, NULL, 0);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	struct job *take = start(take_job, NULL, 3 * MIB);
	assert_waits(take);
	fake_backing_go(&Fake);
	assert_int_equal(end(take), 0);
	end_all_jobs();
	assert_map_is_right();
}

static void
test_give_all_waits_for_what_is_in_flight(void **state)
{
	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(8 * MIB);
	assert_int_equal(region_give(Region, a.addr, 4 * MIB), 0);
	fake_backing_stop(&Fake, FAKE_DISCARD);
	(void)start(trim_job, NULL, 0);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	assert_waits(start(give_all_job, NULL, 0));
	end_all_jobs();
	assert_int_equal(figures().longest_free, 16 * MIB);
	assert_map_is_right();
}

static void
test_one_thread_at_a_time_trims(void **state)
{
	(void)state;
	open_size(16 * MIB);
	struct region_block a = take_low(4 * MIB);
	assert_int_equal(region_give(Region, a.addr, 4 * MIB), 0);
	fake_backing_stop(&Fake, FAKE_DISCARD);
	(void)start(trim_job, NULL, 0);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	/* others go on: no lock is held meanwhile, and nobody waits */
	region_trim(Region, 0);
	a = take_low(2 * MIB);
	assert_int_equal(region_give(Region, a.addr, a.len), 0);
	assert_int_equal(counts().nr_discards, 1);
	end_all_jobs();
	assert_int_equal(figures().held, 0);
	assert_map_is_right();
}

enum {
	NR_WORKERS = 4,
	NR_BLOCKS = 24
};

static _Atomic(bool) Stop;

/* What a thread has: each page begins with the thread's mark. */
struct held_block {
	char *addr;
	size_t len;
};

static void
mark(const struct held_block *block, size_t tag)
{
	for (size_t off = 0; off < block->len; off += DK_PAGE)
		memcpy(block->addr + off, &tag, sizeof(tag));
}

static bool
is_marked(const struct held_block *block, size_t tag)
{
	for (size_t off = 0; off < block->len; off += DK_PAGE) {
		if (memcmp(block->addr + off, &tag, sizeof(tag)) != 0)
			return false;
	}
	return true;
}

static bool
work_once(struct held_block *block, size_t tag, uint64_t *random)
{
	struct region_block taken;
	size_t align = DK_PAGE << test_random_size(random, 0, 4);

	if (block->addr != NULL) {
		if (!is_marked(block, tag) ||
		    region_give(Region, block->addr, block->len) != 0)
			return false;
		block->addr = NULL;
		return true;
	}
	block->len = DK_PAGE * test_random_size(random, 1, 100);
	int rc = region_take(Region, block->len, align,
	    test_random(random) % 2 ? RANGESET_LOW : RANGESET_HIGH, &taken);
	if (rc == -ENOMEM)
		return true;
	if (rc != 0 || (uintptr_t)taken.addr % align != 0 ||
	    !fake_backing_holds(&Fake, taken.addr, taken.len) ||
	    (taken.is_zero && !test_all_bytes(taken.addr, 0, taken.len)))
		return false;
	block->addr = taken.addr;
	mark(block, tag);
	return true;
}

static void *
work(void *arg)
{
	struct held_block blocks[NR_BLOCKS] = {{0}};
	size_t tag = *(size_t *)arg;
	uint64_t random = tag * 7919;
	bool right = true;

	while (right && !atomic_load(&Stop))
		right = work_once(
		    &blocks[test_random_size(&random, 0, NR_BLOCKS - 1)], tag,
		    &random);
	for (size_t i = 0; right && i < NR_BLOCKS; i++) {
		if (blocks[i].addr != NULL)
			right = work_once(&blocks[i], tag, &random);
	}
	return right ? arg : NULL;
}

static void
run_threads(size_t unit)
{
	pthread_t threads[NR_WORKERS];
	size_t tags[NR_WORKERS];
	double until = test_now() + 0.4;

	fake_backing_init(&Fake, 16 * MIB);
	Fake.base.unit = unit;
	open_fake();
	/* both the region and the file space run out now and then */
	fake_backing_set_room(&Fake, 14 * MIB);
	atomic_store(&Stop, false);
	for (size_t i = 0; i < NR_WORKERS; i++) {
		tags[i] = i + 1;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, work, &tags[i]), 0);
	}
	for (unsigned i = 0; test_now() < until; i++) {
		test_sleep_ms(3);
		region_set_policy(Region,
		    i % 4 == 0 ? REGION_GIVE_AT_ONCE : REGION_GIVE_LATER);
		if (i % 3 == 0)
			region_trim(Region, 0);
		(void)region_trim_unneeded(Region);
	}
	atomic_store(&Stop, true);
	for (size_t i = 0; i < NR_WORKERS; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_ptr_equal(result, &tags[i]);
	}
	assert_int_equal(figures().taken, 0);
	assert_int_equal(figures().longest_free, 16 * MIB);
	assert_map_is_right();
	assert_true(counts().max_held <= 14 * MIB);
}

static void
test_threads_never_share_a_byte(void **state)
{
	(void)state;
	run_threads(0);
}

static void
test_threads_share_no_byte_of_units(void **state)
{
	(void)state;
	run_threads(64 * KIB);
	region_trim(Region, 0);
	assert_int_equal(counts().held, 0);
}

/* --- fork ------------------------------------------------------------------------ */

/* What kind_fork.c does around a fork. */
static void
before_fork(void)
{
	region_before_fork(Region);
}

static void
in_parent(void)
{
	region_after_fork_in_parent(Region);
}

static void
in_child(void)
{
	region_after_fork_in_child(Region);
}

static int
use_shared_region(void *arg)
{
	struct region_block *given = arg;
	struct space_figures before = figures();
	struct region_block block;

	if (region_take(Region, MIB, DK_PAGE, RANGESET_LOW, &block) != -ENOMEM)
		return 1;
	if (region_take_at(Region, given->addr + given->len, MIB, &block) !=
	    -ENOMEM)
		return 2;
	/* the parent's to free, whose file space stays */
	if (region_give(Region, given->addr, given->len) != 0)
		return 3;
	region_trim(Region, 0);
	region_give_all(Region);
	(void)region_trim_unneeded(Region);
	struct space_figures after = figures();
	if (memcmp(&before, &after, sizeof(before)) != 0)
		return 4;
	return counts().nr_discards == 0 ? 0 : 5;
}

static int
use_copied_region(void *arg)
{
	struct region_block *given = arg;
	struct region_block block;

	/* all of it but the block, and then that too */
	if (region_take(Region, 7 * MIB, DK_PAGE, RANGESET_LOW, &block) != 0)
		return 1;
	if (region_give(Region, given->addr, given->len) != 0)
		return 2;
	region_give_all(Region);
	return figures().longest_free == 8 * MIB ? 0 : 3;
}

static int
use_what_was_in_flight(void *arg)
{
	struct region_block block;

	(void)arg;
	fake_backing_go(&Fake);
	if (figures().longest_free != 7 * MIB)
		return 1;
	return region_take(Region, 7 * MIB, DK_PAGE, RANGESET_LOW, &block);
}

static void
test_a_child_uses_only_what_is_copied(void **state)
{
	struct region_block block;

	(void)state;
	assert_int_equal(pthread_atfork(before_fork, in_parent, in_child), 0);
	open_size(8 * MIB);
	(void)take_low(MIB);
	block = take_low(MIB);
	assert_int_equal(region_give(Region, block.addr, MIB), 0);
	block = take_low(MIB);
	assert_int_equal(test_in_child(use_shared_region, &block), 0);
	(void)take_low(MIB);
	region_close(Region);
	fake_backing_fini(&Fake);

	fake_backing_init_mapping(&Fake, 8 * MIB);
	open_fake();
	assert_int_equal(
	    region_take(Region, MIB, DK_PAGE, RANGESET_LOW, &block), 0);
	assert_int_equal(test_in_child(use_copied_region, &block), 0);
	/* and the parent's is as it was */
	assert_int_equal(figures().taken, MIB);
	region_close(Region);
	fake_backing_fini(&Fake);

	/* whether a file is behind it or not */
	fake_backing_init(&Fake, 8 * MIB);
	Fake.base.is_private = true;
	open_fake();
	block = take_low(MIB);
	assert_int_equal(test_in_child(use_copied_region, &block), 0);
	assert_int_equal(figures().taken, MIB);

	/* what another thread has in flight is not lost to the child */
	fake_backing_stop(&Fake, FAKE_ENSURE);
	struct job *take = start(take_job, NULL, 4 * MIB);
	assert_true(fake_backing_wait_stopped(&Fake, 1));
	assert_int_equal(test_in_child(use_what_was_in_flight, NULL), 0);
	fake_backing_go(&Fake);
	assert_int_equal(end(take), 0);
	assert_map_is_right();
}

/* --- private memory ---------------------------------------------------------------- */

static void
open_private(size_t size)
{
	fake_backing_init(&Fake, size);
	Fake.base.is_private = true;
	open_fake();
}

static void
test_private_memory_is_reserved_ahead_as_it_is_used(void **state)
{
	(void)state;
	open_private(16 * MIB);
	(void)take_low(DK_PAGE);
	assert_int_equal(counts().held, 64 * KIB);
	for (size_t held = 64 * KIB; held < AHEAD_LEN; held *= 2) {
		while (figures().taken < held)
			(void)take_low(DK_PAGE);
		assert_int_equal(counts().held, held);
		(void)take_low(DK_PAGE);
		assert_in_range(counts().held, held + 1, 2 * held);
		(void)take_low(counts().held - figures().taken);
	}
	(void)take_low(DK_PAGE);
	assert_true(counts().held >= AHEAD_LEN);
	assert_map_is_right();
}

/* A program is not given a thread because it allocates. */
static void
test_private_memory_is_given_back_by_who_uses_it(void **state)
{
	size_t nr_threads = test_nr_threads();
	struct region_block block, other;
	unsigned nr;

	(void)state;
	open_private(16 * MIB);
	assert_int_equal(test_nr_threads(), nr_threads);
	block = take_low(3 * MIB);
	other = take_low(64 * KIB);
	/* looks for the first time, and what is idle may be needed */
	assert_int_equal(region_give(Region, block.addr, block.len), 0);
	assert_int_equal(counts().nr_discards, 0);
	assert_int_equal(region_give(Region, other.addr, DK_PAGE), 0);
	assert_int_equal(counts().nr_discards, 0);
	/* as if a period were over */
	atomic_store(&Region->next_visit_us, 0);
	assert_int_equal(region_give(Region, other.addr + DK_PAGE, DK_PAGE), 0);
	/* with what was reserved ahead, and not with what came just now */
	assert_in_range(counts().discarded, 3 * MIB, 4 * MIB - 60 * KIB);
	nr = counts().nr_discards;
	/* once in a period is enough */
	assert_int_equal(
	    region_give(Region, other.addr + 2 * DK_PAGE, DK_PAGE), 0);
	assert_int_equal(counts().nr_discards, nr);
	assert_map_is_right();
}

static void
test_other_pages_are_refused(void **state)
{
	(void)state;
	fake_backing_init(&Fake, MIB);
	mock_os_fail_all("os_check_page_size", ENOTSUP);
	Region = NULL;
	assert_int_equal(
	    region_open(&Fake.base, Fake.base.base, Fake.base.size, &Region),
	    -ENOTSUP);
	assert_null(Region);
	assert_non_null(strstr(error_text(), "pages are not of 4096 bytes"));
	mock_os_reset();
	open_fake();
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_open_makes_it_findable_until_close),
	    UNIT(test_open_without_memory_leaves_nothing),
	    UNIT(test_other_pages_are_refused),
	    UNIT(test_one_kind_at_a_time_is_on_a_region),
	    UNIT(test_contains_is_about_all_of_the_range),
	    UNIT(test_what_is_taken_holds_file_space),
	    UNIT(test_small_requests_reserve_ahead),
	    UNIT(test_reserving_ahead_takes_what_is_free_only),
	    UNIT(test_take_at_is_exact_or_refused),
	    UNIT(test_a_mapping_needs_no_file_space),
	    UNIT(test_content_that_was_there_is_kept),
	    UNIT(test_holes_of_a_file_that_was_there_are_ours),
	    UNIT(test_a_failing_take_keeps_content),
	    UNIT(test_what_was_reserved_at_open_stays_reserved),
	    UNIT(test_file_space_comes_and_goes_in_units),
	    UNIT(test_units_are_short_of_file_space),
	    UNIT(test_a_full_file_system_changes_nothing),
	    UNIT(test_any_refusal_of_file_space_is_no_memory),
	    UNIT(test_reserving_ahead_is_no_reason_to_fail),
	    UNIT(test_idle_space_elsewhere_makes_room),
	    UNIT(test_holes_are_used_again),
	    UNIT(test_only_what_is_zero_is_called_so),
	    UNIT(test_what_the_backing_zeroes_is_zero),
	    UNIT(test_a_file_system_without_holes_is_served),
	    UNIT(test_idle_space_has_a_limit),
	    UNIT(test_a_free_that_goes_on_and_off_punches_nothing),
	    UNIT(test_at_once_means_at_once),
	    UNIT(test_at_once_takes_a_tenth_of_the_time_at_most),
	    UNIT(test_trim_keeps_what_it_is_told),
	    UNIT(test_trim_makes_small_holes_in_the_end),
	    UNIT(test_trim_takes_large_ranges_piece_by_piece),
	    UNIT(test_a_failing_discard_ends_the_trim_and_loses_nothing),
	    UNIT(test_what_was_idle_at_two_looks_goes),
	    UNIT(test_give_all_takes_everything_back),
	    UNIT(test_a_bad_range_is_never_handed_out),
	    UNIT(test_known_bad_blocks_are_not_handed_out),
	    UNIT(test_bad_blocks_that_can_not_be_asked_fail_the_open),
	    UNIT(test_bad_blocks_that_are_met_are_stepped_over),
	    UNIT(test_runs_are_offsets),
	    UNIT(test_a_check_finds_records_that_disagree),
	    UNIT(test_no_room_waits_for_a_take_that_may_fail),
	    UNIT(test_no_room_waits_for_what_is_becoming_a_hole),
	    UNIT(test_no_room_is_said_at_once_when_nothing_is_in_flight),
	    UNIT(test_growing_in_place_waits_for_what_is_becoming_a_hole),
	    UNIT(test_growing_in_place_waits_for_what_is_reserved_ahead),
	    UNIT(test_figures_show_what_is_in_flight_as_free),
	    UNIT(test_no_file_space_waits_for_what_is_becoming_a_hole),
	    UNIT(test_give_all_waits_for_what_is_in_flight),
	    UNIT(test_one_thread_at_a_time_trims),
	    UNIT(test_threads_never_share_a_byte),
	    UNIT(test_threads_share_no_byte_of_units),
	    /* last: its fork handlers stay */
	    UNIT(test_a_child_uses_only_what_is_copied),
	    UNIT(test_private_memory_is_reserved_ahead_as_it_is_used),
	    UNIT(test_private_memory_is_given_back_by_who_uses_it),
	};

	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
