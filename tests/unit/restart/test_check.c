// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_check.c -- each fault of a durable heap is found, and told by its place.
 *
 * The heap is on memory that is read-only while it is checked.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "region/backing.h"
#include "region/reclaimer.h"
#include "region/region.h"
#include "restart/check.h"
#include "restart/restart.h"

#define SIZE MIB
#define LAST (SIZE - DK_PAGE)
#define BIG (UINT64_C(4) << 40) /* of a sparse one */
enum {
	NR_BLOCKS = 40,
	NR_CACHED = 9
};

static char *Memory;
static struct daxkind_region *Region;
static struct heap *Heap;
static char *Root; /* a block that the root "r" points to */

static int
setup(void **state)
{
	(void)state;
	mock_os_reset();
	Memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(Memory != MAP_FAILED);
	memset(Memory, 0xa5, SIZE);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(munmap(Memory, SIZE), 0);
	return 0;
}

/* --- a heap ------------------------------------------------------------------------ */

static void
open_heap(void)
{
	struct restart_request request = {
	    .path = "memory",
	    .layout = "check",
	    .flags = RESTART_OVERWRITE,
	    .class_sizes = Size_classes.size,
	};
	struct restart *r;
	struct backing *b;

	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b), 0);
	if (restart_open(b, &request, &r) < 0)
		fail_msg("%s", error_text());
	Memory = b->base;
	assert_int_equal(region_open(b, b->base, b->size, &Region), 0);
	assert_int_equal(restart_adopt(r, Region), 0);
	assert_int_equal(restart_begin(r), 0);
	Region->restart = r;
	assert_int_equal(heap_new(Region, &Heap), 0);
}

static void
fill_heap(void)
{
	void *cached[NR_CACHED];

	for (size_t i = 0; i < NR_BLOCKS; i++) {
		Root = heap_alloc(
		    Heap, i % 10 == 0 ? 20000 : 10 + i % 3 * 40, 0, false);
		assert_non_null(Root);
	}
	assert_int_equal(roots_set(&Region->restart->roots, "r",
			     (size_t)(Root - Memory) + 1),
	    0);
	for (size_t i = 0; i < NR_CACHED; i++)
		cached[i] = heap_alloc(Heap, 8, 0, false);
	for (size_t i = 0; i < NR_CACHED; i++)
		heap_free(Heap, cached[i]);
}

static void
make_heap(void)
{
	open_heap();
	fill_heap();
	heap_free_all(Heap);
	assert_int_equal(restart_close(Region->restart, true), 0);
	region_close(Region);
}

/* As its process leaves it. */
static void
make_killed_heap(void)
{
	char *copy = malloc(SIZE);

	assert_non_null(copy);
	open_heap();
	fill_heap();
	memcpy(copy, Memory, SIZE);
	heap_free_all(Heap);
	restart_abandon(Region->restart);
	region_close(Region);
	memcpy(Memory, copy, SIZE);
	free(copy);
}

/* --- checking it ------------------------------------------------------------------- */

static struct check_result Result;
static char Texts[8192];
static size_t Nr_units;

static int
collect(void *arg, size_t off, const char *text)
{
	size_t len = strlen(Texts);

	(void)arg;
	assert_true(off < BIG);
	(void)snprintf(
	    Texts + len, sizeof(Texts) - len, "%zu: %s\n", off, text);
	return 0;
}

static int
count_unit(void *arg, const struct ledger *l, const struct ledger_unit *unit)
{
	(void)arg;
	(void)l;
	assert_true(unit->len > 0);
	Nr_units++;
	return 0;
}

