// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_memtier.c -- tiers: builders, the two policies, what is counted, and
 * the decorators, which this program defines.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <math.h>
#include <memkind_memtier.h>
#include <pthread.h>
#include <string.h>

#define SIZE (64 * TEST_MIB)
#define THRESHOLD "policy.dynamic_threshold."

/* --- decorators ----------------------------------------------------------------- */

/* Seen by the library, though the tests are compiled with hidden symbols. */
#pragma GCC visibility push(default)
void memtier_kind_malloc_post(memkind_t kind, size_t size, void **result);
void memtier_kind_calloc_post(
    memkind_t kind, size_t num, size_t size, void **result);
void memtier_kind_posix_memalign_post(
    memkind_t kind, void **memptr, size_t alignment, size_t size, int *err);
void memtier_kind_realloc_post(
    memkind_t kind, void *ptr, size_t size, void **result);
void memtier_kind_free_pre(void **ptr);
void memtier_kind_usable_size_post(void **ptr, size_t size);
#pragma GCC visibility pop

static struct {
	unsigned malloc, calloc, memalign, realloc, free, usable;
	memkind_t kind;
	void *ptr;
	size_t size;
} Seen;
static bool Watches;

void
memtier_kind_malloc_post(memkind_t kind, size_t size, void **result)
{
	if (!Watches)
		return;
	Seen.malloc++;
	Seen.kind = kind;
	Seen.size = size;
	Seen.ptr = *result;
}

void
memtier_kind_calloc_post(memkind_t kind, size_t num, size_t size, void **result)
{
	if (!Watches)
		return;
	Seen.calloc++;
	Seen.kind = kind;
	Seen.size = num * size;
	Seen.ptr = *result;
}

void
memtier_kind_posix_memalign_post(
    memkind_t kind, void **memptr, size_t alignment, size_t size, int *err)
{
	if (!Watches)
		return;
	Seen.memalign++;
	Seen.kind = kind;
	Seen.size = size + alignment + (size_t)*err;
	Seen.ptr = *memptr;
}

void
memtier_kind_realloc_post(memkind_t kind, void *ptr, size_t size, void **result)
{
	if (!Watches)
		return;
	(void)ptr;
	Seen.realloc++;
	Seen.kind = kind;
	Seen.size = size;
	Seen.ptr = *result;
}

void
memtier_kind_free_pre(void **ptr)
{
	if (!Watches)
		return;
	Seen.free++;
	Seen.ptr = *ptr;
}

void
memtier_kind_usable_size_post(void **ptr, size_t size)
{
	if (!Watches)
		return;
	Seen.usable++;
	Seen.ptr = *ptr;
	Seen.size = size;
}

/* --- helpers -------------------------------------------------------------------- */

static struct test_heap Heaps[3];

static int
setup(void **state)
{
	if (test_leaks_setup(state) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(Heaps); i++)
		test_heap_make(&Heaps[i], TEST_ON_MAPPING, SIZE);
	return 0;
}

static int
teardown(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(Heaps); i++)
		test_heap_end(&Heaps[i]);
	return test_leaks_teardown(state);
}

static struct memtier_builder *
make_builder(memtier_policy_t policy, size_t nr, const unsigned *ratios)
{
	struct memtier_builder *builder = memtier_builder_new(policy);

	assert_non_null(builder);
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(
		    memtier_builder_add_tier(builder, Heaps[i].kind, ratios[i]),
		    0);
	return builder;
}

static struct memtier_memory *
make_memory(memtier_policy_t policy, size_t nr, const unsigned *ratios)
{
	struct memtier_builder *builder = make_builder(policy, nr, ratios);
	struct memtier_memory *memory =
	    memtier_builder_construct_memtier_memory(builder);

	assert_non_null(memory);
	memtier_builder_delete(builder); /* not needed any more */
	return memory;
}

static size_t
bytes_of(size_t i)
{
	return memtier_kind_allocated_size(Heaps[i].kind);
}

static size_t
tier_of(void *ptr)
{
	for (size_t i = 0; i < ARRAY_LEN(Heaps); i++) {
		if (memkind_detect_kind(ptr) == Heaps[i].kind)
			return i;
	}
	fail_msg("a block of no tier");
	return 0;
}

/* --- builders ------------------------------------------------------------------- */

static void
test_builders_refuse(void **state)
{
	struct memtier_builder *builder;

	(void)state;
	assert_null(memtier_builder_new(MEMTIER_POLICY_MAX_VALUE));
	assert_null(memtier_builder_new((memtier_policy_t)-1));

	builder = memtier_builder_new(MEMTIER_POLICY_STATIC_RATIO);
	assert_null(memtier_builder_construct_memtier_memory(builder));
	assert_int_equal(
	    memtier_builder_add_tier(builder, Heaps[0].kind, 1), 0);
	assert_int_equal(
	    memtier_builder_add_tier(builder, Heaps[0].kind, 2), -1);
	memtier_builder_delete(builder);

	builder = memtier_builder_new(MEMTIER_POLICY_DYNAMIC_THRESHOLD);
	assert_null(memtier_builder_construct_memtier_memory(builder));
	assert_int_equal(
	    memtier_builder_add_tier(builder, Heaps[0].kind, 1), 0);
	assert_null(memtier_builder_construct_memtier_memory(builder));
	memtier_builder_delete(builder);
}

