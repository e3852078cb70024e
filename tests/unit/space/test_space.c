// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_space.c -- the space map: against tables, against a naive model of one
 * record for each page, and its cost.
 *
 * Holds this invariant: two live ranges never overlap; file space held is what
 * is taken and what is idle; a range is called zero only if nobody could have
 * written to it since it was.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "space/space.h"

/* An address that is a multiple of the page only. */
#define BASE ((size_t)0x10000000000 + 5 * DK_PAGE)
#define ALL_STATES (SPACE_HELD | SPACE_ZERO)

static struct space Space;

static int
setup(void **state)
{
	mock_os_reset();
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	space_fini(&Space);
	return test_leaks_teardown(state);
}

static void
init(size_t nr_pages, unsigned state)
{
	assert_int_equal(
	    space_init(&Space, BASE, nr_pages * DK_PAGE, true, state), 0);
}

static size_t
page(size_t nr)
{
	return BASE + nr * DK_PAGE;
}

/* Take nr_pages at page first. */
static struct space_grant
take_at(size_t first, size_t nr_pages)
{
	struct space_grant grant = {0};

	assert_int_equal(
	    space_take_at(&Space, page(first), nr_pages * DK_PAGE, &grant), 0);
	assert_int_equal(grant.start, page(first));
	assert_int_equal(grant.len, nr_pages * DK_PAGE);
	return grant;
}

static void
give(size_t first, size_t nr_pages, unsigned state)
{
	assert_int_equal(
	    space_give(&Space, page(first), nr_pages * DK_PAGE, state), 0);
	assert_true(space_check(&Space));
}

static struct space_figures
figures(void)
{
	struct space_figures f;

	space_get_figures(&Space, &f);
	assert_int_equal(f.total, f.taken + f.free + f.bad);
	return f;
}

static void
assert_same_figures(const struct space_figures *was)
{
	struct space_figures is = figures();

	assert_true(space_check(&Space));
	assert_memory_equal(&is, was, sizeof(is));
}

/* --- arguments ------------------------------------------------------------------- */

static void
test_take_refuses_and_changes_nothing(void **state)
{
	static const struct {
		const char *why;
		size_t len, align;
		int rc;
	} rows[] = {
	    {"no length", 0, DK_PAGE, -EINVAL},
	    {"no whole pages", DK_PAGE + 8, DK_PAGE, -EINVAL},
	    {"less than a page", 8, DK_PAGE, -EINVAL},
	    {"no alignment", DK_PAGE, 0, -EINVAL},
	    {"no power of two", DK_PAGE, 3 * DK_PAGE, -EINVAL},
	    {"alignment below a page", DK_PAGE, DK_PAGE / 2, -EINVAL},
	    {"longer than the longest free run", 9 * DK_PAGE, DK_PAGE, -ENOMEM},
	    {"longer than all", 65 * DK_PAGE, DK_PAGE, -ENOMEM},
	    {"the longest length there is", SIZE_MAX - DK_PAGE + 1, DK_PAGE,
		-ENOMEM},
	    {"more aligned than any address here", DK_PAGE, (size_t)1 << 46,
		-ENOMEM},
	    {"the largest alignment", DK_PAGE, SIZE_MAX / 2 + 1, -ENOMEM},
	    {"both", SIZE_MAX - DK_PAGE + 1, SIZE_MAX / 2 + 1, -ENOMEM},
	};

	(void)state;
	init(64, SPACE_ZERO);
	for (size_t i = 8; i < 64; i += 9)
		(void)take_at(i, 1);
	struct space_figures before = figures();
	assert_int_equal(before.longest_free, 8 * DK_PAGE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct space_grant grant = {.start = 77};

		dk_row(rows[i].why);
		for (int end = RANGESET_LOW; end <= RANGESET_HIGH; end++)
			assert_int_equal(
			    space_take(&Space, rows[i].len, rows[i].align,
				(enum rangeset_end)end, &grant),
			    rows[i].rc);
		assert_int_equal(grant.start, 77);
		assert_same_figures(&before);
	}
}

