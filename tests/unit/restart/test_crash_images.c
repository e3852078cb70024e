// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_crash_images.c -- what a reset leaves of a durable heap, at each fence.
 *
 * The flushes of a heap go to a recorder, which knows what is surely on the
 * medium.  Before each fence, what was stored since may be there or not, line by
 * line: of that the recorder makes images, as they could be found after a reset:
 * nothing of it, all, one line alone, all but one, and parts by chance.  Each
 * image passes daxkind check, opens, and has each block that was handed out and not
 * freed.  What else it has is not more than what the caches had room for, and what
 * one call is at.  A heap that is growing has its old size, or the new one.
 *
 * Now and then the image is the memory itself, as a kill leaves it: then what was
 * in caches is free, too.
 *
 * DAXKIND_TEST_IMAGES is how many.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/cache_limits.h"
#include "heap/heap.h"
#include "heap/heap_trace.h"
#include "region/backing.h"
#include "region/flush.h"
#include "region/region.h"
#include "restart/restart.h"
#include "restart/superblock_copies.h"

#define SIZE (4 * MIB)
#define LINE 64
enum {
	NR_LINES = SIZE / LINE,
	NR_SLOTS = 2000,
	PHASE_STEPS = 1000,
	TRACE_STEPS = 150,
	KILL_FENCES = 16, /* of so many, one is a kill, too */
	MAX_ROOTS = 4,
	MAX_DIRTY = 4096,
	NR_RANDOM = 6 /* parts by chance, for each fence */
};

/* --- the medium ------------------------------------------------------------------- */

static char *Memory;              /* what the heap works on */
static char Medium[SIZE];         /* what is surely durable */
static bool Is_flushed[NR_LINES]; /* since the last fence */
static char *Image;               /* mapped: it is opened */
static bool Is_recording;
static unsigned long Nr_images, Max_images, Nr_fences;
static uint64_t Random = 88172645463325252u;

static uint64_t
next_random(void)
{
	Random ^= Random << 13;
	Random ^= Random >> 7;
	Random ^= Random << 17;
	return Random;
}

/*
 * Parts that the library stores to: what is fixed with the ledger, the copy of the
 * superblock, and where the bits of small blocks can be.  All else is the
 * program's.
 */
enum {
	FIXED_LEN = 48 << 10,
	BITS_LEN = 256, /* of each chunk */
	/* Of a heap that has grown: the old copy, and lines. */
	GROWN_OFF = SIZE / 2 - DK_PAGE,
	GROWN_LEN = DK_PAGE + SIZE / 2 / MEDIUM_CHUNK * MEDIUM_LINE
};

/* Of the stacks of the only cache, what is not in the middle of their pages. */
static size_t Stacks_off = SIZE;

static bool Has_grown, Is_growing;
static unsigned long Nr_old, Nr_grown; /* images of a heap of that size */

static bool
is_the_librarys(size_t off)
{
	return off < FIXED_LEN || off >= SIZE - DK_PAGE ||
	       off % MEDIUM_CHUNK < BITS_LEN || off - Stacks_off < 2 * LINE ||
	       (Has_grown && off >= GROWN_OFF && off < GROWN_OFF + GROWN_LEN);
}

/* --- what was acknowledged ---------------------------------------------------------- */

struct slot {
	char *ptr;
	size_t size;
	bool is_uncertain; /* being freed or moved now */
};

static struct daxkind_region *Region;
static struct heap *Heap;
static struct slot Slots[NR_SLOTS];
/* What a call is about to hand out, at most, and what a trace is about to free. */
static size_t In_hand, Garbage, Nr_garbage;
static struct slot Roots[MAX_ROOTS]; /* ptr is what it is set to */

static const char Layout[] = "images";

/* --- judging an image ---------------------------------------------------------------- */

/* Another boot: what stood in stacks is not believed. */
static void
forget_boot(char *at)
{
	union superblock_copy copy;

	memcpy(&copy, at, sizeof(copy));
	uint32_t crc = copy.sb.crc;
	copy.sb.crc = 0;
	if (crc != crc32(crc32(0, NULL, 0), copy.bytes, sizeof(copy)))
		return;
	memset(copy.sb.boot, 0, sizeof(copy.sb.boot));
	copy.sb.crc =
	    (uint32_t)crc32(crc32(0, NULL, 0), copy.bytes, sizeof(copy));
	memcpy(at, &copy, sizeof(copy));
}