static void
test_errno_says_why_there_is_no_builder(void **state)
{
	(void)state;
	errno = 0;
	assert_null(memtier_builder_new(MEMTIER_POLICY_MAX_VALUE));
	assert_int_equal(errno, EINVAL);
}

static void
test_null_is_refused_or_ignored(void **state)
{
	struct memtier_builder *builder =
	    memtier_builder_new(MEMTIER_POLICY_STATIC_RATIO);

	(void)state;
	assert_int_equal(memtier_builder_add_tier(builder, NULL, 1), -1);
	assert_int_equal(memtier_ctl_set(builder, NULL, &builder), -1);
	memtier_builder_delete(builder);
	memtier_builder_delete(NULL);
	memtier_delete_memtier_memory(NULL);
	assert_int_equal(memtier_builder_add_tier(NULL, Heaps[0].kind, 1), -1);
	assert_int_equal(memtier_ctl_set(NULL, "x", &builder), -1);
	assert_null(memtier_builder_construct_memtier_memory(NULL));
	assert_int_equal(memtier_kind_allocated_size(NULL), 0);
	assert_null(memtier_kind_malloc(NULL, 10));
	builder = memtier_builder_new(MEMTIER_POLICY_DYNAMIC_THRESHOLD);
	assert_int_equal(
	    memtier_ctl_set(builder, THRESHOLD "degree", NULL), -1);
	memtier_builder_delete(builder);
}

static void
test_names_of_properties(void **state)
{
	static const struct {
		const char *name;
		int rc;
	} rows[] = {
	    {THRESHOLD "thresholds[0].val", 0},
	    {THRESHOLD "thresholds[1].min", 0},
	    {THRESHOLD "thresholds[1].max", 0},
	    {THRESHOLD "check_cnt", 0},
	    {THRESHOLD "trigger", 0},
	    {THRESHOLD "degree", 0},
	    {THRESHOLD "thresholds[2].val", -1},
	    {THRESHOLD "thresholds[99999999999].val", -1},
	    {THRESHOLD "thresholds[-1].val", -1},
	    {THRESHOLD "thresholds[].val", -1},
	    {THRESHOLD "thresholds[x].val", -1},
	    {THRESHOLD "thresholds[0]", -1},
	    {THRESHOLD "thresholds[0].", -1},
	    {THRESHOLD "thresholds[0].value", -1},
	    {THRESHOLD "thresholds", -1},
	    {THRESHOLD "check_cnt2", -1},
	    {THRESHOLD, -1},
	    {"policy.static_ratio.val", -1},
	    {"", -1},
	};
	static const unsigned ratios[] = {1, 1, 1};
	const size_t value = 1;
	struct memtier_builder *dynamic =
	    make_builder(MEMTIER_POLICY_DYNAMIC_THRESHOLD, 3, ratios);
	struct memtier_builder *plain =
	    make_builder(MEMTIER_POLICY_STATIC_RATIO, 3, ratios);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].name);
		assert_int_equal(
		    memtier_ctl_set(dynamic, rows[i].name, &value), rows[i].rc);
		assert_int_equal(
		    memtier_ctl_set(plain, rows[i].name, &value), -1);
	}
	memtier_builder_delete(dynamic);
	memtier_builder_delete(plain);
}

/* What a threshold may be, and what its defaults are. */
static void
test_thresholds_that_contradict(void **state)
{
	static const struct {
		const char *name;
		size_t value;
		bool is_good;
	} rows[] = {
	    {THRESHOLD "thresholds[0].val", 511, false},
	    {THRESHOLD "thresholds[0].val", 512, true},
	    {THRESHOLD "thresholds[0].val", 1535, true},
	    {THRESHOLD "thresholds[0].val", 1536, false},
	    {THRESHOLD "thresholds[1].val", 1535, false},
	    {THRESHOLD "thresholds[1].val", 1536, true},
	    {THRESHOLD "thresholds[1].val", 2559, true},
	    {THRESHOLD "thresholds[1].val", 2560, false},
	    {THRESHOLD "thresholds[0].max", 1536, true},
	    {THRESHOLD "thresholds[0].max", 1537, false},
	    {THRESHOLD "thresholds[0].max", 1023, false},
	    {THRESHOLD "thresholds[0].min", 1025, false},
	    {THRESHOLD "thresholds[0].min", 0, true},
	};
	static const unsigned ratios[] = {1, 1, 1};
	static const float below = -0.01F, zero = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memtier_builder *builder =
		    make_builder(MEMTIER_POLICY_DYNAMIC_THRESHOLD, 3, ratios);

		print_message("row: %s = %zu\n", rows[i].name, rows[i].value);
		assert_int_equal(
		    memtier_ctl_set(builder, rows[i].name, &rows[i].value), 0);
		struct memtier_memory *memory =
		    memtier_builder_construct_memtier_memory(builder);
		assert_int_equal(memory != NULL, rows[i].is_good);
		if (memory != NULL)
			memtier_delete_memtier_memory(memory);
		memtier_builder_delete(builder);
	}
	static const char *const floats[] = {
	    THRESHOLD "trigger", THRESHOLD "degree"};
	for (size_t i = 0; i < ARRAY_LEN(floats); i++) {
		struct memtier_builder *builder =
		    make_builder(MEMTIER_POLICY_DYNAMIC_THRESHOLD, 3, ratios);
		assert_int_equal(
		    memtier_ctl_set(builder, floats[i], &below), 0);
		assert_null(memtier_builder_construct_memtier_memory(builder));
		assert_int_equal(memtier_ctl_set(builder, floats[i], &zero), 0);
		struct memtier_memory *memory =
		    memtier_builder_construct_memtier_memory(builder);
		assert_non_null(memory);
		memtier_delete_memtier_memory(memory);
		memtier_builder_delete(builder);
	}
}

