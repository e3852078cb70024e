// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_kind_pairs.c -- whose a block is, whichever kind the caller names; and
 * what holds for each kind alike.
 *
 * Each pair of kinds is tried in a process where nobody has used a kind before.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <memkind_default.h>
#include <memkind_memtier.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

enum {
	NR_BLOCKS = 200
};

static memkind_t
make_fixed(void)
{
	static struct test_area area;
	memkind_t kind = NULL;

	test_area_map(&area, 32 * TEST_MIB);
	return memkind_create_fixed(area.addr, area.len, &kind) == 0 ? kind
								     : NULL;
}

static memkind_t
make_pmem(void)
{
	memkind_t kind = NULL;

	return memkind_create_pmem(test_dir(), 32 * TEST_MIB, &kind) == 0
		   ? kind
		   : NULL;
}

/* Memory that a table of operations maps. */
static memkind_t
make_mapped(void)
{
	memkind_t kind = NULL;

	return memkind_create(&MEMKIND_REGULAR_OPS, "mapped", &kind) == 0
		   ? kind
		   : NULL;
}

static const struct {
	const char *name;
	memkind_t *fixed; /* or made by */
	memkind_t (*make)(void);
} Kinds[] = {
    {"DEFAULT", &MEMKIND_DEFAULT, NULL},
    {"REGULAR", &MEMKIND_REGULAR, NULL},
    {"INTERLEAVE", &MEMKIND_INTERLEAVE, NULL},
    {"HIGHEST_CAPACITY", &MEMKIND_HIGHEST_CAPACITY, NULL},
    {"HUGETLB", &MEMKIND_HUGETLB, NULL},
    {"fixed", NULL, make_fixed},
    {"pmem", NULL, make_pmem},
    {"mapped", NULL, make_mapped},
};

/* NULL: this machine has no such memory. */
static memkind_t
get_kind(size_t i)
{
	memkind_t kind =
	    Kinds[i].fixed != NULL ? *Kinds[i].fixed : Kinds[i].make();

	/* asking uses nothing of it */
	return kind != NULL && memkind_check_available(kind) == 0 ? kind : NULL;
}

struct pair {
	size_t of, other; /* of Kinds */
	size_t size;
};

/* Whether blocks of kind are its own, and none is p. */
static bool
gives_others_than(memkind_t kind, const void *p, size_t size)
{
	void *blocks[NR_BLOCKS];
	bool ok = true;
	size_t nr = size > 10000 ? 20 : NR_BLOCKS;

	for (size_t i = 0; i < nr; i++) {
		blocks[i] = memkind_malloc(kind, size);
		ok = ok && blocks[i] != NULL && blocks[i] != p &&
		     memkind_detect_kind(blocks[i]) == kind;
	}
	for (size_t i = 0; i < nr; i++)
		memkind_free(kind, blocks[i]);
	return ok;
}

/* Free a block by way of another kind, as the first that is done with it. */
static int
free_by_other(void *arg)
{
	const struct pair *pair = arg;
	memkind_t of = get_kind(pair->of);
	memkind_t other = pair->other == pair->of ? of : get_kind(pair->other);

	if (of == NULL || other == NULL)
		return 77;
	void *p = memkind_malloc(of, pair->size);
	if (p == NULL)
		return Kinds[pair->of].fixed == &MEMKIND_HUGETLB ? 77 : 1;
	if (memkind_detect_kind(p) != of ||
	    memkind_malloc_usable_size(other, p) < pair->size ||
	    memkind_malloc_usable_size(other, p) !=
		memkind_malloc_usable_size(of, p))
		return 2;
	memkind_free(other, p);
	if (of != other && !gives_others_than(other, p, pair->size))
		return 3;
	return gives_others_than(of, NULL, pair->size) ? 0 : 4;
}