struct found {
	bool is_start[SIZE / 8]; /* of a block, by offset */
	/* In the image with nothing, or in that with all: none else has more. */
	bool may_start[SIZE / 8];
	uint32_t len[SIZE / 8];
	size_t nr, bytes;
	struct ledger *ledger;
	bool is_base; /* this is one of those two */
};

static struct found Found;

static int
note_block(void *arg, void *block, size_t usable)
{
	size_t off = (size_t)((char *)block - Image) / 8;

	(void)arg;
	if (Found.is_base)
		Found.may_start[off] = true;
	else if (!Found.may_start[off])
		fail_msg("image %lu: there never was a block at offset %zu",
		    Nr_images, off * 8);
	Found.is_start[off] = true;
	Found.len[off] = (uint32_t)usable;
	Found.nr++;
	Found.bytes += usable;
	return 0;
}

static int
note_unit(void *arg, const struct ledger_unit *unit)
{
	if (unit->type == LEDGER_SLAB)
		return ledger_walk_slab(Found.ledger, unit, note_block, arg);
	return note_block(arg, Image + unit->off, unit->len);
}

static void
check_slots(void)
{
	for (size_t i = 0; i < NR_SLOTS; i++) {
		const struct slot *s = &Slots[i];

		if (s->ptr == NULL || s->is_uncertain)
			continue;
		size_t off = (size_t)(s->ptr - Memory);
		if (!Found.is_start[off / 8] || Found.len[off / 8] < s->size)
			fail_msg("image %lu: the block of %zu bytes at offset "
				 "%zu is lost",
			    Nr_images, s->size, off);
	}
}

/* Bytes that the only cache has room for. */
static size_t
room_in_cache(void)
{
	size_t room = 0;

	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		room +=
		    cache_limits_bin(&Heap->caches, i) * Size_classes.size[i];
	return room;
}

static void
check_leaks(const struct restart *r)
{
	size_t nr = Found.nr, bytes = Found.bytes;

	for (size_t i = 0; i < NR_SLOTS; i++) {
		const struct slot *s = &Slots[i];
		size_t off = (size_t)(s->ptr - Memory);

		if (s->ptr != NULL && Found.is_start[off / 8]) {
			nr--;
			bytes -= Found.len[off / 8];
		}
	}
	if (bytes > In_hand + Garbage + r->cached_max)
		fail_msg("image %lu: %zu bytes have leaked, of %zu in caches",
		    Nr_images, bytes, r->cached_max);
	if (Stacks_off < SIZE)
		assert_true(r->cached_max <= room_in_cache());
	if (r->how == RESTART_HOW_CRASH) {
		assert_int_equal(r->cached_max, 0);
		assert_true(nr <= Nr_garbage + (In_hand > 0));
	}
}

/* Without the lock of roots_find(): the thread is inside of others here. */
static size_t
root_of(const struct restart *r, const char *name)
{
	for (size_t i = 0; i < MEDIUM_ROOTS; i++) {
		size_t off = atomic_load(&r->roots.table[i].off);

		if (off != 0 && strcmp(r->roots.table[i].name, name) == 0)
			return off;
	}
	return 0;
}

static void
check_roots(const struct restart *r)
{
	for (size_t i = 0; i < MAX_ROOTS; i++) {
		char name[] = {(char)('a' + i), '\0'};
		size_t want =
		    Roots[i].ptr != NULL ? (size_t)(Roots[i].ptr - Memory) : 0;

		if (!Roots[i].is_uncertain)
			assert_int_equal(root_of(r, name), want);
	}
}

static int
fail_for(void *arg, size_t off, const char *text)
{
	(void)arg;
	fail_msg("image %lu: at offset %zu: %s", Nr_images, off, text);
	return 0;
}

