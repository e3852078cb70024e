// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_persist.c -- flush-aware stores: what they write, and what they refuse.
 *
 * That a store survives a power failure is for tests/dax to see.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIZE (8 * TEST_MIB)
#define GUARD 64

/* The kinds of region; the caller's word for it makes the flushes real. */
enum where {
	MAPPING,
	MAPPING_VOUCHED,
	NAMED_FILE,
	UNLINKED_FILE,
	DEVDAX,
	NR_WHERE
};

static const char *const Where_names[] = {"a mapping",
    "a mapping that the caller vouches for", "a file", "an unlinked file",
    "a device"};

struct heap {
	struct test_area area;
	struct daxkind_region *region;
	memkind_t kind;
	char path[PATH_MAX];
	void *base;
	size_t size;
};

/* False when there is no such memory here. */
static bool
open_heap(struct heap *h, enum where where)
{
	struct daxkind_region_info info;
	int rc = -1;

	memset(h, 0, sizeof(*h));
	switch (where) {
	case MAPPING:
	case MAPPING_VOUCHED:
		test_area_map(&h->area, SIZE);
		rc = daxkind_region_open_mapping(h->area.addr, h->area.len,
		    where == MAPPING_VOUCHED ? DAXKIND_PERSISTENT : 0,
		    &h->region);
		break;
	case NAMED_FILE:
		(void)snprintf(
		    h->path, sizeof(h->path), "%s", test_path("persist"));
		rc = daxkind_region_open_file(
		    h->path, SIZE, DAXKIND_CREATE, &h->region);
		break;
	case UNLINKED_FILE:
		rc = daxkind_region_open_dir(test_dir(), SIZE, 0, &h->region);
		break;
	case DEVDAX:
		if (test_devdax() == NULL)
			return false;
		rc = daxkind_region_open_devdax(
		    test_devdax(), 0, SIZE, 0, &h->region);
		break;
	case NR_WHERE:
		break;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(
	    daxkind_region_info(h->region, &info, sizeof(info)), 0);
	if (where == MAPPING && test_devdax() != NULL &&
	    info.granularity == DAXKIND_GRANULARITY_PAGE) {
		/* msync(2) refuses a device: the caller has to vouch for it */
		assert_int_equal(daxkind_region_close(h->region), 0);
		test_area_unmap(&h->area);
		return false;
	}
	h->base = info.base;
	h->size = info.size;
	assert_int_equal(daxkind_kind_create(h->region, &h->kind), 0);
	print_message("on: %s, granularity %d\n", Where_names[where],
	    (int)info.granularity);
	return true;
}

static void
close_heap(struct heap *h)
{
	assert_int_equal(memkind_destroy_kind(h->kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(h->region), 0);
	if (h->path[0] != '\0')
		assert_int_equal(unlink(h->path), 0);
	test_area_unmap(&h->area);
}

typedef void (*heap_test)(struct heap *h);

static void
on_each_region(heap_test f)
{
	for (int where = 0; where < NR_WHERE; where++) {
		struct heap h;

		if (!open_heap(&h, (enum where)where))
			continue;
		f(&h);
		close_heap(&h);
	}
}

/* --- content ----------------------------------------------------------------- */

static void
fill_pattern(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(i * 7 + seed);
}

static void
check_copies(struct heap *h)
{
	static unsigned char src[5000 + 64];
	const size_t room = sizeof(src) + 64 + 2 * GUARD;
	unsigned char *block = memkind_malloc(h->kind, room);
	uint64_t rng = 11;

	assert_non_null(block);
	for (int i = 0; i < 400; i++) {
		/* short ones first, all lengths up to two cache lines */
		size_t len =
		    i < 130 ? (size_t)i : test_random_size(&rng, 0, 5000);
		size_t to = test_random_size(&rng, 0, 63);
		size_t from = test_random_size(&rng, 0, 63);
		unsigned char *dst = block + GUARD + to;
		unsigned seed = (unsigned)i;

		memset(block, 0xEE, room);
		fill_pattern(src, sizeof(src), seed);
		if (i % 2 == 0) {
			assert_int_equal(daxkind_memcpy_persist(
					     h->kind, dst, src + from, len),
			    0);
		} else {
			assert_int_equal(daxkind_memcpy_nodrain(
					     h->kind, dst, src + from, len),
			    0);
			assert_int_equal(daxkind_drain(h->kind), 0);
		}
		assert_memory_equal(dst, src + from, len);
		assert_true(test_all_bytes(block, 0xEE, GUARD + to));
		assert_true(
		    test_all_bytes(dst + len, 0xEE, room - GUARD - to - len));

		memset(block, 0xEE, room);
		if (i % 2 == 0) {
			assert_int_equal(
			    daxkind_memset_persist(h->kind, dst, i, len), 0);
		} else {
			assert_int_equal(
			    daxkind_memset_nodrain(h->kind, dst, i, len), 0);
			assert_int_equal(daxkind_drain(h->kind), 0);
		}
		assert_true(test_all_bytes(dst, i, len));
		assert_true(test_all_bytes(block, 0xEE, GUARD + to));
		assert_true(
		    test_all_bytes(dst + len, 0xEE, room - GUARD - to - len));
	}
	memkind_free(h->kind, block);
}

static void
test_copies_write_what_they_should_and_no_more(void **state)
{
	(void)state;
	on_each_region(check_copies);
}

static void
check_persist(struct heap *h)
{
	char *p = memkind_malloc(h->kind, TEST_MIB);

	assert_non_null(p);
	memset(p, 0x5A, TEST_MIB);
	assert_int_equal(daxkind_persist(h->kind, p, TEST_MIB), 0);
	assert_int_equal(daxkind_persist(h->kind, p + 1, 1), 0);
	assert_int_equal(daxkind_persist(h->kind, p + 4090, 10), 0);
	for (size_t off = 0; off < 10000; off += 777)
		assert_int_equal(daxkind_flush(h->kind, p + off, 100), 0);
	assert_int_equal(daxkind_drain(h->kind), 0);
	assert_int_equal(daxkind_drain(h->kind), 0);
	/* all of the region, and nothing */
	assert_int_equal(daxkind_persist(h->kind, h->base, h->size), 0);
	assert_int_equal(daxkind_persist(h->kind, p, 0), 0);
	assert_int_equal(daxkind_flush(h->kind, p, 0), 0);
	assert_int_equal(daxkind_memcpy_persist(h->kind, p, p, 0), 0);
	assert_int_equal(daxkind_memset_persist(h->kind, p, 1, 0), 0);
	assert_true(test_all_bytes(p, 0x5A, TEST_MIB));
	memkind_free(h->kind, p);
}

static void
test_persist_takes_any_range_inside(void **state)
{
	(void)state;
	on_each_region(check_persist);
}

static void
test_stores_are_in_the_file(void **state)
{
	struct heap h;
	char buf[2000];
	size_t off;
	char *p;
	int fd;

	(void)state;
	assert_true(open_heap(&h, NAMED_FILE));
	p = memkind_malloc(h.kind, sizeof(buf));
	assert_non_null(p);
	off = (size_t)(p - (char *)h.base);
	assert_int_equal(
	    daxkind_memset_persist(h.kind, p, 'y', sizeof(buf)), 0);
	assert_int_equal(daxkind_memcpy_persist(h.kind, p, "hello", 5), 0);
	fd = open(h.path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, buf, sizeof(buf), (off_t)off), sizeof(buf));
	assert_int_equal(close(fd), 0);
	assert_memory_equal(buf, "hello", 5);
	assert_true(test_all_bytes(buf + 5, 'y', sizeof(buf) - 5));
	close_heap(&h);
}

/* --- refusals ---------------------------------------------------------------- */

/* All of the functions that take a range. */
static void
assert_range_is(memkind_t kind, char *p, size_t len, int rc)
{
	static const char zeros[64];

	errno = 0;
	assert_int_equal(daxkind_persist(kind, p, len), rc);
	if (rc != 0) {
		assert_int_equal(errno, -rc);
		assert_string_not_equal(daxkind_last_error(), "");
	}
	assert_int_equal(daxkind_flush(kind, p, len), rc);
	assert_int_equal(daxkind_memset_persist(kind, p, 0, len), rc);
	assert_int_equal(daxkind_memset_nodrain(kind, p, 0, len), rc);
	assert_int_equal(daxkind_memcpy_persist(kind, p, zeros, len), rc);
	assert_int_equal(daxkind_memcpy_nodrain(kind, p, zeros, len), rc);
}

static void
check_outside(struct heap *h)
{
	char *base = h->base;
	char local[64] = "not yours";

	dk_row("before the region");
	assert_range_is(h->kind, base - 64, 64, -EINVAL);
	dk_row("over its start");
	assert_range_is(h->kind, base - 8, 64, -EINVAL);
	dk_row("over its end");
	assert_range_is(h->kind, base + h->size - 8, 64, -EINVAL);
	dk_row("behind it");
	assert_range_is(h->kind, base + h->size, 64, -EINVAL);
	dk_row("wraps");
	assert_range_is(h->kind, base, SIZE_MAX, -EINVAL);
	assert_range_is(h->kind, base + 100, SIZE_MAX - 99, -EINVAL);
	dk_row("on the stack");
	assert_range_is(h->kind, local, sizeof(local), -EINVAL);
	assert_string_equal(local, "not yours");
	dk_row("NULL");
	assert_range_is(h->kind, NULL, 64, -EINVAL);
}

static void
test_ranges_outside_are_refused(void **state)
{
	(void)state;
	on_each_region(check_outside);
}

static void
test_dram_is_not_supported(void **state)
{
	memkind_t kinds[] = {MEMKIND_DEFAULT, MEMKIND_REGULAR};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		char *p = memkind_malloc(kinds[i], 64);

		assert_non_null(p);
		memset(p, 1, 64);
		assert_range_is(kinds[i], p, 64, -ENOTSUP);
		assert_int_equal(daxkind_drain(kinds[i]), -ENOTSUP);
		assert_true(test_all_bytes(p, 1, 64));
		memkind_free(kinds[i], p);
	}
}

