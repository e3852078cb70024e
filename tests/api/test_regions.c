// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_regions.c -- opening, asking and closing regions (daxkind.h).
 *
 * Holds these invariants: a failing constructor leaves nothing; nothing
 * aborts, exits or prints for what the world does; the caller's mapping is not
 * written; bad input is told by code, errno and text.
 */
#include "../support/cmocka_all.h"

#include "../support/test_fill.h"
#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOT_SET ((struct daxkind_region *)(uintptr_t)0xDA)
#define SIZE (8 * TEST_MIB)

/* A refused open: the code, errno, the text, and the handle. */
#define assert_refused(call, region, err)                        \
	do {                                                     \
		(region) = NOT_SET;                              \
		errno = 0;                                       \
		assert_int_equal((call), -(err));                \
		assert_int_equal(errno, (err));                  \
		assert_null(region);                             \
		print_message("    %s\n", daxkind_last_error()); \
		assert_true(strlen(daxkind_last_error()) > 10);  \
	} while (0)

static char *
copy_path(const char *name)
{
	char *path = strdup(test_path(name));

	assert_non_null(path);
	return path;
}

/* A file of len bytes c. */
static void
write_file(const char *path, size_t len, int c)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (size_t i = 0; i < len; i++)
		assert_int_not_equal(fputc(c, f), EOF);
	assert_int_equal(fclose(f), 0);
}

static void
assert_file_is(const char *path, size_t len, int c)
{
	char *buf = malloc(len + 1);
	FILE *f = fopen(path, "re");

	assert_non_null(buf);
	assert_non_null(f);
	assert_int_equal(fread(buf, 1, len + 1, f), len);
	assert_true(test_all_bytes(buf, c, len));
	assert_int_equal(fclose(f), 0);
	free(buf);
}

static size_t
file_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static struct daxkind_space
space_of(const struct daxkind_region *region)
{
	struct daxkind_space space;

	memset(&space, 0xDA, sizeof(space));
	assert_int_equal(
	    daxkind_region_space(region, &space, sizeof(space)), 0);
	assert_int_equal(space.total, space.taken + space.free + space.bad);
	assert_true(space.largest_free <= space.free);
	assert_true(space.held <= space.total);
	assert_true(space.held >= space.taken);
	return space;
}

static struct daxkind_region_info
info_of(const struct daxkind_region *region)
{
	struct daxkind_region_info info;

	memset(&info, 0xDA, sizeof(info));
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	return info;
}

/* A kind on it works, and goes. */
static void
use_region(struct daxkind_region *region)
{
	struct daxkind_region_info info = info_of(region);
	struct test_area area = {info.base, info.size, NULL, 0};
	memkind_t kind = NULL;
	char *p;

	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	assert_non_null(kind);
	assert_ptr_equal(daxkind_kind_region(kind), region);
	p = memkind_malloc(kind, info.size / 2);
	assert_non_null(p);
	assert_true(test_area_holds(&area, p, info.size / 2));
	memset(p, 0x5A, info.size / 2);
	p = memkind_malloc(kind, 100);
	assert_non_null(p);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
}

static void
close_region(struct daxkind_region *region)
{
	assert_int_equal(daxkind_region_close(region), 0);
}

/* --- a caller's mapping ------------------------------------------------------ */

static void
test_mapping_is_a_region(void **state)
{
	struct daxkind_region *region = NOT_SET;
	struct daxkind_region_info info;
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len, 0, &region), 0);
	info = info_of(region);
	assert_ptr_equal(info.base, area.addr);
	assert_int_equal(info.size, area.len);
	assert_int_equal(info.backing, DAXKIND_BACKING_MAPPING);
	assert_true(info.align >= TEST_PAGE);
	assert_int_equal((uintptr_t)info.base % info.align, 0);
	assert_int_equal(info.size % info.align, 0);
	use_region(region);
	use_region(region);
	close_region(region);
	memset(area.addr, 0, area.len);
	test_area_unmap(&area);
}

/* PERSISTENT is the caller's word that flushing a cache line is enough. */
static void
test_mapping_that_the_caller_vouches_for(void **state)
{
	struct daxkind_region *region = NULL;
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	assert_int_equal(daxkind_region_open_mapping(
			     area.addr, area.len, DAXKIND_PERSISTENT, &region),
	    0);
	assert_in_range(info_of(region).granularity, DAXKIND_GRANULARITY_BYTE,
	    DAXKIND_GRANULARITY_CACHE_LINE);
	close_region(region);
	test_area_unmap(&area);
}

static void
test_bad_mappings_are_refused(void **state)
{
	const struct {
		const char *why;
		size_t off, size;
		unsigned flags;
		int err;
	} rows[] = {
	    {"no bytes", 0, 0, 0, EINVAL},
	    {"address is not at a page", 8, SIZE, 0, EINVAL},
	    {"size is not of pages", 0, SIZE - 1, 0, EINVAL},
	    {"size is less than a page", 0, 100, 0, EINVAL},
	    {"wraps", 0, SIZE_MAX - 4095, 0, EINVAL},
	    {"unknown flag", 0, SIZE, 1u << 30, EINVAL},
	    {"overlaps a live region, all", TEST_MIB, TEST_MIB, 0, EEXIST},
	    {"overlaps its start", 0, TEST_MIB + TEST_PAGE, 0, EEXIST},
	    {"overlaps its last page", 2 * TEST_MIB - TEST_PAGE, TEST_MIB, 0,
		EEXIST},
	    {"is around it", 0, SIZE, 0, EEXIST},
	    {"overlaps a fixed kind", 5 * TEST_MIB, TEST_MIB, 0, EEXIST},
	};
	struct daxkind_region *live = NULL;
	struct daxkind_region *region;
	struct test_area area;
	memkind_t fixed = NULL;

	(void)state;
	test_area_map(&area, SIZE);
	memset(area.addr, 0xAA, area.len);
	assert_refused(daxkind_region_open_mapping(NULL, SIZE, 0, &region),
	    region, EINVAL);
	errno = 0;
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len, 0, NULL), -EINVAL);
	assert_int_equal(errno, EINVAL);

	assert_int_equal(daxkind_region_open_mapping(
			     area.addr + TEST_MIB, TEST_MIB, 0, &live),
	    0);
	assert_int_equal(memkind_create_fixed(area.addr + 4 * TEST_MIB + 1,
			     2 * TEST_MIB, &fixed),
	    MEMKIND_SUCCESS);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_refused(
		    daxkind_region_open_mapping(area.addr + rows[i].off,
			rows[i].size, rows[i].flags, &region),
		    region, rows[i].err);
	}
	assert_true(test_all_bytes(area.addr, 0xAA, area.len));
	assert_int_equal(memkind_destroy_kind(fixed), MEMKIND_SUCCESS);
	close_region(live);
	test_area_unmap(&area);
}