/* As daxkind check does it: opening repairs what it may. */
static void
check_image(struct backing *b)
{
	static struct check_result Result;
	struct check_request request = {
	    .path = "image",
	    .class_sizes = Size_classes.size,
	    .faults = {fail_for, NULL},
	};

	if (check_run(b, &request, &Result) < 0)
		fail_msg("image %lu: %s", Nr_images, error_text());
	assert_true(Result.has_ledger);
}

static size_t
find_size(struct backing *b)
{
	struct superblock sb;

	if (superblock_read(b, "image", &sb) < 0)
		fail_msg("image %lu has no superblock", Nr_images);
	Nr_old += sb.size == SIZE / 2;
	Nr_grown += sb.size == SIZE;
	assert_true(sb.size == SIZE / 2 || sb.size == SIZE);
	return sb.size;
}

static void
judge(enum restart_how how)
{
	struct restart_request request = {
	    .path = "image",
	    .layout = Layout,
	    .flags = RESTART_RELOCATE,
	    .class_sizes = Size_classes.size,
	};
	struct restart *r;
	struct backing *b;

	if (how == RESTART_HOW_POWER) {
		forget_boot(Image);
		forget_boot(Image + SIZE - DK_PAGE);
		if (Has_grown)
			forget_boot(Image + GROWN_OFF);
	}
	assert_int_equal(
	    backing_mapping_open(Image, SIZE, BACKING_PERSISTENT, &b), 0);
	/* What is damaged of a superblock is told. */
	if (!Is_growing)
		check_image(b);
	/* Every second one of the old size stays as it is. */
	if (Has_grown && find_size(b) == SIZE / 2 && Nr_images % 2 == 0)
		request.size = SIZE / 2;
	if (restart_open(b, &request, &r) < 0)
		fail_msg(
		    "image %lu does not open: %s", Nr_images, error_text());
	Image = b->base; /* it was moved */
	/* It was closed before it grew. */
	if (!Is_growing || r->how != RESTART_HOW_CLEAN)
		assert_int_equal(r->how, how);
	memset(Found.is_start, 0, sizeof(Found.is_start));
	Found.nr = 0;
	Found.bytes = 0;
	Found.ledger = &r->ledger;
	assert_int_equal(ledger_walk(&r->ledger, note_unit, NULL), 0);
	check_slots();
	check_leaks(r);
	check_roots(r);
	restart_abandon(r);
	backing_close(b);
	Nr_images++;
}

/* --- the recorder ----------------------------------------------------------------------- */

static const struct flush_ops Recorder;

static size_t Dirty[MAX_DIRTY], Nr_dirty;

static void
find_dirty(void)
{
	Nr_dirty = 0;
	for (size_t i = 0; i < NR_LINES && Nr_dirty < MAX_DIRTY; i++) {
		if (!is_the_librarys(i * LINE))
			continue;
		if (memcmp(Memory + i * LINE, Medium + i * LINE, LINE) != 0)
			Dirty[Nr_dirty++] = i;
	}
}

static void
begin_image(void)
{
	memcpy(Image, Medium, FIXED_LEN);
	for (size_t off = 0; off < SIZE; off += MEDIUM_CHUNK)
		memcpy(Image + off, Medium + off, BITS_LEN);
	memcpy(Image + SIZE - DK_PAGE, Medium + SIZE - DK_PAGE, DK_PAGE);
	if (Stacks_off < SIZE)
		memcpy(Image + Stacks_off, Medium + Stacks_off, 2 * LINE);
	if (Has_grown)
		memcpy(Image + GROWN_OFF, Medium + GROWN_OFF, GROWN_LEN);
}

static void
add_line(size_t i)
{
	memcpy(Image + i * LINE, Memory + i * LINE, LINE);
}

static void
find_stacks(void)
{
	const struct thread_cache *c = Heap != NULL ? Heap->caches.list : NULL;

	Stacks_off = c != NULL && c->stacks != NULL
			 ? (size_t)((char *)c->stacks - Memory)
			 : SIZE;
}

