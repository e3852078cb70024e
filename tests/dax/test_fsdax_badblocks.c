// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fsdax_badblocks.c -- bad blocks of a file on an fsdax file system: those
 * that are known are never handed out, and those that show under load cost the
 * process neither its life nor any other page.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE (8 * TEST_MIB)

enum {
	NR_BAD = 20,
	NR_THREADS = 3
};

static char Path[4096];
static struct daxkind_region *Region;
static struct daxkind_region_info Info;
static memkind_t Kind;
static char *Bad[NR_BAD];
static size_t Nr_bad;

static bool
touches_bad(const char *p, size_t len)
{
	for (size_t i = 0; i < Nr_bad; i++) {
		if (p < Bad[i] + TEST_PAGE && p + len > Bad[i])
			return true;
	}
	return false;
}

static struct daxkind_space
figures(void)
{
	struct daxkind_space space;

	assert_int_equal(
	    daxkind_region_space(Region, &space, sizeof(space)), 0);
	return space;
}

/* Take everything in blocks of one size, write all of it, give it back. */
static size_t
check_fill(size_t size)
{
	struct block {
		struct block *next;
	} *last = NULL, *b;
	size_t nr = 0;

	while ((b = memkind_malloc(Kind, size)) != NULL) {
		assert_false(touches_bad((char *)b, size));
		memset(b, 1, size);
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

static void
open_file(unsigned flags)
{
	assert_int_equal(
	    daxkind_region_open_file(
		Path, flags == DAXKIND_CREATE ? SIZE : 0, flags, &Region),
	    0);
	assert_int_equal(daxkind_region_info(Region, &Info, sizeof(Info)), 0);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
}

static void
close_file(void)
{
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(Region), 0);
}

/* A file with blocks behind all of it, a few of which are bad. */
static void
test_known_bad_blocks_are_never_handed_out(void **state)
{
	static const size_t bad_pages[] = {0, 7, 8, 1500, SIZE / 4096 - 1};
	static char bytes[TEST_MIB];

	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("known"));
	int fd = open(Path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < SIZE / sizeof(bytes); i++)
		assert_int_equal(
		    write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(close(fd), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad_pages); i++)
		dax_env_poison(Path, bad_pages[i] * TEST_PAGE);

	open_file(DAXKIND_OVERWRITE);
	for (Nr_bad = 0; Nr_bad < ARRAY_LEN(bad_pages); Nr_bad++)
		Bad[Nr_bad] = (char *)Info.base + bad_pages[Nr_bad] * TEST_PAGE;
	assert_int_equal(figures().bad, ARRAY_LEN(bad_pages) * TEST_PAGE);
	assert_true(check_fill(TEST_PAGE * 4) >= SIZE / TEST_PAGE / 4 - 32);
	assert_true(check_fill(3000) > 0);
	assert_int_equal(figures().bad, ARRAY_LEN(bad_pages) * TEST_PAGE);
	close_file();
	assert_int_equal(unlink(Path), 0);
}

/* --- under load ------------------------------------------------------------------ */

static _Atomic(unsigned) Nr_signals;
static _Atomic(bool) Wants_stop;

static void
count_signal(void *arg, void *addr, size_t len)
{
	(void)arg;
	(void)addr;
	if (len == TEST_PAGE)
		atomic_fetch_add(&Nr_signals, 1);
}

struct worker {
	pthread_t thread;
	uint64_t seed;
	size_t nr_lost;  /* pages that are zero now */
	size_t nr_wrong; /* blocks that are damaged in another way */
};

