// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_devdax_badblocks.c -- media errors of a devdax device: on an NVDIMM in
 * the region's list, as real hardware does; on each by the kernel's own
 * notice of a poisoned page, which there is of a whole huge page.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (16 * TEST_MIB)
#define OFFSET (8 * TEST_MIB)
#define HUGE_PAGE (2 * TEST_MIB)

static struct daxkind_region *Region;
static struct daxkind_region_info Info;
static memkind_t Kind;

static void
open_device(void)
{
	assert_int_equal(daxkind_region_open_devdax(
			     dax_env_path(), OFFSET, SIZE, 0, &Region),
	    0);
	assert_int_equal(daxkind_region_info(Region, &Info, sizeof(Info)), 0);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
}

static void
close_device(void)
{
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(Region), 0);
}

static struct daxkind_space
figures(void)
{
	struct daxkind_space space;

	assert_int_equal(
	    daxkind_region_space(Region, &space, sizeof(space)), 0);
	return space;
}

static size_t
check_fill(size_t size, const char *bad, size_t bad_len)
{
	struct block {
		struct block *next;
	} *last = NULL, *b;
	size_t nr = 0;

	while ((b = memkind_malloc(Kind, size)) != NULL) {
		assert_true(
		    (char *)b + size <= bad || (char *)b >= bad + bad_len);
		b->next = last;
		last = b;
		nr++;
	}
	while (last != NULL) {
		b = last;
		last = b->next;
		memkind_free(Kind, b);
	}
	return nr;
}

/* No way to do that on memmap= regions. */
static void
test_known_bad_blocks_are_never_handed_out(void **state)
{
	size_t bad_off = 5 * TEST_MIB + 3 * TEST_PAGE;

	(void)state;
	if (!dax_env_is_kind("nvdimm"))
		return;
	/* one before, one inside, one behind the region */
	dax_env_poison(dax_env_path(), OFFSET - TEST_PAGE);
	dax_env_poison(dax_env_path(), OFFSET + bad_off);
	dax_env_poison(dax_env_path(), OFFSET + SIZE);
	open_device();
	assert_int_equal(figures().bad, TEST_PAGE);
	char *bad = (char *)Info.base + bad_off;
	assert_true(check_fill(TEST_PAGE * 4, bad, TEST_PAGE) >=
		    SIZE / TEST_PAGE / 4 - 20);
	assert_true(check_fill(3000, bad, TEST_PAGE) > 0);
	close_device();
}

/* --- a durable heap --- */

#define DURABLE_SIZE (6 * TEST_MIB)

enum {
	NR_BLOCKS = 20,
	BLOCK_LEN = 64 << 10
};