static void
make_images(void)
{
	find_stacks();
	find_dirty();
	memset(Found.may_start, 0, sizeof(Found.may_start));
	Found.is_base = true;
	begin_image();
	judge(RESTART_HOW_POWER);
	begin_image();
	for (size_t i = 0; i < Nr_dirty; i++)
		add_line(Dirty[i]);
	judge(RESTART_HOW_POWER);
	if (Nr_fences % KILL_FENCES == 0) {
		memcpy(Image, Memory, SIZE);
		judge(RESTART_HOW_CRASH);
	}
	Found.is_base = false;
	for (size_t k = 0; k < Nr_dirty && k < 8 && Nr_dirty > 1; k++) {
		size_t one = Dirty[next_random() % Nr_dirty];

		begin_image();
		add_line(one);
		judge(RESTART_HOW_POWER);
		begin_image();
		for (size_t i = 0; i < Nr_dirty; i++) {
			if (Dirty[i] != one)
				add_line(Dirty[i]);
		}
		judge(RESTART_HOW_POWER);
	}
	for (size_t k = 0; k < NR_RANDOM && Nr_dirty > 2; k++) {
		begin_image();
		for (size_t i = 0; i < Nr_dirty; i++) {
			if (next_random() % 2 == 0)
				add_line(Dirty[i]);
		}
		judge(RESTART_HOW_POWER);
	}
}

static int
record_flush(const void *addr, size_t len)
{
	size_t off = (size_t)((const char *)addr - Memory);

	if (!Is_recording || len == 0)
		return 0;
	for (size_t i = off / LINE; i <= (off + len - 1) / LINE; i++)
		Is_flushed[i] = true;
	return 0;
}

static void
record_drain(void)
{
	if (!Is_recording)
		return;
	Is_recording = false; /* of the images themselves */
	if (Nr_images < Max_images)
		make_images();
	for (size_t i = 0; i < NR_LINES; i++) {
		if (Is_flushed[i])
			memcpy(Medium + i * LINE, Memory + i * LINE, LINE);
		Is_flushed[i] = false;
	}
	Nr_fences++;
	Is_recording = true;
}

static int
record_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return record_flush(dst, len);
}

static int
record_set(void *dst, int c, size_t len)
{
	memset(dst, c, len);
	return record_flush(dst, len);
}

static const struct flush_ops Recorder = {
    record_flush, record_drain, record_copy, record_set};

/* --- the run -------------------------------------------------------------------------------- */

/* What is allocated in a phase: all sorts, or one until there is no room. */
enum phase {
	PHASE_TINY, /* of which a batch is in more than one line */
	PHASE_LARGE,
	PHASE_SMALL,
	PHASE_MIXED,
	NR_PHASES
};
static enum phase Phase;

static struct restart *
open_restart(struct backing *b, unsigned flags)
{
	struct restart_request request = {
	    .path = "memory",
	    .layout = Layout,
	    .flags = flags,
	    .class_sizes = Size_classes.size,
	};
	struct restart *r;

	if (restart_open(b, &request, &r) < 0)
		fail_msg("%s", error_text());
	return r;
}

static char *
map(size_t size)
{
	char *addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(addr != MAP_FAILED);
	memset(addr, 0xa5, size); /* of a device: anything */
	return addr;
}

static void
open_heap(size_t size, unsigned flags)
{
	struct backing *b;

	assert_int_equal(
	    backing_mapping_open(Memory, size, BACKING_PERSISTENT, &b), 0);
	flush_set_ops(b->granularity, &Recorder);
	struct restart *r = open_restart(b, flags);
	Memory = b->base; /* it was moved */
	if ((flags & RESTART_OVERWRITE) != 0)
		memcpy(Medium, Memory, size);
	assert_int_equal(region_open(b, b->base, b->size, &Region), 0);
	assert_int_equal(restart_adopt(r, Region), 0);
	assert_int_equal(restart_begin(r), 0);
	Region->restart = r;
	assert_int_equal(heap_new(Region, &Heap), 0);
}

static void
start(void)
{
	Memory = map(SIZE);
	Image = map(SIZE);
	open_heap(SIZE, RESTART_OVERWRITE);
	memcpy(Medium, Memory, SIZE);
	Is_recording = true;
}

