// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_bad_blocks.c -- a durable heap on a medium that loses pages.
 *
 * A page that is said to be bad is protected, so that the test ends where the
 * library reads or writes it.
 */
#include "../../support/cmocka_all.h"

#include "../../support/test_region.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "heap/heap_trace.h"
#include "region/backing.h"
#include "region/region.h"
#include "restart/restart.h"

#define SIZE (16 * MIB)
enum {
	NR_BLOCKS = 60,
	MAX_BAD = 4
};

static char *Memory;
static struct daxkind_region *Region;
static struct heap *Heap;

/* --- pages go bad --------------------------------------------------------------------- */

static size_t Bad[MAX_BAD], Nr_bad; /* offsets of pages, ascending */
static struct backing_ops Ops;

static int
find_bad(struct backing *b, size_t off, size_t len, badblocks_visit *visit,
    void *arg)
{
	int rc = 0;

	(void)b;
	for (size_t i = 0; rc == 0 && i < Nr_bad; i++) {
		if (Bad[i] >= align_down(off, DK_PAGE) && Bad[i] < off + len)
			rc = visit(arg, Bad[i], 512);
	}
	return rc;
}

static void
lose_page(size_t off)
{
	Bad[Nr_bad++] = align_down(off, DK_PAGE);
	assert_int_equal(
	    mprotect(Memory + align_down(off, DK_PAGE), DK_PAGE, PROT_NONE), 0);
}

static void
find_pages(void)
{
	while (Nr_bad > 0)
		assert_int_equal(mprotect(Memory + Bad[--Nr_bad], DK_PAGE,
				     PROT_READ | PROT_WRITE),
		    0);
}

static int
setup(void **state)
{
	(void)state;
	Memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(Memory != MAP_FAILED);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	find_pages();
	assert_int_equal(munmap(Memory, SIZE), 0);
	return 0;
}

/* --- a heap ----------------------------------------------------------------------------- */

static int
open_restart(unsigned flags, struct restart **r, struct backing **b)
{
	struct restart_request request = {
	    .path = "memory",
	    .layout = "bad",
	    .flags = flags,
	    .class_sizes = Size_classes.size,
	};

	error_clear();
	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, b), 0);
	Ops = *(*b)->ops;
	Ops.find_bad = find_bad;
	(*b)->ops = &Ops;
	int rc = restart_open(*b, &request, r);
	Memory = (*b)->base;
	if (rc < 0) {
		print_message("    %s\n", error_text());
		assert_string_not_equal(error_text(), "");
		backing_close(*b);
	}
	return rc;
}

static void
open_region(unsigned flags)
{
	struct restart *r;
	struct backing *b;

	if (open_restart(flags, &r, &b) < 0)
		fail_msg("%s", error_text());
	assert_int_equal(region_open(b, b->base, b->size, &Region), 0);
	assert_int_equal(restart_adopt(r, Region), 0);
	assert_int_equal(restart_begin(r), 0);
	Region->restart = r;
}

static void
open_heap(unsigned flags)
{
	open_region(flags);
	assert_int_equal(heap_new(Region, &Heap), 0);
}

static void
close_heap(void)
{
	heap_free_all(Heap);
	assert_int_equal(restart_close(Region->restart, true), 0);
	region_close(Region);
}

static bool
is_on_bad(const char *p, size_t len)
{
	size_t off = (size_t)(p - Memory);

	for (size_t i = 0; i < Nr_bad; i++) {
		if (off < Bad[i] + DK_PAGE && Bad[i] < off + len)
			return true;
	}
	return false;
}

/* Take all that there is, and touch it. */
static size_t
fill(size_t size)
{
	size_t nr = 0;
	char *p;

	while ((p = heap_alloc(Heap, size, 0, false)) != NULL) {
		size_t usable = heap_usable(Heap, p);

		assert_false(is_on_bad(p, usable));
		memset(p, 1, usable);
		nr++;
	}
	return nr;
}

