// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_fsdax_space.c -- blocks of an fsdax file system are there before a
 * store, and go back: never SIGBUS, and nothing is kept.
 */
#include "../support/cmocka_all.h"

#include "../support/dax_env.h"
#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NR_THREADS 8
/* What is left of the file system where it is filled: a guest is slow. */
#define FULL_SIZE (160 * TEST_MIB)

static size_t
free_bytes(void)
{
	struct statvfs vfs;

	assert_int_equal(statvfs(test_dir(), &vfs), 0);
	return (size_t)vfs.f_bfree * (size_t)vfs.f_frsize;
}

/* The same once it has settled: XFS frees the blocks of an unlinked file in the
 * background, that of the test before, say. */
static size_t
settled_free_bytes(void)
{
	size_t last = free_bytes();

	for (int i = 0, nr_same = 0; i < 100 && nr_same < 4; i++) {
		test_sleep_ms(100);
		size_t now = free_bytes();
		nr_same = now == last ? nr_same + 1 : 0;
		last = now;
	}
	return last;
}

/* Wait until at least so much is free; the reclaimer works in the background. */
static bool
becomes_free(size_t bytes)
{
	for (int i = 0; i < 600; i++) {
		if (free_bytes() >= bytes)
			return true;
		test_sleep_ms(100);
	}
	return false;
}

/* --- what is written, and what is only reserved ------------------------------ */

/* Bytes of extents in [off, off + len) of the file that a store would have to
 * commit to the journal first; *mapped: of all extents there. */
