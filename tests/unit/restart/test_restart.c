// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_restart.c -- a durable heap after a kill, after a reset, and damaged.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "heap/heap_trace.h"
#include "region/backing.h"
#include "region/flush.h"
#include "region/region.h"
#include "region/superblock.h"
#include "restart/restart.h"

#define SIZE MIB
enum {
	NR_BLOCKS = 40,
	NR_CACHED = 9
};

static char *Memory;
static unsigned Backing_flags; /* of the next opening */
static size_t Open_size;       /* likewise */
static const char *Layout;     /* likewise */
static struct daxkind_region *Region;
static struct heap *Heap;

static int
setup(void **state)
{
	(void)state;
	mock_os_reset();
	Memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(Memory != MAP_FAILED);
	memset(Memory, 0xa5, SIZE);
	Backing_flags = BACKING_PERSISTENT;
	Open_size = SIZE;
	Layout = "test";
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(munmap(Memory, SIZE), 0);
	return 0;
}

/* --- opening ------------------------------------------------------------------ */

static int
open_restart(unsigned flags, struct restart **r, struct backing **b)
{
	struct restart_request request = {
	    .path = "memory",
	    .layout = Layout,
	    .flags = flags,
	    .class_sizes = Size_classes.size,
	};

	error_clear();
	assert_int_equal(
	    backing_mapping_open(Memory, Open_size, Backing_flags, b), 0);
	int rc = restart_open(*b, &request, r);
	Memory = (*b)->base;
	if (rc < 0) {
		assert_string_not_equal(error_text(), "");
		backing_close(*b);
	}
	return rc;
}

static void
open_heap(unsigned flags, enum restart_how how)
{
	struct restart *r;
	struct backing *b;

	if (open_restart(flags, &r, &b) < 0)
		fail_msg("%s", error_text());
	assert_int_equal(r->how, how);
	assert_int_equal(region_open(b, b->base, b->size, &Region), 0);
	assert_int_equal(restart_adopt(r, Region), 0);
	assert_int_equal(restart_begin(r), 0);
	Region->restart = r;
	assert_int_equal(heap_new(Region, &Heap), 0);
}

static void
close_region(bool cleanly)
{
	if (cleanly)
		assert_int_equal(restart_close(Region->restart, true), 0);
	else
		restart_abandon(Region->restart);
	region_close(Region);
}

/* Everything in DRAM is gone; what is in the region stays as it was: that the heap
 * empties its caches is undone. */
static void
kill_heap(void)
{
	char *copy = malloc(SIZE);

	assert_non_null(copy);
	memcpy(copy, Memory, SIZE);
	heap_free_all(Heap);
	close_region(false);
	memcpy(Memory, copy, SIZE);
	free(copy);
}

static void
close_heap(void)
{
	heap_free_all(Heap);
	close_region(true);
}

static size_t Live_bytes; /* since fill_heap() */

static void
fill_heap(void)
{
	void *cached[NR_CACHED];

	Live_bytes = 0;
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		void *p = heap_alloc(
		    Heap, i % 10 == 0 ? 20000 : 10 + i % 3 * 40, 0, false);

		assert_non_null(p);
		Live_bytes += heap_usable(Heap, p);
	}
	for (size_t i = 0; i < NR_CACHED; i++)
		cached[i] = heap_alloc(Heap, 8, 0, false);
	for (size_t i = 0; i < NR_CACHED; i++)
		heap_free(Heap, cached[i]);
}

/* --- the superblock, changed ------------------------------------------------------- */

static void
change_copy(char *at, void (*change)(struct superblock *sb))
{
	union superblock_copy copy;

	memcpy(&copy, at, sizeof(copy));
	change(&copy.sb);
	copy.sb.crc = 0;
	copy.sb.crc =
	    (uint32_t)crc32(crc32(0, NULL, 0), copy.bytes, sizeof(copy));
	memcpy(at, &copy, sizeof(copy));
}

static void
change_both(void (*change)(struct superblock *sb))
{
	change_copy(Memory, change);
	change_copy(Memory + SIZE - DK_PAGE, change);
}