/* A block has less than 8 TiB, whatever the region has. */
static void
test_largest_free_can_be_had(void **state)
{
	static const size_t sizes[] = {TEST_GIB, 9 * 1024 * TEST_GIB};
	struct daxkind_region *region = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct daxkind_space space;
		memkind_t kind = NULL;
		void *p = MAP_FAILED;

		/* of address space, which a sanitizer has no more of */
		if (i == 0 || !DK_SANITIZED)
			p = mmap(NULL, sizes[i], PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED) {
			print_message(
			    "%zu GiB cannot be mapped\n", sizes[i] / TEST_GIB);
			continue;
		}
		assert_int_equal(
		    daxkind_region_open_mapping(p, sizes[i], 0, &region), 0);
		assert_int_equal(daxkind_kind_create(region, &kind), 0);
		assert_int_equal(
		    daxkind_region_space(region, &space, sizeof(space)), 0);
		errno = 0;
		assert_null(memkind_malloc(kind, space.largest_free + 1));
		assert_int_equal(errno, ENOMEM);
		void *block = memkind_malloc(kind, space.largest_free);
		assert_non_null(block);
		memkind_free(kind, block);
		assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
		close_region(region);
		assert_int_equal(munmap(p, sizes[i]), 0);
	}
}

static void
test_prefault_keeps_the_content_of_a_mapping(void **state)
{
	struct daxkind_region *region = NULL;
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	memset(area.addr, 0xAA, area.len / 2);
	assert_int_equal(daxkind_region_open_mapping(
			     area.addr, area.len, DAXKIND_PREFAULT, &region),
	    0);
	assert_true(test_all_bytes(area.addr, 0xAA, area.len / 2));
	close_region(region);
	test_area_unmap(&area);
}

/* --- a file ------------------------------------------------------------------ */

static void
test_new_file_is_made_and_kept(void **state)
{
	char *path = copy_path("new");
	struct daxkind_region *region = NULL;
	struct daxkind_region_info info;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_file(path, SIZE, DAXKIND_CREATE, &region), 0);
	info = info_of(region);
	assert_int_equal(info.size, SIZE);
	assert_int_equal(info.backing, DAXKIND_BACKING_FILE);
	assert_int_equal((uintptr_t)info.base % (2 * TEST_MIB), 0);
	if (test_is_fsdax()) {
		assert_true(info.is_dax);
		assert_true(info.is_sync);
		assert_int_not_equal(
		    info.granularity, DAXKIND_GRANULARITY_PAGE);
	} else {
		assert_false(info.is_sync);
		assert_int_equal(info.granularity, DAXKIND_GRANULARITY_PAGE);
	}
	use_region(region);
	close_region(region);
	assert_int_equal(file_size(path), SIZE);
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void
test_empty_file_is_used(void **state)
{
	char *path = copy_path("empty");
	struct daxkind_region *region = NULL;

	(void)state;
	write_file(path, 0, 0);
	assert_int_equal(
	    daxkind_region_open(path, SIZE, DAXKIND_CREATE, &region), 0);
	use_region(region);
	close_region(region);
	assert_int_equal(file_size(path), SIZE);
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void
test_file_with_data_wants_overwrite(void **state)
{
	const size_t len = 200000; /* not of pages */
	char *path = copy_path("data");
	struct daxkind_region *region;

	(void)state;
	write_file(path, len, 'x');
	dk_row("no flag");
	assert_refused(
	    daxkind_region_open_file(path, 0, 0, &region), region, EEXIST);
	assert_refused(
	    daxkind_region_open_file(path, SIZE, 0, &region), region, EEXIST);
	assert_refused(
	    daxkind_region_open_file(path, len, 0, &region), region, EEXIST);
	dk_row("another size");
	assert_refused(
	    daxkind_region_open_file(path, SIZE, DAXKIND_OVERWRITE, &region),
	    region, EINVAL);
	assert_refused(
	    daxkind_region_open_file(path, 100000, DAXKIND_OVERWRITE, &region),
	    region, EINVAL);
	assert_file_is(path, len, 'x');

	dk_row("told to");
	assert_int_equal(
	    daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &region), 0);
	assert_true(info_of(region).size <= len);
	assert_true(info_of(region).size > len - TEST_PAGE);
	close_region(region);
	assert_int_equal(file_size(path), len);
	assert_int_equal(
	    daxkind_region_open_file(path, len, DAXKIND_OVERWRITE, &region), 0);
	use_region(region);
	close_region(region);
	assert_int_equal(file_size(path), len);
	assert_int_equal(unlink(path), 0);
	free(path);
}

/* The end of a file that is no multiple of a page is not the heap's. */
static void
test_open_alone_does_not_change_an_existing_file(void **state)
{
	const size_t len = TEST_MIB;
	char *path = copy_path("data");
	struct daxkind_region *region;

	(void)state;
	write_file(path, len, 'x');
	assert_int_equal(
	    daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &region), 0);
	close_region(region);
	assert_file_is(path, len, 'x');
	assert_int_equal(daxkind_region_open_file(path, 0,
			     DAXKIND_OVERWRITE | DAXKIND_PREFAULT, &region),
	    0);
	close_region(region);
	assert_file_is(path, len, 'x');
	assert_int_equal(unlink(path), 0);
	free(path);
}