static int
drop(void *arg, void *block, size_t usable)
{
	(void)usable;
	if (block == arg)
		return 0;
	heap_free(Heap, block);
	return 0;
}

static void
drop_but(void *block)
{
	assert_int_equal(heap_walk(Heap, drop, block), 0);
}

/* --- under blocks ------------------------------------------------------------------------ */

static void
test_under_a_large_block(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE);
	char *large = heap_alloc(Heap, 10 * DK_PAGE, 0, false);
	char *other = heap_alloc(Heap, 10 * DK_PAGE, 0, false);
	assert_non_null(other);
	memset(large, 5, 10 * DK_PAGE);
	close_heap();
	size_t off = (size_t)(large - Memory) + 3 * DK_PAGE;
	lose_page(off);
	/* It is there, all but the page. */
	open_heap(0);
	assert_int_equal(Region->restart->nr_blocks, 2);
	assert_int_equal(heap_usable(Heap, large), 10 * DK_PAGE);
	assert_int_equal(large[4 * DK_PAGE], 5);
	assert_true(fill(DK_PAGE) > 1000);
	assert_true(region_check(Region));
	drop_but(large);
	heap_free(Heap, large);
	assert_true(region_check(Region));
	assert_true(fill(DK_PAGE) > 1000);
	close_heap();
	/* And the next time. */
	open_heap(0);
	drop_but(NULL);
	assert_true(fill(3 * DK_PAGE) > 300);
	close_heap();
}

static void
test_under_small_blocks(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE);
	char *first = heap_alloc(Heap, 100, 0, false);
	for (size_t i = 0; i < 300; i++)
		assert_non_null(heap_alloc(Heap, 100, 0, false));
	close_heap();
	lose_page((size_t)(first - Memory) + 2 * DK_PAGE);
	for (size_t i = 0; i < 3; i++) {
		open_heap(0);
		drop_but(first);
		size_t nr = fill(100);
		assert_true(nr > 1000);
		drop_but(first);
		/* The next kind on the region knows it, too. */
		heap_free_all(Heap);
		assert_int_equal(heap_new(Region, &Heap), 0);
		assert_int_equal(fill(100), nr);
		close_heap();
	}
}

/* What a program has taken out of use stays so until the region is closed. */
static void
test_a_quarantine_outlives_the_kind(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE);
	char *first = heap_alloc(Heap, 100, 0, false);
	char *page = Memory + align_down((size_t)(first - Memory), DK_PAGE);
	for (size_t i = 0; i < 300; i++)
		assert_non_null(heap_alloc(Heap, 100, 0, false));
	assert_int_equal(heap_quarantine(Heap, page, DK_PAGE), 0);
	Bad[Nr_bad++] = (size_t)(page - Memory);
	heap_free_all(Heap);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(heap_new(Region, &Heap), 0);
		drop_but(NULL);
		assert_true(fill(100) > 1000);
		heap_free_all(Heap);
	}
	Nr_bad = 0;
	assert_int_equal(restart_close(Region->restart, true), 0);
	region_close(Region);
}

/* --- under records ------------------------------------------------------------------------- */

static size_t
line_off(const void *block)
{
	return Region->restart->sb.ledger_off +
	       (size_t)((const char *)block - Memory) / MEDIUM_CHUNK *
		   MEDIUM_LINE;
}

static void
test_under_a_superblock(void **state)
{
	static const size_t offs[] = {0, SIZE - DK_PAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
		open_heap(RESTART_OVERWRITE);
		assert_non_null(heap_alloc(Heap, 100, 0, false));
		close_heap();
		lose_page(offs[i]);
		for (size_t k = 0; k < 3; k++) {
			open_heap(0);
			assert_int_equal(
			    Region->restart->how, RESTART_HOW_CLEAN);
			assert_int_equal(Region->restart->nr_blocks, 1 + k);
			assert_non_null(heap_alloc(Heap, 100, 0, false));
			close_heap();
		}
		find_pages();
	}
	/* Both. */
	lose_page(0);
	lose_page(SIZE - DK_PAGE);
	struct restart *r;
	struct backing *b;
	assert_true(open_restart(0, &r, &b) < 0);
	assert_true(open_restart(RESTART_OVERWRITE, &r, &b) < 0);
}