static void
open_durable(unsigned flags, enum daxkind_restart_how how)
{
	struct daxkind_restart restart;

	if (daxkind_region_open_durable(
		dax_env_path(), DURABLE_SIZE, "badblocks", flags, &Region) < 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(
	    daxkind_region_restart(Region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.how, how);
	assert_int_equal(daxkind_region_info(Region, &Info, sizeof(Info)), 0);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
}

static int
count(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	++*(size_t *)arg;
	return DAXKIND_KEEP;
}

/* Below the others, which are behind OFFSET: the first superblock, the first page
 * of the ledger, which has 1 MiB, and a page of a block behind that. */
static void
test_a_durable_heap_opens_beside_bad_blocks(void **state)
{
	char *blocks[NR_BLOCKS], *bad;
	size_t nr = 0;

	(void)state;
	if (!dax_env_is_kind("nvdimm"))
		return;
	open_durable(DAXKIND_OVERWRITE, DAXKIND_RESTART_NEW);
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = memkind_malloc(Kind, BLOCK_LEN);
		assert_non_null(blocks[i]);
		memset(blocks[i], (int)i, BLOCK_LEN);
	}
	bad = blocks[NR_BLOCKS - 1] + 3 * TEST_PAGE;
	assert_true(bad > (char *)Info.base + TEST_MIB);
	close_device();
	dax_env_poison(dax_env_path(), 0);
	dax_env_poison(dax_env_path(), 6 * TEST_PAGE);
	dax_env_poison(dax_env_path(), (size_t)(bad - (char *)Info.base));
	for (size_t k = 0; k < 2; k++) {
		open_durable(0, DAXKIND_RESTART_CLEAN);
		nr = 0;
		assert_int_equal(daxkind_walk(Kind, count, &nr), 0);
		print_message("%zu of %d blocks are known\n", nr, NR_BLOCKS);
		assert_true(nr > 0 && nr < NR_BLOCKS);
		assert_true(check_fill(TEST_PAGE * 4, bad, TEST_PAGE) > 100);
		assert_true(check_fill(3000, bad, TEST_PAGE) > 100);
		/* Nothing was handed out over any of them. */
		for (size_t i = 0; i + 1 < NR_BLOCKS; i++)
			assert_true(
			    test_all_bytes(blocks[i], (int)i, BLOCK_LEN));
		close_device();
	}
	open_durable(0, DAXKIND_RESTART_CLEAN);
	memkind_free(Kind, blocks[NR_BLOCKS - 1]);
	assert_true(check_fill(TEST_PAGE * 4, bad, TEST_PAGE) > 100);
	close_device();
}

static void *volatile Called_addr;
static volatile size_t Called_len;
static volatile sig_atomic_t Nr_called;

static void
note(void *arg, void *addr, size_t len)
{
	(void)arg;
	Called_addr = addr;
	Called_len = len;
	Nr_called++;
}

static void
test_poisoned_huge_page_is_quarantined(void **state)
{
	char *block;
	char *piece;

	(void)state;
	open_device();
	size_t bad_before = figures().bad;
	block = memkind_malloc(Kind, 3 * HUGE_PAGE);
	assert_non_null(block);
	memset(block, 0x44, 3 * HUGE_PAGE);
	piece = block + HUGE_PAGE - (uintptr_t)block % HUGE_PAGE;
	assert_int_equal(daxkind_sigbus_install(0, note, NULL), 0);
	Nr_called = 0;
	/* the signal comes inside of the call */
	int rc = madvise(piece + 5 * TEST_PAGE, TEST_PAGE, MADV_HWPOISON);
	print_message("madvise: %d, %d signals\n", rc, (int)Nr_called);
	assert_int_equal(Nr_called, 1);
	assert_ptr_equal(Called_addr, piece);
	assert_int_equal(Called_len, HUGE_PAGE);
	/* what can be read of it was kept, and the rest of the block */
	assert_true(test_all_bytes(block, 0x44, 3 * HUGE_PAGE));
	piece[0] = 1;
	assert_int_equal(daxkind_sigbus_remove(), 0);
	memkind_free(Kind, block);
	assert_int_equal(figures().bad, bad_before + HUGE_PAGE);
	assert_true(check_fill(TEST_PAGE * 4, piece, HUGE_PAGE) >=
		    (SIZE - HUGE_PAGE) / TEST_PAGE / 4 - 32);
	assert_true(check_fill(200, piece, HUGE_PAGE) > 0);
	close_device();
}

/* By stores: the library keeps away from the bad block that a superblock is in,
 * and with the list of the guest its content comes back. */
static int
leave_no_heap(void **state)
{
	int fd = open(dax_env_path(), O_RDWR | O_CLOEXEC);
	char *heap =
	    mmap(NULL, DURABLE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)state;
	if (fd < 0 || heap == MAP_FAILED)
		return -1;
	memset(heap, 0, TEST_PAGE);
	memset(heap + DURABLE_SIZE - TEST_PAGE, 0, TEST_PAGE);
	return munmap(heap, DURABLE_SIZE) == 0 ? close(fd) : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_a_durable_heap_opens_beside_bad_blocks),
	    test_unit(test_known_bad_blocks_are_never_handed_out),
	    test_unit(test_poisoned_huge_page_is_quarantined),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name(
	    "devdax_badblocks", tests, NULL, leave_no_heap);
}