/* --- policies ------------------------------------------------------------------- */

struct ratio {
	size_t nr;
	unsigned ratios[3];
};

static void
check_ratios(const struct ratio *rows, size_t nr_rows)
{
	static const size_t sizes[] = {100, 4096, 30000};

	for (size_t i = 0; i < nr_rows; i++) {
		void *blocks[900];
		size_t nr = 0, all = 0, sum = 0;
		struct memtier_memory *memory = make_memory(
		    MEMTIER_POLICY_STATIC_RATIO, rows[i].nr, rows[i].ratios);

		for (; nr < ARRAY_LEN(blocks); nr++) {
			blocks[nr] = memtier_malloc(
			    memory, sizes[nr % ARRAY_LEN(sizes)]);
			assert_non_null(blocks[nr]);
		}
		for (size_t t = 0; t < rows[i].nr; t++) {
			all += bytes_of(t);
			sum += rows[i].ratios[t];
		}
		for (size_t t = 0; t < rows[i].nr; t++) {
			double wanted =
			    (double)all * rows[i].ratios[t] / (double)sum;
			double got = (double)bytes_of(t);

			print_message("row %zu, tier %zu: %.0f, wanted %.0f\n",
			    i, t, got, wanted);
			assert_true(
			    got > wanted - 100000 && got < wanted + 100000);
		}
		while (nr > 0)
			memtier_free(blocks[--nr]);
		for (size_t t = 0; t < rows[i].nr; t++)
			assert_int_equal(bytes_of(t), 0);
		memtier_delete_memtier_memory(memory);
	}
}

/* From the first block on: what a thread counted itself is never old. */
static void
test_the_tier_that_lacks_most_gets_each_block(void **state)
{
	static const unsigned ratios[] = {2, 1, 5};
	static const size_t sizes[] = {16, 8, 300, 40, 1000, 16, 5000};
	void *blocks[300];
	struct memtier_memory *memory =
	    make_memory(MEMTIER_POLICY_STATIC_RATIO, 3, ratios);

	(void)state;
	for (size_t nr = 0; nr < ARRAY_LEN(blocks); nr++) {
		size_t wanted = 0;

		for (size_t t = 1; t < ARRAY_LEN(ratios); t++) {
			if (bytes_of(t) * ratios[wanted] <
			    bytes_of(wanted) * ratios[t])
				wanted = t;
		}
		blocks[nr] =
		    memtier_malloc(memory, sizes[nr % ARRAY_LEN(sizes)]);
		assert_non_null(blocks[nr]);
		assert_int_equal(tier_of(blocks[nr]), wanted);
		if (nr % 3 == 2) {
			memtier_free(blocks[nr - 1]);
			blocks[nr - 1] = NULL;
		}
	}
	for (size_t nr = 0; nr < ARRAY_LEN(blocks); nr++)
		memtier_free(blocks[nr]);
	memtier_delete_memtier_memory(memory);
}

static void
test_a_static_ratio_is_kept(void **state)
{
	static const struct ratio rows[] = {
	    {1, {7}},
	    {2, {1, 1}},
	    {2, {1, 4}},
	    {2, {4, 1}},
	    {2, {2000000000, 1000000000}},
	};

	(void)state;
	check_ratios(rows, ARRAY_LEN(rows));
}

static void
test_a_static_ratio_of_three_is_kept(void **state)
{
	static const struct ratio rows[] = {
	    {3, {1, 2, 5}},
	    {3, {3, 1, 1}},
	};

	(void)state;
	check_ratios(rows, ARRAY_LEN(rows));
}