static void
test_take_at_refuses_and_changes_nothing(void **state)
{
	static const struct {
		const char *why;
		size_t start, len;
		int rc;
	} rows[] = {
	    {"no length", BASE, 0, -EINVAL},
	    {"no whole pages", BASE, 100, -EINVAL},
	    {"an address inside a page", BASE + 8, DK_PAGE, -EINVAL},
	    {"just below", BASE - DK_PAGE, DK_PAGE, -ENOMEM},
	    {"beginning below", BASE - DK_PAGE, 2 * DK_PAGE, -ENOMEM},
	    {"ending above", BASE + 15 * DK_PAGE, 2 * DK_PAGE, -ENOMEM},
	    {"just above", BASE + 16 * DK_PAGE, DK_PAGE, -ENOMEM},
	    {"far below", 0, DK_PAGE, -ENOMEM},
	    {"far above", SIZE_MAX - DK_PAGE + 1, DK_PAGE, -ENOMEM},
	    {"wrapping around", BASE, SIZE_MAX - DK_PAGE + 1, -ENOMEM},
	    {"taken", BASE + 4 * DK_PAGE, DK_PAGE, -ENOMEM},
	    {"its front is taken", BASE + 7 * DK_PAGE, 2 * DK_PAGE, -ENOMEM},
	    {"its back is taken", BASE + 3 * DK_PAGE, 2 * DK_PAGE, -ENOMEM},
	    {"its middle is taken", BASE, 16 * DK_PAGE, -ENOMEM},
	};

	(void)state;
	init(16, 0);
	(void)take_at(4, 4);
	struct space_figures before = figures();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct space_grant grant = {.start = 77};

		dk_row(rows[i].why);
		assert_int_equal(
		    space_take_at(&Space, rows[i].start, rows[i].len, &grant),
		    rows[i].rc);
		assert_int_equal(grant.start, 77);
		assert_same_figures(&before);
	}
	(void)take_at(0, 4);
	(void)take_at(8, 8);
	assert_int_equal(figures().free, 0);
}

static void
test_an_empty_map_has_no_room(void **state)
{
	struct space_grant grant;

	(void)state;
	init(0, ALL_STATES);
	assert_true(space_check(&Space));
	assert_int_equal(figures().total, 0);
	assert_int_equal(
	    space_take(&Space, DK_PAGE, DK_PAGE, RANGESET_LOW, &grant),
	    -ENOMEM);
	assert_int_equal(space_take_at(&Space, BASE, DK_PAGE, &grant), -ENOMEM);
	assert_int_equal(
	    space_take_idle(&Space, DK_PAGE, DK_PAGE, &grant), -ENOENT);
	assert_int_equal(space_mark_bad(&Space, BASE, DK_PAGE), -EINVAL);
}

static void
test_a_simple_map_needs_no_memory(void **state)
{
	(void)state;
	mock_os_fail_all("os_map_anon", ENOMEM);
	init(16, SPACE_ZERO);
	(void)take_at(0, 8);
	(void)take_at(8, 8);
	give(0, 8, SPACE_HELD);
	give(8, 8, SPACE_HELD);
	assert_int_equal(mock_os_nr_calls(NULL), 0);
}

/* --- where -------------------------------------------------------------------- */

static void
test_take_begins_at_the_end_that_is_asked_for(void **state)
{
	struct space_grant grant;

	(void)state;
	init(16, 0);
	assert_int_equal(
	    space_take(&Space, 3 * DK_PAGE, DK_PAGE, RANGESET_LOW, &grant), 0);
	assert_int_equal(grant.start, page(0));
	assert_int_equal(grant.len, 3 * DK_PAGE);
	assert_int_equal(
	    space_take(&Space, 3 * DK_PAGE, DK_PAGE, RANGESET_HIGH, &grant), 0);
	assert_int_equal(grant.start, page(13));
	assert_int_equal(
	    space_take(&Space, DK_PAGE, DK_PAGE, RANGESET_LOW, &grant), 0);
	assert_int_equal(grant.start, page(3));
	assert_int_equal(
	    space_take(&Space, 9 * DK_PAGE, DK_PAGE, RANGESET_HIGH, &grant), 0);
	assert_int_equal(grant.start, page(4));
	assert_int_equal(figures().free, 0);
}

static void
test_alignment_is_that_of_the_address(void **state)
{
	(void)state;
	for (size_t align = DK_PAGE; align <= 64 * DK_PAGE; align *= 2) {
		for (int end = RANGESET_LOW; end <= RANGESET_HIGH; end++) {
			struct space_grant grant;

			init(256, 0);
			while (space_take(&Space, 2 * DK_PAGE, align,
				   (enum rangeset_end)end, &grant) == 0)
				assert_int_equal(grant.start % align, 0);
			/* every aligned place was found */
			assert_in_range(figures().taken / (2 * DK_PAGE),
			    align == DK_PAGE ? 128 : 256 * DK_PAGE / align - 1,
			    256 * DK_PAGE / align);
			space_fini(&Space);
		}
	}
	init(1, 0);
}