static int
check_size(size_t size)
{
	struct check_request request = {
	    .path = "memory",
	    .class_sizes = Size_classes.size,
	    .faults = {collect, NULL},
	    .visit = count_unit,
	};
	struct backing *b;

	Texts[0] = '\0';
	Nr_units = 0;
	error_clear();
	assert_int_equal(
	    backing_mapping_open(Memory, size, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(mprotect(Memory, SIZE, PROT_READ), 0);
	int rc = check_run(b, &request, &Result);
	assert_int_equal(mprotect(Memory, SIZE, PROT_READ | PROT_WRITE), 0);
	backing_close(b);
	if (rc < 0)
		assert_string_not_equal(error_text(), "");
	return rc;
}

static void
assert_sound(void)
{
	if (check_size(SIZE) != 0)
		fail_msg("%s", error_text());
	assert_string_equal(Texts, "");
	assert_int_equal(Result.nr_faults, 0);
	assert_true(Result.has_ledger);
}

/* It has a fault at off, whose text has both parts; and that one only. */
static void
assert_fault(size_t off, const char *part, const char *other)
{
	char start[32];

	if (check_size(SIZE) != 0)
		fail_msg("%s", error_text());
	print_message("    %s", Texts);
	(void)snprintf(start, sizeof(start), "%zu: ", off);
	assert_int_equal(Result.nr_faults, 1);
	assert_memory_equal(Texts, start, strlen(start));
	assert_non_null(strstr(Texts, part));
	assert_non_null(strstr(Texts, other));
}

static size_t Stacks_off, Stacks_len;

static int
note_stacks(void *arg, const struct ledger *l, const struct ledger_unit *unit)
{
	(void)arg;
	(void)l;
	if (unit->type == LEDGER_STACKS) {
		Stacks_off = unit->off;
		Stacks_len = unit->len;
	}
	return 0;
}

/* Of a killed heap: the last address in a stack is behind itself, too. */
static void
repeat_item(void)
{
	struct check_request request = {
	    .path = "memory",
	    .class_sizes = Size_classes.size,
	    .faults = {collect, NULL},
	    .visit = note_stacks,
	};
	struct backing *b;

	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(check_run(b, &request, &Result), 0);
	backing_close(b);
	char **items = (char **)(void *)(Memory + Stacks_off);
	size_t i = Stacks_len / sizeof(*items) - 1;
	while (
	    i > 0 && (items[i - 1] < Memory || items[i - 1] >= Memory + SIZE))
		i--;
	assert_true(i > 0);
	assert_null(items[i]);
	items[i] = items[i - 1];
}

/* --- sound heaps --------------------------------------------------------------------- */

static size_t
nr_blocks(void)
{
	size_t nr = Result.nr_extents;

	for (size_t i = 0; i < MEDIUM_CLASSES; i++)
		nr += Result.classes[i].nr_blocks;
	return nr;
}

static void
test_a_closed_heap_is_sound(void **state)
{
	(void)state;
	make_heap();
	assert_sound();
	assert_int_equal(Result.how, RESTART_HOW_CLEAN);
	assert_int_equal(nr_blocks(), NR_BLOCKS);
	assert_int_equal(Result.nr_extents, NR_BLOCKS / 10);
	assert_int_equal(Result.extent_bytes, NR_BLOCKS / 10 * 5 * DK_PAGE);
	assert_int_equal(Result.nr_stacks, 0);
	assert_int_equal(Result.nr_cached, 0);
	assert_int_equal(Result.nr_roots, 1);
	assert_string_equal(Result.roots[0].name, "r");
	assert_int_equal(Result.roots[0].off, Root - Memory + 1);
	assert_true(Result.roots[0].has_block);
	assert_true(Nr_units > NR_BLOCKS / 10);
	assert_string_equal(Result.sb.layout, "check");
}

static void
test_a_killed_heap_is_sound(void **state)
{
	struct restart *r;
	struct backing *b;

	(void)state;
	make_killed_heap();
	assert_sound();
	assert_int_equal(Result.how, RESTART_HOW_CRASH);
	assert_int_equal(Result.nr_stacks, 1);
	assert_true(Result.nr_cached >= NR_CACHED);
	assert_int_equal(nr_blocks(), NR_BLOCKS + Result.nr_cached);
	/* One stands there twice, where a move was cut short. */
	size_t nr_cached = Result.nr_cached, bytes = Result.cached_bytes;
	repeat_item();
	assert_sound();
	assert_int_equal(Result.nr_cached, nr_cached);
	assert_int_equal(Result.cached_bytes, bytes);
	/* That is what the next opening frees. */
	struct restart_request request = {
	    .path = "memory",
	    .layout = "check",
	    .class_sizes = Size_classes.size,
	};
	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(restart_open(b, &request, &r), 0);
	Memory = b->base;
	assert_int_equal(r->nr_blocks, NR_BLOCKS);
	restart_abandon(r);
	backing_close(b);
	assert_sound();
	assert_int_equal(Result.nr_cached, 0);
}

/* --- superblocks --------------------------------------------------------------------- */

static void
change_copy(size_t off, void (*change)(struct superblock *sb))
{
	union superblock_copy copy;

	memcpy(&copy, Memory + off, sizeof(copy));
	change(&copy.sb);
	copy.sb.crc = 0;
	copy.sb.crc =
	    (uint32_t)crc32(crc32(0, NULL, 0), copy.bytes, sizeof(copy));
	memcpy(Memory + off, &copy, sizeof(copy));
}

static void
make_other(struct superblock *sb)
{
	sb->uuid[3] ^= 1;
}

static void
make_earlier(struct superblock *sb)
{
	sb->sequence--;
}

static void
make_later_version(struct superblock *sb)
{
	sb->version++;
}

static void
change_class(struct superblock *sb)
{
	sb->class_size[0] = 0;
}

static void
change_state(struct superblock *sb)
{
	sb->state = 7;
}

static void
change_offsets(struct superblock *sb)
{
	sb->ledger_off += DK_PAGE;
}

/* Whole pages, and no whole chunks: slabs would begin in the middle of one. */
static void
change_base(struct superblock *sb)
{
	sb->base += DK_PAGE;
}

static void
reset_pages(struct superblock *sb)
{
	sb->state = MEDIUM_OPEN;
	memset(sb->boot, 0, sizeof(sb->boot));
	sb->granularity = FLUSH_PAGE;
}

static void
test_one_superblock(void **state)
{
	char page[DK_PAGE];

	(void)state;
	make_heap();
	for (size_t off = 0; off < SIZE; off += LAST) {
		const char *name =
		    off == 0 ? "the superblock" : "copy of the superblock";

		memcpy(page, Memory + off, sizeof(page));
		Memory[off + 100] ^= 1;
		assert_fault(off, name, "checksum is wrong");
		memset(Memory + off, 0, sizeof(page));
		assert_fault(off, name, "does not begin as one");
		memcpy(Memory + off, page, sizeof(page));
		change_copy(off, change_state);
		assert_fault(off, name, "neither open nor closed");
		memcpy(Memory + off, page, sizeof(page));
		change_copy(off, change_offsets);
		assert_fault(off, name, "offsets");
		memcpy(Memory + off, page, sizeof(page));
		change_copy(off, change_base);
		assert_fault(off, name, "its address cannot be");
		memcpy(Memory + off, page, sizeof(page));
		/* A reset came between the two. */
		change_copy(off, make_earlier);
		assert_sound();
		memcpy(Memory + off, page, sizeof(page));
	}
	change_copy(LAST, make_other);
	assert_fault(LAST, "copy of the superblock", "another heap");
}

static void
test_both_superblocks(void **state)
{
	(void)state;
	make_heap();
	Memory[200] ^= 1;
	Memory[LAST + 200] ^= 1;
	assert_int_equal(check_size(SIZE), 0);
	assert_int_equal(Result.nr_faults, 2);
	assert_int_equal(Result.superblock, COPY_DAMAGED);
	assert_false(Result.has_ledger);
}

static void
test_what_is_no_heap_of_this_library(void **state)
{
	(void)state;
	assert_int_equal(check_size(SIZE), -ENOENT);
	memset(Memory, 0, SIZE);
	assert_int_equal(check_size(SIZE), -ENOENT);
	make_heap();
	change_copy(0, change_class);
	change_copy(LAST, change_class);
	assert_int_equal(check_size(SIZE), -EPROTONOSUPPORT);
	make_heap();
	change_copy(0, make_later_version);
	change_copy(LAST, make_later_version);
	assert_int_equal(check_size(SIZE), -EPROTONOSUPPORT);
	assert_non_null(strstr(error_text(), "version 2"));
}

static void
test_a_heap_that_was_cut(void **state)
{
	(void)state;
	make_heap();
	assert_int_equal(check_size(SIZE / 2), 0);
	assert_int_equal(Result.nr_faults, 1);
	assert_non_null(strstr(Texts, "cut"));
	assert_int_equal(Result.sb.size, SIZE);
	assert_sound();
}

static void
test_after_a_reset_pages_are_not_trusted(void **state)
{
	(void)state;
	make_heap();
	change_copy(0, reset_pages);
	change_copy(LAST, reset_pages);
	assert_fault(0, "the state is open", "reset");
	assert_true(Result.has_ledger);
}

/* --- the ledger ------------------------------------------------------------------------ */

static struct ledger_line *
lines(void)
{
	union superblock_copy copy;

	memcpy(&copy, Memory, sizeof(copy));
	return (struct ledger_line *)(void *)(Memory + copy.sb.ledger_off);
}

/* The first slab of a chunk whose bits are in its line, or in itself; the first
 * extent. */
struct places {
	size_t slab, small_slab, extent;
};

static int
find_place(void *arg, const struct ledger *l, const struct ledger_unit *unit)
{
	const struct ledger_class *c = &l->classes[unit->size_class];
	struct places *places = arg;
	size_t *place = &places->extent;

	if (unit->type == LEDGER_SLAB)
		place =
		    c->nr_reserved > 0 ? &places->small_slab : &places->slab;
	if (*place == 0 && (unit->type != LEDGER_SLAB || c->nr_chunks == 1))
		*place = unit->off;
	return 0;
}

static void
find_places(struct places *places)
{
	struct check_request request = {
	    .path = "memory",
	    .class_sizes = Size_classes.size,
	    .faults = {collect, NULL},
	    .visit = find_place,
	    .arg = places,
	};
	struct backing *b;

	memset(places, 0, sizeof(*places));
	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(check_run(b, &request, &Result), 0);
	backing_close(b);
	assert_true(places->slab != 0 && places->extent != 0 &&
		    places->small_slab != 0);
}

static void
test_the_ledger(void **state)
{
	struct places places;

	(void)state;
	make_heap();
	find_places(&places);
	struct ledger_line *slab = &lines()[places.slab / MEDIUM_CHUNK];
	struct ledger_line *small = &lines()[places.small_slab / MEDIUM_CHUNK];
	struct ledger_line *extent = &lines()[places.extent / MEDIUM_CHUNK];
	struct ledger_line *last = &lines()[SIZE / MEDIUM_CHUNK - 1];
	_Atomic(uint64_t) *len =
	    &extent->words[1 + places.extent / DK_PAGE % 4];
	_Atomic(uint64_t) *bits = (void *)(Memory + places.small_slab);
	_Atomic(uint64_t) *marks = (void *)(Memory + DK_PAGE);
	const struct {
		_Atomic(uint64_t) *word;
		uint64_t value; /* 0: the first bit more */
		const char *part, *other;
	} rows[] = {
	    {len, UINT64_C(1) << 40, "the extent of", "not inside of the heap"},
	    {len, (LAST - places.extent) / DK_PAGE, "overlaps with",
		"the extent of"},
	    {len, EXTENT_STACKS, "extent for stacks of 0 bytes", "not inside"},
	    {&extent->words[6], 1, "word 6 of the line of chunk", "not 0"},
	    {&extent->words[0], 77, "no known sort", "0x4d"},
	    {&extent->words[0], LINE_NONE, "of no slab and no extent",
		"is not 0"},
	    {&slab->words[0], LINE_SLAB | MEDIUM_CLASSES, "size class 36",
		"there is not"},
	    {&slab->words[7], 2, "the lines of the slab of", "behind its bits"},
	    {&small->words[1], 2, "the lines of the slab of",
		"behind its bits"},
	    {bits, 0, "has bits for its first", "where its bits are"},
	    {&lines()[0].words[0], LINE_SLAB | 1, "at 0 ", "not inside"},
	    {&last->words[0], LINE_SLAB | 20, "the slab of", ""},
	    {&marks[0], 0, "lower mark is not valid", ""},
	    {&marks[1], 0, "upper mark is not valid", ""},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before = atomic_load(rows[i].word);
		uint64_t value = rows[i].value;
		size_t off = (uintptr_t)rows[i].word - (uintptr_t)Memory;

		if (rows[i].word == bits || rows[i].word == &marks[0] ||
		    rows[i].word == &marks[1])
			value = before ^ 1;
		dk_row(rows[i].part);
		atomic_store(rows[i].word, value);
		assert_int_equal(check_size(SIZE), 0);
		print_message("    %s", Texts);
		assert_true(Result.nr_faults > 0);
		assert_non_null(strstr(Texts, rows[i].part));
		assert_non_null(strstr(Texts, rows[i].other));
		/* The first fault is in the line where the change was made. */
		if (strstr(Texts, "overlaps") == NULL)
			assert_int_equal(
			    strtoul(Texts, NULL, 10) / 64, off / 64);
		atomic_store(rows[i].word, before);
	}
	assert_sound();
}

/* Each is found, and those after it. */
static void
test_several_faults(void **state)
{
	struct places places;

	(void)state;
	make_heap();
	find_places(&places);
	Memory[LAST + 9] ^= 1;
	atomic_store(&lines()[places.slab / MEDIUM_CHUNK].words[7], 1);
	atomic_store(&lines()[places.extent / MEDIUM_CHUNK].words[7], 1);
	assert_int_equal(check_size(SIZE), 0);
	assert_int_equal(Result.nr_faults, 3);
	assert_int_equal(nr_blocks(), NR_BLOCKS);
}

static void
test_roots(void **state)
{
	struct medium_root *roots;
	size_t at = 2 * DK_PAGE;

	(void)state;
	make_heap();
	roots = (struct medium_root *)(void *)(Memory + at);
	uint64_t off = atomic_load(&roots[0].off);
	atomic_store(&roots[0].off, SIZE - 1);
	assert_fault(at, "root 0 is at", "outside of the heap");
	/* Free space. */
	atomic_store(&roots[0].off, SIZE / 2 + 5);
	assert_fault(at, "root \"r\" is at", "where no block is");
	atomic_store(&roots[0].off, off);
	memset(roots[0].name, 'x', sizeof(roots[0].name));
	assert_fault(at, "root 0 has a name", "without an end");
	memset(roots[0].name, 0, sizeof(roots[0].name));
	assert_fault(at, "root 0", "has no name");
	roots[0].name[0] = 'r';
	roots[5] = roots[0];
	assert_fault(at + 5 * sizeof(*roots), "root 5", "one before it");
	atomic_store(&roots[5].off, 0);
	assert_sound();
}

/* --- hostile images --------------------------------------------------------------------- */

/* The rest of a sparse heap behind Memory.  False: there is no room, as beside
 * a sanitizer's own memory. */
static bool
add_rest(void)
{
	char *rest = mmap(Memory + SIZE, BIG - SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
	    -1, 0);

	return rest == Memory + SIZE;
}

static void
remove_rest(void)
{
	assert_int_equal(munmap(Memory + SIZE, BIG - SIZE), 0);
}

static size_t First_size;

static void
make_grown(struct superblock *sb)
{
	sb->incompatible |= MEDIUM_GROWN;
	sb->nr_grown = 1;
	sb->first_size = First_size;
	sb->heap_off = ledger_end_off(sb->ledger_off, First_size);
}

static void
make_big(struct superblock *sb)
{
	First_size = SIZE;
	make_grown(sb);
	sb->size = BIG;
	sb->heap_end = BIG - DK_PAGE;
}

/* Parts that would lie over the records. */
static void
test_parts_without_room(void **state)
{
	static const size_t sizes[] = {0, DK_PAGE, 2 * DK_PAGE, 15 * DK_PAGE};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct restart_request request = {
		    .path = "memory",
		    .layout = "check",
		    .class_sizes = Size_classes.size,
		};
		struct restart *r;
		struct backing *b;

		make_heap();
		First_size = sizes[i];
		change_copy(0, make_grown);
		change_copy(LAST, make_grown);
		assert_int_equal(check_size(SIZE), 0);
		assert_int_equal(Result.superblock, COPY_DAMAGED);
		assert_non_null(strstr(Texts, "how it has grown cannot be"));
		assert_int_equal(
		    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b),
		    0);
		assert_int_equal(restart_open(b, &request, &r), -EUCLEAN);
		backing_close(b);
	}
}

