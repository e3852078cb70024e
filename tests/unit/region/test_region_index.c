// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_region_index.c -- which region an address belongs to.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/records.h"
#include "base/util.h"
#include "region/region.h"
#include "region/region_index.h"

/* Address space that nobody else gets; nothing of it is ever touched. */
static char *Space;
enum {
	SPACE_GIB = 80
};

static int
reserve(void **state)
{
	void *p = mmap(NULL, SPACE_GIB * GIB, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)state;
	if (p == MAP_FAILED)
		return -1;
	Space = p;
	/* as the largest slots of the index are */
	Space += (0 - (uintptr_t)Space) % (16 * GIB);
	return 0;
}

static int
teardown(void **state)
{
	mock_os_reset();
	return test_leaks_teardown(state);
}

/* A record as region_open() makes it, over whole pages of [area, + size). */
static struct daxkind_region *
new_region(const void *area, size_t size)
{
	struct daxkind_region *r;
	uintptr_t from = (uintptr_t)area;
	uintptr_t first = from + (0 - from) % DK_PAGE;
	uintptr_t end = align_down(from + size, DK_PAGE);

	assert_int_equal(region_index_new(sizeof(*r), &r), 0);
	r->base = (char *)first;
	r->size = first < end ? end - first : 0;
	r->index = (struct region_index_entry){.region = r,
	    .base = r->base,
	    .size = r->size,
	    .area = area,
	    .area_size = size};
	return r;
}

static struct daxkind_region *
add_region(const void *area, size_t size)
{
	struct daxkind_region *r = new_region(area, size);

	assert_int_equal(region_index_add(&r->index), 0);
	return r;
}

static void
remove_region(struct daxkind_region *r)
{
	region_index_remove(&r->index);
	region_index_free(r);
}

static void
assert_ends_found(const struct daxkind_region *r)
{
	assert_ptr_equal(region_index_find(r->base), r);
	assert_ptr_equal(region_index_find(r->base + r->size / 2), r);
	assert_ptr_equal(region_index_find(r->base + r->size - 1), r);
	assert_ptr_not_equal(region_index_find(r->base - 1), r);
	assert_ptr_not_equal(region_index_find(r->base + r->size), r);
}

/* --- finding ---------------------------------------------------------------------- */

static void
assert_foreign(void)
{
	static int here;
	const void *const addresses[] = {NULL, (void *)1, &here, &addresses,
	    Space - 1, (void *)((uintptr_t)1 << 46),
	    (void *)(((uintptr_t)1 << 47) - 1), (void *)((uintptr_t)1 << 47),
	    (void *)((uintptr_t)1 << 63), (void *)UINTPTR_MAX};

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
		assert_null(region_index_find(addresses[i]));
}

static void
test_foreign_addresses_belong_to_no_region(void **state)
{
	void *heap = malloc(100);

	(void)state;
	assert_foreign();
	struct daxkind_region *r = add_region(Space, 3 * MIB);
	assert_foreign();
	assert_null(region_index_find(heap));
	assert_ends_found(r);
	remove_region(r);
	assert_foreign();
	assert_null(region_index_find(Space));
	free(heap);
}