static void
test_what_is_given_merges_in_any_order(void **state)
{
	static const size_t orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0},
	    {0, 2, 1, 3}, {1, 3, 0, 2}, {2, 0, 3, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		init(16, 0);
		(void)take_at(0, 16);
		for (size_t j = 0; j < 4; j++)
			give(orders[i][j] * 4, 4, SPACE_HELD);
		assert_int_equal(figures().longest_free, 16 * DK_PAGE);
		assert_int_equal(Space.free.nr, 1);
		(void)take_at(0, 16);
		space_fini(&Space);
	}
	init(1, 0);
}

static void
test_parts_of_a_taken_range_can_be_given(void **state)
{
	(void)state;
	init(16, 0);
	(void)take_at(0, 8);
	(void)take_at(8, 8);
	give(6, 4, SPACE_HELD); /* of both */
	assert_int_equal(figures().taken, 12 * DK_PAGE);
	(void)take_at(7, 2);
	give(0, 6, SPACE_HELD);
	give(10, 6, SPACE_HELD);
	give(7, 2, SPACE_HELD);
	assert_int_equal(figures().longest_free, 16 * DK_PAGE);
}

static void
test_idle_space_goes_first(void **state)
{
	struct space_grant grant;

	(void)state;
	init(16, 0);
	(void)take_at(8, 2);
	give(8, 2, SPACE_HELD);
	/* longer than what is idle: it reaches into holes */
	assert_int_equal(
	    space_take(&Space, 3 * DK_PAGE, DK_PAGE, RANGESET_LOW, &grant), 0);
	assert_int_equal(grant.start, page(0));
	assert_false(grant.is_held);
	assert_int_equal(
	    space_take(&Space, 2 * DK_PAGE, DK_PAGE, RANGESET_LOW, &grant), 0);
	assert_int_equal(grant.start, page(8));
	assert_true(grant.is_held);
	assert_int_equal(
	    space_take(&Space, 2 * DK_PAGE, DK_PAGE, RANGESET_LOW, &grant), 0);
	assert_int_equal(grant.start, page(3));
}

/* --- states ------------------------------------------------------------------- */

