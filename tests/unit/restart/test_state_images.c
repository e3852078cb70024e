// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_state_images.c -- what a reset leaves of a durable heap while it is
 * formatted, while its superblocks are written, and while it is closed.
 *
 * As in test_crash_images.c, a recorder knows what is surely on the medium, and
 * makes images of what could be there at each fence: by lines, where stores are
 * flushed, or by pages, where msync(2) writes them.  Here all of the medium
 * counts, with the content of blocks.
 */
#include "../../support/cmocka_all.h"

#include "../../support/mock_os.h"
#include "../../support/test_region.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "base/error.h"
#include "base/util.h"
#include "heap/heap.h"
#include "region/backing.h"
#include "region/flush.h"
#include "region/region.h"
#include "restart/restart.h"
#include "restart/superblock_copies.h"

#define SIZE MIB
#define LAST (SIZE - DK_PAGE) /* where the copy of the superblock is */
enum {
	LINE = 64,
	NR_LINES = SIZE / LINE,
	NR_BLOCKS = 30,
	MAX_SINGLE = 600, /* each of so many is left out once, and alone once */
	MAX_SUBSETS = 256, /* all of them, where there are no more */
	NR_RANDOM = 40
};

/* --- the medium ------------------------------------------------------------------- */

static char *Memory;         /* where backing is not open */
static struct backing *Live; /* that is written to; it may be moved */
static char Medium[SIZE];    /* what is surely durable */
static char *Image;          /* mapped: it is opened */
static size_t Unit;          /* bytes that reach the medium together */
static bool Is_flushed[NR_LINES];
static bool Is_recording;
static void (*Judge)(void);
static unsigned Nr_fences, Nr_images;
static size_t Dirty[NR_LINES], Nr_dirty; /* units */
static uint64_t Random = 88172645463325252u;

static uint64_t
next_random(void)
{
	Random ^= Random << 13;
	Random ^= Random >> 7;
	Random ^= Random << 17;
	return Random;
}

static char *
live(void)
{
	return Live != NULL ? Live->base : Memory;
}

static void
find_dirty(void)
{
	Nr_dirty = 0;
	for (size_t i = 0; i < SIZE / Unit; i++) {
		if (memcmp(live() + i * Unit, Medium + i * Unit, Unit) != 0)
			Dirty[Nr_dirty++] = i;
	}
}

static void
add(size_t i)
{
	memcpy(Image + Dirty[i] * Unit, live() + Dirty[i] * Unit, Unit);
}

/* The image with those units that are chosen by a bit of mask, at most 64, or by
 * one number: all but that, or that alone. */
enum choice {
	BY_MASK,
	ALL_BUT,
	ALONE
};

static void
make_image(enum choice choice, uint64_t which)
{
	memcpy(Image, Medium, SIZE);
	for (size_t i = 0; i < Nr_dirty; i++) {
		bool is_in = choice == BY_MASK   ? (which >> i % 64 & 1) != 0
			     : choice == ALL_BUT ? i != which
						 : i == which;

		if (is_in)
			add(i);
	}
	Judge();
	Nr_images++;
}

static void
make_images(void)
{
	find_dirty();
	make_image(BY_MASK, 0);
	make_image(BY_MASK, UINT64_MAX);
	if (Nr_dirty < 64 && UINT64_C(1) << Nr_dirty <= MAX_SUBSETS) {
		for (uint64_t mask = 1; mask < UINT64_C(1) << Nr_dirty; mask++)
			make_image(BY_MASK, mask);
		return;
	}
	for (size_t i = 0; i < Nr_dirty && i < MAX_SINGLE; i++) {
		make_image(ALL_BUT, i);
		make_image(ALONE, i);
	}
	for (size_t i = 0; i < NR_RANDOM; i++)
		make_image(BY_MASK, next_random());
}