static void
test_bad_files_are_refused_and_none_is_left(void **state)
{
	static char long_path[PATH_MAX + 100];
	char *fresh = copy_path("fresh");
	char *small = copy_path("small");
	char *fifo = copy_path("fifo");
	const struct {
		const char *why;
		const char *path;
		size_t size;
		unsigned flags;
		int err;
	} rows[] = {
	    {"empty name", "", SIZE, 0, EINVAL},
	    {"no such directory", "/nonexistent/dir/file", SIZE, DAXKIND_CREATE,
		ENOENT},
	    {"under a file", "/proc/version/file", SIZE, DAXKIND_CREATE,
		ENOTDIR},
	    {"name too long", long_path, SIZE, DAXKIND_CREATE, ENAMETOOLONG},
	    {"not there", fresh, SIZE, 0, ENOENT},
	    {"not there, may be overwritten", fresh, SIZE, DAXKIND_OVERWRITE,
		ENOENT},
	    {"not there, no size", fresh, 0, 0, ENOENT},
	    {"new, no size", fresh, 0, DAXKIND_CREATE, EINVAL},
	    {"new, below the minimum", fresh, DAXKIND_REGION_MIN - 1,
		DAXKIND_CREATE, EINVAL},
	    {"new, unknown flag", fresh, SIZE, 1u << 20, EINVAL},
	    {"new, a flag of the library's own", fresh, SIZE,
		DAXKIND_CREATE | 1u << 16, EINVAL},
	    {"new, larger than any file", fresh, (size_t)1 << 62,
		DAXKIND_CREATE, EFBIG},
	    {"new, size wraps", fresh, SIZE_MAX, DAXKIND_CREATE, EFBIG},
	    {"smaller than the minimum", small, 0, DAXKIND_OVERWRITE, EINVAL},
	    {"a FIFO", fifo, SIZE, DAXKIND_OVERWRITE, EINVAL},
	};
	struct daxkind_region *region;

	(void)state;
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[0] = '/';
	write_file(small, 5000, 'x');
	assert_int_equal(mkfifo(fifo, 0600), 0);
	dk_row("NULL");
	assert_refused(
	    daxkind_region_open_file(NULL, SIZE, 0, &region), region, EINVAL);
	assert_refused(
	    daxkind_region_open(NULL, SIZE, 0, &region), region, EINVAL);
	assert_int_equal(
	    daxkind_region_open_file(fresh, SIZE, DAXKIND_CREATE, NULL),
	    -EINVAL);
	assert_int_equal(
	    daxkind_region_open(fresh, SIZE, DAXKIND_CREATE, NULL), -EINVAL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc;

		dk_row(rows[i].why);
		region = NOT_SET;
		errno = 0;
		rc = daxkind_region_open_file(
		    rows[i].path, rows[i].size, rows[i].flags, &region);
		print_message("    %d: %s\n", rc, daxkind_last_error());
		assert_true(rc < 0);
		assert_int_equal(errno, -rc);
		/* how a size is too large is the file system's to say */
		if (rows[i].err == EFBIG)
			assert_true(rc == -EFBIG || rc == -ENOSPC ||
				    rc == -EINVAL || rc == -ENOMEM);
		else
			assert_int_equal(rc, -rows[i].err);
		assert_null(region);
		assert_true(strlen(daxkind_last_error()) > 10);
		assert_int_not_equal(access(fresh, F_OK), 0);
		if (rc == -ENOENT && rows[i].path == fresh)
			assert_non_null(
			    strstr(daxkind_last_error(), "DAXKIND_CREATE"));
		if (rows[i].path == fresh && rows[i].size == 0 &&
		    rows[i].flags == DAXKIND_CREATE)
			assert_non_null(
			    strstr(daxkind_last_error(), "0 bytes"));
	}
	assert_file_is(small, 5000, 'x');
	assert_int_equal(unlink(small), 0);
	assert_int_equal(unlink(fifo), 0);
	free(fresh);
	free(small);
	free(fifo);
}

/* Whether path becomes a file; then it is gone, as it may be in /dev. */
static bool
becomes_a_file(const char *path, unsigned flags)
{
	struct daxkind_region *region = NULL;

	if (daxkind_region_open(path, SIZE, flags, &region) == 0)
		(void)daxkind_region_close(region);
	return unlink(path) == 0;
}

/* What names a device that is not there must not become a file. */
static void
test_nothing_is_made_by_mistake(void **state)
{
	static const char *const rows[] = {"/dev/dax00", "/dev/dax0.x",
	    "/dev/pmen0", "/dev/namespace0.0x", "dax77.0", "pmem77",
	    "namespace77.0"};
#ifdef HAVE_DAXCTL
	const int no_namespace = ENOENT;
#else
	const int no_namespace = EOPNOTSUPP;
#endif
	static const unsigned flags[] = {0, DAXKIND_CREATE};
	char *path = copy_path("mistyped");
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const char *name = rows[i / 2];

		dk_row(name);
		assert_int_not_equal(access(name, F_OK), 0);
		assert_false(becomes_a_file(name, flags[i % 2]));
		assert_refused(
		    daxkind_region_open(name, SIZE, flags[i % 2], &region),
		    region,
		    strcmp(name, "namespace77.0") == 0 ? no_namespace : ENOENT);
		assert_int_not_equal(access(name, F_OK), 0);
	}
	dk_row("no flag");
	assert_refused(
	    daxkind_region_open(path, SIZE, 0, &region), region, ENOENT);
	assert_non_null(strstr(daxkind_last_error(), "DAXKIND_CREATE"));
	assert_int_not_equal(access(path, F_OK), 0);
	free(path);
}

/* --- flags --------------------------------------------------------------------- */