static void
test_a_range_is_what_all_of_it_was_given_as(void **state)
{
	static const struct {
		const char *why;
		unsigned left, right; /* states of the halves */
		bool is_held, is_zero;
	} rows[] = {
	    {"both holes", 0, 0, false, false},
	    {"both held", SPACE_HELD, SPACE_HELD, true, false},
	    {"both zero", SPACE_ZERO, SPACE_ZERO, false, true},
	    {"both both", ALL_STATES, ALL_STATES, true, true},
	    {"held and not", SPACE_HELD, 0, false, false},
	    {"not and held", 0, SPACE_HELD, false, false},
	    {"zero and dirty", SPACE_ZERO, SPACE_HELD, false, false},
	    {"dirty and zero", SPACE_HELD, SPACE_ZERO, false, false},
	    {"both and held", ALL_STATES, SPACE_HELD, true, false},
	    {"both and zero", ALL_STATES, SPACE_ZERO, false, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		init(16, 0);
		(void)take_at(4, 8);
		give(4, 4, rows[i].left);
		give(8, 4, rows[i].right);
		struct space_grant grant = take_at(6, 4);
		assert_int_equal(grant.is_held, rows[i].is_held);
		assert_int_equal(grant.is_zero, rows[i].is_zero);
		/* what is left of the halves is as it was */
		grant = take_at(4, 2);
		assert_int_equal(
		    grant.is_held, (rows[i].left & SPACE_HELD) != 0);
		assert_int_equal(
		    grant.is_zero, (rows[i].left & SPACE_ZERO) != 0);
		grant = take_at(10, 2);
		assert_int_equal(
		    grant.is_held, (rows[i].right & SPACE_HELD) != 0);
		assert_int_equal(
		    grant.is_zero, (rows[i].right & SPACE_ZERO) != 0);
		space_fini(&Space);
	}
	init(1, 0);
}

static void
test_what_was_given_back_dirty_is_not_zero(void **state)
{
	(void)state;
	init(16, ALL_STATES);
	assert_true(take_at(0, 16).is_zero);
	give(0, 8, SPACE_HELD);
	give(8, 8, ALL_STATES);
	assert_false(take_at(7, 1).is_zero);
	assert_true(take_at(8, 1).is_zero);
	give(8, 1, SPACE_HELD);
	assert_false(take_at(8, 2).is_zero);
	give(8, 2, 0);
	assert_false(take_at(8, 1).is_zero);
	assert_true(take_at(10, 6).is_zero);
}

static void
test_without_file_space_all_is_held(void **state)
{
	(void)state;
	assert_int_equal(space_init(&Space, BASE, 16 * DK_PAGE, false, 0), 0);
	assert_true(take_at(0, 8).is_held);
	give(0, 8, 0);
	assert_true(take_at(0, 4).is_held);
	give(0, 4, SPACE_HELD);
	struct space_grant grant;
	assert_int_equal(
	    space_take_idle(&Space, DK_PAGE, DK_PAGE, &grant), -ENOENT);
	assert_int_equal(figures().held, 16 * DK_PAGE);
	size_t end;
	assert_int_equal(space_run_at(&Space, page(0), &end), SPACE_RUN_IDLE);
	assert_int_equal(end, page(16));
}

static void
test_figures_count_bytes(void **state)
{
	static const struct space_figures want = {
	    .total = 32 * DK_PAGE,
	    .taken = 6 * DK_PAGE,
	    .free = 23 * DK_PAGE,
	    .bad = 3 * DK_PAGE,
	    .longest_free = 12 * DK_PAGE,
	    .held = 8 * DK_PAGE, /* taken and idle */
	};

	(void)state;
	init(32, 0);
	(void)take_at(0, 8);
	give(6, 2, SPACE_HELD);
	assert_int_equal(space_mark_bad(&Space, page(8 + 9), 3 * DK_PAGE), 0);
	/* free: 2 idle and 9 holes; 12 holes */
	assert_same_figures(&want);
}

static void
test_take_idle_takes_the_longest(void **state)
{
	struct space_grant grant;

	(void)state;
	init(64, 0);
	(void)take_at(0, 64);
	give(10, 3, SPACE_HELD);
	give(20, 7, SPACE_HELD);
	give(30, 7, SPACE_HELD);
	give(40, 20, SPACE_ZERO); /* a hole */
	assert_int_equal(
	    space_take_idle(&Space, 8 * DK_PAGE, 64 * DK_PAGE, &grant),
	    -ENOENT);
	assert_int_equal(
	    space_take_idle(&Space, 7 * DK_PAGE, 64 * DK_PAGE, &grant), 0);
	assert_int_equal(grant.start, page(20));
	assert_int_equal(grant.len, 7 * DK_PAGE);
	give(20, 7, SPACE_ZERO);
	assert_int_equal(
	    space_take_idle(&Space, DK_PAGE, 5 * DK_PAGE, &grant), 0);
	assert_int_equal(grant.start, page(30));
	assert_int_equal(grant.len, 5 * DK_PAGE);
	give(30, 5, SPACE_ZERO);
	assert_int_equal(
	    space_take_idle(&Space, DK_PAGE, 64 * DK_PAGE, &grant), 0);
	assert_int_equal(grant.start, page(10));
	assert_int_equal(
	    space_take_idle(&Space, DK_PAGE, 64 * DK_PAGE, &grant), 0);
	assert_int_equal(grant.start, page(35));
	assert_int_equal(
	    space_take_idle(&Space, DK_PAGE, 64 * DK_PAGE, &grant), -ENOENT);
}

/* --- bad ranges ----------------------------------------------------------------- */

static void
test_mark_bad_refuses(void **state)
{
	static const struct {
		const char *why;
		size_t start, len;
	} rows[] = {
	    {"no length", BASE, 0},
	    {"no whole page", BASE, 8},
	    {"inside a page", BASE + 8, DK_PAGE},
	    {"below", BASE - DK_PAGE, 2 * DK_PAGE},
	    {"above", BASE + 15 * DK_PAGE, 2 * DK_PAGE},
	    {"wrapping", BASE, SIZE_MAX - DK_PAGE + 1},
	};

	(void)state;
	init(16, 0);
	struct space_figures before = figures();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_int_equal(
		    space_mark_bad(&Space, rows[i].start, rows[i].len),
		    -EINVAL);
		assert_same_figures(&before);
	}
}