static void
test_thresholds_divide_by_size(void **state)
{
	static const unsigned ratios[] = {1, 1, 1};
	struct memtier_builder *builder =
	    make_builder(MEMTIER_POLICY_DYNAMIC_THRESHOLD, 3, ratios);
	static const struct {
		size_t size, tier;
	} rows[] = {
	    {1, 0},
	    {1023, 0},
	    {1024, 1},
	    {2047, 1},
	    {2048, 2},
	    {1000000, 2},
	};
	unsigned never = 1u << 30;

	(void)state;
	assert_int_equal(
	    memtier_ctl_set(builder, THRESHOLD "check_cnt", &never), 0);
	struct memtier_memory *memory =
	    memtier_builder_construct_memtier_memory(builder);
	assert_non_null(memory);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *p = memtier_malloc(memory, rows[i].size);
		void *q = memtier_calloc(memory, 1, rows[i].size);
		void *r = memtier_realloc(memory, NULL, rows[i].size);
		void *s = NULL;

		print_message("row: %zu bytes\n", rows[i].size);
		assert_int_equal(
		    memtier_posix_memalign(memory, &s, 64, rows[i].size), 0);
		assert_int_equal(tier_of(p), rows[i].tier);
		assert_int_equal(tier_of(q), rows[i].tier);
		assert_int_equal(tier_of(r), rows[i].tier);
		assert_int_equal(tier_of(s), rows[i].tier);
		/* A block stays in its tier. */
		r = memtier_realloc(memory, r, 5000);
		assert_int_equal(tier_of(r), rows[i].tier);
		memtier_free(p);
		memtier_free(q);
		memtier_free(r);
		memtier_free(s);
	}
	memtier_delete_memtier_memory(memory);
	memtier_builder_delete(builder);
}

/* By all the bytes, not by those of one element. */
static void
test_thresholds_divide_arrays_by_size(void **state)
{
	static const unsigned ratios[] = {1, 1, 1};
	struct memtier_memory *memory =
	    make_memory(MEMTIER_POLICY_DYNAMIC_THRESHOLD, 3, ratios);
	void *p = memtier_calloc(memory, 100, 100);

	(void)state;
	assert_int_equal(tier_of(p), 2);
	memtier_free(p);
	memtier_delete_memtier_memory(memory);
}

static void
test_calloc_overflow_is_enomem(void **state)
{
	static const unsigned ratios[] = {1, 1};
	struct memtier_memory *memory =
	    make_memory(MEMTIER_POLICY_STATIC_RATIO, 2, ratios);

	(void)state;
	errno = 0;
	assert_null(memtier_calloc(memory, SIZE_MAX / 2 + 9, 2));
	assert_int_equal(errno, ENOMEM);
	assert_null(memtier_kind_calloc(Heaps[0].kind, SIZE_MAX / 2 + 9, 2));
	assert_int_equal(bytes_of(0), 0);
	memtier_delete_memtier_memory(memory);
}

/* Sizes of which half would be of either tier at the start. */
static void
test_a_threshold_moves_to_keep_the_ratio(void **state)
{
	static const struct {
		unsigned ratios[2];
		size_t start;
	} rows[] = {
	    {{1, 1}, 1024},
	    {{1, 8}, 1024},
	    {{4, 1}, 1024},
	};
	static const size_t min = 1, max = 10000;
	uint64_t seed = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct memtier_builder *builder = make_builder(
		    MEMTIER_POLICY_DYNAMIC_THRESHOLD, 2, rows[i].ratios);
		static void *blocks[30000];
		size_t nr = 0;

		assert_int_equal(memtier_ctl_set(builder,
				     THRESHOLD "thresholds[0].min", &min),
		    0);
		assert_int_equal(memtier_ctl_set(builder,
				     THRESHOLD "thresholds[0].max", &max),
		    0);
		struct memtier_memory *memory =
		    memtier_builder_construct_memtier_memory(builder);
		assert_non_null(memory);
		for (; nr < ARRAY_LEN(blocks); nr++) {
			blocks[nr] = memtier_malloc(
			    memory, test_random_size(&seed, 1, 2000));
			assert_non_null(blocks[nr]);
		}
		double wanted =
		    (double)rows[i].ratios[1] / (double)rows[i].ratios[0];
		double got = (double)bytes_of(1) / (double)bytes_of(0);
		print_message(
		    "row %zu: ratio %.3f, wanted %.3f\n", i, got, wanted);
		assert_true(got > wanted * 0.85 && got < wanted * 1.15);
		while (nr > 0)
			memtier_free(blocks[--nr]);
		memtier_delete_memtier_memory(memory);
		memtier_builder_delete(builder);
	}
}

/* --- full tiers ------------------------------------------------------------------- */

enum {
	NR_CALLS = 4
};

/* A block by the nr-th way to get one; NULL with errno. */
static void *
get_block(struct memtier_memory *memory, size_t nr, size_t size)
{
	void *ptr = NULL;
	int err;

	switch (nr) {
	case 0:
		return memtier_malloc(memory, size);
	case 1:
		ptr = memtier_calloc(memory, 1, size);
		assert_true(ptr == NULL || test_all_bytes(ptr, 0, size));
		return ptr;
	case 2:
		return memtier_realloc(memory, NULL, size);
	default:
		err = memtier_posix_memalign(memory, &ptr, 4096, size);
		assert_int_equal((uintptr_t)ptr % 4096, 0);
		if (err != 0)
			errno = err;
		return err == 0 ? ptr : NULL;
	}
}

/* Take all of a kind, behind the tiers' back; nothing is left for a block of
 * 100 bytes or more. */
static void
fill(memkind_t kind)
{
	for (size_t size = TEST_MIB; size >= 8; size /= 2) {
		while (memkind_malloc(kind, size) != NULL)
			;
	}
}