struct stacks {
	size_t off, len;
};

static int
find_stacks(void *arg, const struct ledger *l, const struct ledger_unit *unit)
{
	struct stacks *stacks = arg;

	(void)l;
	if (unit->type == LEDGER_STACKS)
		*stacks = (struct stacks){unit->off, unit->len};
	return 0;
}

static struct stacks
stacks_of_killed(void)
{
	struct stacks stacks = {0, 0};
	struct check_request request = {
	    .path = "memory",
	    .class_sizes = Size_classes.size,
	    .faults = {collect, NULL},
	    .visit = find_stacks,
	    .arg = &stacks,
	};
	struct backing *b;

	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(check_run(b, &request, &Result), 0);
	backing_close(b);
	assert_true(stacks.off != 0);
	return stacks;
}

/* The records of the second part are lost, and a cache had a block of it. */
static void
test_cached_blocks_of_a_part_that_is_lost(void **state)
{
	struct check_request request = {
	    .path = "memory",
	    .class_sizes = Size_classes.size,
	    .faults = {collect, NULL},
	};
	struct backing *b;

	(void)state;
	make_killed_heap();
	size_t off = stacks_of_killed().off;
	struct medium_stacks *stacks = (void *)(Memory + off);
	size_t nr_cached = Result.nr_cached;
	assert_int_equal(stacks->items[200], 0);
	stacks->items[200] = (uintptr_t)Memory + BIG - MIB;
	if (!add_rest())
		skip();
	change_copy(0, make_big);
	memcpy(Memory + BIG - DK_PAGE, Memory, DK_PAGE);
	assert_int_equal(
	    backing_mapping_open(Memory, BIG, BACKING_PERSISTENT, &b), 0);
	assert_int_equal(check_run(b, &request, &Result), 0);
	backing_close(b);
	assert_int_equal(Result.nr_faults, 1);
	assert_non_null(strstr(Texts, "the end of part 1"));
	assert_int_equal(Result.nr_cached, nr_cached);
	remove_rest();
}