/* Resize a block by way of another kind: it moves there. */
static int
realloc_by_other(void *arg)
{
	const struct pair *pair = arg;
	memkind_t of = get_kind(pair->of);
	memkind_t other = pair->other == pair->of ? of : get_kind(pair->other);

	if (of == NULL || other == NULL)
		return 77;
	char *p = memkind_malloc(of, pair->size);
	if (p == NULL)
		return 77;
	memset(p, 0x5a, pair->size);
	char *q = memkind_realloc(other, p, pair->size);
	if (q == NULL)
		return Kinds[pair->other].fixed == &MEMKIND_HUGETLB ? 77 : 1;
	if (memkind_detect_kind(q) != other ||
	    !test_all_bytes(q, 0x5a, pair->size))
		return 2;
	if (of != other && (q == p || !gives_others_than(of, q, pair->size)))
		return 3;
	memkind_free(NULL, q);
	return gives_others_than(other, NULL, pair->size) ? 0 : 4;
}

static void
try_each_pair(int (*f)(void *arg))
{
	static const size_t sizes[] = {64, 7000, 100000};

	for (size_t i = 0; i < ARRAY_LEN(Kinds); i++) {
		for (size_t j = 0; j < ARRAY_LEN(Kinds); j++) {
			for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
				struct pair pair = {i, j, sizes[k]};
				char row[64];

				(void)snprintf(row, sizeof(row),
				    "%s by %s, %zu bytes", Kinds[i].name,
				    Kinds[j].name, sizes[k]);
				dk_row(row);
				int rc = test_in_child(f, &pair);
				assert_true(rc == 0 || rc == 77);
			}
		}
	}
}

static void
test_a_block_that_another_kind_frees_stays_of_its_kind(void **state)
{
	(void)state;
	try_each_pair(free_by_other);
}

static void
test_a_block_that_another_kind_resizes_moves_there(void **state)
{
	(void)state;
	try_each_pair(realloc_by_other);
}

/* --- the tiers' tallies --------------------------------------------------------- */

static int
count_by_other(void *arg)
{
	const struct pair *pair = arg;
	memkind_t of = get_kind(pair->of);
	memkind_t other = pair->other == pair->of ? of : get_kind(pair->other);

	if (of == NULL || other == NULL)
		return 77;
	void *p = memtier_kind_malloc(of, pair->size);
	void *q = memtier_kind_malloc(of, pair->size);
	if (p == NULL || q == NULL)
		return 77;
	memtier_kind_free(other, p);
	q = memtier_kind_realloc(other, q, 2 * pair->size);
	if (q == NULL)
		return 77;
	if (memtier_kind_allocated_size(other) !=
	    memkind_malloc_usable_size(NULL, q))
		return 1;
	memtier_free(q);
	return memtier_kind_allocated_size(of) == 0 &&
		       memtier_kind_allocated_size(other) == 0
		   ? 0
		   : 2;
}

static void
test_tiers_count_for_the_kind_of_the_block(void **state)
{
	(void)state;
	try_each_pair(count_by_other);
}

/* --- defragmentation -------------------------------------------------------------- */

static size_t
stat_of(memkind_t kind, memkind_stat_type stat)
{
	size_t value = 0;

	assert_int_equal(memkind_update_cached_stats(), 0);
	assert_int_equal(memkind_get_stat(kind, stat, &value), 0);
	return value;
}

static size_t
move_all(memkind_t kind, char **blocks, size_t nr)
{
	size_t nr_moved = 0;

	for (size_t i = 0; i < nr; i++) {
		char *moved = blocks[i] != NULL
				  ? memkind_defrag_reallocate(kind, blocks[i])
				  : NULL;

		if (moved != NULL) {
			blocks[i] = moved;
			nr_moved++;
		}
	}
	return nr_moved;
}

static void
defragment(memkind_t kind, size_t size)
{
	enum {
		BYTES = 8 * 1024 * 1024
	};
	size_t nr = BYTES / size;
	char **blocks = calloc(nr, sizeof(*blocks));

	assert_non_null(blocks);
	for (size_t i = 0; i < nr; i++) {
		blocks[i] = memkind_malloc(kind, size);
		if (blocks[i] == NULL)
			break; /* huge pages are few */
		memset(blocks[i], (int)(i % 251), size);
	}
	for (size_t i = 0; i < nr; i++) {
		if (i % 4 != 0) {
			memkind_free(kind, blocks[i]);
			blocks[i] = NULL;
		}
	}
	size_t before = stat_of(kind, MEMKIND_STAT_TYPE_ACTIVE);
	assert_true(move_all(kind, blocks, nr) > 0);
	/* and then there is nothing to do any more */
	assert_int_equal(move_all(kind, blocks, nr), 0);
	assert_true(stat_of(kind, MEMKIND_STAT_TYPE_ACTIVE) < before / 2);
	for (size_t i = 0; i < nr; i += 4) {
		if (blocks[i] != NULL)
			assert_true(
			    test_all_bytes(blocks[i], (int)(i % 251), size));
		memkind_free(kind, blocks[i]);
	}
	free(blocks);
}