static void
forget_boot(struct superblock *sb)
{
	memset(sb->boot, 0, sizeof(sb->boot));
}

static void
make_later(struct superblock *sb)
{
	sb->version++;
}

static void
add_feature(struct superblock *sb)
{
	sb->incompatible = 4;
}

static void
change_class(struct superblock *sb)
{
	sb->class_size[7]++;
}

static void
move_heap(struct superblock *sb)
{
	sb->heap_off += DK_PAGE;
}

/* --- after a kill and after a reset ------------------------------------------------- */

static void
test_after_a_kill_what_was_cached_is_free(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	fill_heap();
	kill_heap();
	open_heap(0, RESTART_HOW_CRASH);
	assert_int_equal(Region->restart->nr_blocks, NR_BLOCKS);
	assert_int_equal(Region->restart->bytes, Live_bytes);
	assert_int_equal(Region->restart->cached_max, 0);
	close_heap();
	open_heap(0, RESTART_HOW_CLEAN);
	assert_int_equal(Region->restart->nr_blocks, NR_BLOCKS);
	close_heap();
}

static void
test_after_a_reset_it_has_leaked(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	fill_heap();
	kill_heap();
	change_both(forget_boot);
	open_heap(0, RESTART_HOW_POWER);
	assert_true(Region->restart->nr_blocks >= NR_BLOCKS + NR_CACHED);
	size_t leaked = Region->restart->bytes - Live_bytes;
	size_t bound = Region->restart->cached_max;
	assert_in_range(leaked, NR_CACHED * 8, bound);
	/* What a cache of so small a heap has room for. */
	assert_in_range(bound, leaked, 8 * KIB);
	kill_heap();
	/* Nobody has freed it. */
	open_heap(0, RESTART_HOW_CRASH);
	assert_int_equal(Region->restart->cached_max, bound);
	close_heap();
	open_heap(0, RESTART_HOW_CLEAN);
	assert_int_equal(Region->restart->cached_max, bound);
	/* Another reset comes on top. */
	fill_heap();
	kill_heap();
	change_both(forget_boot);
	open_heap(0, RESTART_HOW_POWER);
	assert_true(Region->restart->cached_max > bound);
	assert_true(Region->restart->cached_max <= bound + 8 * KIB);
	close_heap();
}

/* Then what stood in caches is free. */
static void
test_a_trace_ends_the_leak(void **state)
{
	struct heap_trace_request request = {NULL, NULL};
	struct heap_trace_result result;

	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	fill_heap();
	char *p = heap_alloc(Heap, 5000, 0, true);
	assert_int_equal(
	    roots_set(&Region->restart->roots, "p", (size_t)(p - Memory)), 0);
	kill_heap();
	change_both(forget_boot);
	open_heap(0, RESTART_HOW_POWER);
	assert_int_equal(heap_trace_run(Heap, &request, &result), 0);
	assert_int_equal(result.kept_blocks, 1);
	restart_note_traced(Region->restart);
	kill_heap();
	open_heap(0, RESTART_HOW_CRASH);
	assert_int_equal(Region->restart->nr_blocks, 1);
	assert_int_equal(Region->restart->cached_max, 0);
	close_heap();
}

static void
test_after_a_reset_pages_are_not_trusted(void **state)
{
	struct restart *r;
	struct backing *b;

	(void)state;
	Backing_flags = 0;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	fill_heap();
	kill_heap();
	change_both(forget_boot);
	assert_int_equal(open_restart(0, &r, &b), -EUCLEAN);
	print_message("    %s\n", error_text());
	mock_os_fail_all("os_msync", EIO);
	assert_int_equal(open_restart(RESTART_SALVAGE, &r, &b), -EIO);
	mock_os_reset();
	open_heap(RESTART_SALVAGE, RESTART_HOW_POWER);
	assert_int_equal(Region->restart->cached_max, Region->restart->bytes);
	close_heap();
	/* Closed, they were written back. */
	change_both(forget_boot);
	open_heap(0, RESTART_HOW_CLEAN);
	close_heap();
}

/* --- walking --------------------------------------------------------------------- */

static sem_t Is_idle, May_end;