/* In a file, an extent for stacks that is nearly all hole: nothing of that is
 * read, as it would be a long time, and is space on tmpfs. */
#define SPARSE (64 * MIB)

static char Path[PATH_MAX];

static void
kill_with_a_cache(void)
{
	struct daxkind_region *region;
	memkind_t kind;
	int status;

	/* At the fork no thread of the library: this program has no handler. */
	assert_int_equal(reclaimer_set(false, NULL), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (daxkind_region_open_durable(
			Path, SPARSE, "check", DAXKIND_CREATE, &region) < 0 ||
		    daxkind_kind_create(region, &kind) < 0)
			_exit(1);
		char *large = memkind_malloc(kind, SPARSE / 4 * 3);
		void *small = memkind_malloc(kind, 8);
		if (large == NULL || small == NULL)
			_exit(1);
		large[0] = 1;
		memkind_free(kind, small);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

struct found_extent {
	size_t word_off, off, len;
};

static int
find_extent(void *arg, const struct ledger *l, const struct ledger_unit *unit)
{
	if (unit->type == LEDGER_EXTENT)
		*(struct found_extent *)arg = (struct found_extent){
		    ledger_word_off(l, unit->off), unit->off, unit->len};
	return 0;
}

static void
check_file(struct found_extent *extent)
{
	struct backing_request open = {
	    .path = Path, .flags = BACKING_READ_ONLY | BACKING_KEEP};
	struct check_request request = {
	    .path = Path,
	    .class_sizes = Size_classes.size,
	    .faults = {collect, NULL},
	    .visit = find_extent,
	    .arg = extent,
	};
	struct backing *b;

	Texts[0] = '\0';
	assert_int_equal(
	    backing_open(backing_class_of(DAX_PLACE_FILE), &open, &b), 0);
	assert_int_equal(check_run(b, &request, &Result), 0);
	backing_close(b);
}

static size_t
nr_resident(int fd)
{
	static unsigned char pages[SPARSE / DK_PAGE];
	void *at = mmap(NULL, SPARSE, PROT_READ, MAP_SHARED, fd, 0);
	size_t nr = 0;

	assert_true(at != MAP_FAILED);
	assert_int_equal(mincore(at, SPARSE, pages), 0);
	assert_int_equal(munmap(at, SPARSE), 0);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		nr += pages[i] & 1;
	return nr;
}

static void
test_sparse_stacks_are_not_read(void **state)
{
	struct daxkind_region *region;
	struct found_extent extent = {0, 0, 0};

	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("sparse"));
	(void)unlink(Path);
	kill_with_a_cache();
	check_file(&extent);
	assert_string_equal(Texts, "");
	size_t nr_cached = Result.nr_cached;
	assert_true(nr_cached > 0);
	assert_int_equal(extent.len, SPARSE / 4 * 3);
	int fd = open(Path, O_RDWR);
	assert_true(fd >= 0);
	uint64_t word = extent.len / DK_PAGE | EXTENT_STACKS;
	assert_int_equal(
	    pwrite(fd, &word, sizeof(word), (off_t)extent.word_off),
	    sizeof(word));
	assert_int_equal(
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		(off_t)(extent.off + DK_PAGE), (off_t)(extent.len - DK_PAGE)),
	    0);
	check_file(&extent);
	assert_string_equal(Texts, "");
	assert_int_equal(Result.nr_extents, 0);
	assert_int_equal(Result.nr_cached, nr_cached);
	assert_true(nr_resident(fd) < SPARSE / 4 / DK_PAGE);
	assert_int_equal(
	    daxkind_region_open_durable(Path, 0, "check", 0, &region), 0);
	assert_true(nr_resident(fd) < SPARSE / 4 / DK_PAGE);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(Path), 0);
}