enum opener {
	OPEN_MAPPING,
	OPEN_FILE,
	OPEN_DIR,
	OPEN_DEVDAX
};

static int
open_by(enum opener opener, const char *file, struct test_area *area,
    unsigned flags, struct daxkind_region **region)
{
	switch (opener) {
	case OPEN_MAPPING:
		return daxkind_region_open_mapping(
		    area->addr, area->len, flags, region);
	case OPEN_FILE:
		return daxkind_region_open_file(file, SIZE, flags, region);
	case OPEN_DIR:
		return daxkind_region_open_dir(test_dir(), SIZE, flags, region);
	case OPEN_DEVDAX:
	default: /* flags are looked at first */
		return daxkind_region_open_devdax(
		    "/dev/null", 0, SIZE, flags, region);
	}
}

static void
test_no_flag_is_ignored(void **state)
{
	static const struct {
		const char *why;
		enum opener opener;
		unsigned flags;
		const char *text; /* NULL: taken */
	} rows[] = {
	    {"a mapping that may be overwritten", OPEN_MAPPING,
		DAXKIND_OVERWRITE, "DAXKIND_OVERWRITE"},
	    {"a mapping to be made", OPEN_MAPPING, DAXKIND_CREATE,
		"DAXKIND_CREATE"},
	    {"a mapping that is persistent", OPEN_MAPPING,
		DAXKIND_PERSISTENT | DAXKIND_PREFAULT, NULL},
	    {"a file that is persistent", OPEN_FILE,
		DAXKIND_CREATE | DAXKIND_PERSISTENT, "DAXKIND_PERSISTENT"},
	    {"a file that may be made and overwritten", OPEN_FILE,
		DAXKIND_CREATE | DAXKIND_OVERWRITE | DAXKIND_PREFAULT, NULL},
	    {"a directory to be made", OPEN_DIR, DAXKIND_CREATE,
		"DAXKIND_CREATE"},
	    {"a directory to be overwritten", OPEN_DIR, DAXKIND_OVERWRITE,
		"DAXKIND_OVERWRITE"},
	    {"a directory that is persistent", OPEN_DIR, DAXKIND_PERSISTENT,
		"DAXKIND_PERSISTENT"},
	    {"a device to be made", OPEN_DEVDAX, DAXKIND_CREATE,
		"DAXKIND_CREATE"},
	    {"a device that is persistent", OPEN_DEVDAX, DAXKIND_PERSISTENT,
		"DAXKIND_PERSISTENT"},
	};
	char *path = copy_path("flags");
	struct daxkind_region *region;
	struct test_area area;

	(void)state;
	test_area_map(&area, SIZE);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		if (rows[i].text == NULL) {
			assert_int_equal(open_by(rows[i].opener, path, &area,
					     rows[i].flags, &region),
			    0);
			close_region(region);
			(void)unlink(path);
			continue;
		}
		assert_refused(open_by(rows[i].opener, path, &area,
				   rows[i].flags, &region),
		    region, EINVAL);
		assert_non_null(strstr(daxkind_last_error(), rows[i].text));
		assert_int_not_equal(access(path, F_OK), 0);
	}
	/* by what it is: what is only allowed need not happen */
	assert_int_equal(daxkind_region_open(test_dir(), SIZE,
			     DAXKIND_CREATE | DAXKIND_OVERWRITE, &region),
	    0);
	close_region(region);
	assert_refused(
	    daxkind_region_open(test_dir(), SIZE, DAXKIND_PERSISTENT, &region),
	    region, EINVAL);
	test_area_unmap(&area);
	free(path);
}

static void
test_what_is_needed_is_there_or_it_fails(void **state)
{
	static const unsigned needs[] = {DAXKIND_NEED_DAX, DAXKIND_NEED_SYNC,
	    DAXKIND_NEED_DAX | DAXKIND_NEED_SYNC};
	static const enum opener openers[] = {
	    OPEN_MAPPING, OPEN_FILE, OPEN_DIR};
	char *path = copy_path("needed");
	struct daxkind_region *region;
	struct test_area area;

	(void)state;
	/* of DRAM, also where areas of tests are on a device */
	area.len = SIZE;
	area.addr = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(area.addr != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
		for (size_t j = 0; j < ARRAY_LEN(openers); j++) {
			unsigned flags =
			    needs[i] |
			    (openers[j] == OPEN_FILE ? DAXKIND_CREATE : 0);

			print_message("row: opener %d, flags %#x\n",
			    (int)openers[j], flags);
			if (test_is_fsdax() && openers[j] != OPEN_MAPPING) {
				assert_int_equal(open_by(openers[j], path,
						     &area, flags, &region),
				    0);
				close_region(region);
				(void)unlink(path);
				continue;
			}
			assert_refused(
			    open_by(openers[j], path, &area, flags, &region),
			    region, EOPNOTSUPP);
			/* what was made for it is gone */
			assert_int_not_equal(access(path, F_OK), 0);
			if (openers[j] != OPEN_MAPPING)
				assert_non_null(
				    strstr(daxkind_last_error(), "mounted on"));
		}
	}
	dk_row("a mapping that the caller vouches for");
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len,
		DAXKIND_PERSISTENT | DAXKIND_NEED_DAX | DAXKIND_NEED_SYNC,
		&region),
	    0);
	close_region(region);
	/* one that was there keeps what it has */
	write_file(path, 100000, 'x');
	if (!test_is_fsdax())
		assert_refused(
		    daxkind_region_open_file(
			path, 0, DAXKIND_OVERWRITE | DAXKIND_NEED_DAX, &region),
		    region, EOPNOTSUPP);
	assert_file_is(path, 100000, 'x');
	assert_int_equal(unlink(path), 0);
	assert_int_equal(munmap(area.addr, SIZE), 0);
	free(path);
}