/* The policy takes the tier that lacks most: the full one, each time. */
static void
test_a_full_tier_is_passed_over(void **state)
{
	static const unsigned ratios[] = {1, 1, 1};
	void *blocks[NR_CALLS * 10];
	struct memtier_memory *memory =
	    make_memory(MEMTIER_POLICY_STATIC_RATIO, 3, ratios);
	size_t sums[3] = {0};

	(void)state;
	fill(Heaps[0].kind);
	fill(Heaps[2].kind);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		errno = 77;
		blocks[i] = get_block(memory, i % NR_CALLS, 100 + 1000 * i);
		assert_non_null(blocks[i]);
		assert_int_equal(errno, 77); /* nothing has failed */
		assert_int_equal(tier_of(blocks[i]), 1);
		sums[1] += memtier_usable_size(blocks[i]);
		for (size_t t = 0; t < ARRAY_LEN(sums); t++)
			assert_int_equal(bytes_of(t), sums[t]);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		memtier_free(blocks[i]);
	assert_int_equal(bytes_of(1), 0);
	memtier_delete_memtier_memory(memory);
}

/* Until no tier has room, and not before. */
static void
test_all_tiers_are_filled(void **state)
{
	static const unsigned ratios[] = {1, 1000, 1};

	(void)state;
	for (int policy = 0; policy < MEMTIER_POLICY_MAX_VALUE; policy++) {
		struct memtier_memory *memory =
		    make_memory((memtier_policy_t)policy, 3, ratios);
		static void *blocks[3 * SIZE / (64 * TEST_KIB)];
		size_t nr = 0;

		for (; nr < ARRAY_LEN(blocks); nr++) {
			blocks[nr] = get_block(
			    memory, nr % (NR_CALLS - 1), 64 * TEST_KIB);
			if (blocks[nr] == NULL)
				break;
		}
		print_message("%zu blocks of %zu\n", nr, ARRAY_LEN(blocks));
		assert_true(nr >= ARRAY_LEN(blocks) * 95 / 100);
		for (size_t i = 0; i < NR_CALLS; i++) {
			errno = 0;
			assert_null(get_block(memory, i, 2 * TEST_MIB));
			assert_int_equal(errno, ENOMEM);
		}
		while (nr > 0)
			memtier_free(blocks[--nr]);
		for (size_t t = 0; t < ARRAY_LEN(Heaps); t++)
			assert_int_equal(bytes_of(t), 0);
		memtier_delete_memtier_memory(memory);
	}
}

/* Of several others, the first; MEMKIND_DEFAULT is the last wherever it is. */
static void
test_dram_is_the_last_that_stands_in(void **state)
{
	static const unsigned ratios[] = {1, 1, 1};
	struct memtier_builder *builder =
	    memtier_builder_new(MEMTIER_POLICY_DYNAMIC_THRESHOLD);

	(void)state;
	assert_int_equal(
	    memtier_builder_add_tier(builder, MEMKIND_DEFAULT, 1), 0);
	for (size_t t = 0; t < ARRAY_LEN(Heaps); t++)
		assert_int_equal(
		    memtier_builder_add_tier(builder, Heaps[t].kind, ratios[t]),
		    0);
	struct memtier_memory *memory =
	    memtier_builder_construct_memtier_memory(builder);
	assert_non_null(memory);
	memtier_builder_delete(builder);
	for (size_t t = ARRAY_LEN(Heaps); t-- > 0;) {
		void *p = memtier_malloc(memory, 20000);

		/* the tier above the last threshold, then from the front */
		assert_int_equal(tier_of(p), t == 2 ? 2 : 1 - t);
		memtier_free(p);
		fill(Heaps[t == 2 ? 2 : 1 - t].kind);
	}
	void *p = memtier_malloc(memory, 20000);
	assert_ptr_equal(memkind_detect_kind(p), MEMKIND_DEFAULT);
	memtier_free(p);
	memtier_delete_memtier_memory(memory);
}

static void
test_a_block_moves_out_of_a_full_tier(void **state)
{
	static const unsigned ratios[] = {1, 1, 1};
	struct memtier_memory *memory =
	    make_memory(MEMTIER_POLICY_STATIC_RATIO, 3, ratios);
	char *p = memtier_malloc(memory, 5000);

	(void)state;
	assert_int_equal(tier_of(p), 0);
	memset(p, 0x5a, 5000);
	fill(Heaps[0].kind);
	errno = 77;
	char *q = memtier_realloc(memory, p, 1000000);
	assert_non_null(q);
	assert_int_equal(errno, 77);
	assert_int_equal(tier_of(q), 1);
	assert_true(test_all_bytes(q, 0x5a, 5000));
	assert_int_equal(bytes_of(0), 0);
	assert_int_equal(bytes_of(1), memtier_usable_size(q));
	/* Nowhere: it stays as it is. */
	errno = 0;
	assert_null(memtier_realloc(memory, q, 2 * SIZE));
	assert_int_equal(errno, ENOMEM);
	assert_true(test_all_bytes(q, 0x5a, 5000));
	assert_int_equal(bytes_of(1), memtier_usable_size(q));
	assert_null(memtier_realloc(memory, q, 0)); /* freed */
	assert_int_equal(bytes_of(1), 0);
	memtier_delete_memtier_memory(memory);
}