static void
test_no_kind_is_refused(void **state)
{
	char p[64] = "not yours";

	(void)state;
	assert_range_is(NULL, p, sizeof(p), -EINVAL);
	assert_int_equal(daxkind_drain(NULL), -EINVAL);
	assert_string_equal(p, "not yours");
}

/* --- a region without a kind ---------------------------------------------------- */

static void
check_region(struct heap *h)
{
	static const unsigned char zeroes[GUARD];
	const struct daxkind_region *none = NULL;
	unsigned char *base = (unsigned char *)h->base;

	/* of each length, in and over pages */
	for (size_t len = 0; len < 10000; len = len * 3 + 1) {
		unsigned char *p = base + TEST_PAGE - len / 2 % TEST_PAGE;

		fill_pattern(p, len, (unsigned)len);
		assert_int_equal(daxkind_region_flush(h->region, p, len), 0);
		assert_int_equal(daxkind_region_drain(h->region), 0);
		fill_pattern(p, len, (unsigned)len + 1);
		assert_int_equal(daxkind_region_persist(h->region, p, len), 0);
	}
	assert_int_equal(daxkind_region_persist(h->region, base, h->size), 0);
	assert_int_equal(
	    daxkind_region_persist(h->region, base + h->size, 0), 0);
	assert_int_equal(
	    daxkind_region_persist(h->region, base, h->size + 1), -EINVAL);
	assert_int_equal(
	    daxkind_region_persist(h->region, base - 1, 1), -EINVAL);
	assert_int_equal(
	    daxkind_region_flush(h->region, zeroes, sizeof(zeroes)), -EINVAL);
	assert_int_equal(
	    daxkind_region_persist(h->region, base + 1, SIZE_MAX), -EINVAL);
	assert_string_not_equal(daxkind_last_error(), "");
	assert_int_equal(daxkind_region_persist(none, base, 1), -EINVAL);
	assert_int_equal(daxkind_region_flush(none, base, 1), -EINVAL);
	assert_int_equal(daxkind_region_drain(none), -EINVAL);
}