static void *
cache_and_idle(void *arg)
{
	void *blocks[NR_CACHED];

	(void)arg;
	for (size_t i = 0; i < NR_CACHED; i++)
		blocks[i] = heap_alloc(Heap, 8, 0, false);
	for (size_t i = 0; i < NR_CACHED; i++)
		heap_free(Heap, blocks[i]);
	(void)sem_post(&Is_idle);
	while (sem_wait(&May_end) != 0)
		;
	return NULL;
}

static int
count_block(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	++*(size_t *)arg;
	return 0;
}

/* What is in a cache of another thread is not live: also where others cannot be
 * kept out of it, since none of them uses the heap now. */
static void
test_a_walk_has_only_live_blocks(void **state)
{
	pthread_t thread;
	size_t nr = 0;

	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	assert_non_null(heap_alloc(Heap, 8, 0, false));
	assert_int_equal(sem_init(&Is_idle, 0, 0), 0);
	assert_int_equal(sem_init(&May_end, 0, 0), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, cache_and_idle, NULL), 0);
	while (sem_wait(&Is_idle) != 0)
		;
	mock_os_fail_all("os_membarrier", EPERM);
	assert_int_equal(heap_walk(Heap, count_block, &nr), 0);
	mock_os_reset();
	(void)sem_post(&May_end);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(nr, 1);
	close_heap();
}

/* Nothing is freed. */
static void
test_a_trace_without_memory(void **state)
{
	struct heap_trace_request request = {NULL, NULL};
	struct heap_trace_result result;
	size_t nr = 0;

	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	assert_non_null(heap_alloc(Heap, 8, 0, false));
	mock_os_fail_all("os_map_anon", ENOMEM);
	error_clear();
	assert_int_equal(heap_trace_run(Heap, &request, &result), -ENOMEM);
	assert_string_not_equal(error_text(), "");
	mock_os_reset();
	assert_int_equal(heap_walk(Heap, count_block, &nr), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(heap_trace_run(Heap, &request, &result), 0);
	assert_int_equal(result.freed_blocks, 1);
	close_heap();
}

/* --- resets ------------------------------------------------------------------------ */

/* Pages that were not flushed, by whoever flushes lines now. */
static void
test_after_a_reset_the_last_one_s_granularity_counts(void **state)
{
	struct restart *r;
	struct backing *b;

	(void)state;
	Backing_flags = 0;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	fill_heap();
	kill_heap();
	change_both(forget_boot);
	Backing_flags = BACKING_PERSISTENT;
	assert_int_equal(open_restart(0, &r, &b), -EUCLEAN);
}

/* At the end of the memory is a superblock of a heap that was larger. */
static void
test_a_larger_heap_that_was_here_is_gone(void **state)
{
	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	close_heap();
	for (size_t i = 0; i < 5; i++) {
		open_heap(0, RESTART_HOW_CLEAN);
		close_heap();
	}
	char *last = malloc(DK_PAGE);
	assert_non_null(last);
	memcpy(last, Memory + SIZE - DK_PAGE, DK_PAGE);
	Open_size = SIZE / 2;
	Layout = "new";
	char *whole = Memory;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	close_heap();
	/* Only the half was moved: put both together again. */
	char *both = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(both != MAP_FAILED);
	memcpy(both, Memory, SIZE / 2);
	memcpy(both + SIZE - DK_PAGE, last, DK_PAGE);
	assert_int_equal(munmap(Memory, SIZE / 2), 0);
	if (whole != Memory)
		assert_int_equal(munmap(whole + SIZE / 2, SIZE / 2), 0);
	free(last);
	Memory = both;
	Open_size = SIZE;
	open_heap(0, RESTART_HOW_CLEAN);
	assert_string_equal(Region->restart->sb.layout, "new");
	close_heap();
}

/* The pages of a cache's stacks held other data before. */
static void
test_stacks_begin_empty(void **state)
{
	char *blocks[20];

	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	for (size_t i = 0; i < 5; i++)
		blocks[i] = heap_alloc(Heap, 100, 0, false);
	/* Where the next stacks will be. */
	heap_purge(Heap);
	thread_cache_empty(&Heap->caches);
	close_heap();
	for (size_t off = 0; off < SIZE / 2; off += sizeof(char *)) {
		if (off >= 64 * KIB)
			memcpy(
			    Memory + off, &blocks[off / 8 % 5], sizeof(char *));
	}
	open_heap(0, RESTART_HOW_CLEAN);
	heap_free(Heap, heap_alloc(Heap, 100, 0, false));
	kill_heap();
	open_heap(0, RESTART_HOW_CRASH);
	assert_int_equal(Region->restart->nr_blocks, 5);
	close_heap();
}

/* Where extents began, bits of a slab are now: of classes whose bits are in several
 * lines. */
static void
test_a_slab_over_extents_is_empty(void **state)
{
	void *blocks[SIZE / DK_PAGE];
	size_t nr = 0;

	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	while ((blocks[nr] = heap_alloc_pages(Heap, DK_PAGE, false)) != NULL)
		nr++;
	assert_true(nr > 100);
	while (nr > 0)
		heap_free(Heap, blocks[--nr]);
	assert_non_null(heap_alloc(Heap, 48, 0, false));
	assert_non_null(heap_alloc(Heap, 112, 0, false));
	kill_heap();
	open_heap(0, RESTART_HOW_CRASH);
	assert_int_equal(Region->restart->nr_blocks, 2);
	close_heap();
}

/* --- another heap in its place ----------------------------------------------------- */

/* Nothing says of a device whether it holds anything. */
static void
test_a_volatile_heap_on_a_device_ends_it(void **state)
{
	struct daxkind_region *region;
	struct heap *heap;
	struct backing *b;

	(void)state;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	close_heap();
	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b), 0);
	b->type = BACKING_DEVDAX;
	assert_true(superblock_is_on(b));
	assert_int_equal(region_open(b, b->base, b->size, &region), 0);
	assert_true(superblock_is_on(b)); /* it is only looked at */
	assert_int_equal(heap_new(region, &heap), 0);
	assert_false(superblock_is_on(b));
	heap_free_all(heap);
	region_close(region);
}