static void
judge_images(void)
{
	bool was_recording = Is_recording;

	Is_recording = false; /* of the images themselves */
	make_images();
	Is_recording = was_recording;
}

static int
record_flush(const void *addr, size_t len)
{
	size_t off = (size_t)((const char *)addr - live());

	for (size_t i = off / LINE;
	     Is_recording && len > 0 && i <= (off + len - 1) / LINE; i++)
		Is_flushed[i] = true;
	return 0;
}

static void
record_drain(void)
{
	if (!Is_recording)
		return;
	judge_images();
	for (size_t i = 0; i < NR_LINES; i++) {
		if (Is_flushed[i])
			memcpy(Medium + i * LINE, live() + i * LINE, LINE);
		Is_flushed[i] = false;
	}
	Nr_fences++;
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

/* In the place of a flush and its fence, where pages are the granularity. */
static void
record_msync(void *addr, size_t len)
{
	if (!Is_recording)
		return;
	judge_images();
	size_t off = (size_t)((char *)addr - live());
	memcpy(Medium + off, live() + off, len);
	Nr_fences++;
}

/* What was stored until now is durable. */
static void
begin_recording(size_t unit, void (*judge)(void))
{
	Unit = unit;
	Judge = judge;
	Nr_fences = 0;
	Nr_images = 0;
	memcpy(Medium, live(), SIZE);
	memset(Is_flushed, 0, sizeof(Is_flushed));
	mock_os_call_at_msync(record_msync);
	Is_recording = true;
}

/* What comes next may find all that was not fenced, or none of it. */
static void
end_recording(void)
{
	judge_images();
	Is_recording = false;
	mock_os_reset();
	print_message("%u images at %u fences\n", Nr_images, Nr_fences);
}

/* --- a heap ---------------------------------------------------------------------------- */

static struct daxkind_region *Region;
static struct heap *Heap;
static struct slot {
	size_t off, size;
} Blocks[NR_BLOCKS];
static const char Root[] = "root";

static char *
map(void)
{
	char *at = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static int
setup(void **state)
{
	(void)state;
	mock_os_reset();
	Memory = map();
	Image = map();
	memset(Memory, 0xa5, SIZE); /* of a device: anything */
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	mock_os_reset();
	assert_int_equal(munmap(Memory, SIZE), 0);
	assert_int_equal(munmap(Image, SIZE), 0);
	return 0;
}

static int
open_at(char **at, unsigned backing_flags, unsigned flags, struct backing **b,
    struct restart **r)
{
	struct restart_request request = {
	    .path = "memory",
	    .layout = "images",
	    .flags = flags,
	    .class_sizes = Size_classes.size,
	};

	error_clear();
	assert_int_equal(backing_mapping_open(*at, SIZE, backing_flags, b), 0);
	int rc = restart_open(*b, &request, r);
	*at = (*b)->base; /* it was moved */
	if (rc < 0)
		backing_close(*b);
	return rc;
}

/* From the backing on: Live is it. */
static void
format(unsigned backing_flags)
{
	struct restart_request request = {
	    .path = "memory",
	    .layout = "images",
	    .flags = RESTART_OVERWRITE,
	    .class_sizes = Size_classes.size,
	};
	struct restart *r;

	assert_int_equal(
	    backing_mapping_open(Memory, SIZE, backing_flags, &Live), 0);
	if (Live->granularity != FLUSH_PAGE)
		flush_set_ops(Live->granularity, &Recorder);
	if (restart_open(Live, &request, &r) < 0)
		fail_msg("%s", error_text());
	assert_int_equal(region_open(Live, Live->base, Live->size, &Region), 0);
	assert_int_equal(restart_adopt(r, Region), 0);
	assert_int_equal(restart_begin(r), 0);
	Region->restart = r;
}

static void
fill(void)
{
	assert_int_equal(heap_new(Region, &Heap), 0);
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		size_t size = i % 7 == 0 ? 20000 : 10 + i * 40;
		char *block = heap_alloc(Heap, size, 0, false);

		assert_non_null(block);
		memset(block, 'a' + (int)i, size);
		Blocks[i] = (struct slot){(size_t)(block - live()), size};
	}
	assert_int_equal(
	    roots_set(&Region->restart->roots, Root, Blocks[3].off), 0);
	heap_free_all(Heap);
}

static void
close_live(void)
{
	enum flush_granularity granularity = Live->granularity;

	Memory = Live->base;
	region_close(Region); /* and the backing */
	Live = NULL;
	if (granularity != FLUSH_PAGE)
		flush_set_ops(granularity, NULL);
}

static bool
has_content(const char *at)
{
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		for (size_t j = 0; j < Blocks[i].size; j++) {
			if (at[Blocks[i].off + j] != (char)('a' + (int)i))
				return false;
		}
	}
	return true;
}