static void
test_defragmenting_comes_to_an_end(void **state)
{
	static const size_t sizes[] = {64, 200, 1024};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(Kinds); i++) {
		memkind_t kind = get_kind(i);

		if (kind == NULL || kind == MEMKIND_HUGETLB)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			dk_row(Kinds[i].name);
			defragment(kind, sizes[k]);
		}
		if (Kinds[i].make != NULL)
			assert_int_equal(memkind_destroy_kind(kind), 0);
	}
}

/* --- more than there is -------------------------------------------------------------- */

/* What the kernel would not promise is refused, and is not a kill later on. */
static void
test_twice_all_memory_is_refused(void **state)
{
	struct sysinfo info;
	FILE *f = fopen("/proc/sys/vm/overcommit_memory", "re");

	(void)state;
	assert_non_null(f);
	int how = fgetc(f);
	assert_int_equal(fclose(f), 0);
	if (how == '1') {
		print_message("the kernel promises anything here\n");
		return;
	}
	assert_int_equal(sysinfo(&info), 0);
	size_t size =
	    2 * ((size_t)info.totalram + info.totalswap) * info.mem_unit;
	for (size_t i = 0; Kinds[i].fixed != NULL; i++) {
		memkind_t kind = get_kind(i);
		void *p = &size;

		if (kind == NULL)
			continue;
		dk_row(Kinds[i].name);
		assert_int_equal(
		    memkind_posix_memalign(kind, &p, 16, size), ENOMEM);
		assert_null(p);
		assert_null(memkind_malloc(kind, size));
		assert_int_equal(errno, ENOMEM);
		assert_null(memkind_malloc(kind, (size_t)1 << 46));
		p = memkind_malloc(kind, 100000);
		assert_non_null(p);
		assert_null(memkind_realloc(kind, p, size));
		memkind_free(kind, p);
	}
}

/* --- regions on blocks ------------------------------------------------------------- */

static void
test_a_block_can_be_what_a_kind_is_made_on(void **state)
{
	(void)state;
	for (size_t i = 0; Kinds[i].fixed != NULL; i++) {
		memkind_t kind = get_kind(i), inner = NULL;

		if (kind == NULL || kind == MEMKIND_HUGETLB)
			continue;
		dk_row(Kinds[i].name);
		char *p = memkind_malloc(kind, 8 * TEST_MIB);
		assert_non_null(p);
		assert_int_equal(
		    memkind_create_fixed(p, 8 * TEST_MIB, &inner), 0);
		void *q = memkind_malloc(inner, 100);
		assert_true((char *)q >= p && (char *)q < p + 8 * TEST_MIB);
		assert_ptr_equal(memkind_detect_kind(q), inner);
		memkind_free(NULL, q);
		assert_int_equal(memkind_destroy_kind(inner), 0);
		assert_ptr_equal(memkind_detect_kind(p), kind);
		assert_true(
		    memkind_malloc_usable_size(NULL, p) >= 8 * TEST_MIB);
		memkind_free(NULL, p);
		assert_true(gives_others_than(kind, NULL, 100));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_a_block_that_another_kind_frees_stays_of_its_kind),
	    cmocka_unit_test(
		test_a_block_that_another_kind_resizes_moves_there),
	    cmocka_unit_test(test_tiers_count_for_the_kind_of_the_block),
	    cmocka_unit_test(test_defragmenting_comes_to_an_end),
	    cmocka_unit_test(test_twice_all_memory_is_refused),
	    cmocka_unit_test(test_a_block_can_be_what_a_kind_is_made_on),
	};

	return cmocka_run_group_tests_name("kind_pairs", tests, NULL, NULL);
}