/* --- flushes ------------------------------------------------------------------------- */

/* Lines of the ledger as they were at the last fence, and those flushed since. */
static struct {
	struct ledger_line *lines, *before;
	bool *is_flushed;
	size_t nr, nr_changed, most_changed;
} Ledger;

static int
note_flush(const void *addr, size_t len)
{
	for (size_t i = 0; i < Ledger.nr; i++) {
		const char *line = (const char *)&Ledger.lines[i];

		if (line < (const char *)addr + len &&
		    line + MEDIUM_LINE > (const char *)addr)
			Ledger.is_flushed[i] = true;
	}
	return 0;
}

static void
note_fence(void)
{
	Ledger.nr_changed = 0;
	for (size_t i = 0; i < Ledger.nr; i++) {
		bool is_changed = memcmp(&Ledger.lines[i], &Ledger.before[i],
				      MEDIUM_LINE) != 0;

		if (is_changed && !Ledger.is_flushed[i])
			fail_msg("line %zu was not flushed", i);
		Ledger.nr_changed += is_changed;
		Ledger.is_flushed[i] = false;
	}
	if (Ledger.nr > 0)
		memcpy(Ledger.before, Ledger.lines, Ledger.nr * MEDIUM_LINE);
	Ledger.most_changed = max_size(Ledger.most_changed, Ledger.nr_changed);
}

static int
note_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return note_flush(dst, len);
}

static int
note_set(void *dst, int c, size_t len)
{
	memset(dst, c, len);
	return note_flush(dst, len);
}