/* No version writes it yet, but a later one's heap is not overwritten. */
static void
test_a_durable_heap_is_not_overwritten(void **state)
{
	static const char magic[8] = {
	    (char)0x89, 'D', 'A', 'X', 'K', 'I', 'N', 'D'};
	static const size_t len = 20 * TEST_PAGE;
	static const off_t places[] = {0, 19 * TEST_PAGE};
	char *path = copy_path("durable");
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		write_file(path, len, 'x');
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(
		    pwrite(fd, magic, sizeof(magic), places[i]), sizeof(magic));
		assert_int_equal(close(fd), 0);
		assert_refused(daxkind_region_open_file(path, 0, 0, &region),
		    region, EEXIST);
		assert_non_null(strstr(daxkind_last_error(), "durable heap"));
		assert_int_equal(daxkind_region_open_file(
				     path, 0, DAXKIND_OVERWRITE, &region),
		    0);
		close_region(region);
		assert_int_equal(unlink(path), 0);
	}
	free(path);
}

static void
test_directory_is_no_file(void **state)
{
	struct daxkind_region *region;

	(void)state;
	assert_refused(daxkind_region_open_file(test_dir(), SIZE, 0, &region),
	    region, EISDIR);
}

static void
test_prefault_reserves_all_file_space(void **state)
{
	char *path = copy_path("prefault");
	struct daxkind_region *region = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(daxkind_region_open_file(path, SIZE,
			     DAXKIND_CREATE | DAXKIND_PREFAULT, &region),
	    0);
	assert_int_equal(stat(path, &st), 0);
	assert_true((size_t)st.st_blocks * 512 >= SIZE);
	assert_int_equal(space_of(region).held, SIZE);
	use_region(region);
	close_region(region);
	assert_int_equal(unlink(path), 0);
	free(path);
}

/* --- the owner lock ---------------------------------------------------------- */

static int
open_elsewhere(void *path)
{
	struct daxkind_region *region = NOT_SET;
	int rc = daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &region);

	if (rc != -EBUSY)
		return 1;
	if (region != NULL || errno != EBUSY)
		return 2;
	return strlen(daxkind_last_error()) > 10 ? 0 : 3;
}

static void
test_second_opener_of_a_file_is_refused(void **state)
{
	char *path = copy_path("owned");
	char *hard_link = copy_path("owned2");
	struct daxkind_region *region = NULL;
	struct daxkind_region *other;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_file(path, SIZE, DAXKIND_CREATE, &region), 0);
	assert_int_equal(link(path, hard_link), 0);
	dk_row("in this process");
	assert_refused(
	    daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &other), other,
	    EBUSY);
	dk_row("by another name");
	assert_refused(
	    daxkind_region_open_file(hard_link, 0, DAXKIND_OVERWRITE, &other),
	    other, EBUSY);
	dk_row("in another process");
	assert_int_equal(test_in_child(open_elsewhere, path), 0);
	use_region(region);
	close_region(region);

	dk_row("closed, so it can be had");
	assert_int_equal(
	    daxkind_region_open_file(path, 0, DAXKIND_OVERWRITE, &region), 0);
	close_region(region);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(hard_link), 0);
	free(path);
	free(hard_link);
}

/* --- a directory ------------------------------------------------------------- */

static void
test_directory_gets_an_unlinked_file(void **state)
{
	static const size_t sizes[] = {SIZE, 0};
	struct daxkind_region *region = NULL;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(
		    daxkind_region_open_dir(test_dir(), sizes[i], 0, &region),
		    0);
		assert_true(test_unlinked_file(&st));
		assert_int_equal(st.st_nlink, 0);
		assert_int_equal(info_of(region).backing, DAXKIND_BACKING_FILE);
		if (sizes[i] != 0) {
			assert_int_equal(info_of(region).size, sizes[i]);
			use_region(region);
			assert_true(test_unlinked_file(&st));
			assert_true(st.st_size <= (off_t)sizes[i]);
		}
		close_region(region);
		assert_false(test_unlinked_file(&st));
	}
}

static void
test_bad_directories_are_refused(void **state)
{
	const struct {
		const char *why;
		const char *dir;
		size_t size;
		unsigned flags;
		int err;
		const char *text; /* a part of what is said, or NULL */
	} rows[] = {
	    {"NULL", NULL, SIZE, 0, EINVAL, NULL},
	    {"empty name", "", SIZE, 0, EINVAL, NULL},
	    {"missing", "/nonexistent/dir", SIZE, 0, ENOENT, "create it first"},
	    {"there, but for no file", "/proc", SIZE, 0, ENOENT,
		"cannot hold files"},
	    {"a file", "/proc/version", SIZE, 0, ENOTDIR, NULL},
	    {"below the minimum", test_dir(), DAXKIND_REGION_MIN - 1, 0, EINVAL,
		NULL},
	    {"1 byte", test_dir(), 1, 0, EINVAL, NULL},
	    {"unknown flag", test_dir(), SIZE, 1u << 9, EINVAL, NULL},
	};
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_refused(daxkind_region_open_dir(rows[i].dir,
				   rows[i].size, rows[i].flags, &region),
		    region, rows[i].err);
		if (rows[i].text != NULL)
			assert_non_null(
			    strstr(daxkind_last_error(), rows[i].text));
	}
	assert_int_equal(
	    daxkind_region_open_dir(test_dir(), SIZE, 0, NULL), -EINVAL);
}

static int
open_in_read_only_dir(void *arg)
{
	struct daxkind_region *region = NOT_SET;
	char file[PATH_MAX];

	if (geteuid() == 0 && seteuid(65534) != 0)
		return 99;
	if (daxkind_region_open_dir(arg, SIZE, 0, &region) != -EACCES ||
	    errno != EACCES || region != NULL ||
	    strlen(daxkind_last_error()) <= 10)
		return 1;
	(void)snprintf(file, sizeof(file), "%s/file", (char *)arg);
	region = NOT_SET;
	if (daxkind_region_open_file(file, SIZE, DAXKIND_CREATE, &region) !=
		-EACCES ||
	    errno != EACCES || region != NULL)
		return 2;
	return 0;
}