static void
test_under_marks_and_roots(void **state)
{
	struct restart *r;
	struct backing *b;

	(void)state;
	open_heap(RESTART_OVERWRITE);
	close_heap();
	for (size_t page = 1; page < 6; page++) {
		lose_page(page * DK_PAGE);
		assert_int_equal(open_restart(0, &r, &b), -EIO);
		assert_int_equal(open_restart(RESTART_OVERWRITE, &r, &b), -EIO);
		find_pages();
	}
	open_heap(0);
	close_heap();
}

struct known {
	void *blocks[NR_BLOCKS];
	size_t sizes[NR_BLOCKS];
};

/* Blocks of all sorts, over several pages of lines. */
static void
make_blocks(struct known *known)
{
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		size_t size = i % 4 == 0   ? 200 * KIB
			      : i % 4 == 1 ? 8
			      : i % 4 == 2 ? 1000 + i
					   : 20000;

		known->sizes[i] = size;
		known->blocks[i] = heap_alloc(Heap, size, 0, false);
		assert_non_null(known->blocks[i]);
		memset(known->blocks[i], (int)i, size);
	}
}

static void
check_blocks(const struct known *known)
{
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		const char *p = known->blocks[i];

		if (is_on_bad(p, known->sizes[i]))
			continue;
		for (size_t k = 0; k < known->sizes[i]; k += 7)
			assert_int_equal(p[k], (char)i);
	}
}

static int
count(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	++*(size_t *)arg;
	return 0;
}

/* Whichever page of lines is lost: what cannot be known is not handed out, and all
 * else is there. */
static void
test_under_lines(void **state)
{
	static struct known Known;
	size_t nr_pages = SIZE / MEDIUM_CHUNK * MEDIUM_LINE / DK_PAGE;
	size_t nr_lost = 0;

	(void)state;
	for (size_t page = 0; page < nr_pages; page++) {
		open_heap(RESTART_OVERWRITE);
		size_t lines = Region->restart->sb.ledger_off;
		make_blocks(&Known);
		close_heap();
		lose_page(lines + page * DK_PAGE);
		for (size_t k = 0; k < 2; k++) {
			size_t nr = 0;

			open_heap(0);
			nr_lost += Region->restart->lost;
			/* Those that are known are not all. */
			assert_int_equal(heap_walk(Heap, count, &nr), 0);
			assert_int_equal(Region->restart->nr_blocks, nr);
			(void)fill(8);
			(void)fill(1000);
			(void)fill(DK_PAGE);
			check_blocks(&Known);
			assert_true(region_check(Region));
			close_heap();
		}
		open_heap(0);
		check_blocks(&Known);
		/* What is known can go, and come back. */
		drop_but(NULL);
		(void)fill(30000);
		assert_true(region_check(Region));
		close_heap();
		find_pages();
	}
	assert_true(nr_lost > 0);
}

/* Slabs of three chunks, all of whose lines have bits: some begin in a page of lines
 * and end in the next one. */
static void
test_under_lines_of_slabs(void **state)
{
	(void)state;
	for (size_t page = 1; page < 4; page++) {
		open_heap(RESTART_OVERWRITE);
		size_t lines = Region->restart->sb.ledger_off;
		char *kept = heap_alloc(Heap, 100, 0, false);
		(void)fill(48);
		close_heap();
		lose_page(lines + page * DK_PAGE);
		open_heap(0);
		assert_true(Region->restart->lost >=
			    DK_PAGE / MEDIUM_LINE * MEDIUM_CHUNK);
		/* At most two slabs more. */
		assert_true(Region->restart->lost <=
			    (DK_PAGE / MEDIUM_LINE + 2 * 7) * MEDIUM_CHUNK);
		assert_int_equal(heap_usable(Heap, kept), 112);
		close_heap();
		find_pages();
	}
}