/* --- formatting --------------------------------------------------------------------------- */

static uint8_t Old_uuid[MEDIUM_UUID_SIZE];
static unsigned Nr_old, Nr_new, Nr_neither;

/* There is the old heap with all that it had, or the new one, empty; or neither,
 * which only who says that it may be overwritten opens. */
static void
judge_format(void)
{
	struct restart *r;
	struct backing *b;
	int rc = open_at(&Image, BACKING_PERSISTENT, RESTART_RELOCATE, &b, &r);

	if (rc == -EEXIST ||
	    (rc == -EUCLEAN && strstr(error_text(), "superblocks") != NULL)) {
		Nr_neither++;
		return;
	}
	if (rc < 0)
		fail_msg("image %u: %s", Nr_images, error_text());
	if (memcmp(r->sb.uuid, Old_uuid, sizeof(Old_uuid)) == 0) {
		assert_int_equal(r->how, RESTART_HOW_CLEAN);
		assert_int_equal(r->nr_blocks, NR_BLOCKS);
		assert_int_equal(roots_find(&r->roots, Root), Blocks[3].off);
		Nr_old++;
	} else {
		char name[MEDIUM_NAME_SIZE];

		assert_int_equal(r->nr_blocks, 0);
		for (size_t i = 0; i < MEDIUM_ROOTS; i++)
			assert_int_equal(roots_at(&r->roots, i, name), 0);
		Nr_new++;
	}
	restart_abandon(r);
	backing_close(b);
}

static void
test_a_format_leaves_the_old_heap_or_the_new_one(void **state)
{
	(void)state;
	format(BACKING_PERSISTENT);
	fill();
	memcpy(Old_uuid, Region->restart->sb.uuid, sizeof(Old_uuid));
	assert_int_equal(restart_close(Region->restart, true), 0);
	close_live();
	begin_recording(LINE, judge_format);
	format(BACKING_PERSISTENT);
	unsigned nr_new = Nr_new;
	Nr_old = 0;
	Nr_neither = 0;
	end_recording();
	assert_true(nr_new > 0);
	/* It is there, whatever is lost now. */
	assert_int_equal(Nr_old + Nr_neither, 0);
	restart_abandon(Region->restart);
	close_live();
}

/* --- the two copies of a superblock ----------------------------------------------------------- */

static uint64_t Floor; /* a sequence that is surely there */

static void
judge_superblock(void)
{
	struct superblock sb;
	struct backing *b;

	error_clear();
	assert_int_equal(
	    backing_mapping_open(Image, SIZE, BACKING_PERSISTENT, &b), 0);
	if (superblock_read(b, "image", &sb) < 0)
		fail_msg("image %u: %s", Nr_images, error_text());
	assert_true(sb.sequence >= Floor);
	backing_close(b);
}

/* What an earlier writing, which was cut short, left of either copy. */
enum before {
	BOTH_ARE_THERE,
	FIRST_IS_OLDER,
	LAST_IS_OLDER,
	FIRST_IS_DAMAGED,
	LAST_IS_DAMAGED,
	NR_BEFORE
};