static void
test_read_only_directory_is_refused(void **state)
{
	char template[] = "/tmp/daxkind-ro.XXXXXX";
	char *dir = mkdtemp(template);

	(void)state;
	assert_non_null(dir);
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(test_in_child(open_in_read_only_dir, dir), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* --- a device ---------------------------------------------------------------- */

static void
test_what_is_no_devdax_device_is_refused(void **state)
{
	const struct {
		const char *why;
		const char *path;
		size_t off, size;
		int err;
	} rows[] = {
	    {"NULL", NULL, 0, 0, EINVAL},
	    {"missing", "/dev/dax99.99", 0, 0, ENOENT},
	    {"another character device", "/dev/null", 0, 0, ENODEV},
	    {"one that can be mapped", "/dev/zero", 0, SIZE, ENODEV},
	    {"a file", "/proc/version", 0, 0, ENODEV},
	    {"a directory", "/tmp", 0, 0, ENODEV},
	};
	struct daxkind_region *region;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		dk_row(rows[i].why);
		assert_refused(daxkind_region_open_devdax(rows[i].path,
				   rows[i].off, rows[i].size, 0, &region),
		    region, rows[i].err);
	}
	dk_row("by daxkind_region_open()");
	assert_refused(
	    daxkind_region_open("/dev/null", SIZE, 0, &region), region, ENODEV);
}

/* --- by what it is ----------------------------------------------------------- */

static void
test_open_looks_at_what_path_is(void **state)
{
	char *path = copy_path("any");
	struct daxkind_region *region = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(daxkind_region_open(test_dir(), SIZE, 0, &region), 0);
	assert_true(test_unlinked_file(&st));
	close_region(region);
	assert_int_equal(
	    daxkind_region_open(path, SIZE, DAXKIND_CREATE, &region), 0);
	assert_false(test_unlinked_file(&st));
	close_region(region);
	assert_int_equal(file_size(path), SIZE);
	assert_refused(
	    daxkind_region_open(path, SIZE, 0, &region), region, EEXIST);
	assert_refused(daxkind_region_open("/nonexistent/x", SIZE, 0, &region),
	    region, ENOENT);
	if (test_devdax() != NULL) {
		assert_int_equal(
		    daxkind_region_open(test_devdax(), 0, 0, &region), 0);
		assert_int_equal(
		    info_of(region).backing, DAXKIND_BACKING_DEVDAX);
		close_region(region);
	}
	assert_int_equal(unlink(path), 0);
	free(path);
}

/* --- kinds on it ------------------------------------------------------------- */

static void
test_one_kind_at_a_time(void **state)
{
	struct daxkind_region *region = NULL;
	struct test_area area;
	memkind_t kind = NULL;
	memkind_t second = (memkind_t)(uintptr_t)0xDA;

	(void)state;
	test_area_map(&area, SIZE);
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len, 0, &region), 0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	errno = 0;
	assert_int_equal(daxkind_kind_create(region, &second), -EBUSY);
	assert_int_equal(errno, EBUSY);
	assert_null(second);
	assert_true(strlen(daxkind_last_error()) > 10);
	errno = 0;
	assert_int_equal(daxkind_region_close(region), -EBUSY);
	assert_int_equal(errno, EBUSY);
	assert_true(strlen(daxkind_last_error()) > 10);
	assert_non_null(memkind_malloc(kind, 100));
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	use_region(region); /* still open */
	close_region(region);
	test_area_unmap(&area);
}

/* Handles that are used after their end must not reach those that came later,
 * whose records may lie where theirs did. */
enum {
	NR_STALE = 250 /* less than the 256 that daxkind_region_open(3) has */
};

static void
test_a_stale_region_is_found_out(void **state)
{
	static struct daxkind_region *stale[NR_STALE];
	struct daxkind_region *region = NULL;
	struct test_area area;
	struct daxkind_space space;

	(void)state;
	test_area_map(&area, SIZE);
	for (size_t i = 0; i < NR_STALE; i++) {
		assert_int_equal(daxkind_region_open_mapping(
				     area.addr, area.len, 0, &region),
		    0);
		for (size_t j = i % 7; j < i; j += 7) {
			assert_int_equal(
			    daxkind_region_close(stale[j]), -EINVAL);
			assert_int_equal(daxkind_region_space(
					     stale[j], &space, sizeof(space)),
			    -EINVAL);
		}
		assert_int_equal(
		    daxkind_region_space(region, &space, sizeof(space)), 0);
		close_region(region);
		stale[i] = region;
	}
	/* what never was one */
	assert_int_equal(
	    daxkind_region_close((struct daxkind_region *)(void *)&area),
	    -EINVAL);
	assert_int_equal(
	    daxkind_region_close((struct daxkind_region *)(uintptr_t)0xDA),
	    -EINVAL);
	test_area_unmap(&area);
}

static void
test_a_stale_kind_is_found_out(void **state)
{
	static memkind_t stale[NR_STALE];
	struct test_area area;
	memkind_t kind = NULL;
	size_t value;
	void *p;

	(void)state;
	test_area_map(&area, SIZE);
	for (size_t i = 0; i < NR_STALE; i++) {
		assert_int_equal(
		    memkind_create_fixed(area.addr, area.len, &kind), 0);
		for (size_t j = i % 7; j < i; j += 7)
			assert_int_equal(memkind_destroy_kind(stale[j]),
			    MEMKIND_ERROR_INVALID);
		p = memkind_malloc(kind, 100);
		assert_non_null(p);
		if (i > 0) { /* it has no blocks, and the others are not its */
			memkind_t last = stale[i - 1];

			errno = 0;
			assert_null(memkind_malloc(last, 100));
			assert_int_equal(errno, EINVAL);
			assert_null(memkind_calloc(last, 1, 100000));
			assert_int_not_equal(
			    memkind_posix_memalign(last, &p, 64, 100), 0);
			assert_null(p);
			assert_true(memkind_get_stat(last,
					MEMKIND_STAT_TYPE_ACTIVE, &value) < 0);
			assert_true(memkind_check_available(last) < 0);
			assert_null(daxkind_kind_region(last));
			assert_int_equal(
			    daxkind_persist(last, area.addr, 1), -EINVAL);
		}
		assert_int_equal(memkind_destroy_kind(kind), 0);
		stale[i] = kind;
	}
	assert_int_equal(memkind_destroy_kind((memkind_t)(uintptr_t)0xDA),
	    MEMKIND_ERROR_INVALID);
	assert_int_equal(memkind_destroy_kind((memkind_t)(void *)&area),
	    MEMKIND_ERROR_INVALID);
	test_area_unmap(&area);
}