/* Of blocks whose bits are with them. */
static void
test_under_bits(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE);
	char *block = heap_alloc(Heap, 8, 0, false);
	char *other = heap_alloc(Heap, 100, 0, false);
	close_heap();
	lose_page(align_down((size_t)(block - Memory), MEDIUM_CHUNK));
	open_heap(0);
	assert_int_equal(Region->restart->lost, MEDIUM_CHUNK);
	assert_int_equal(Region->restart->nr_blocks, 1);
	assert_int_equal(heap_usable(Heap, other), 112);
	heap_free(Heap, block); /* it is not known */
	assert_true(fill(8) > 1000);
	close_heap();
}

static int
find_stacks(void *arg, const struct ledger_unit *unit)
{
	if (unit->type == LEDGER_STACKS)
		*(size_t *)arg = unit->off;
	return unit->type == LEDGER_STACKS;
}

/* What stood in them is allocated from then on. */
static void
test_under_stacks(void **state)
{
	size_t off = 0;

	(void)state;
	open_heap(RESTART_OVERWRITE);
	heap_free(Heap, heap_alloc(Heap, 100, 0, false));
	assert_int_equal(
	    ledger_walk(&Region->restart->ledger, find_stacks, &off), 1);
	/* A kill: what is in the region stays as it was. */
	char *copy = malloc(SIZE);
	assert_non_null(copy);
	memcpy(copy, Memory, SIZE);
	heap_free_all(Heap);
	restart_abandon(Region->restart);
	region_close(Region);
	memcpy(Memory, copy, SIZE);
	free(copy);
	lose_page(off);
	open_heap(0);
	assert_int_equal(Region->restart->how, RESTART_HOW_CRASH);
	assert_true(Region->restart->nr_blocks > 0);
	assert_true(fill(DK_PAGE) > 1000);
	close_heap();
}

static void
test_what_is_lost_ends_traces(void **state)
{
	static struct known Known;
	struct heap_trace_request request = {0};
	struct heap_trace_result result;

	(void)state;
	open_heap(RESTART_OVERWRITE);
	make_blocks(&Known);
	size_t off = line_off(Known.blocks[0]);
	close_heap();
	lose_page(off);
	open_heap(0);
	assert_true(Region->restart->lost > 0);
	assert_int_equal(heap_trace_run(Heap, &request, &result), -EIO);
	close_heap();
}

/* --- while it is open ------------------------------------------------------------------- */

/* As the SIGBUS handler does it. */
static void
hit_page(size_t off)
{
	off = align_down(off, DK_PAGE);
	ledger_note_lost(&Region->restart->ledger, off, DK_PAGE);
	memset(Memory + off, 0, DK_PAGE);
}