/* A heap of half the memory has some blocks, and then grows over all of it. */
static void
start_small(void)
{
	Memory = map(SIZE / 2);
	Image = map(SIZE);
	open_heap(SIZE / 2, RESTART_OVERWRITE);
	for (size_t i = 0; i < 100; i++) {
		Slots[i].size = 10 + i * 100;
		Slots[i].ptr = heap_alloc(Heap, Slots[i].size, 0, false);
		assert_non_null(Slots[i].ptr);
	}
	heap_free_all(Heap);
	Heap = NULL;
	assert_int_equal(restart_close(Region->restart, true), 0);
	region_close(Region);
	/* Behind it is other content. */
	char *more = map(SIZE / 2);
	assert_ptr_equal(mremap(more, SIZE / 2, SIZE / 2,
			     MREMAP_MAYMOVE | MREMAP_FIXED, Memory + SIZE / 2),
	    Memory + SIZE / 2);
	memcpy(Medium, Memory, SIZE);
	Has_grown = Is_growing = true;
	Is_recording = true;
	open_heap(SIZE, 0);
	Is_growing = false;
}

static void
finish(void)
{
	Is_recording = false;
	heap_free_all(Heap);
	Heap = NULL;
	Stacks_off = SIZE;
	restart_abandon(Region->restart);
	enum flush_granularity granularity = Region->backing->granularity;
	region_close(Region);
	flush_set_ops(granularity, NULL);
	assert_int_equal(munmap(Memory, SIZE), 0);
	assert_int_equal(munmap(Image, SIZE), 0);
	memset(Slots, 0, sizeof(Slots));
	memset(Roots, 0, sizeof(Roots));
	Phase = PHASE_TINY;
}

static size_t
choose_size(void)
{
	uint64_t r = next_random();

	if (Phase == PHASE_LARGE)
		return 14337 + (r >> 8) % 100000;
	if (Phase == PHASE_TINY)
		return 1 + (r >> 8) % 8;
	switch (r % 6) {
	case 0:
		return 1 + (r >> 8) % 32; /* whose bits are in the slab */
	case 1:
	case 2:
		if (Phase == PHASE_MIXED)
			return 14337 + (r >> 8) % 60000;
		return 2000 + (r >> 8) % 12336;
	case 3:
		return 1 + (r >> 8) % 14336;
	default:
		return 33 + (r >> 8) % 400;
	}
}

static void
set_root(size_t i, char *ptr)
{
	char name[] = {(char)('a' + i), '\0'};

	Roots[i].is_uncertain = true;
	assert_int_equal(roots_set(&Region->restart->roots, name,
			     ptr != NULL ? (size_t)(ptr - Memory) : 0),
	    0);
	Roots[i].ptr = ptr;
	Roots[i].is_uncertain = false;
}

/* Unlink first. */
static void
unset_roots(const char *ptr)
{
	for (size_t i = 0; i < MAX_ROOTS; i++) {
		if (Roots[i].ptr == ptr && ptr != NULL)
			set_root(i, NULL);
	}
}

static void
free_slot(struct slot *s)
{
	unset_roots(s->ptr);
	s->is_uncertain = true;
	heap_free(Heap, s->ptr);
	s->ptr = NULL;
	s->is_uncertain = false;
}

static void
next_phase(void)
{
	Phase = (Phase + 1) % NR_PHASES;
	for (size_t i = 0; i < NR_SLOTS; i++) {
		if (Slots[i].ptr != NULL)
			free_slot(&Slots[i]);
	}
	/* From now on threads cache again. */
	atomic_store(&Heap->caches.reopen_countdown, 0);
}

/* A larger block may stand in. */
static void
set_in_hand(size_t size)
{
	In_hand = 2 * size + DK_PAGE;
}

/* Large blocks change their length where they are, too. */
static void
change(struct slot *s)
{
	size_t size = next_random() % 2 == 0 ? choose_size()
					     : s->size + next_random() % 20000;

	unset_roots(s->ptr);
	s->is_uncertain = true;
	set_in_hand(size);
	char *ptr = heap_resize(Heap, s->ptr, size);
	if (ptr != NULL) {
		s->ptr = ptr;
		s->size = size;
	}
	In_hand = 0;
	s->is_uncertain = false;
}