static void
test_what_is_bad_is_never_taken_again(void **state)
{
	struct space_grant grant;

	(void)state;
	init(16, ALL_STATES);
	(void)take_at(4, 8);
	/* taken, free and, the second time, bad already */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
		    space_mark_bad(&Space, page(2), 4 * DK_PAGE), 0);
		assert_true(space_check(&Space));
		assert_int_equal(figures().bad, 2 * DK_PAGE);
		assert_int_equal(figures().taken, 8 * DK_PAGE);
	}
	/* what is taken is bad from when it is given, in whatever pieces */
	give(5, 1, SPACE_HELD);
	assert_int_equal(figures().bad, 3 * DK_PAGE);
	give(4, 1, SPACE_HELD);
	give(6, 6, SPACE_HELD);
	assert_int_equal(figures().bad, 4 * DK_PAGE);
	assert_int_equal(figures().taken, 0);
	size_t got = 0;
	while (
	    space_take(&Space, DK_PAGE, DK_PAGE, RANGESET_LOW, &grant) == 0) {
		assert_true(grant.start < page(2) || grant.start >= page(6));
		got += grant.len;
	}
	assert_int_equal(got, 12 * DK_PAGE);
	assert_int_equal(
	    space_take_at(&Space, page(3), DK_PAGE, &grant), -ENOMEM);
}

static void
test_a_give_over_several_doomed_ranges(void **state)
{
	(void)state;
	init(64, 0);
	(void)take_at(0, 64);
	for (size_t i = 0; i < 64; i += 8)
		assert_int_equal(
		    space_mark_bad(&Space, page(i + 3), 2 * DK_PAGE), 0);
	give(0, 4, SPACE_HELD); /* ends inside one */
	assert_int_equal(figures().bad, DK_PAGE);
	give(4, 58, SPACE_HELD);
	give(62, 2, SPACE_HELD);
	assert_int_equal(figures().bad, 16 * DK_PAGE);
	assert_int_equal(figures().taken, 0);
	assert_int_equal(figures().longest_free, 6 * DK_PAGE);
	assert_int_equal(Space.bad_taken.nr, 0);
}

/* --- memory for the records ----------------------------------------------------- */

static void
test_gives_after_a_take_need_no_memory(void **state)
{
	(void)state;
	/* However many records are left, which differs by shift. */
	for (size_t shift = 0; shift < 8; shift++) {
		init(4000, ALL_STATES);
		for (size_t i = 0; i < shift; i++)
			(void)take_at(2 * i, 1);
		for (size_t i = 2; i < 400; i++) {
			/* This splits a range of each of the three sets ... */
			(void)take_at(10 * i, 9);
			mock_os_fail_all("os_map_anon", ENOMEM);
			/* ... and each of these is a new one in each. */
			for (size_t j = 1; j < 9; j += 2)
				assert_int_equal(
				    space_give(&Space, page(10 * i + j),
					DK_PAGE, ALL_STATES),
				    0);
			mock_os_reset();
		}
		assert_true(space_check(&Space));
		space_fini(&Space);
	}
	init(1, 0);
}

static void
test_a_take_without_memory_changes_nothing(void **state)
{
	struct space_grant grant = {.start = 77};
	size_t i;

	(void)state;
	init(4000, 0);
	mock_os_fail_all("os_map_anon", ENOMEM);
	for (i = 1;; i += 2) {
		struct space_figures before = figures();
		int rc = space_take_at(&Space, page(i), DK_PAGE, &grant);

		if (rc == 0)
			continue;
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(grant.start, page(i - 2));
		assert_same_figures(&before);
		break;
	}
	assert_in_range(i, 10, 3990);
	/* what was taken can be given all the same */
	for (size_t j = 1; j < i; j += 2)
		give(j, 1, SPACE_HELD);
	assert_int_equal(figures().taken, 0);
}

/* --- against a model -------------------------------------------------------------- */

enum {
	NR_PAGES = 192,
	NR_STEPS = 24000,
	STEPS_A_MAP = 1500
};

enum page_kind {
	FREE,
	TAKEN,
	BAD
};

static struct {
	enum page_kind kind;
	bool held, zero; /* of free ones */
	bool bad_taken;  /* of taken ones */
} Model[NR_PAGES];