static void
test_null_arguments(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_space space;
	memkind_t kind = (memkind_t)(uintptr_t)0xDA;

	(void)state;
	assert_int_equal(daxkind_region_close(NULL), 0);
	assert_int_equal(daxkind_kind_create(NULL, &kind), -EINVAL);
	assert_null(kind);
	assert_int_equal(
	    daxkind_region_info(NULL, &info, sizeof(info)), -EINVAL);
	assert_int_equal(
	    daxkind_region_space(NULL, &space, sizeof(space)), -EINVAL);
	assert_int_equal(daxkind_region_walk(NULL, NULL, NULL), -EINVAL);
	assert_null(daxkind_kind_region(NULL));
	assert_null(daxkind_kind_region(MEMKIND_DEFAULT));
	assert_null(daxkind_kind_region(MEMKIND_REGULAR));
}

/* Callers built against another version pass another size. */
static void
test_structs_of_another_size(void **state)
{
	struct {
		struct daxkind_region_info info;
		char more[64];
	} large;
	static const size_t absurd[] = {4097, (size_t)1 << 40, SIZE_MAX};
	struct daxkind_region *region = NULL;
	struct test_area area;
	struct daxkind_region_info info;
	struct daxkind_space space;

	(void)state;
	test_area_map(&area, SIZE);
	assert_int_equal(
	    daxkind_region_open_mapping(area.addr, area.len, 0, &region), 0);
	assert_int_equal(
	    daxkind_region_info(region, NULL, sizeof(info)), -EINVAL);
	assert_int_equal(
	    daxkind_region_space(region, NULL, sizeof(space)), -EINVAL);

	memset(&large, 0xDA, sizeof(large));
	assert_int_equal(
	    daxkind_region_info(region, &large.info, sizeof(large)), 0);
	assert_ptr_equal(large.info.base, area.addr);
	assert_true(test_all_bytes(large.more, 0, sizeof(large.more)));
	/* no structure is as large as that: nothing is written anywhere */
	for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
		memset(&large, 0xDA, sizeof(large));
		assert_int_equal(
		    daxkind_region_info(region, &large.info, absurd[i]),
		    -EINVAL);
		assert_non_null(strstr(daxkind_last_error(), "sizeof"));
		assert_true(test_all_bytes(&large, 0xDA, sizeof(large)));
		memset(&space, 0xDA, sizeof(space));
		assert_int_equal(
		    daxkind_region_space(region, &space, absurd[i]), -EINVAL);
		assert_true(test_all_bytes(&space, 0xDA, sizeof(space)));
	}
	/* an older caller has the first fields only */
	memset(&info, 0xDA, sizeof(info));
	if (daxkind_region_info(region, &info, sizeof(void *)) == 0) {
		assert_ptr_equal(info.base, area.addr);
		assert_true(
		    test_all_bytes(&info.size, 0xDA, sizeof(info.size)));
	}
	close_region(region);
	test_area_unmap(&area);
}

/* --- figures ----------------------------------------------------------------- */

static void
test_figures_add_up_and_come_back(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;
		struct daxkind_region *region;
		struct daxkind_space before;
		struct daxkind_space full;
		struct daxkind_space after;
		struct test_fill fill;

		print_message(
		    "on: %s\n", test_backing_name((enum test_backing)b));
		test_heap_make(&heap, (enum test_backing)b, 32 * TEST_MIB);
		region = daxkind_kind_region(heap.kind);
		assert_non_null(region);
		before = space_of(region);
		assert_int_equal(before.total, heap.size);
		assert_int_equal(before.bad, 0);
		assert_true(before.taken <= TEST_MIB);

		test_fill(heap.kind, 16, 200000, 3, &fill);
		full = space_of(region);
		assert_int_equal(full.total, heap.size);
		assert_true(full.taken >= fill.bytes);
		assert_true(full.free < 200000 + TEST_MIB);

		test_fill_free(heap.kind, &fill);
		memkind_free(
		    heap.kind, memkind_malloc(heap.kind, heap.size / 100 * 95));
		after = space_of(region);
		assert_int_equal(after.total, heap.size);
		assert_true(after.largest_free >= heap.size / 100 * 95);
		test_heap_end(&heap);
	}
}

struct walk {
	size_t next;    /* where the next run must begin */
	size_t sums[4]; /* by state */
	size_t largest; /* free run, of both states of free */
	size_t free_run;
	size_t nr;
	size_t stop_after;
	int stop_with;
	bool ok;
	memkind_t kind; /* to use while visiting, or NULL */
};

static int
visit(void *arg, size_t off, size_t len, enum daxkind_run_state run_state)
{
	struct walk *w = arg;

	if (off != w->next || len == 0 || (unsigned)run_state > 3) {
		w->ok = false;
		return -1;
	}
	w->next = off + len;
	w->sums[run_state] += len;
	if (run_state == DAXKIND_RUN_IDLE || run_state == DAXKIND_RUN_HOLE)
		w->free_run += len;
	else
		w->free_run = 0;
	if (w->free_run > w->largest)
		w->largest = w->free_run;
	if (w->kind != NULL)
		memkind_free(w->kind, memkind_malloc(w->kind, 50000));
	return ++w->nr == w->stop_after ? w->stop_with : 0;
}