static void
test_a_region_is_made_durable(void **state)
{
	(void)state;
	on_each_region(check_region);
}

/* As a program that starts again finds it. */
static void
test_what_was_made_durable_is_found_again(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region;
	const char *path = test_path("log");
	unsigned char want[1000];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(
		    daxkind_region_open_file(path, round == 0 ? SIZE : 0,
			DAXKIND_CREATE | DAXKIND_OVERWRITE | DAXKIND_PREFAULT,
			&region),
		    0);
		assert_int_equal(
		    daxkind_region_info(region, &info, sizeof(info)), 0);
		unsigned char *log = info.base;
		for (unsigned i = 0; i < round; i++) {
			fill_pattern(want, sizeof(want), i);
			assert_memory_equal(log + i * 5000, want, sizeof(want));
		}
		fill_pattern(log + round * 5000, sizeof(want), round);
		assert_int_equal(daxkind_region_persist(
				     region, log + round * 5000, sizeof(want)),
		    0);
		assert_int_equal(daxkind_region_close(region), 0);
		assert_int_equal(
		    daxkind_region_persist(region, log, 1), -EINVAL);
	}
	/* in the file, for whoever reads it */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 3; i++) {
		unsigned char got[sizeof(want)];

		fill_pattern(want, sizeof(want), i);
		assert_int_equal(
		    pread(fd, got, sizeof(got), (off_t)i * 5000), sizeof(got));
		assert_memory_equal(got, want, sizeof(want));
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_copies_write_what_they_should_and_no_more),
	    test_unit(test_persist_takes_any_range_inside),
	    test_unit(test_stores_are_in_the_file),
	    test_unit(test_ranges_outside_are_refused),
	    test_unit(test_dram_is_not_supported),
	    test_unit(test_no_kind_is_refused),
	    test_unit(test_a_region_is_made_durable),
	    test_unit(test_what_was_made_durable_is_found_again),
	};

	return cmocka_run_group_tests_name("persist", tests, NULL, NULL);
}
