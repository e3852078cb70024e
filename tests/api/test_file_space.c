// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_file_space.c -- a file's real blocks over 1,000,000 operations.
 *
 * Holds this invariant: file space held = taken ranges + a stated slack (8 MiB
 * here); the file never grows past its maximum; holes are reused.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <string.h>

#define NR_OPS 1000000
#define NR_SLOTS 4000
#define SLACK (8 * TEST_MIB)

static struct {
	char *p;
	size_t len;
} Slots[NR_SLOTS];

/* Most blocks are small; some are large enough to be runs of their own. */
static size_t
pick_size(uint64_t *rng)
{
	switch (test_random(rng) >> 20 & 63) {
	case 0:
		return test_random_size(rng, 20000, 100000);
	case 1:
		if ((test_random(rng) >> 20 & 7) == 0)
			return test_random_size(rng, 100000, 2 * TEST_MIB);
		return 5000;
	default:
		return test_random_size(rng, 1, 4000);
	}
}

static void
check_file(size_t max_size, size_t *most_held)
{
	struct stat st;
	size_t held;

	assert_true(test_unlinked_file(&st));
	held = (size_t)st.st_blocks * 512;
	assert_true((size_t)st.st_size <= max_size);
	/* and the file system's own records of it */
	assert_true(held <= max_size + 256 * TEST_KIB);
	if (held > *most_held)
		*most_held = held;
}

/* Replace random blocks; then free all of them.  Returns what is held then. */
static size_t
churn(memkind_t kind, size_t max_size, uint64_t seed, size_t nr_ops)
{
	uint64_t rng = seed;
	size_t live = 0;
	size_t most_live = 0;
	size_t most_held = 0;
	size_t nr_failed = 0;

	for (size_t op = 0; op < nr_ops; op++) {
		size_t i = test_random_size(&rng, 0, NR_SLOTS - 1);

		if (Slots[i].p != NULL) {
			memkind_free(kind, Slots[i].p);
			live -= Slots[i].len;
			Slots[i].p = NULL;
		} else {
			Slots[i].len = pick_size(&rng);
			Slots[i].p = memkind_malloc(kind, Slots[i].len);
			if (Slots[i].p == NULL) {
				assert_int_equal(errno, ENOMEM);
				nr_failed++;
				continue;
			}
			Slots[i].p[0] = 1;
			Slots[i].p[Slots[i].len - 1] = 1;
			live += Slots[i].len;
		}
		if (live > most_live)
			most_live = live;
		if (op % 5000 == 0)
			check_file(max_size, &most_held);
	}
	check_file(max_size, &most_held);
	for (size_t i = 0; i < NR_SLOTS; i++) {
		memkind_free(kind, Slots[i].p);
		Slots[i].p = NULL;
	}
	print_message("%zu operations, %zu failed, %zu MiB live at most, "
		      "%zu MiB held at most\n",
	    nr_ops, nr_failed, most_live / TEST_MIB, most_held / TEST_MIB);
	return test_unlinked_files_held();
}

static memkind_t
make_pmem(size_t max_size, memkind_mem_usage_policy policy)
{
	struct memkind_config *cfg = memkind_config_new();
	memkind_t kind = NULL;

	assert_non_null(cfg);
	memkind_config_set_path(cfg, test_dir());
	memkind_config_set_size(cfg, max_size);
	memkind_config_set_memory_usage_policy(cfg, policy);
	assert_int_equal(
	    memkind_create_pmem_with_config(cfg, &kind), MEMKIND_SUCCESS);
	memkind_config_delete(cfg);
	return kind;
}