/* Pages of a block that are neither as they were nor lost to zeroes. */
static void
check_block(struct worker *w, const char *p, size_t size)
{
	int c = (int)(w->seed & 0xff);

	for (size_t off = 0; off < size;) {
		size_t len = TEST_PAGE - (uintptr_t)(p + off) % TEST_PAGE;

		if (len > size - off)
			len = size - off;
		if (test_all_bytes(p + off, c, len)) {
			;
		} else if (test_all_bytes(p + off, 0, len)) {
			w->nr_lost++;
		} else {
			w->nr_wrong++;
		}
		off += len;
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->seed;
	struct {
		char *p;
		size_t size;
	} held[64] = {{NULL, 0}};

	while (!atomic_load(&Wants_stop)) {
		size_t i = test_random_size(&random, 0, ARRAY_LEN(held) - 1);
		size_t shift = test_random_size(&random, 5, 17);

		if (held[i].p != NULL) {
			check_block(w, held[i].p, held[i].size);
			memkind_free(Kind, held[i].p);
		}
		held[i].size = test_random_size(
		    &random, (size_t)1 << (shift - 1), (size_t)1 << shift);
		held[i].p = memkind_malloc(Kind, held[i].size);
		if (held[i].p != NULL)
			memset(held[i].p, (int)(w->seed & 0xff), held[i].size);
	}
	for (size_t i = 0; i < ARRAY_LEN(held); i++) {
		if (held[i].p != NULL)
			check_block(w, held[i].p, held[i].size);
		memkind_free(Kind, held[i].p);
	}
	return NULL;
}

/* Forget the page table entries, so that the next touch asks the file system,
 * which then looks at its list. */
static void
unmap_pages(void)
{
	assert_int_equal(madvise(Info.base, Info.size, MADV_DONTNEED), 0);
}

static void
test_poison_in_20_pages_under_load(void **state)
{
	static struct worker workers[NR_THREADS];
	uint64_t random = 5;
	size_t nr_wrong = 0;

	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("load"));
	open_file(DAXKIND_CREATE);
	/* file space behind all, so that any page can be hit */
	Nr_bad = 0;
	(void)check_fill(TEST_PAGE * 4);
	assert_int_equal(daxkind_sigbus_install(0, count_signal, NULL), 0);
	for (uint64_t i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){.seed = i + 1};
		assert_int_equal(
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]),
		    0);
	}
	while (Nr_bad < NR_BAD) {
		size_t off = test_random_size(&random, 0, 255) * TEST_PAGE;

		if (Nr_bad % 2 == 0) /* slabs are at the high end */
			off = SIZE - TEST_PAGE - off;
		if (touches_bad((char *)Info.base + off, 1))
			continue;
		/* a hole has no block that could be bad */
		int fd = open(Path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		bool is_hole = lseek(fd, (off_t)off, SEEK_DATA) != (off_t)off;
		assert_int_equal(close(fd), 0);
		if (is_hole)
			continue;
		Bad[Nr_bad++] = (char *)Info.base + off;
		dax_env_poison(Path, off);
		unmap_pages();
		test_sleep_ms(30);
	}
	/* until one of them has met a page, however seldom they run */
	for (int i = 0; i < 3000 && atomic_load(&Nr_signals) == 0; i++)
		test_sleep_ms(20);
	atomic_store(&Wants_stop, true);
	for (size_t i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		nr_wrong += workers[i].nr_wrong;
	}
	/* whatever was not touched yet is found now, or was taken out of the
	 * file by a hole; blocks of four pages do not fit everywhere */
	unsigned nr_before = atomic_load(&Nr_signals);
	size_t all = Nr_bad;
	Nr_bad = 0;
	(void)check_fill(TEST_PAGE * 4);
	(void)check_fill(TEST_PAGE);
	Nr_bad = all;
	struct daxkind_space space = figures();
	print_message("%u signals under load, %u in all; %zu bytes are bad\n",
	    nr_before, atomic_load(&Nr_signals), space.bad);
	assert_int_equal(nr_wrong, 0);
	assert_true(nr_before > 0);
	assert_true(space.bad >= TEST_PAGE);
	assert_true(space.bad <= NR_BAD * TEST_PAGE);
	/* from here on there is nothing left to meet */
	unsigned nr_signals = atomic_load(&Nr_signals);
	unmap_pages();
	for (int round = 0; round < 2; round++) {
		Nr_bad = 0;
		size_t nr = check_fill(TEST_PAGE * 4);
		assert_true(nr >= SIZE / TEST_PAGE / 4 - 2 * NR_BAD - 64);
		(void)check_fill(2000);
	}
	assert_int_equal(atomic_load(&Nr_signals), nr_signals);
	assert_int_equal(daxkind_sigbus_remove(), 0);
	close_file();
	assert_int_equal(unlink(Path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_known_bad_blocks_are_never_handed_out),
	    test_unit(test_poison_in_20_pages_under_load),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name(
	    "fsdax_badblocks", tests, NULL, NULL);
}