static void
check_walk(struct daxkind_region *region)
{
	struct daxkind_space space = space_of(region);
	struct walk w = {.ok = true};

	assert_int_equal(daxkind_region_walk(region, visit, &w), 0);
	assert_true(w.ok);
	assert_int_equal(w.next, space.total);
	assert_int_equal(w.sums[DAXKIND_RUN_TAKEN], space.taken);
	assert_int_equal(
	    w.sums[DAXKIND_RUN_IDLE] + w.sums[DAXKIND_RUN_HOLE], space.free);
	assert_int_equal(w.sums[DAXKIND_RUN_BAD], space.bad);
	assert_int_equal(w.sums[DAXKIND_RUN_HOLE], space.total - space.held);
	assert_int_equal(w.largest, space.largest_free);
}

static void
test_walk_covers_the_region_exactly(void **state)
{
	(void)state;
	for (size_t b = 0; b < TEST_NR_BACKINGS; b++) {
		struct test_heap heap;
		struct daxkind_region *region;
		void *blocks[64];

		print_message(
		    "on: %s\n", test_backing_name((enum test_backing)b));
		test_heap_make(&heap, (enum test_backing)b, 32 * TEST_MIB);
		region = daxkind_kind_region(heap.kind);
		check_walk(region);
		for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
			blocks[i] = memkind_malloc(heap.kind, 10000 + i * 5000);
			assert_non_null(blocks[i]);
		}
		check_walk(region);
		for (size_t i = 0; i < ARRAY_LEN(blocks); i += 2)
			memkind_free(heap.kind, blocks[i]);
		check_walk(region);
		for (size_t i = 1; i < ARRAY_LEN(blocks); i += 2)
			memkind_free(heap.kind, blocks[i]);
		check_walk(region);
		test_heap_end(&heap);
	}
}

static void
test_walk_stops_and_lets_the_visitor_work(void **state)
{
	static const int values[] = {42, 1, -1, -EINVAL, INT_MIN};
	struct walk w;
	struct test_heap heap;
	struct daxkind_region *region;
	void *blocks[9];

	(void)state;
	test_heap_make(&heap, TEST_ON_FILE, 32 * TEST_MIB);
	region = daxkind_kind_region(heap.kind);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		blocks[i] = memkind_malloc(heap.kind, 100000);
	for (size_t i = 0; i < ARRAY_LEN(blocks); i += 2)
		memkind_free(heap.kind, blocks[i]);
	/* whatever ends it, it is no error */
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		w = (struct walk){
		    .ok = true, .stop_after = 2, .stop_with = values[i]};
		assert_int_equal(daxkind_region_walk(region, visit, &w), 1);
		assert_int_equal(w.nr, 2);
	}
	w = (struct walk){.ok = true, .kind = heap.kind};
	assert_int_equal(daxkind_region_walk(region, visit, &w), 0);
	assert_true(w.ok);
	assert_int_equal(w.next, heap.size);
	errno = 0;
	assert_int_equal(daxkind_region_walk(region, NULL, NULL), -EINVAL);
	assert_int_equal(daxkind_region_check(region), 0);
	assert_int_equal(daxkind_region_check(NULL), -EINVAL);
	test_heap_end(&heap);
}

/* --- texts ------------------------------------------------------------------- */

static void *
read_last_error(void *arg)
{
	struct daxkind_region *region;
	int *rc = arg;

	if (strcmp(daxkind_last_error(), "") != 0)
		return NULL;
	(void)daxkind_region_open_mapping(NULL, 0, 0, &region);
	*rc = strcmp(daxkind_last_error(), "") != 0 ? 0 : 2;
	return NULL;
}

static void
test_last_error_is_each_threads_own(void **state)
{
	struct daxkind_region *region;
	pthread_t thread;
	int rc = 1;

	(void)state;
	assert_int_equal(
	    daxkind_region_open("/nonexistent/x", SIZE, 0, &region), -ENOENT);
	/* the text names what it is about */
	assert_non_null(strstr(daxkind_last_error(), "/nonexistent/x"));
	assert_int_equal(
	    pthread_create(&thread, NULL, read_last_error, &rc), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rc, 0);
	assert_non_null(strstr(daxkind_last_error(), "/nonexistent/x"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    test_unit(test_mapping_is_a_region),
	    test_unit(test_mapping_that_the_caller_vouches_for),
	    test_unit(test_bad_mappings_are_refused),
	    test_unit(test_largest_free_can_be_had),
	    test_unit(test_prefault_keeps_the_content_of_a_mapping),
	    test_unit(test_new_file_is_made_and_kept),
	    test_unit(test_empty_file_is_used),
	    test_unit(test_file_with_data_wants_overwrite),
	    test_unit(test_open_alone_does_not_change_an_existing_file),
	    test_unit(test_bad_files_are_refused_and_none_is_left),
	    test_unit(test_a_durable_heap_is_not_overwritten),
	    test_unit(test_what_is_needed_is_there_or_it_fails),
	    test_unit(test_no_flag_is_ignored),
	    test_unit(test_nothing_is_made_by_mistake),
	    test_unit(test_directory_is_no_file),
	    test_unit(test_prefault_reserves_all_file_space),
	    test_unit(test_second_opener_of_a_file_is_refused),
	    test_unit(test_directory_gets_an_unlinked_file),
	    test_unit(test_bad_directories_are_refused),
	    test_unit(test_read_only_directory_is_refused),
	    test_unit(test_what_is_no_devdax_device_is_refused),
	    test_unit(test_open_looks_at_what_path_is),
	    test_unit(test_one_kind_at_a_time),
	    test_unit(test_a_stale_region_is_found_out),
	    test_unit(test_a_stale_kind_is_found_out),
	    test_unit(test_null_arguments),
	    test_unit(test_structs_of_another_size),
	    test_unit(test_figures_add_up_and_come_back),
	    test_unit(test_walk_covers_the_region_exactly),
	    test_unit(test_walk_stops_and_lets_the_visitor_work),
	    test_unit(test_last_error_is_each_threads_own),
	};

	return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