static void
test_a_memory_of_null_is_refused(void **state)
{
	int rc = 0;

	(void)state;
	for (size_t i = 0; i < NR_CALLS; i++) {
		errno = 0;
		assert_null(get_block(NULL, i, 100));
		assert_int_equal(errno, EINVAL);
	}
	errno = 0;
	assert_null(memtier_realloc(NULL, &rc, 100));
	assert_int_equal(errno, EINVAL);
	void *none = &rc;
	errno = 77;
	rc = memtier_posix_memalign(NULL, &none, 64, 100);
	assert_int_equal(rc, EINVAL);
	assert_int_equal(errno, 77);
	test_says_why();
}

/* A step that is no size_t: the threshold stays. */
static void
test_a_threshold_does_not_step_out_of_range(void **state)
{
	static const unsigned ratios[] = {1, 1};
	static const size_t min = 0, max = SIZE_MAX;
	static const unsigned check_cnt = 1;
	static const struct {
		size_t val;
		float degree;
	} steps[] = {
	    {512, 0x1p55F}, /* 2^64 */
	    {0, INFINITY},  /* no number */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct memtier_builder *builder =
		    make_builder(MEMTIER_POLICY_DYNAMIC_THRESHOLD, 2, ratios);
		const struct {
			const char *name;
			const void *value;
		} rows[] = {
		    {THRESHOLD "thresholds[0].min", &min},
		    {THRESHOLD "thresholds[0].val", &steps[i].val},
		    {THRESHOLD "thresholds[0].max", &max},
		    {THRESHOLD "degree", &steps[i].degree},
		    {THRESHOLD "check_cnt", &check_cnt},
		};

		for (size_t r = 0; r < ARRAY_LEN(rows); r++)
			assert_int_equal(memtier_ctl_set(builder, rows[r].name,
					     rows[r].value),
			    0);
		struct memtier_memory *memory =
		    memtier_builder_construct_memtier_memory(builder);
		assert_non_null(memory);
		memtier_builder_delete(builder);
		for (int round = 0; round < 3; round++) {
			void *p = memtier_malloc(memory, 512);

			assert_int_equal(tier_of(p), 1);
			memtier_free(p);
		}
		memtier_delete_memtier_memory(memory);
	}
}

/* --- what is counted -------------------------------------------------------------- */

static void
test_the_size_is_exact(void **state)
{
	memkind_t kind = Heaps[0].kind;
	void *m = NULL;
	size_t sum;

	(void)state;
	void *p = memtier_kind_malloc(kind, 1000);
	sum = memtier_usable_size(p);
	assert_true(sum >= 1000);
	assert_int_equal(bytes_of(0), sum);
	void *q = memtier_kind_calloc(kind, 10, 5000);
	assert_true(test_all_bytes(q, 0, 50000));
	sum += memtier_usable_size(q);
	assert_int_equal(bytes_of(0), sum);
	assert_int_equal(memtier_kind_posix_memalign(kind, &m, 4096, 10), 0);
	assert_int_equal((uintptr_t)m % 4096, 0);
	sum += memtier_usable_size(m);
	assert_int_equal(bytes_of(0), sum);

	/* What fails leaves it. */
	errno = 0;
	assert_null(memtier_kind_malloc(kind, 2 * SIZE));
	assert_int_equal(errno, ENOMEM);
	void *none = NULL;
	assert_int_equal(
	    memtier_kind_posix_memalign(kind, &none, 3, 10), EINVAL);
	assert_int_equal(
	    memtier_kind_posix_memalign(kind, &none, 64, 2 * SIZE), ENOMEM);
	assert_null(memtier_kind_malloc(kind, 0));
	assert_int_equal(bytes_of(0), sum);

	/* Resized. */
	sum -= memtier_usable_size(q);
	q = memtier_kind_realloc(kind, q, 200000);
	sum += memtier_usable_size(q);
	assert_int_equal(bytes_of(0), sum);

	/* Freed by its kind, by none. */
	memtier_kind_free(kind, q);
	memtier_kind_free(kind, p);
	memtier_kind_free(NULL, m);
	memtier_free(NULL);
	memtier_kind_free(kind, NULL);
	assert_int_equal(bytes_of(0), 0);
	assert_int_equal(bytes_of(2), 0);

	p = memtier_kind_realloc(kind, NULL, 100);
	assert_int_equal(bytes_of(0), memtier_usable_size(p));
	assert_null(memtier_kind_realloc(kind, p, 0)); /* freed */
	assert_int_equal(bytes_of(0), 0);
}

static void
test_the_size_is_exact_after_a_failed_realloc(void **state)
{
	memkind_t kind = Heaps[0].kind;
	void *p = memtier_kind_malloc(kind, 1000);
	size_t size = bytes_of(0);

	(void)state;
	assert_null(memtier_kind_realloc(kind, p, 2 * SIZE));
	assert_int_equal(bytes_of(0), size);
	memtier_kind_free(kind, p);
}

static void
test_the_size_is_exact_when_another_kind_is_named(void **state)
{
	void *p = memtier_kind_malloc(Heaps[0].kind, 1000);

	(void)state;
	p = memtier_kind_realloc(Heaps[1].kind, p, 5000);
	assert_int_equal(tier_of(p), 1);
	assert_int_equal(bytes_of(0), 0);
	assert_int_equal(bytes_of(1), memtier_usable_size(p));
	memtier_kind_free(Heaps[2].kind, p);
	assert_int_equal(bytes_of(1), 0);
	assert_int_equal(bytes_of(2), 0);
}

