// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_rangeset.c -- sets of ranges: against tables, against a bitmap, and
 * their cost.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/util.h"
#include "space/rangeset.h"

static struct pool Pool;
static struct rangeset Set;

static int
setup(void **state)
{
	pool_init(&Pool, sizeof(struct rangeset_node));
	rangeset_init(&Set, &Pool);
	return test_leaks_setup(state);
}

static int
teardown(void **state)
{
	mock_os_reset();
	pool_fini(&Pool);
	return test_leaks_teardown(state);
}

struct range {
	size_t start, len;
};

/* The set is exactly these ranges. */
static void
assert_ranges(const struct range *ranges, size_t nr)
{
	size_t pos = 0, total = 0, start, len;

	assert_true(rangeset_check(&Set));
	for (size_t i = 0; i < nr; i++) {
		assert_true(rangeset_next(&Set, pos, &start, &len));
		assert_int_equal(start, ranges[i].start);
		assert_int_equal(len, ranges[i].len);
		pos = start + len;
		total += len;
	}
	assert_false(rangeset_next(&Set, pos, &start, &len));
	assert_int_equal(Set.nr, nr);
	assert_int_equal(Set.total, total);
}

static void
add_all(const struct range *ranges, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(
		    rangeset_add(&Set, ranges[i].start, ranges[i].len), 0);
}

/* Use up what the pool has; it gets no more from the system. */
static void
exhaust_pool(void)
{
	while (Pool.nr_spare > 0)
		assert_non_null(pool_get(&Pool));
	mock_os_fail_all("os_map_anon", ENOMEM);
}

/* --- adding -------------------------------------------------------------------- */

static void
test_an_empty_set_has_nothing(void **state)
{
	size_t start = 7, len = 7;

	(void)state;
	assert_ranges(NULL, 0);
	assert_false(rangeset_find(&Set, 0, &start, &len));
	assert_false(rangeset_longest(&Set, &start, &len));
	assert_false(rangeset_fit(&Set, 1, 1, 1, RANGESET_LOW, &start));
	assert_int_equal(rangeset_covered(&Set, 0, SIZE_MAX), 0);
	assert_int_equal(rangeset_remove(&Set, 0, 100), 0);
	assert_int_equal(start, 7);
	assert_int_equal(len, 7);
}