static void
test_every_size_and_place_is_found(void **state)
{
	static const struct {
		const char *why;
		size_t off, size;
	} rows[] = {
	    {"a page", 0, DK_PAGE},
	    {"a page at the end of 2 MiB", 2 * MIB - DK_PAGE, DK_PAGE},
	    {"a page on each side of 2 MiB", 2 * MIB - DK_PAGE, 2 * DK_PAGE},
	    {"2 MiB", 4 * MIB, 2 * MIB},
	    {"2 MiB, a page further", 4 * MIB + DK_PAGE, 2 * MIB},
	    {"almost 6 MiB", DK_PAGE, 6 * MIB - 2 * DK_PAGE},
	    {"1 GiB", GIB, GIB},
	    {"the end of 16 GiB", 16 * GIB - DK_PAGE, DK_PAGE},
	    {"both sides of 16 GiB", 16 * GIB - 3 * MIB, 6 * MIB},
	    {"16 GiB", 16 * GIB, 16 * GIB},
	    {"16 GiB and a page", 16 * GIB, 16 * GIB + DK_PAGE},
	    {"a page and 32 GiB and a page", 16 * GIB - DK_PAGE,
		32 * GIB + 2 * DK_PAGE},
	    {"16 GiB again, where tables are now", 16 * GIB, 16 * GIB},
	    {"inside a page at both ends", 100, 3 * DK_PAGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t random = i + 1;

		dk_row(rows[i].why);
		struct daxkind_region *r =
		    add_region(Space + rows[i].off, rows[i].size);
		assert_ends_found(r);
		for (int j = 0; j < 1000; j++) {
			size_t off = test_random_size(&random, 0, r->size - 1);

			assert_ptr_equal(region_index_find(r->base + off), r);
		}
		remove_region(r);
		for (size_t off = 0; off < 64 * GIB; off += 511 * MIB)
			assert_null(region_index_find(Space + off));
		assert_null(region_index_find(Space + rows[i].off));
	}
}

static void
test_pages_of_a_2_mib_slot_are_regions_of_their_own(void **state)
{
	enum {
		NR = 512
	};
	static struct daxkind_region *regions[NR];

	(void)state;
	/* in an order in which they touch and leave gaps */
	for (size_t i = 0; i < NR; i++) {
		size_t at = i * 77 % NR;

		regions[at] = add_region(Space + at * DK_PAGE, DK_PAGE);
	}
	for (size_t i = 0; i < NR; i++)
		assert_ends_found(regions[i]);
	assert_null(region_index_find(Space + 2 * MIB));
	for (size_t i = 0; i < NR; i += 2)
		remove_region(regions[i]);
	for (size_t i = 0; i < NR; i++) {
		if (i % 2 == 0)
			assert_null(region_index_find(Space + i * DK_PAGE));
		else
			assert_ends_found(regions[i]);
	}
	for (size_t i = 1; i < NR; i += 2)
		remove_region(regions[i]);
	assert_null(region_index_find(Space + DK_PAGE));
}

static void
test_4_tib_cost_little(void **state)
{
	const size_t size = (size_t)4 << 40;
	uint64_t random = 1;
	/* nothing has to be mapped there, and sanitizers let nobody map it */
	char *p = (char *)((uintptr_t)32 << 40) + 5 * DK_PAGE;

	(void)state;
	size_t before = test_rss();
	struct daxkind_region *r = add_region(p, size);
	if (!DK_SANITIZED)
		assert_true(test_rss() < before + MIB);
	assert_ends_found(r);
	for (int i = 0; i < 100000; i++) {
		size_t off = test_random_size(&random, 0, size - 1);

		assert_ptr_equal(region_index_find(p + off), r);
	}
	remove_region(r);
	for (int i = 0; i < 1000; i++) {
		size_t off = test_random_size(&random, 0, size - 1);

		assert_null(region_index_find(p + off));
	}
}

/* --- refusing ---------------------------------------------------------------------- */

static void
test_areas_that_overlap_are_refused(void **state)
{
	static const struct {
		const char *why;
		size_t off, size;
		int rc;
	} rows[] = {
	    {"the same", 8 * DK_PAGE, 8 * DK_PAGE, -EEXIST},
	    {"inside", 10 * DK_PAGE, DK_PAGE, -EEXIST},
	    {"around", 0, 64 * DK_PAGE, -EEXIST},
	    {"over the beginning", 7 * DK_PAGE, 2 * DK_PAGE, -EEXIST},
	    {"over the end", 15 * DK_PAGE, 2 * DK_PAGE, -EEXIST},
	    {"a byte of it", 16 * DK_PAGE - 1, 1, -EEXIST},
	    {"a byte more than up to it", 0, 8 * DK_PAGE + 1, -EEXIST},
	    {"up to it", 0, 8 * DK_PAGE, 0},
	    {"from its end", 16 * DK_PAGE, DK_PAGE, 0},
	    {"a byte behind it", 16 * DK_PAGE, 1, 0},
	    {"nothing, in the middle", 12 * DK_PAGE, 0, 0},
	};

	(void)state;
	struct daxkind_region *there =
	    add_region(Space + 8 * DK_PAGE, 8 * DK_PAGE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct daxkind_region *r =
		    new_region(Space + rows[i].off, rows[i].size);

		dk_row(rows[i].why);
		(void)error_set(0, "%s", "");
		assert_int_equal(region_index_add(&r->index), rows[i].rc);
		if (rows[i].rc < 0) {
			assert_string_not_equal(error_text(), "");
			region_index_free(r);
		} else {
			if (r->size > 0)
				assert_ends_found(r);
			remove_region(r);
		}
		assert_ends_found(there);
		assert_null(region_index_find(Space));
		assert_null(region_index_find(Space + 16 * DK_PAGE));
	}
	remove_region(there);
}

static void
test_areas_may_share_a_page_but_no_byte(void **state)
{
	struct daxkind_region *a = add_region(Space + 100, 100);
	struct daxkind_region *b = add_region(Space + 200, 100);
	struct daxkind_region *c = new_region(Space + 150, 100);

	(void)state;
	assert_int_equal(region_index_add(&c->index), -EEXIST);
	/* there is no page that is theirs alone */
	assert_null(region_index_find(Space + 100));
	remove_region(a);
	assert_int_equal(region_index_add(&c->index), -EEXIST);
	remove_region(b);
	assert_int_equal(region_index_add(&c->index), 0);
	remove_region(c);
}

/* A block may be what somebody opens a region on. */
static void
test_a_region_inside_another_hides_it_until_it_ends(void **state)
{
	char *base = Space;

	(void)state;
	struct daxkind_region *outer = new_region(base, 16 * GIB);
	outer->index.area_size = 0;
	assert_int_equal(region_index_add(&outer->index), 0);
	assert_ptr_equal(region_index_find(base + GIB), outer);
	struct daxkind_region *inner = add_region(base + GIB, 3 * DK_PAGE);
	assert_ptr_equal(region_index_find(base + GIB - 1), outer);
	assert_ptr_equal(region_index_find(base + GIB), inner);
	assert_ptr_equal(
	    region_index_find(base + GIB + 3 * DK_PAGE - 1), inner);
	assert_ptr_equal(region_index_find(base + GIB + 3 * DK_PAGE), outer);
	assert_ptr_equal(region_index_find(base + 2 * GIB), outer);
	assert_ptr_equal(region_index_find(base + 16 * GIB - 1), outer);
	/* whose area nobody else gets */
	struct daxkind_region *other =
	    new_region(base + GIB + DK_PAGE, DK_PAGE);
	assert_int_equal(region_index_add(&other->index), -EEXIST);
	region_index_free(other);
	remove_region(inner);
	assert_ptr_equal(region_index_find(base + GIB), outer);
	assert_ptr_equal(region_index_find(base + GIB + DK_PAGE), outer);
	remove_region(outer);
	assert_null(region_index_find(base + GIB));
	assert_null(region_index_find(base + 2 * GIB));
}

static void
test_pieces_are_found(void **state)
{
	struct memkind *kind = (struct memkind *)(void *)Space;
	static struct region_index_entry e;
	char *a = Space + 17 * GIB, *b = Space + 40 * GIB;

	(void)state;
	e.kind = kind;
	assert_int_equal(region_index_add_piece(&e, a, 5 * DK_PAGE), 0);
	assert_int_equal(region_index_add_piece(&e, b, 3 * MIB), 0);
	assert_ptr_equal(region_index_find_kind(a), kind);
	assert_null(region_index_find(a));
	assert_ptr_equal(region_index_find_kind(a + 5 * DK_PAGE - 1), kind);
	assert_null(region_index_find_kind(a + 5 * DK_PAGE));
	assert_null(region_index_find_kind(a - 1));
	assert_ptr_equal(region_index_find_kind(b + 3 * MIB - 1), kind);
	assert_null(region_index_find_kind(b + 3 * MIB));
	/* a part goes */
	region_index_remove_piece(a + DK_PAGE, 2 * DK_PAGE);
	assert_ptr_equal(region_index_find_kind(a), kind);
	assert_null(region_index_find_kind(a + DK_PAGE));
	assert_null(region_index_find_kind(a + 3 * DK_PAGE - 1));
	assert_ptr_equal(region_index_find_kind(a + 3 * DK_PAGE), kind);
	region_index_remove_piece(a, 5 * DK_PAGE);
	assert_null(region_index_find_kind(a));
	/* a region on a block of it */
	struct daxkind_region *r = add_region(b + MIB, MIB);
	assert_ptr_equal(region_index_find(b + MIB), r);
	assert_null(region_index_find_kind(b + MIB));
	assert_ptr_equal(region_index_find_kind(b + 2 * MIB), kind);
	remove_region(r);
	assert_ptr_equal(region_index_find_kind(b + MIB), kind);
	region_index_remove_piece(b, 3 * MIB);
	assert_null(region_index_find_kind(b + MIB));
	/* and the other way round: mapped by a block of a region */
	r = add_region(b, 16 * MIB);
	assert_int_equal(region_index_add_piece(&e, b + MIB, MIB), 0);
	assert_ptr_equal(region_index_find_kind(b + MIB), kind);
	region_index_remove_piece(b + MIB, MIB);
	assert_ptr_equal(region_index_find(b + MIB), r);
	remove_region(r);
	assert_null(region_index_find(b + MIB));
	/* beyond a program's addresses */
	assert_int_equal(
	    region_index_add_piece(
		&e, (void *)(((uintptr_t)1 << 47) - DK_PAGE), 2 * DK_PAGE),
	    -EINVAL);
}

static void
test_beyond_a_program_s_addresses_is_refused(void **state)
{
	static const struct {
		const char *why;
		uintptr_t base;
		size_t size;
	} rows[] = {
	    {"above 47 bits", (uintptr_t)1 << 47, MIB},
	    {"its end above 47 bits", ((uintptr_t)1 << 47) - DK_PAGE, MIB},
	    {"kernel's half", (uintptr_t)1 << 63, MIB},
	    {"the last page", UINTPTR_MAX - DK_PAGE + 1, DK_PAGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct daxkind_region *r = new_region((void *)rows[i].base, 0);

		dk_row(rows[i].why);
		r->index.base = (char *)rows[i].base;
		r->index.size = rows[i].size;
		r->index.area_size = rows[i].size;
		(void)error_set(0, "%s", "");
		assert_int_equal(region_index_add(&r->index), -EINVAL);
		assert_string_not_equal(error_text(), "");
		region_index_free(r);
	}
}

static void
test_without_memory_nothing_is_entered(void **state)
{
	/* where no table is yet: middle and low ones are needed at both ends */
	char *at = Space + 48 * GIB - 3 * MIB - DK_PAGE;
	const size_t size = 6 * MIB + 2 * DK_PAGE;
	struct daxkind_region *r = new_region(at, size);
	unsigned n = 0;
	int rc;

	(void)state;
	/* Without a whole page it needs no tables, but the rest. */
	remove_region(add_region(at + 8, 100));
	do {
		mock_os_fail_from(++n, ENOMEM);
		(void)error_set(0, "%s", "");
		rc = region_index_add(&r->index);
		if (mock_os_failed() == NULL)
			break;
		assert_int_equal(rc, -ENOMEM);
		assert_string_not_equal(error_text(), "");
		for (size_t off = 0; off < size; off += DK_PAGE)
			assert_null(region_index_find(at + off));
		mock_os_reset();
		/* the area is nobody's */
		remove_region(add_region(at + 8, 100));
	} while (n < 100);
	print_message("%u calls failed\n", n - 1);
	assert_true(n >= 3);
	assert_int_equal(rc, 0);
	assert_ends_found(r);
	remove_region(r);
}

static void
test_a_record_is_zeroed_and_used_again(void **state)
{
	struct daxkind_region *r, *again;
	size_t nr = 0;

	(void)state;
	assert_int_equal(region_index_new(sizeof(*r), &r), 0);
	assert_true(test_all_bytes(r, 0, sizeof(*r)));
	memset(r, 0xaa, sizeof(*r));
	region_index_free(r);
	assert_true(region_index_is_record(r));
	/* not soon, so that a stale pointer to it is found out */
	do {
		assert_int_equal(region_index_new(sizeof(*again), &again), 0);
		assert_true(test_all_bytes(again, 0, sizeof(*again)));
		memset(again, 0xaa, sizeof(*again));
		region_index_free(again);
	} while (again != r && nr++ < 10000);
	assert_in_range(nr, RECORDS_REST, 4 * RECORDS_REST);
	assert_false(region_index_is_record((void *)((char *)r + 8)));
	assert_false(region_index_is_record(NULL));
}

/* Merged areas come apart one by one, and none of that may fail. */
static int
remove_without_memory(void *arg)
{
	enum {
		NR = 2000
	};
	static struct daxkind_region *regions[NR];

	(void)arg;
	for (size_t i = 0; i < NR; i++) {
		struct daxkind_region *r;

		if (region_index_new(sizeof(*r), &r) < 0)
			return 1;
		r->index = (struct region_index_entry){.region = r,
		    .base = Space,
		    .area = Space + i * 16,
		    .area_size = 16};
		if (region_index_add(&r->index) < 0)
			return 2;
		regions[i] = r;
	}
	mock_os_fail_all("os_map_anon", ENOMEM);
	for (size_t i = 0; i < NR; i += 2)
		region_index_remove(&regions[i]->index);
	for (size_t i = 1; i < NR; i += 2)
		region_index_remove(&regions[i]->index);
	return 0;
}

static void
test_removing_needs_no_memory(void **state)
{
	(void)state;
	assert_int_equal(test_in_child(remove_without_memory, NULL), 0);
}

/* --- threads ---------------------------------------------------------------------- */

static struct {
	_Atomic(bool) stop;
	_Atomic(struct daxkind_region *) stays; /* at Space + 2 MiB, a page */
	_Atomic(unsigned long) nr_lookups;
} Shared;

/* The second half of the slot has regions that come and go. */
static void *
look_up(void *arg)
{
	struct daxkind_region *stays = atomic_load(&Shared.stays);
	unsigned long nr = 0;
	bool right = true;

	while (right && !atomic_load(&Shared.stop)) {
		size_t at = nr % 512;
		const char *addr = Space + 2 * MIB + at * DK_PAGE + nr % 4096;
		struct daxkind_region *r = region_index_find(addr);

		if (at == 0)
			right = r == stays;
		else
			right = r != stays;
		nr++;
	}
	atomic_fetch_add(&Shared.nr_lookups, nr);
	*(bool *)arg = right;
	return NULL;
}

static void
test_lookups_are_right_while_regions_come_and_go(void **state)
{
	pthread_t threads[2];
	bool right[2] = {false, false};
	double until = test_now() + 0.4;
	unsigned long nr_cycles = 0;

	(void)state;
	atomic_store(&Shared.stop, false);
	atomic_store(&Shared.nr_lookups, 0);
	atomic_store(&Shared.stays, add_region(Space + 2 * MIB, DK_PAGE));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, look_up, &right[i]), 0);
	for (; test_now() < until; nr_cycles++) {
		size_t at = 1 + nr_cycles % 400;
		struct daxkind_region *a =
		    add_region(Space + 2 * MIB + at * DK_PAGE, DK_PAGE);
		struct daxkind_region *b = add_region(
		    Space + 2 * MIB + (at + 1) * DK_PAGE, 100 * DK_PAGE);

		assert_ends_found(b);
		remove_region(a);
		assert_ends_found(b);
		remove_region(b);
	}
	atomic_store(&Shared.stop, true);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(right[i]);
	}
	print_message("%lu lookups, %lu cycles\n",
	    atomic_load(&Shared.nr_lookups), nr_cycles);
	remove_region(atomic_load(&Shared.stays));
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, test_leaks_setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    /* first: it counts the tables that it is the first to need */
	    UNIT(test_without_memory_nothing_is_entered),
	    UNIT(test_foreign_addresses_belong_to_no_region),
	    UNIT(test_every_size_and_place_is_found),
	    UNIT(test_pages_of_a_2_mib_slot_are_regions_of_their_own),
	    UNIT(test_4_tib_cost_little),
	    UNIT(test_areas_that_overlap_are_refused),
	    UNIT(test_areas_may_share_a_page_but_no_byte),
	    UNIT(test_a_region_inside_another_hides_it_until_it_ends),
	    UNIT(test_pieces_are_found),
	    UNIT(test_beyond_a_program_s_addresses_is_refused),
	    UNIT(test_a_record_is_zeroed_and_used_again),
	    UNIT(test_removing_needs_no_memory),
	    UNIT(test_lookups_are_right_while_regions_come_and_go),
	};

	return cmocka_run_group_tests_name(
	    "region_index", tests, reserve, NULL);
}