static void
test_size_of_no_block(void **state)
{
	(void)state;
	assert_int_equal(memtier_usable_size(NULL), 0);
}

static void
test_foreign_pointers_are_ignored(void **state)
{
	size_t sum = 0;

	(void)state;
	memtier_free(&sum);
	memtier_kind_free(Heaps[0].kind, &sum);
	assert_int_equal(bytes_of(0), 0);
}

static void
test_static_kinds_are_counted(void **state)
{
	size_t before = memtier_kind_allocated_size(MEMKIND_REGULAR);
	void *p = memtier_kind_malloc(MEMKIND_REGULAR, 5000);

	(void)state;
	assert_int_equal(memtier_kind_allocated_size(MEMKIND_REGULAR) - before,
	    memtier_usable_size(p));
	memtier_free(p);
	assert_int_equal(memtier_kind_allocated_size(MEMKIND_REGULAR), before);
}

/* A new kind with an old one's record starts at 0. */
static void
test_a_new_kind_starts_at_nothing(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		struct test_heap heap;

		test_heap_make(&heap, TEST_ON_MAPPING, 16 * TEST_MIB);
		assert_int_equal(memtier_kind_allocated_size(heap.kind), 0);
		assert_non_null(memtier_kind_malloc(heap.kind, 100000));
		assert_true(memtier_kind_allocated_size(heap.kind) >= 100000);
		test_heap_end(&heap);
	}
}

struct work {
	struct memtier_memory *memory;
	uint64_t seed;
	void *left[50];
	bool ok;
};

static void *
run_work(void *arg)
{
	struct work *work = arg;

	work->ok = true;
	for (size_t i = 0; i < test_scaled(20000); i++) {
		size_t at = (size_t)(test_random(&work->seed) % 50);
		size_t size = test_random_size(&work->seed, 1, 20000);

		if (test_random(&work->seed) % 3 == 0) {
			memtier_free(work->left[at]);
			work->left[at] = memtier_malloc(work->memory, size);
		} else {
			work->left[at] =
			    memtier_realloc(work->memory, work->left[at], size);
		}
		if (work->left[at] == NULL)
			work->ok = false;
	}
	return NULL;
}

static void
test_threads_are_counted_exactly(void **state)
{
	static const unsigned ratios[] = {1, 2, 3};
	struct work work[4];
	pthread_t threads[ARRAY_LEN(work)];

	(void)state;
	for (int policy = 0; policy < MEMTIER_POLICY_MAX_VALUE; policy++) {
		struct memtier_memory *memory =
		    make_memory((memtier_policy_t)policy, 3, ratios);
		size_t sums[3] = {0};

		memset(work, 0, sizeof(work));
		for (size_t i = 0; i < ARRAY_LEN(work); i++) {
			work[i].memory = memory;
			work[i].seed = i + 1;
			assert_int_equal(pthread_create(&threads[i], NULL,
					     run_work, &work[i]),
			    0);
		}
		for (size_t i = 0; i < ARRAY_LEN(work); i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_true(work[i].ok);
		}
		for (size_t i = 0; i < ARRAY_LEN(work); i++) {
			for (size_t b = 0; b < ARRAY_LEN(work[i].left); b++) {
				if (work[i].left[b] == NULL)
					continue;
				sums[tier_of(work[i].left[b])] +=
				    memtier_usable_size(work[i].left[b]);
			}
		}
		for (size_t t = 0; t < ARRAY_LEN(sums); t++)
			assert_int_equal(bytes_of(t), sums[t]);
		for (size_t i = 0; i < ARRAY_LEN(work); i++) {
			for (size_t b = 0; b < ARRAY_LEN(work[i].left); b++)
				memtier_free(work[i].left[b]);
		}
		for (size_t t = 0; t < ARRAY_LEN(sums); t++)
			assert_int_equal(bytes_of(t), 0);
		memtier_delete_memtier_memory(memory);
	}
}