/* Ends the kind. */
static void
check_churn(memkind_t kind, size_t max_size, size_t nr_ops)
{
	char *live;
	size_t held;

	held = churn(kind, max_size, 1, nr_ops);
	print_message("%zu KiB held with nothing live\n", held / TEST_KIB);
	assert_true(held < SLACK);

	/* again, over one block that stays */
	live = memkind_malloc(kind, 4 * TEST_MIB);
	assert_non_null(live);
	memset(live, 0x5A, 4 * TEST_MIB);
	held = churn(kind, max_size, 2, nr_ops / 10);
	print_message("%zu KiB held with 4 MiB live\n", held / TEST_KIB);
	assert_true(held < SLACK + 4 * TEST_MIB);
	assert_true(held >= 4 * TEST_MIB);
	assert_true(test_all_bytes(live, 0x5A, 4 * TEST_MIB));
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

static void
test_default_policy(void **state)
{
	(void)state;
	check_churn(make_pmem(64 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_DEFAULT),
	    64 * TEST_MIB, test_scaled(NR_OPS));
}

#if TEST_OURS
static memkind_t
make_ours(size_t max_size, enum daxkind_policy policy)
{
	memkind_t kind = make_pmem(max_size, MEMKIND_MEM_USAGE_POLICY_DEFAULT);

	assert_int_equal(daxkind_kind_set_policy(kind, policy), 0);
	return kind;
}

/* The default keeps up to half as much as is in use; this one 4 MiB. */
static void
test_balanced_policy_keeps_little_at_once(void **state)
{
	static const struct {
		enum daxkind_policy policy;
		size_t least,
		    most; /* held at once beside 40 MiB that are live */
	} rows[] = {
	    {DAXKIND_POLICY_DEFAULT, 12 * TEST_MIB, 24 * TEST_MIB},
	    {DAXKIND_POLICY_BALANCED, 0, 7 * TEST_MIB},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		memkind_t kind = make_ours(64 * TEST_MIB, rows[i].policy);
		char *live = memkind_malloc(kind, 40 * TEST_MIB);
		char *p = memkind_malloc(kind, 16 * TEST_MIB);

		assert_non_null(live);
		assert_non_null(p);
		memkind_free(kind, p);
		size_t held = test_unlinked_files_held() - 40 * TEST_MIB;
		print_message("%zu KiB kept\n", held / TEST_KIB);
		assert_in_range(held, rows[i].least, rows[i].most);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
	check_churn(make_ours(64 * TEST_MIB, DAXKIND_POLICY_BALANCED),
	    64 * TEST_MIB, test_scaled(NR_OPS / 10));
}
#endif

static void
test_conservative_policy(void **state)
{
	(void)state;
	check_churn(
	    make_pmem(64 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE),
	    64 * TEST_MIB, test_is_long() ? NR_OPS : test_scaled(NR_OPS / 50));
}

/* 24 MiB do not hold what is asked for: the file is full most of the time. */
static void
test_file_that_is_mostly_full(void **state)
{
	(void)state;
	check_churn(make_pmem(24 * TEST_MIB, MEMKIND_MEM_USAGE_POLICY_DEFAULT),
	    24 * TEST_MIB, test_is_long() ? NR_OPS : test_scaled(NR_OPS / 10));
}

/* Blocks come and go one size after the other: without reuse of holes the
 * second round would not fit. */
static void
test_holes_are_reused(void **state)
{
	const size_t max_size = 32 * TEST_MIB;
	memkind_t kind =
	    make_pmem(max_size, MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE);
	size_t most_held = 0;

	(void)state;
	for (size_t round = 0; round < (test_is_emulated() ? 7 : 40); round++) {
		size_t size = (1 + round % 7) * TEST_MIB;
		char *blocks[32];
		size_t nr = 0;

		while (nr < 28 * TEST_MIB / size) {
			blocks[nr] = memkind_malloc(kind, size);
			assert_non_null(blocks[nr]);
			test_touch(blocks[nr], size);
			nr++;
		}
		check_file(max_size, &most_held);
		for (size_t i = 0; i < nr; i++) {
			memkind_free(kind, blocks[i]);
		}
	}
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_default_policy),
	    test_ours_only(
		test_unit, test_balanced_policy_keeps_little_at_once),
	    test_unit(test_conservative_policy),
	    test_unit(test_file_that_is_mostly_full),
	    test_unit(test_holes_are_reused),
	};

	return cmocka_run_group_tests_name("file_space", tests, NULL, NULL);
}