/* The page map would have a small block there. */
static void
test_an_extent_without_a_word(void **state)
{
	struct found_extent extent = {0, 0, 0};
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("huge"));
	(void)unlink(Path);
	if (daxkind_region_open_durable(
		Path, 3 * BIG, "check", DAXKIND_CREATE, &region) < 0)
		skip(); /* for this file system, or the address space */
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	assert_non_null(memkind_malloc(kind, MIB));
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
	check_file(&extent);
	assert_string_equal(Texts, "");
	int fd = open(Path, O_RDWR);
	assert_true(fd >= 0);
	for (uint64_t more = 0; more < 2; more++) {
		uint64_t word = MEDIUM_EXTENT_PAGES_MAX + more;

		assert_int_equal(
		    pwrite(fd, &word, sizeof(word), (off_t)extent.word_off),
		    sizeof(word));
		check_file(&extent);
		assert_int_equal(Result.nr_faults, more);
		assert_int_equal(Result.nr_extents, 1 - more);
	}
	assert_non_null(strstr(Texts, "not inside of the heap"));
	assert_int_equal(
	    daxkind_region_open_durable(Path, 0, "check", 0, &region),
	    -EUCLEAN);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(Path), 0);
}

/* --- want of memory -------------------------------------------------------------------- */

static void
test_failures(void **state)
{
	static const char *const calls[] = {"os_new", "os_map_anon"};
	size_t nr_failed = 0;

	(void)state;
	make_killed_heap();
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		for (unsigned nth = 1;; nth++) {
			mock_os_fail_nth_of(calls[i], nth, ENOMEM);
			struct check_request request = {
			    .path = "memory",
			    .class_sizes = Size_classes.size,
			    .faults = {collect, NULL},
			};
			struct backing *b;

			int rc = backing_mapping_open(
			    Memory, SIZE, BACKING_PERSISTENT, &b);
			if (rc == 0) {
				rc = check_run(b, &request, &Result);
				backing_close(b);
			}
			mock_os_reset();
			if (rc == 0)
				break;
			assert_int_equal(rc, -ENOMEM);
			nr_failed++;
		}
	}
	assert_true(nr_failed >= 4);
	assert_sound();
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_closed_heap_is_sound),
	    UNIT(test_a_killed_heap_is_sound),
	    UNIT(test_one_superblock),
	    UNIT(test_both_superblocks),
	    UNIT(test_what_is_no_heap_of_this_library),
	    UNIT(test_a_heap_that_was_cut),
	    UNIT(test_after_a_reset_pages_are_not_trusted),
	    UNIT(test_the_ledger),
	    UNIT(test_several_faults),
	    UNIT(test_roots),
	    UNIT(test_parts_without_room),
	    UNIT(test_cached_blocks_of_a_part_that_is_lost),
	    UNIT(test_sparse_stacks_are_not_read),
	    UNIT(test_an_extent_without_a_word),
	    UNIT(test_failures),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