static bool Tracks;
static size_t Unit; /* in pages */
static uint64_t Random;

static void
init_model(unsigned state)
{
	Tracks = test_random(&Random) % 4 != 0;
	assert_int_equal(
	    space_init(&Space, BASE, NR_PAGES * DK_PAGE, Tracks, state), 0);
	Unit = (size_t)1 << (test_random(&Random) % 2 == 0
				 ? 0
				 : test_random_size(&Random, 1, 5));
	space_set_unit(&Space, Unit * DK_PAGE);
	for (size_t i = 0; i < NR_PAGES; i++) {
		Model[i].kind = FREE;
		Model[i].held = !Tracks || (state & SPACE_HELD) != 0;
		Model[i].zero = (state & SPACE_ZERO) != 0;
		Model[i].bad_taken = false;
	}
}

/* The page that a fit begins at, or NR_PAGES. */
static size_t
model_fit(size_t nr, size_t align, enum rangeset_end end, bool idle)
{
	size_t found = NR_PAGES;
	size_t run = 0;

	for (size_t i = 0; i < NR_PAGES; i++) {
		bool fits = Model[i].kind == FREE &&
			    (!idle || (Tracks && Model[i].held));

		run = fits ? run + 1 : 0;
		if (run < nr || page(i + 1 - nr) % align != 0)
			continue;
		found = i + 1 - nr;
		if (end == RANGESET_LOW)
			break;
	}
	return found;
}

/* A grant says of its pages what the model does; they are taken now. */
static void
assert_granted(const struct space_grant *grant, size_t nr)
{
	size_t first = (grant->start - BASE) / DK_PAGE;
	size_t front = 0, back = 0;
	bool held = true, zero = true;

	assert_int_equal(grant->len, nr * DK_PAGE);
	for (size_t i = 0; Tracks && i < nr; i++) {
		front += front == i && Model[first + i].held;
		back += back == i && Model[first + nr - 1 - i].held;
	}
	assert_int_equal(grant->front_held, front * DK_PAGE);
	assert_int_equal(grant->back_held, back * DK_PAGE);
	for (size_t i = first; i < first + nr; i++) {
		assert_int_equal(Model[i].kind, FREE);
		held = held && Model[i].held;
		zero = zero && Model[i].zero;
		Model[i].kind = TAKEN;
	}
	assert_int_equal(grant->is_held, held);
	assert_int_equal(grant->is_zero, zero);
}