static int
mark_slots(void *arg, void *block, size_t usable, struct heap_trace *trace)
{
	bool *is_done = arg;

	(void)block;
	(void)usable;
	for (size_t i = 0; !*is_done && i < NR_SLOTS; i++)
		heap_trace_mark(trace, Slots[i].ptr);
	*is_done = true;
	return 0;
}

/* Blocks that nothing leads to any more are freed, and no others. */
static void
trace_the_rest(void)
{
	bool is_done = false;
	struct heap_trace_request request = {mark_slots, &is_done};
	struct heap_trace_result result;
	size_t nr_kept = 0, nr_lost = 0;

	for (size_t i = 0; i < MAX_ROOTS; i++)
		set_root(i, NULL);
	for (size_t i = 0; i < NR_SLOTS; i++) {
		struct slot *s = &Slots[i];

		if (s->ptr != NULL && nr_kept > 0 && next_random() % 4 == 0) {
			Garbage += heap_usable(Heap, s->ptr);
			Nr_garbage = ++nr_lost;
			s->ptr = NULL;
		} else if (s->ptr != NULL) {
			if (nr_kept++ == 0)
				set_root(0, s->ptr);
		}
	}
	assert_int_equal(heap_trace_run(Heap, &request, &result), 0);
	assert_int_equal(result.kept_blocks, nr_kept);
	assert_int_equal(result.freed_blocks, nr_lost);
	Garbage = 0;
	Nr_garbage = 0;
}

static void
step(void)
{
	struct slot *s = &Slots[next_random() % NR_SLOTS];
	uint64_t r = next_random() % 16;

	if (r == 0) {
		size_t i = next_random() % MAX_ROOTS;

		set_root(i, next_random() % 3 == 0 ? NULL : s->ptr);
	} else if (r == 1 && Phase != PHASE_TINY) {
		heap_purge(Heap); /* caches are closed for a while */
	} else if (s->ptr == NULL) {
		size_t size = choose_size();

		s->size = size;
		set_in_hand(size);
		s->ptr = heap_alloc(Heap, size, 0, r == 2);
		In_hand = 0;
		if (s->ptr == NULL)
			heap_purge(Heap);
	} else if (r < 6) {
		change(s);
	} else {
		free_slot(s);
	}
}

static void
run(unsigned long nr)
{
	Nr_images = 0;
	Nr_fences = 0;
	Max_images = nr;
	for (unsigned long i = 1; Nr_images < Max_images; i++) {
		/* Nothing is flushed, or there is no end of it. */
		assert_true(i < 100000 + Max_images);
		step();
		if (i % TRACE_STEPS == 0)
			trace_the_rest();
		if (i % PHASE_STEPS == 0)
			next_phase();
	}
	print_message("%lu images at %lu fences\n", Nr_images, Nr_fences);
}

static unsigned long
nr_images(void)
{
	const char *text = getenv("DAXKIND_TEST_IMAGES");

	return text != NULL ? strtoul(text, NULL, 10)
			    : (unsigned long)test_scaled(50000);
}

static void
test_each_image_has_what_was_handed_out(void **state)
{
	(void)state;
	Max_images = ULONG_MAX;
	start();
	run(nr_images());
	finish();
}

static void
test_a_heap_that_grows_has_one_of_its_sizes(void **state)
{
	(void)state;
	Nr_images = 0;
	Max_images = ULONG_MAX;
	start_small();
	print_message("%lu images of the old size, %lu of the new one\n",
	    Nr_old, Nr_grown);
	assert_true(Nr_old > 10 && Nr_grown > 10);
	/* And then it is a heap like any other. */
	run(nr_images() / 4);
	assert_true(Nr_old < Nr_grown);
	finish();
	Has_grown = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_image_has_what_was_handed_out),
	    cmocka_unit_test(test_a_heap_that_grows_has_one_of_its_sizes),
	};

	return cmocka_run_group_tests_name("crash_images", tests, NULL, NULL);
}