/* A batch has blocks of many slabs, each with a line of its own. */
static void
test_each_line_of_a_batch_is_flushed(void **state)
{
	static const struct flush_ops recorder = {
	    note_flush, note_fence, note_copy, note_set};
	const size_t size = 64 * MIB, nr = 20000;
	void **blocks = calloc(nr, sizeof(*blocks));
	char *small = Memory;

	(void)state;
	assert_non_null(blocks);
	Memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(Memory != MAP_FAILED);
	Open_size = size;
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	const struct ledger *l = &Region->restart->ledger;
	for (size_t i = 0; i < nr; i++) {
		blocks[i] = heap_alloc(Heap, 64, 0, false);
		assert_non_null(blocks[i]);
	}
	Ledger.before = calloc(l->nr_chunks, MEDIUM_LINE);
	Ledger.is_flushed = calloc(l->nr_chunks, sizeof(bool));
	assert_true(Ledger.before != NULL && Ledger.is_flushed != NULL);
	Ledger.lines = l->parts[0].lines;
	memcpy(Ledger.before, Ledger.lines, l->nr_chunks * MEDIUM_LINE);
	Ledger.nr = l->nr_chunks;
	flush_set_ops(Region->backing->granularity, &recorder);
	Region->restart->ledger.flush = &recorder;
	for (size_t i = 0; i < nr; i++) /* 257 is none of the slabs' size */
		heap_free(Heap, blocks[i * 257 % nr]);
	heap_free_all(Heap);
	assert_true(Ledger.most_changed > 30);
	flush_set_ops(Region->backing->granularity, NULL);
	close_region(false);
	Ledger.nr = 0;
	free(Ledger.before);
	free(Ledger.is_flushed);
	free(blocks);
	assert_int_equal(munmap(Memory, size), 0);
	Memory = small;
}

/* --- another version ------------------------------------------------------------------ */

static void
assert_opens_not(int errnum)
{
	char *before = malloc(SIZE);
	struct restart *r;
	struct backing *b;

	assert_non_null(before);
	memcpy(before, Memory, SIZE);
	int rc = open_restart(0, &r, &b);
	if (rc != -errnum)
		fail_msg("%d: %s", rc, rc < 0 ? error_text() : "");
	print_message("    %s\n", error_text());
	assert_memory_equal(Memory, before, SIZE);
	free(before);
}

static void
make_heap(void)
{
	open_heap(RESTART_OVERWRITE, RESTART_HOW_NEW);
	fill_heap();
	close_heap();
}

static void
test_other_versions_are_refused(void **state)
{
	(void)state;
	make_heap();
	change_both(make_later);
	assert_opens_not(EPROTONOSUPPORT);
	make_heap();
	change_both(add_feature);
	assert_opens_not(EPROTONOSUPPORT);
	make_heap();
	change_both(change_class);
	assert_opens_not(EPROTONOSUPPORT);
	make_heap();
	change_both(move_heap);
	assert_opens_not(EUCLEAN);
}

/* --- damage ------------------------------------------------------------------------------ */

static struct ledger_line *
lines(void)
{
	union superblock_copy copy;

	memcpy(&copy, Memory, sizeof(copy));
	return (struct ledger_line *)(void *)(Memory + copy.sb.ledger_off);
}

struct find {
	enum ledger_unit_type type;
	size_t off, len;
};

static int
find_unit(void *arg, const struct ledger_unit *unit)
{
	struct find *find = arg;

	if (unit->type != find->type)
		return 0;
	find->off = unit->off;
	find->len = unit->len;
	return 1;
}

static void
find_first(struct find *find)
{
	open_heap(0, RESTART_HOW_CLEAN);
	assert_int_equal(
	    ledger_walk(&Region->restart->ledger, find_unit, find), 1);
	close_heap();
}