static void
test_decorators_are_called(void **state)
{
	memkind_t kind = Heaps[0].kind;
	void *m = NULL;

	(void)state;
	memset(&Seen, 0, sizeof(Seen));
	Watches = true;
	void *p = memtier_kind_malloc(kind, 100);
	assert_int_equal(Seen.malloc, 1);
	assert_ptr_equal(Seen.ptr, p);
	assert_ptr_equal(Seen.kind, kind);
	assert_int_equal(Seen.size, 100);
	void *q = memtier_kind_calloc(kind, 3, 50);
	assert_int_equal(Seen.calloc, 1);
	assert_ptr_equal(Seen.ptr, q);
	assert_int_equal(Seen.size, 150);
	assert_int_equal(memtier_kind_posix_memalign(kind, &m, 64, 10), 0);
	assert_int_equal(Seen.memalign, 1);
	assert_ptr_equal(Seen.ptr, m);
	assert_int_equal(Seen.size, 74);
	q = memtier_kind_realloc(kind, q, 10000);
	assert_int_equal(Seen.realloc, 1);
	assert_ptr_equal(Seen.ptr, q);
	size_t size = memtier_usable_size(q);
	assert_int_equal(Seen.usable, 1);
	assert_int_equal(Seen.size, size);
	memtier_free(p);
	assert_int_equal(Seen.free, 1);
	assert_ptr_equal(Seen.ptr, p);
	memtier_kind_realloc(kind, q, 0);
	assert_int_equal(Seen.free, 2);
	assert_int_equal(Seen.realloc, 1);
	memtier_kind_free(kind, m);
	assert_int_equal(Seen.free, 3);
	Watches = false;
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

struct shared {
	struct memtier_memory *memory;
	memkind_t kind;
	void *block;
};

static int
use_in_child(void *arg)
{
	const struct shared *shared = arg;

	errno = 0;
	if (memtier_malloc(shared->memory, 100) != NULL || errno != ENOMEM)
		return 1;
	if (memtier_calloc(shared->memory, 1, 100) != NULL)
		return 2;
	/* nor what this thread had in its cache */
	errno = 0;
	if (memkind_malloc(shared->kind, 100) != NULL || errno != ENOMEM)
		return 3;
	/* what it frees is the parent's */
	memkind_free(shared->kind, shared->block);
	return memkind_malloc(shared->kind, 1000) != NULL;
}

/* Only where malloc itself is of tiers does a child get a copy of what is in
 * files (tests/compat/memtier.sh). */
static void
test_a_child_keeps_off_a_file(void **state)
{
	struct memtier_builder *builder =
	    memtier_builder_new(MEMTIER_POLICY_STATIC_RATIO);
	struct test_heap heap;

	(void)state;
	test_heap_make(&heap, TEST_ON_FILE, 16 * TEST_MIB);
	assert_int_equal(memtier_builder_add_tier(builder, heap.kind, 1), 0);
	struct memtier_memory *memory =
	    memtier_builder_construct_memtier_memory(builder);
	assert_non_null(memory);
	memtier_builder_delete(builder);
	char *p = memtier_malloc(memory, 1000);
	assert_non_null(p);
	memset(p, 1, 1000);
	memkind_free(heap.kind, memkind_malloc(heap.kind, 100));
	struct shared shared = {memory, heap.kind, p};
	assert_int_equal(test_in_child(use_in_child, &shared), 0);
	char *q = memtier_malloc(memory, 1000);
	assert_non_null(q);
	memtier_free(p);
	memtier_free(q);
	memtier_delete_memtier_memory(memory);
	test_heap_end(&heap);
}

static void
test_delete_leaves_nothing(void **state)
{
	(void)state;
	size_t before = test_allocated(MEMKIND_DEFAULT);
	for (int i = 0; i < 10000; i++) {
		struct memtier_builder *builder =
		    memtier_builder_new(MEMTIER_POLICY_STATIC_RATIO);
		struct memtier_memory *memory;

		assert_int_equal(
		    memtier_builder_add_tier(builder, MEMKIND_DEFAULT, 1), 0);
		memory = memtier_builder_construct_memtier_memory(builder);
		assert_non_null(memory);
		memtier_builder_delete(builder);
		memtier_delete_memtier_memory(memory);
	}
	size_t after = test_allocated(MEMKIND_DEFAULT);
	print_message("%zu bytes, %zu after\n", before, after);
	assert_true(after < before + 512 * TEST_KIB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_builders_refuse),
	    UNIT(test_errno_says_why_there_is_no_builder),
	    UNIT(test_null_is_refused_or_ignored),
	    UNIT(test_names_of_properties),
	    UNIT(test_thresholds_that_contradict),
	    UNIT(test_a_static_ratio_is_kept),
	    UNIT(test_a_static_ratio_of_three_is_kept),
	    UNIT(test_the_tier_that_lacks_most_gets_each_block),
	    UNIT(test_thresholds_divide_by_size),
	    UNIT(test_thresholds_divide_arrays_by_size),
	    UNIT(test_calloc_overflow_is_enomem),
	    UNIT(test_a_threshold_moves_to_keep_the_ratio),
	    UNIT(test_a_full_tier_is_passed_over),
	    UNIT(test_all_tiers_are_filled),
	    UNIT(test_dram_is_the_last_that_stands_in),
	    UNIT(test_a_block_moves_out_of_a_full_tier),
	    UNIT(test_a_memory_of_null_is_refused),
	    UNIT(test_a_threshold_does_not_step_out_of_range),
	    UNIT(test_the_size_is_exact),
	    UNIT(test_the_size_is_exact_after_a_failed_realloc),
	    UNIT(test_the_size_is_exact_when_another_kind_is_named),
	    UNIT(test_size_of_no_block),
	    UNIT(test_foreign_pointers_are_ignored),
	    UNIT(test_static_kinds_are_counted),
	    UNIT(test_a_new_kind_starts_at_nothing),
	    UNIT(test_threads_are_counted_exactly),
	    UNIT(test_decorators_are_called),
	    UNIT(test_a_child_keeps_off_a_file),
	    UNIT(test_delete_leaves_nothing),
	};

	return cmocka_run_group_tests_name("memtier", tests, NULL, NULL);
}