static void
test_records_are_lost_while_in_use(void **state)
{
	static struct known Known;
	size_t offs[4] = {DK_PAGE, 2 * DK_PAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(offs); i++) {
		struct heap_trace_request request = {0};
		struct heap_trace_result result;
		size_t nr = 0;

		open_heap(RESTART_OVERWRITE);
		make_blocks(&Known);
		/* Lines; and the page with the bits of blocks of 8 bytes. */
		offs[2] = line_off(Known.blocks[1]);
		offs[3] = align_down(
		    (size_t)((char *)Known.blocks[1] - Memory), MEDIUM_CHUNK);
		assert_false(ledger_is_hit(&Region->restart->ledger));
		/* A page of a block is no record. */
		ledger_note_lost(&Region->restart->ledger,
		    (size_t)((char *)Known.blocks[0] - Memory) + DK_PAGE,
		    DK_PAGE);
		/* Nor is one where a slab begins whose bits are in lines. */
		char *large = heap_alloc(Heap, 10000, 0, false);
		assert_non_null(large);
		ledger_note_lost(&Region->restart->ledger,
		    align_down((size_t)(large - Memory), MEDIUM_CHUNK),
		    DK_PAGE);
		assert_false(ledger_is_hit(&Region->restart->ledger));
		hit_page(offs[i]);
		/* Some are in caches. */
		while (heap_alloc(Heap, 8, 0, false) != NULL)
			assert_true(nr++ < 1000);
		assert_null(heap_alloc(Heap, 5000, 0, false));
		assert_null(heap_alloc(Heap, 100000, 0, false));
		assert_null(heap_resize(Heap, Known.blocks[56], 300 * KIB));
		if (i < 3)
			check_blocks(&Known);
		assert_int_equal(
		    roots_set(&Region->restart->roots, "r", 1 * MIB), -EIO);
		assert_int_equal(heap_walk(Heap, count, &nr), -EIO);
		assert_int_equal(heap_trace_run(Heap, &request, &result), -EIO);
		heap_free(Heap, Known.blocks[5]);
		heap_free_all(Heap);
		/* It was not closed. */
		assert_int_equal(restart_close(Region->restart, true), -EIO);
		assert_string_not_equal(error_text(), "");
		region_close(Region);
		if (i < 2)
			continue;
		lose_page(offs[i]);
		open_heap(0);
		assert_int_equal(Region->restart->how, RESTART_HOW_CRASH);
		assert_true(Region->restart->lost > 0);
		close_heap();
		find_pages();
	}
}

static void
test_stacks_are_lost_while_in_use(void **state)
{
	size_t off = 0;

	(void)state;
	open_heap(RESTART_OVERWRITE);
	char *kept = heap_alloc(Heap, 100, 0, false);
	heap_free(Heap, heap_alloc(Heap, 100, 0, false));
	assert_int_equal(
	    ledger_walk(&Region->restart->ledger, find_stacks, &off), 1);
	for (size_t i = 0; i < 10; i++)
		hit_page(off + i * DK_PAGE);
	assert_true(ledger_is_hit(&Region->restart->ledger));
	heap_free(Heap, kept);
	heap_free_all(Heap);
	assert_int_equal(restart_close(Region->restart, true), -EIO);
	region_close(Region);
}

/* --- new -------------------------------------------------------------------------------- */

/* A new heap goes round bad pages, of which two are of lines. */
static void
test_a_new_heap_beside_bad_blocks(void **state)
{
	static const size_t pages[] = {6, 9, 100};
	static char pattern[DK_PAGE];

	(void)state;
	memset(pattern, 0x5a, sizeof(pattern));
	/* It is moved, so it cannot be protected. */
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		Bad[Nr_bad++] = pages[i] * DK_PAGE;
		memset(Memory + pages[i] * DK_PAGE, 0x5a, DK_PAGE);
	}
	open_heap(RESTART_OVERWRITE);
	assert_true(fill(5000) > 100);
	drop_but(NULL);
	assert_true(fill(DK_PAGE) > 1000);
	assert_true(region_check(Region));
	close_heap();
	open_heap(0);
	drop_but(NULL);
	close_heap();
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_memory_equal(
		    Memory + pages[i] * DK_PAGE, pattern, DK_PAGE);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_under_a_large_block),
	    UNIT(test_under_small_blocks),
	    UNIT(test_a_quarantine_outlives_the_kind),
	    UNIT(test_under_a_superblock),
	    UNIT(test_under_marks_and_roots),
	    UNIT(test_under_lines),
	    UNIT(test_under_lines_of_slabs),
	    UNIT(test_under_bits),
	    UNIT(test_under_stacks),
	    UNIT(test_what_is_lost_ends_traces),
	    UNIT(test_records_are_lost_while_in_use),
	    UNIT(test_stacks_are_lost_while_in_use),
	    UNIT(test_a_new_heap_beside_bad_blocks),
	};

	return cmocka_run_group_tests_name("bad_blocks", tests, NULL, NULL);
}