static void
test_a_damaged_ledger_is_refused(void **state)
{
	struct find slab = {.type = LEDGER_SLAB};
	struct find extent = {.type = LEDGER_EXTENT};

	(void)state;
	make_heap();
	find_first(&slab);
	find_first(&extent);
	struct ledger_line *slab_line = &lines()[slab.off / MEDIUM_CHUNK];
	struct ledger_line *extent_line = &lines()[extent.off / MEDIUM_CHUNK];
	_Atomic(uint64_t) *word =
	    &extent_line->words[1 + extent.off / DK_PAGE % 4];
	const struct {
		_Atomic(uint64_t) *word;
		uint64_t value;
	} rows[] = {
	    {word, UINT64_C(1) << 40}, /* longer than the region */
	    {word, (SIZE - DK_PAGE - extent.off) /
		       DK_PAGE},          /* over other blocks */
	    {word, EXTENT_STACKS},        /* of no length */
	    {&extent_line->words[6], 1},  /* where nothing is */
	    {&extent_line->words[0], 77}, /* of no sort */
	    {&extent_line->words[0], LINE_NONE},
	    {&slab_line->words[0], LINE_SLAB | MEDIUM_CLASSES},
	    {&slab_line->words[0], LINE_SLAB | 200},
	    {&lines()[0].words[0], LINE_SLAB | 1}, /* over the superblock */
	    {&lines()[SIZE / MEDIUM_CHUNK - 1].words[0], LINE_SLAB | 3},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before = atomic_exchange(rows[i].word, rows[i].value);

		dk_row("a damage");
		assert_opens_not(EUCLEAN);
		atomic_store(rows[i].word, before);
	}
	open_heap(0, RESTART_HOW_CLEAN);
	close_heap();
}

static uint64_t Random = 88172645463325252u;

static size_t
next_random(void)
{
	Random ^= Random << 13;
	Random ^= Random >> 7;
	Random ^= Random << 17;
	return (size_t)(Random >> 8);
}

/* In the part that the library reads, mostly. */
static void
damage(void)
{
	size_t end = next_random() % 4 == 0 ? SIZE : 40 * KIB;

	for (size_t nr = 1 + next_random() % 4; nr > 0; nr--) {
		size_t off = next_random() % end;

		switch (next_random() % 4) {
		case 0:
			Memory[off] = (char)next_random();
			break;
		case 1:
			Memory[off] ^= (char)(1 << next_random() % 8);
			break;
		case 2:
			memset(Memory + off, 0, min_size(64, SIZE - off));
			break;
		default:
			memcpy(Memory + off / 64 * 64,
			    Memory + next_random() % end / 64 * 64, 64);
			break;
		}
	}
}

static int
count(void *arg, const struct ledger_unit *unit)
{
	(void)unit;
	++*(size_t *)arg;
	return 0;
}

static void
test_random_damage(void **state)
{
	const char *text = getenv("DAXKIND_TEST_DAMAGES");
	size_t nr = text != NULL ? strtoul(text, NULL, 10) : test_scaled(20000);
	size_t nr_open = 0, nr_units = 0;
	char *whole = malloc(SIZE), *before = malloc(SIZE);
	struct restart *r;
	struct backing *b;

	(void)state;
	assert_non_null(whole);
	assert_non_null(before);
	make_heap();
	memcpy(whole, Memory, SIZE);
	for (size_t i = 0; i < nr; i++) {
		memcpy(Memory, whole, SIZE);
		damage();
		memcpy(before, Memory, SIZE);
		if (open_restart(0, &r, &b) < 0) {
			assert_memory_equal(Memory, before, SIZE);
			continue;
		}
		nr_open++;
		assert_int_equal(ledger_walk(&r->ledger, count, &nr_units), 0);
		restart_abandon(r);
		backing_close(b);
	}
	print_message("%zu of %zu opened\n", nr_open, nr);
	assert_true(nr_open > 0 && nr_open < nr);
	free(whole);
	free(before);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_after_a_kill_what_was_cached_is_free),
	    UNIT(test_a_walk_has_only_live_blocks),
	    UNIT(test_a_trace_without_memory),
	    UNIT(test_after_a_reset_it_has_leaked),
	    UNIT(test_a_trace_ends_the_leak),
	    UNIT(test_after_a_reset_pages_are_not_trusted),
	    UNIT(test_after_a_reset_the_last_one_s_granularity_counts),
	    UNIT(test_a_larger_heap_that_was_here_is_gone),
	    UNIT(test_stacks_begin_empty),
	    UNIT(test_a_slab_over_extents_is_empty),
	    UNIT(test_a_volatile_heap_on_a_device_ends_it),
	    UNIT(test_each_line_of_a_batch_is_flushed),
	    UNIT(test_other_versions_are_refused),
	    UNIT(test_a_damaged_ledger_is_refused),
	    UNIT(test_random_damage),
	};

	return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