static size_t
unwritten_bytes(int fd, size_t off, size_t len, size_t *mapped)
{
	enum {
		NR = 64
	};
	static union {
		struct fiemap map;
		char room[sizeof(struct fiemap) +
			  NR * sizeof(struct fiemap_extent)];
	} u;
	size_t end = off + len;
	size_t unwritten = 0;

	*mapped = 0;
	while (off < end) {
		memset(&u, 0, sizeof(u));
		u.map.fm_start = off;
		u.map.fm_length = end - off;
		u.map.fm_flags = FIEMAP_FLAG_SYNC;
		u.map.fm_extent_count = NR;
		assert_int_equal(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
		if (u.map.fm_mapped_extents == 0)
			break;
		for (unsigned i = 0; i < u.map.fm_mapped_extents; i++) {
			const struct fiemap_extent *e = &u.map.fm_extents[i];
			size_t from = e->fe_logical > off ? e->fe_logical : off;
			size_t to = e->fe_logical + e->fe_length;

			if (to > end)
				to = end;
			if (to <= from)
				continue;
			*mapped += to - from;
			if ((e->fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0)
				unwritten += to - from;
			off = to;
		}
	}
	return unwritten;
}

static void
test_taken_file_space_is_written_space(void **state)
{
	static const size_t sizes[] = {
	    100, 14000, 50000, TEST_MIB, 3 * TEST_MIB, 8 * TEST_MIB};
	struct daxkind_region_info info;
	struct daxkind_region *region;
	size_t mapped;
	char path[4096];
	memkind_t kind;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("pool"));
	assert_int_equal(daxkind_region_open_file(
			     path, 64 * TEST_MIB, DAXKIND_CREATE, &region),
	    0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(unwritten_bytes(fd, 0, info.size, &mapped), 0);
	assert_int_equal(mapped, 0); /* a new file is sparse */
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		char *p = memkind_malloc(kind, sizes[i]);
		size_t off;
		size_t len;

		assert_non_null(p);
		off = (size_t)(p - (char *)info.base) / TEST_PAGE * TEST_PAGE;
		len = (sizes[i] + TEST_PAGE - 1) / TEST_PAGE * TEST_PAGE;
		assert_int_equal(unwritten_bytes(fd, off, len, &mapped), 0);
		assert_true(mapped >= len);
	}
	/* and so is what is reserved ahead */
	assert_int_equal(unwritten_bytes(fd, 0, info.size, &mapped), 0);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

static void
test_prefaulted_file_is_written(void **state)
{
	struct daxkind_region *region;
	size_t mapped;
	char path[4096];
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("pool"));
	assert_int_equal(daxkind_region_open_file(path, 16 * TEST_MIB,
			     DAXKIND_CREATE | DAXKIND_PREFAULT, &region),
	    0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(unwritten_bytes(fd, 0, 16 * TEST_MIB, &mapped), 0);
	assert_int_equal(mapped, 16 * TEST_MIB);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

static bool Used[16 * 256]; /* pages of 16 MiB that were taken */

static int
note_used(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	(void)arg;
	if (state == DAXKIND_RUN_TAKEN)
		memset(Used + off / TEST_PAGE, true, len / TEST_PAGE);
	return 0;
}

/* In turns of 256 KiB: data, a hole; data, space that was never written to. */
static void
make_data(const char *path)
{
	static char data[256 * 1024];
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	memset(data, 0xee, sizeof(data));
	assert_int_equal(ftruncate(fd, 16 * TEST_MIB), 0);
	for (size_t i = 0; i < 32; i++) {
		off_t off = (off_t)(2 * i * sizeof(data));
		off_t next = off + (off_t)sizeof(data);

		assert_int_equal(
		    pwrite(fd, data, sizeof(data), off), sizeof(data));
		if (i % 2 == 1)
			assert_int_equal(
			    fallocate(fd, 0, next, sizeof(data)), 0);
	}
	assert_int_equal(fsync(fd), 0);
	assert_int_equal(close(fd), 0);
}

/* Under MAP_SYNC file space is written with zeroes, but not over data. */
static void
test_existing_data_stays_where_no_block_is(void **state)
{
	static const size_t sizes[] = {
	    100, 14000, 50000, TEST_MIB, 3 * TEST_MIB};
	static char page[4096];
	struct daxkind_region_info info;
	struct daxkind_region *region;
	size_t mapped;
	char path[4096];
	memkind_t kind;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("pool"));
	make_data(path);
	assert_int_equal(
	    daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &region), 0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	assert_int_equal(info.is_sync, 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 2; i++) {
		char *p[5];

		assert_int_equal(daxkind_kind_create(region, &kind), 0);
		if (i == 1)
			assert_int_equal(daxkind_kind_set_policy(
					     kind, DAXKIND_POLICY_CONSERVATIVE),
			    0);
		for (size_t j = 0; j < ARRAY_LEN(sizes); j++) {
			p[j] = memkind_malloc(kind, sizes[j]);
			assert_non_null(p[j]);
			size_t off = (size_t)(p[j] - (char *)info.base) /
				     TEST_PAGE * TEST_PAGE;
			/* a block has what was there, if nobody stored to it */
			for (size_t at = 0; i == 0 && sizes[j] >= 50000 &&
					    at + TEST_PAGE <= sizes[j];
			     at += TEST_PAGE)
				assert_true(test_all_bytes(p[j] + at,
				    (off + at) / (256 * 1024) % 2 == 0 ? 0xee
								       : 0,
				    TEST_PAGE));
			/* a store waits for no journal */
			assert_int_equal(
			    unwritten_bytes(fd, off, sizes[j], &mapped), 0);
			memset(p[j], 1, sizes[j]);
		}
		assert_int_equal(
		    daxkind_region_walk(region, note_used, NULL), 0);
		for (size_t j = 0; j < ARRAY_LEN(sizes); j++)
			memkind_free(kind, p[j]);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	}
	/* until the reclaimer has been there twice */
	test_sleep_ms(1500);
	assert_int_equal(daxkind_region_close(region), 0);
	for (size_t i = 0; i < ARRAY_LEN(Used); i++) {
		assert_int_equal(
		    pread(fd, page, sizeof(page), (off_t)(i * sizeof(page))),
		    sizeof(page));
		if (!Used[i] && !test_all_bytes(page,
				    i / 64 % 2 == 0 ? 0xee : 0, sizeof(page)))
			fail_msg("page %zu has changed", i);
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
}

/* A hole punched by an earlier run is not durable without fsync(2), and old
 * bytes may be back after a power failure: nothing of an existing file is
 * taken for zero. */
static void
test_existing_file_is_not_taken_for_zeroed(void **state)
{
	struct daxkind_region *region;
	char path[4096];
	static char dirty[TEST_MIB];
	memkind_t kind;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", test_path("pool"));
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	memset(dirty, 0x77, sizeof(dirty));
	for (int i = 0; i < 8; i++)
		assert_int_equal(
		    write(fd, dirty, sizeof(dirty)), sizeof(dirty));
	assert_int_equal(close(fd), 0);
	assert_int_equal(
	    daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &region), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	for (size_t size = 16; size <= 2 * TEST_MIB; size *= 3) {
		char *p = memkind_calloc(kind, 1, size);

		assert_non_null(p);
		assert_true(test_all_bytes(p, 0, size));
	}
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(unlink(path), 0);
}

/* Somebody else's file, which leaves room for FULL_SIZE. */
static int
take_most(void **state)
{
	size_t free_len = free_bytes();
	int fd = open(test_path("other"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	/* XFS frees the blocks of an unlinked file in the background. */
	for (int i = 0; i < 600 && free_len <= FULL_SIZE; i++) {
		(void)syncfs(fd);
		(void)usleep(100000);
		free_len = free_bytes();
	}
	assert_true(free_len > FULL_SIZE);
	assert_int_equal(
	    posix_fallocate(fd, 0, (off_t)(free_len - FULL_SIZE)), 0);
	assert_int_equal(close(fd), 0);
	return test_leaks_setup(state);
}

static int
give_most(void **state)
{
	if (unlink(test_path("other")) != 0)
		return -1;
	return test_leaks_teardown(state);
}

#define test_when_most_is_taken(f) \
	cmocka_unit_test_setup_teardown(f, take_most, give_most)

/* --- a full file system ------------------------------------------------------ */

struct filler {
	pthread_t thread;
	memkind_t kind;
	struct test_fill fill;
	uint64_t seed;
	bool is_intact;
	pthread_barrier_t *full;
};

/* Every byte is written: a block without file space would be a SIGBUS. */
static void *
fill_it(void *arg)
{
	struct filler *f = arg;
	struct block {
		struct block *next;
		size_t size;
		char data[];
	} *last = NULL, *b;
	uint64_t random = f->seed;

	for (;;) {
		size_t size = test_random_size(&random, 64, 300000);

		errno = 0;
		b = memkind_malloc(f->kind, size);
		if (b == NULL)
			break;
		b->next = last;
		b->size = size;
		last = b;
		memset(b->data, (int)(f->seed & 0xff), size - sizeof(*b));
		f->fill.bytes += size;
	}
	f->fill.err = errno;
	(void)pthread_barrier_wait(f->full);
	f->is_intact = true;
	while (last != NULL) {
		b = last;
		last = b->next;
		f->is_intact = f->is_intact &&
			       test_all_bytes(b->data, (int)(f->seed & 0xff),
				   b->size - sizeof(*b));
		memkind_free(f->kind, b);
	}
	return NULL;
}

static void
test_full_to_the_last_block_from_8_threads(void **state)
{
	static struct filler fillers[NR_THREADS];
	size_t before = settled_free_bytes();
	struct daxkind_region *region;
	pthread_barrier_t full;
	size_t bytes = 0;
	memkind_t kind;

	(void)state;
	/* a limit that is no limit here */
	assert_int_equal(
	    daxkind_region_open_dir(test_dir(), 4 * before, 0, &region), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	size_t empty = free_bytes();
	assert_int_equal(pthread_barrier_init(&full, NULL, NR_THREADS + 1), 0);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		fillers[i] =
		    (struct filler){.kind = kind, .seed = i + 1, .full = &full};
		assert_int_equal(pthread_create(&fillers[i].thread, NULL,
				     fill_it, &fillers[i]),
		    0);
	}
	(void)pthread_barrier_wait(&full);
	size_t left = free_bytes();
	assert_int_equal(
	    daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE), 0);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(fillers[i].thread, NULL), 0);
		assert_int_equal(fillers[i].fill.err, ENOMEM);
		assert_true(fillers[i].is_intact);
		bytes += fillers[i].fill.bytes;
	}
	assert_int_equal(pthread_barrier_destroy(&full), 0);
	print_message("%zu KiB of %zu in blocks, %zu left when full\n",
	    bytes / TEST_KIB, empty / TEST_KIB, left / TEST_KIB);
	/* ext4 keeps 5 % for root's own use, which this may be; both keep
	 * some for their records */
	assert_true(left <= 24 * TEST_MIB);
	bool is_back = becomes_free(left + (empty - left) / 100 * 99);
	print_message("%zu KiB of %zu came back\n",
	    (free_bytes() - left) / TEST_KIB, (empty - left) / TEST_KIB);
	struct daxkind_space space;
	assert_int_equal(
	    daxkind_region_space(region, &space, sizeof(space)), 0);
	print_message(
	    "%zu KiB are held by the empty heap\n", space.held / TEST_KIB);
	assert_true(is_back);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_true(becomes_free(before / 1000 * 999));
}

/* ext4 stays full after an allocation that failed unless it is cut back. */
static void
test_failed_allocation_leaves_nothing(void **state)
{
	struct daxkind_region *region;
	size_t before = settled_free_bytes();
	memkind_t kind;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_dir(test_dir(), 4 * before, 0, &region), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	size_t empty = free_bytes();
	for (int i = 0; i < 3; i++) {
		errno = 0;
		assert_null(memkind_malloc(kind, before + 16 * TEST_MIB));
		assert_int_equal(errno, ENOMEM);
		assert_true(becomes_free(empty / 1000 * 995));
	}
	/* and it is of use */
	char *p = memkind_malloc(kind, before / 2);
	assert_non_null(p);
	memset(p, 1, before / 2);
	memkind_free(kind, p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_prefault_beyond_the_file_system_fails(void **state)
{
	size_t before = settled_free_bytes();
	struct daxkind_region *region;

	(void)state;
	assert_true(daxkind_region_open_dir(test_dir(), before + 16 * TEST_MIB,
			DAXKIND_PREFAULT, &region) < 0);
	assert_null(region);
	assert_true(becomes_free(before / 1000 * 999));
}

/* Holes go back to the file system, and are used again. */
static void
test_holes_are_returned_and_reused(void **state)
{
	size_t len = 24 * TEST_MIB;
	struct daxkind_space space;
	struct daxkind_region *region;
	memkind_t kind;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_dir(test_dir(), 64 * TEST_MIB, 0, &region), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	assert_int_equal(
	    daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE), 0);
	size_t before = settled_free_bytes();
	for (int i = 0; i < 5; i++) {
		char *p = memkind_malloc(kind, len);

		assert_non_null(p);
		memset(p, i, len);
		assert_true(free_bytes() <= before - len);
		assert_int_equal(
		    daxkind_region_space(region, &space, sizeof(space)), 0);
		assert_true(space.held >= len);
		memkind_free(kind, p);
		assert_true(becomes_free(before - TEST_MIB));
	}
	assert_int_equal(
	    daxkind_region_space(region, &space, sizeof(space)), 0);
	assert_true(space.held <= TEST_MIB);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_taken_file_space_is_written_space),
	    test_unit(test_prefaulted_file_is_written),
	    test_unit(test_existing_data_stays_where_no_block_is),
	    test_unit(test_existing_file_is_not_taken_for_zeroed),
	    test_when_most_is_taken(test_full_to_the_last_block_from_8_threads),
	    test_when_most_is_taken(test_failed_allocation_leaves_nothing),
	    test_when_most_is_taken(test_prefault_beyond_the_file_system_fails),
	    test_unit(test_holes_are_returned_and_reused),
	};

	if (!dax_env_is_there())
		return DAX_ENV_SKIP;
	return cmocka_run_group_tests_name("fsdax_space", tests, NULL, NULL);
}