static void
step_take(void)
{
	size_t nr = test_random_size(&Random, 1, 12);
	size_t align = DK_PAGE << test_random_size(&Random, 0, 5);
	enum rangeset_end end =
	    test_random(&Random) % 2 ? RANGESET_LOW : RANGESET_HIGH;
	size_t idle = model_fit(nr, align, end, true);
	size_t free = model_fit(nr, align, end, false);
	struct space_grant grant;
	int rc = space_take(&Space, nr * DK_PAGE, align, end, &grant);

	if (free == NR_PAGES) {
		assert_int_equal(rc, -ENOMEM);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(grant.start, page(idle != NR_PAGES ? idle : free));
	if (idle != NR_PAGES)
		assert_true(grant.is_held);
	assert_granted(&grant, nr);
}

static void
step_take_at(void)
{
	size_t first = test_random_size(&Random, 0, NR_PAGES - 1);
	size_t nr = test_random_size(&Random, 1, 8);
	bool free = nr <= NR_PAGES - first;
	struct space_grant grant;

	for (size_t i = first; free && i < first + nr; i++)
		free = Model[i].kind == FREE;
	assert_int_equal(
	    space_take_at(&Space, page(first), nr * DK_PAGE, &grant),
	    free ? 0 : -ENOMEM);
	if (free)
		assert_granted(&grant, nr);
}

static void
step_give(void)
{
	size_t first = test_random_size(&Random, 0, NR_PAGES - 1);
	size_t max = test_random_size(&Random, 1, 24);
	unsigned flags = (unsigned)test_random(&Random) % 4;
	size_t nr = 0;

	while (first + nr < NR_PAGES && nr < max &&
	       Model[first + nr].kind == TAKEN)
		nr++;
	if (nr == 0)
		return;
	assert_int_equal(
	    space_give(&Space, page(first), nr * DK_PAGE, flags), 0);
	for (size_t i = first; i < first + nr; i++) {
		Model[i].kind = Model[i].bad_taken ? BAD : FREE;
		Model[i].bad_taken = false;
		Model[i].held = !Tracks || (flags & SPACE_HELD) != 0;
		Model[i].zero = (flags & SPACE_ZERO) != 0;
	}
}

static void
step_mark_bad(void)
{
	size_t first = test_random_size(&Random, 0, NR_PAGES - 4);
	size_t nr = test_random_size(&Random, 1, 4);

	assert_int_equal(space_mark_bad(&Space, page(first), nr * DK_PAGE), 0);
	for (size_t i = first; i < first + nr; i++) {
		if (Model[i].kind == FREE)
			Model[i].kind = BAD;
		else if (Model[i].kind == TAKEN)
			Model[i].bad_taken = true;
	}
}

static bool
is_idle(size_t i)
{
	return Tracks && i < NR_PAGES && Model[i].kind == FREE && Model[i].held;
}

/* The pages of the most idle units in a row, and in all. */
static size_t
most_units(size_t *sum)
{
	size_t longest = 0, run = 0, here = 0;

	*sum = 0;
	for (size_t i = 0; i < NR_PAGES; i++) {
		bool begins = page(i) % (Unit * DK_PAGE) == 0;

		if (begins && (here != Unit || !is_idle(i)))
			run = 0;
		here = begins ? 0 : here;
		here = is_idle(i) ? here + 1 : 0;
		if (here == Unit && page(i + 1) % (Unit * DK_PAGE) == 0) {
			run += Unit;
			*sum += Unit;
			longest = max_size(longest, run);
		}
	}
	return longest;
}

static void
take_idle_units(size_t min_nr, size_t max_nr)
{
	struct space_grant grant;
	size_t sum;
	size_t longest = most_units(&sum);
	int rc =
	    space_take_idle(&Space, min_nr * DK_PAGE, max_nr * DK_PAGE, &grant);

	if (longest < align_up(min_nr, Unit)) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(grant.start % (Unit * DK_PAGE), 0);
	assert_int_equal(grant.len % (Unit * DK_PAGE), 0);
	assert_in_range(grant.len, align_up(min_nr, Unit) * DK_PAGE,
	    max_size(align_up(min_nr, Unit), max_nr) * DK_PAGE);
	assert_true(grant.is_held);
	assert_granted(&grant, grant.len / DK_PAGE);
}

static void
step_take_idle(void)
{
	size_t min_nr = test_random_size(&Random, 1, 6);
	size_t max_nr = test_random_size(&Random, min_nr, 12);
	size_t longest = 0, at = 0, run = 0;
	struct space_grant grant;

	if (Unit > 1) {
		take_idle_units(min_nr, max_nr);
		return;
	}
	for (size_t i = 0; i < NR_PAGES; i++) {
		run = is_idle(i) ? run + 1 : 0;
		if (run > longest) {
			longest = run;
			at = i + 1 - run;
		}
	}
	int rc =
	    space_take_idle(&Space, min_nr * DK_PAGE, max_nr * DK_PAGE, &grant);
	if (longest < min_nr) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(grant.start, page(at));
	assert_granted(&grant, min_size(longest, max_nr));
}

static enum space_run
model_run(size_t i)
{
	switch (Model[i].kind) {
	case TAKEN:
		return SPACE_RUN_TAKEN;
	case BAD:
		return SPACE_RUN_BAD;
	case FREE:
	default:
		return Model[i].held ? SPACE_RUN_IDLE : SPACE_RUN_HOLE;
	}
}

static void
assert_same_as_model(void)
{
	struct space_figures want = {.total = NR_PAGES * DK_PAGE};
	size_t run = 0;

	assert_true(space_check(&Space));
	for (size_t i = 0; i < NR_PAGES; i++) {
		run = Model[i].kind == FREE ? run + DK_PAGE : 0;
		want.longest_free = max_size(want.longest_free, run);
		want.free += Model[i].kind == FREE ? DK_PAGE : 0;
		want.taken += Model[i].kind == TAKEN ? DK_PAGE : 0;
		want.bad += Model[i].kind == BAD ? DK_PAGE : 0;
		if (!Tracks || Model[i].kind == TAKEN ||
		    (Model[i].kind == FREE && Model[i].held))
			want.held += DK_PAGE;
	}
	assert_same_figures(&want);
	(void)most_units(&run);
	assert_int_equal(space_givable(&Space), run * DK_PAGE);

	size_t end;
	for (size_t i = 0; i < NR_PAGES; i = (end - BASE) / DK_PAGE) {
		enum space_run is = space_run_at(&Space, page(i), &end);

		assert_in_range(end, page(i + 1), page(NR_PAGES));
		for (size_t j = i; j < (end - BASE) / DK_PAGE; j++)
			assert_int_equal(model_run(j), is);
		/* runs are as long as they can be */
		if (end < page(NR_PAGES))
			assert_int_not_equal(
			    model_run((end - BASE) / DK_PAGE), is);
	}
}

static void
test_random_steps_agree_with_a_model(void **state)
{
	uint64_t seed = (uint64_t)(test_now() * 1e9) | 1;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	Random = seed;
	for (int step = 0; step < NR_STEPS; step++) {
		if (step % STEPS_A_MAP == 0) {
			if (step > 0)
				space_fini(&Space);
			init_model((unsigned)test_random(&Random) % 4);
		}
		size_t what = test_random_size(&Random, 0, 99);
		if (what < 30)
			step_take();
		else if (what < 45)
			step_take_at();
		else if (what < 90)
			step_give();
		else if (what < 99)
			step_take_idle();
		else
			step_mark_bad();
		assert_same_as_model();
	}
}

/* --- cost --------------------------------------------------------------------- */

static unsigned
depth_of(const struct rangeset_node *n)
{
	if (n == NULL)
		return 0;
	unsigned left = depth_of(n->kid[0]);
	unsigned right = depth_of(n->kid[1]);

	return 1 + (left > right ? left : right);
}

static void
test_nothing_depends_on_the_size(void **state)
{
	enum {
		NR = 100000
	};
	struct space_grant grant;

	(void)state;
	mock_os_reset();
	init(((size_t)4 << 40) / DK_PAGE, 0);
	assert_int_equal(figures().longest_free, (size_t)4 << 40);
	/* no memory for records, whatever the size is */
	assert_int_equal(mock_os_nr_calls("os_map_anon"), 0);
	assert_int_equal(Space.free.nr, 1);
	/* spread over all of it */
	for (size_t i = 1; i <= NR; i++)
		assert_int_equal(
		    space_take_at(&Space, page(i * 10000), DK_PAGE, &grant), 0);
	assert_int_equal(Space.free.nr, NR + 1);
	assert_in_range(depth_of(Space.free.root), 17, 80);
	double began = test_cpu_now();
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(space_take(&Space, 9999 * DK_PAGE, DK_PAGE,
				     RANGESET_LOW, &grant),
		    0);
		assert_int_equal(
		    space_give(&Space, grant.start, grant.len, 0), 0);
		assert_int_equal(
		    space_take(&Space, DK_PAGE, MIB, RANGESET_HIGH, &grant), 0);
		assert_int_equal(
		    space_give(&Space, grant.start, grant.len, 0), 0);
	}
	/* A walk over the map takes milliseconds: 4,000 would take seconds. */
	assert_true(test_cpu_now() - began < 1);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_take_refuses_and_changes_nothing),
	    UNIT(test_take_at_refuses_and_changes_nothing),
	    UNIT(test_an_empty_map_has_no_room),
	    UNIT(test_a_simple_map_needs_no_memory),
	    UNIT(test_take_begins_at_the_end_that_is_asked_for),
	    UNIT(test_alignment_is_that_of_the_address),
	    UNIT(test_what_is_given_merges_in_any_order),
	    UNIT(test_parts_of_a_taken_range_can_be_given),
	    UNIT(test_idle_space_goes_first),
	    UNIT(test_a_range_is_what_all_of_it_was_given_as),
	    UNIT(test_what_was_given_back_dirty_is_not_zero),
	    UNIT(test_without_file_space_all_is_held),
	    UNIT(test_figures_count_bytes),
	    UNIT(test_take_idle_takes_the_longest),
	    UNIT(test_mark_bad_refuses),
	    UNIT(test_what_is_bad_is_never_taken_again),
	    UNIT(test_a_give_over_several_doomed_ranges),
	    UNIT(test_gives_after_a_take_need_no_memory),
	    UNIT(test_a_take_without_memory_changes_nothing),
	    UNIT(test_random_steps_agree_with_a_model),
	    UNIT(test_nothing_depends_on_the_size),
	};

	return cmocka_run_group_tests_name("space", tests, NULL, NULL);
}