static void
test_neighbours_merge(void **state)
{
	static const struct {
		const char *why;
		struct range add[4];
		size_t nr_add;
		struct range want[4];
		size_t nr_want;
	} rows[] = {
	    {"apart", {{10, 5}, {20, 5}}, 2, {{10, 5}, {20, 5}}, 2},
	    {"one unit apart", {{10, 5}, {16, 4}}, 2, {{10, 5}, {16, 4}}, 2},
	    {"behind", {{10, 5}, {15, 5}}, 2, {{10, 10}}, 1},
	    {"in front", {{15, 5}, {10, 5}}, 2, {{10, 10}}, 1},
	    {"between", {{10, 5}, {20, 5}, {15, 5}}, 3, {{10, 15}}, 1},
	    {"between, the other way", {{20, 5}, {10, 5}, {15, 5}}, 3,
		{{10, 15}}, 1},
	    {"behind, with another after it", {{10, 5}, {30, 5}, {15, 5}}, 3,
		{{10, 10}, {30, 5}}, 2},
	    {"in front, with another before it", {{10, 5}, {30, 5}, {25, 5}}, 3,
		{{10, 5}, {25, 10}}, 2},
	    {"four in a row, inside out", {{20, 5}, {10, 5}, {25, 5}, {15, 5}},
		4, {{10, 20}}, 1},
	    {"at the beginning of all", {{5, 5}, {0, 5}}, 2, {{0, 10}}, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		rangeset_init(&Set, &Pool);
		add_all(rows[i].add, rows[i].nr_add);
		assert_ranges(rows[i].want, rows[i].nr_want);
	}
}

static void
test_an_add_without_memory_changes_nothing(void **state)
{
	static const struct range before[] = {{10, 5}, {30, 5}};
	static const struct range joined[] = {{10, 25}};

	(void)state;
	add_all(before, ARRAY_LEN(before));
	exhaust_pool();
	assert_int_equal(rangeset_add(&Set, 20, 5), -ENOMEM);
	assert_int_equal(rangeset_add(&Set, 0, 5), -ENOMEM);
	assert_int_equal(rangeset_add(&Set, 40, 5), -ENOMEM);
	assert_ranges(before, ARRAY_LEN(before));
	/* merging needs no node */
	assert_int_equal(rangeset_add(&Set, 15, 15), 0);
	assert_ranges(joined, ARRAY_LEN(joined));
}

/* --- removing ------------------------------------------------------------------ */

static void
test_remove_takes_what_is_there(void **state)
{
	static const struct range before[] = {{10, 10}, {30, 10}, {50, 10}};
	static const struct {
		const char *why;
		struct range remove;
		struct range want[4];
		size_t nr_want;
	} rows[] = {
	    {"nothing before all", {0, 10}, {{10, 10}, {30, 10}, {50, 10}}, 3},
	    {"nothing in a gap", {20, 10}, {{10, 10}, {30, 10}, {50, 10}}, 3},
	    {"nothing behind all", {60, 99}, {{10, 10}, {30, 10}, {50, 10}}, 3},
	    {"a whole range", {30, 10}, {{10, 10}, {50, 10}}, 2},
	    {"a front", {30, 4}, {{10, 10}, {34, 6}, {50, 10}}, 3},
	    {"a front and the gap before", {25, 9},
		{{10, 10}, {34, 6}, {50, 10}}, 3},
	    {"a back", {36, 4}, {{10, 10}, {30, 6}, {50, 10}}, 3},
	    {"a back and the gap behind", {36, 10},
		{{10, 10}, {30, 6}, {50, 10}}, 3},
	    {"a middle", {33, 4}, {{10, 10}, {30, 3}, {37, 3}, {50, 10}}, 4},
	    {"parts of two", {15, 20}, {{10, 5}, {35, 5}, {50, 10}}, 3},
	    {"parts of two and a whole one", {15, 40}, {{10, 5}, {55, 5}}, 2},
	    {"two whole ones", {30, 30}, {{10, 10}}, 1},
	    {"everything", {0, 100}, {{0, 0}}, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		rangeset_init(&Set, &Pool);
		add_all(before, ARRAY_LEN(before));
		assert_int_equal(rangeset_remove(&Set, rows[i].remove.start,
				     rows[i].remove.len),
		    0);
		assert_ranges(rows[i].want, rows[i].nr_want);
	}
}

static void
test_a_remove_without_memory_changes_nothing(void **state)
{
	static const struct range before[] = {{10, 10}, {30, 10}};
	static const struct range after[] = {{10, 5}, {35, 5}};

	(void)state;
	add_all(before, ARRAY_LEN(before));
	exhaust_pool();
	assert_int_equal(rangeset_remove(&Set, 12, 3), -ENOMEM);
	assert_ranges(before, ARRAY_LEN(before));
	/* without a range to split it needs no node */
	assert_int_equal(rangeset_remove(&Set, 15, 20), 0);
	assert_ranges(after, ARRAY_LEN(after));
}

/* --- looking ------------------------------------------------------------------- */

static void
test_find_next_covered(void **state)
{
	static const struct range all[] = {{10, 10}, {30, 10}};
	static const struct {
		const char *why;
		size_t pos;
		bool in;     /* a range */
		size_t next; /* start of the range that ends after pos */
	} rows[] = {
	    {"before all", 0, false, 10},
	    {"just before", 9, false, 10},
	    {"first", 10, true, 10},
	    {"last", 19, true, 10},
	    {"just behind", 20, false, 30},
	    {"in the gap", 29, false, 30},
	    {"in the second", 39, true, 30},
	    {"behind all", 40, false, 0},
	    {"at the end of numbers", SIZE_MAX, false, 0},
	};
	static const struct {
		size_t start, len, want;
	} covered[] = {
	    {0, 10, 0},
	    {0, 11, 1},
	    {10, 10, 10},
	    {15, 10, 5},
	    {15, 20, 10},
	    {20, 10, 0},
	    {0, 100, 20},
	    {39, 1, 1},
	    {40, 10, 0},
	    {10, 0, 0},
	};

	(void)state;
	add_all(all, ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t start = 0, len = 0;

		dk_row(rows[i].why);
		assert_int_equal(
		    rangeset_find(&Set, rows[i].pos, &start, &len), rows[i].in);
		assert_int_equal(len, rows[i].in ? 10 : 0);
		assert_int_equal(rangeset_next(&Set, rows[i].pos, &start, &len),
		    rows[i].next != 0);
		if (rows[i].next != 0)
			assert_int_equal(start, rows[i].next);
	}
	for (size_t i = 0; i < ARRAY_LEN(covered); i++)
		assert_int_equal(
		    rangeset_covered(&Set, covered[i].start, covered[i].len),
		    covered[i].want);
}

static void
test_longest_is_the_lowest_of_them(void **state)
{
	static const struct range all[] = {
	    {10, 5}, {20, 8}, {40, 8}, {60, 3}, {70, 8}, {90, 1}};
	size_t start, len;

	(void)state;
	add_all(all, ARRAY_LEN(all));
	assert_true(rangeset_longest(&Set, &start, &len));
	assert_int_equal(start, 20);
	assert_int_equal(len, 8);
	assert_int_equal(rangeset_remove(&Set, 20, 1), 0);
	assert_true(rangeset_longest(&Set, &start, &len));
	assert_int_equal(start, 40);
	assert_int_equal(len, 8);
}

static void
test_fit_finds_the_place_nearest_to_the_end(void **state)
{
	/* multiples of 4, as a space map's are of the page */
	static const struct range all[] = {
	    {4, 8}, {20, 4}, {28, 20}, {60, 8}, {100, 40}, {200, 12}};
	static const struct {
		const char *why;
		size_t len, align;
		bool fits;
		size_t low, high;
	} rows[] = {
	    {"anywhere", 4, 4, true, 4, 208},
	    {"aligned to less than the unit", 4, 1, true, 4, 208},
	    {"the first that is long enough", 12, 4, true, 28, 200},
	    {"one only", 40, 4, true, 100, 100},
	    {"too long", 44, 4, false, 0, 0},
	    {"too long for any number", SIZE_MAX, 4, false, 0, 0},
	    {"aligned to more than the unit", 4, 8, true, 8, 208},
	    {"aligned inside a range", 16, 16, true, 32, 112},
	    {"aligned, no room left by it", 36, 16, false, 0, 0},
	    {"aligned, an exact fit", 28, 16, true, 112, 112},
	    {"aligned to a lot", 4, 128, true, 128, 128},
	    {"aligned to too much", 4, 1024, false, 0, 0},
	    {"aligned to half of all numbers", 4, SIZE_MAX / 2 + 1, false, 0,
		0},
	};

	(void)state;
	add_all(all, ARRAY_LEN(all));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = rows[i].len;
		size_t at[2] = {1, 1};

		dk_row(rows[i].why);
		for (int end = RANGESET_LOW; end <= RANGESET_HIGH; end++) {
			assert_int_equal(
			    rangeset_fit(&Set, len, rows[i].align, 4,
				(enum rangeset_end)end, &at[end]),
			    rows[i].fits);
			if (!rows[i].fits) {
				assert_int_equal(at[end], 1);
				continue;
			}
			assert_int_equal(at[end] % rows[i].align, 0);
			assert_int_equal(
			    rangeset_covered(&Set, at[end], len), len);
		}
		if (rows[i].fits) {
			assert_int_equal(at[RANGESET_LOW], rows[i].low);
			assert_int_equal(at[RANGESET_HIGH], rows[i].high);
		}
	}
}

/* --- against a bitmap ---------------------------------------------------------- */

enum {
	UNIT = 8,
	NR_UNITS = 2048,
	NR_STEPS = 12000
};

static bool Model[NR_UNITS];

/* The lowest or highest place in the bitmap, or SIZE_MAX. */
static size_t
model_fit(size_t len, size_t align, enum rangeset_end end)
{
	size_t found = SIZE_MAX;
	size_t run = 0; /* units in the set that end at i */

	for (size_t i = 0; i < NR_UNITS; i++) {
		run = Model[i] ? run + 1 : 0;
		if (run < len)
			continue;
		size_t start = i + 1 - len;
		if (start * UNIT % align != 0)
			continue;
		found = start * UNIT;
		if (end == RANGESET_LOW)
			break;
	}
	return found;
}

static void
assert_fits_as_model(uint64_t *random)
{
	size_t len = test_random_size(random, 1, 40);
	size_t align = (size_t)1 << test_random_size(random, 0, 9);
	enum rangeset_end end =
	    test_random(random) % 2 ? RANGESET_LOW : RANGESET_HIGH;
	size_t want = model_fit(len, align, end);
	size_t start = SIZE_MAX;
	bool fits = rangeset_fit(&Set, len * UNIT, align, UNIT, end, &start);

	assert_int_equal(fits, want != SIZE_MAX);
	if (!fits)
		return;
	assert_int_equal(start % align, 0);
	assert_int_equal(rangeset_covered(&Set, start, len * UNIT), len * UNIT);
	assert_int_equal(start, want);
}

static void
assert_looks_as_model(uint64_t *random)
{
	size_t from = test_random_size(random, 0, NR_UNITS - 1);
	size_t to = test_random_size(random, from, NR_UNITS - 1);
	size_t covered = 0, longest = 0, run = 0, start, len;

	for (size_t i = from; i < to; i++)
		covered += Model[i] ? UNIT : 0;
	assert_int_equal(
	    rangeset_covered(&Set, from * UNIT, (to - from) * UNIT), covered);
	assert_int_equal(
	    rangeset_find(&Set, from * UNIT + 1, &start, &len), Model[from]);
	for (size_t i = 0; i < NR_UNITS; i++) {
		run = Model[i] ? run + 1 : 0;
		longest = max_size(longest, run);
	}
	if (rangeset_longest(&Set, &start, &len))
		assert_int_equal(len, longest * UNIT);
	else
		assert_int_equal(longest, 0);
}

static void
assert_same_as_model(void)
{
	size_t start, len, i = 0;

	for (size_t pos = 0; rangeset_next(&Set, pos, &start, &len);
	     pos = start + len) {
		for (; i < start / UNIT; i++)
			assert_false(Model[i]);
		for (; i < (start + len) / UNIT; i++)
			assert_true(Model[i]);
	}
	for (; i < NR_UNITS; i++)
		assert_false(Model[i]);
}

static void
test_random_steps_agree_with_a_bitmap(void **state)
{
	uint64_t seed = (uint64_t)(test_now() * 1e9) | 1;
	uint64_t random = seed;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	memset(Model, 0, sizeof(Model));
	for (int step = 0; step < NR_STEPS; step++) {
		size_t from = test_random_size(&random, 0, NR_UNITS - 1);
		size_t len =
		    test_random_size(&random, 1, min_size(NR_UNITS - from, 24));
		bool free = true;

		for (size_t i = from; i < from + len; i++)
			free = free && !Model[i];
		if (free) {
			assert_int_equal(
			    rangeset_add(&Set, from * UNIT, len * UNIT), 0);
		} else {
			assert_int_equal(
			    rangeset_remove(&Set, from * UNIT, len * UNIT), 0);
		}
		for (size_t i = from; i < from + len; i++)
			Model[i] = free;
		assert_true(rangeset_check(&Set));
		assert_fits_as_model(&random);
		assert_looks_as_model(&random);
		if (step % 16 == 0)
			assert_same_as_model();
	}
}

/* --- cost ------------------------------------------------------------------------ */

static unsigned
depth_of(const struct rangeset_node *n)
{
	if (n == NULL)
		return 0;
	unsigned left = depth_of(n->kid[0]);
	unsigned right = depth_of(n->kid[1]);

	return 1 + (left > right ? left : right);
}

enum order {
	ASCENDING,
	DESCENDING,
	SHUFFLED
};

static void
test_operations_stay_logarithmic(void **state)
{
	static const char *const names[] = {
	    "ascending", "descending", "shuffled"};
	enum {
		NR = 100000
	};
	static size_t starts[NR];
	uint64_t random = 1;

	(void)state;
	for (unsigned order = ASCENDING; order <= SHUFFLED; order++) {
		dk_row(names[order]);
		rangeset_init(&Set, &Pool);
		for (size_t i = 0; i < NR; i++)
			starts[i] = 2 * (order == DESCENDING ? NR - i : i);
		for (size_t i = NR - 1; order == SHUFFLED && i > 0; i--) {
			size_t j = test_random_size(&random, 0, i);
			size_t start = starts[i];

			starts[i] = starts[j];
			starts[j] = start;
		}
		for (size_t i = 0; i < NR; i++)
			assert_int_equal(rangeset_add(&Set, starts[i], 1), 0);
		assert_int_equal(Set.nr, NR);
		assert_in_range(depth_of(Set.root), 17, 80);
		/* and after many have gone */
		for (size_t i = 0; i < NR; i += 2)
			assert_int_equal(
			    rangeset_remove(&Set, starts[i], 1), 0);
		assert_in_range(depth_of(Set.root), 16, 80);
		assert_true(rangeset_check(&Set));
	}
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_an_empty_set_has_nothing),
	    UNIT(test_neighbours_merge),
	    UNIT(test_an_add_without_memory_changes_nothing),
	    UNIT(test_remove_takes_what_is_there),
	    UNIT(test_a_remove_without_memory_changes_nothing),
	    UNIT(test_find_next_covered),
	    UNIT(test_longest_is_the_lowest_of_them),
	    UNIT(test_fit_finds_the_place_nearest_to_the_end),
	    UNIT(test_random_steps_agree_with_a_bitmap),
	    UNIT(test_operations_stay_logarithmic),
	};

	return cmocka_run_group_tests_name("rangeset", tests, NULL, NULL);
}