static void
leave(enum before before, const char *older)
{
	switch (before) {
	case FIRST_IS_OLDER:
		memcpy(live(), older, DK_PAGE);
		break;
	case LAST_IS_OLDER:
		memcpy(live() + LAST, older, DK_PAGE);
		break;
	case FIRST_IS_DAMAGED:
		live()[100] ^= 1;
		break;
	case LAST_IS_DAMAGED:
		live()[LAST + 100] ^= 1;
		break;
	case BOTH_ARE_THERE:
	case NR_BEFORE:
	default:
		break;
	}
}

static void
test_one_copy_of_the_superblock_is_whole(void **state)
{
	static char older[DK_PAGE];
	struct superblock sb;

	(void)state;
	format(BACKING_PERSISTENT);
	for (enum before before = 0; before < NR_BEFORE; before++) {
		memcpy(older, live(), DK_PAGE);
		assert_int_equal(superblock_read(Live, "memory", &sb), 0);
		assert_int_equal(
		    superblock_write(&Region->restart->ledger, &sb), 0);
		leave(before, older);
		Floor = sb.sequence;
		begin_recording(LINE, judge_superblock);
		sb.generation += 1000;
		sb.state = MEDIUM_CLOSED;
		assert_int_equal(
		    superblock_write(&Region->restart->ledger, &sb), 0);
		assert_int_equal(sb.sequence, Floor + 1);
		Floor = sb.sequence; /* it is durable */
		end_recording();
		assert_memory_equal(live(), live() + LAST, DK_PAGE);
	}
	restart_abandon(Region->restart);
	close_live();
}

/* --- closing ------------------------------------------------------------------------------- */

static unsigned Nr_clean;

static void
forget_boot(char *at)
{
	union superblock_copy copy;

	memcpy(&copy, at, sizeof(copy));
	memset(copy.sb.boot, 0, sizeof(copy.sb.boot));
	copy.sb.crc = 0;
	copy.sb.crc =
	    (uint32_t)crc32(crc32(0, NULL, 0), copy.bytes, sizeof(copy));
	memcpy(at, &copy, sizeof(copy));
}

/* It is refused after the reset, or all is there, the content too. */
static void
judge_close(void)
{
	struct restart *r;
	struct backing *b;

	forget_boot(Image);
	forget_boot(Image + LAST);
	int rc = open_at(&Image, 0, RESTART_RELOCATE, &b, &r);
	if (rc < 0) {
		assert_int_equal(rc, -EUCLEAN);
		assert_non_null(strstr(error_text(), "not closed"));
		return;
	}
	assert_int_equal(r->how, RESTART_HOW_CLEAN);
	assert_int_equal(r->nr_blocks, NR_BLOCKS);
	assert_int_equal(roots_find(&r->roots, Root), Blocks[3].off);
	assert_true(has_content(Image));
	Nr_clean++;
	restart_abandon(r);
	backing_close(b);
}

static void
test_what_says_that_it_is_closed_is_whole(void **state)
{
	(void)state;
	format(0);
	begin_recording(DK_PAGE, judge_close);
	Is_recording = false; /* nothing that a block needs is synced */
	fill();
	Is_recording = true;
	Nr_clean = 0;
	assert_int_equal(restart_close(Region->restart, true), 0);
	unsigned nr_clean = Nr_clean, nr_images = Nr_images;
	assert_true(nr_clean > 0);
	end_recording();
	/* It is, whatever is lost now. */
	assert_int_equal(Nr_clean - nr_clean, Nr_images - nr_images);
	close_live();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_a_format_leaves_the_old_heap_or_the_new_one, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		test_one_copy_of_the_superblock_is_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_what_says_that_it_is_closed_is_whole, setup, teardown),
	};

	return cmocka_run_group_tests_name("state_images", tests, NULL, NULL);
}
