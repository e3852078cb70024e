// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_grow.c -- durable regions that become larger.
 *
 * What a kill or a reset leaves in the middle is for
 * tests/unit/restart/test_crash_images.c and test_growth.c.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (16 * TEST_MIB)
static const char Layout[] = "test_grow 1";

static char Path[PATH_MAX];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("grown"));
	(void)unlink(Path);
	if (test_devdax() != NULL)
		(void)snprintf(Path, sizeof(Path), "%s", test_devdax());
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	if (test_devdax() != NULL)
		test_clear_devdax();
	else
		(void)unlink(Path);
	return 0;
}

/* --- a heap with a list ------------------------------------------------------------ */

struct node {
	struct node *next;
	size_t size, nr;
	unsigned char content[];
};

static struct daxkind_region *
open_with(size_t size, unsigned flags, enum daxkind_restart_how how)
{
	struct daxkind_restart restart;
	struct daxkind_region *region;

	if (daxkind_region_open_durable(Path, size, Layout, flags, &region) !=
	    0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.how, how);
	assert_int_equal(daxkind_region_check(region), 0);
	return region;
}

static struct daxkind_region *
make_region(size_t size)
{
	return open_with(
	    size, DAXKIND_CREATE | DAXKIND_OVERWRITE, DAXKIND_RESTART_NEW);
}

static struct daxkind_region *
reopen(size_t size)
{
	return open_with(size, 0, DAXKIND_RESTART_CLEAN);
}

static memkind_t
make_kind(struct daxkind_region *region)
{
	memkind_t kind;

	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	return kind;
}

static void
end(struct daxkind_region *region, memkind_t kind)
{
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
}

static size_t
size_of_region(const struct daxkind_region *region)
{
	struct daxkind_region_info info;

	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	return info.size;
}

static size_t
size_of(size_t nr)
{
	return sizeof(struct node) + nr * 37 % 30000;
}

static void
push(memkind_t kind, size_t nr)
{
	size_t size = size_of(nr);
	struct node *node = memkind_malloc(kind, size);

	assert_non_null(node);
	node->next = daxkind_root(kind, "list");
	node->size = size;
	node->nr = nr;
	memset(node->content, (int)nr, size - sizeof(*node));
	assert_int_equal(daxkind_persist(kind, node, size), 0);
	assert_int_equal(daxkind_root_set(kind, "list", node), 0);
}

static void
fill(memkind_t kind, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		push(kind, i);
}

static void
check_list(memkind_t kind, size_t nr)
{
	const struct node *node = daxkind_root(kind, "list");

	for (; nr > 0; nr--, node = node->next) {
		assert_non_null(node);
		assert_int_equal(node->nr, nr - 1);
		for (size_t i = 0; i < node->size - sizeof(*node); i++)
			assert_int_equal(
			    node->content[i], (unsigned char)node->nr);
	}
	assert_null(node);
}

static size_t
count_until_full(memkind_t kind, size_t size)
{
	void *first = NULL;
	size_t nr = 0;
	void **block;

	while ((block = memkind_malloc(kind, size)) != NULL) {
		*block = first;
		first = (void *)block;
		nr++;
	}
	for (block = first; block != NULL; block = first) {
		first = *block;
		memkind_free(kind, block);
	}
	return nr;
}

static size_t
file_size(void)
{
	struct stat st;

	assert_int_equal(stat(Path, &st), 0);
	return (size_t)st.st_size;
}

/* --- it grows --------------------------------------------------------------------------- */

static void
test_a_larger_size_grows_it(void **state)
{
	struct daxkind_region *region = make_region(SIZE);
	memkind_t kind = make_kind(region);

	(void)state;
	fill(kind, 0, 200);
	size_t nr_before = count_until_full(kind, 1000);
	end(region, kind);
	region = reopen(4 * SIZE);
	assert_int_equal(size_of_region(region), 4 * SIZE);
	kind = make_kind(region);
	check_list(kind, 200);
	/* Small blocks of all of it, and large ones of the new part. */
	assert_true(count_until_full(kind, 1000) > 4 * nr_before);
	char *large = memkind_calloc(kind, 1, 3 * SIZE - 200 * TEST_KIB);
	assert_non_null(large);
	memset(large, 7, 3 * SIZE - 200 * TEST_KIB);
	fill(kind, 200, 400);
	assert_int_equal(daxkind_root_set(kind, "large", large), 0);
	end(region, kind);
	/* The same size, and none. */
	for (size_t i = 0; i < 2; i++) {
		region = reopen(i == 0 || test_devdax() != NULL ? 4 * SIZE : 0);
		assert_int_equal(size_of_region(region), 4 * SIZE);
		kind = make_kind(region);
		check_list(kind, 400);
		assert_ptr_equal(daxkind_root(kind, "large"), large);
		assert_int_equal(large[3 * SIZE - 300 * TEST_KIB], 7);
		end(region, kind);
	}
	region = reopen(4 * SIZE);
	kind = make_kind(region);
	memkind_free(kind, large);
	assert_non_null(memkind_malloc(kind, 3 * SIZE - 200 * TEST_KIB));
	end(region, kind);
}

/* A part has a ledger of its own, and may have 1 MiB. */
static void
test_again_and_again(void **state)
{
	/* Where a processor is emulated, fewer. */
	const size_t max = 63, nr_times = test_is_emulated() ? 20 : max;
	struct daxkind_region *region = make_region(4 * TEST_MIB);
	size_t step = 2 * TEST_MIB, nr = 0;
	memkind_t kind = make_kind(region);

	(void)state;
	for (size_t i = 0; i < nr_times; i++) {
		fill(kind, nr, nr + 10);
		nr += 10;
		end(region, kind);
		region = reopen(4 * TEST_MIB + (i + 1) * step);
		kind = make_kind(region);
	}
	check_list(kind, nr);
	/* Each part is used. */
	size_t used = 0, total = 4 * TEST_MIB + nr_times * step;
	for (size_t i = 0; i < nr; i++)
		used += size_of(i);
	used += count_until_full(kind, 3000) * 3000;
	print_message("%zu of %zu bytes\n", used, total);
	assert_true(used > total / 100 * 85);
	fill(kind, nr, nr + 1000);
	check_list(kind, nr + 1000);
	end(region, kind);
	if (nr_times < max)
		return;
	/* There is no place for another one. */
	assert_int_equal(
	    daxkind_region_open_durable(
		Path, 4 * TEST_MIB + (nr_times + 1) * step, Layout, 0, &region),
	    -ENOSPC);
	assert_non_null(strstr(daxkind_last_error(), "63 times"));
	region = reopen(4 * TEST_MIB + nr_times * step);
	kind = make_kind(region);
	check_list(kind, nr + 1000);
	end(region, kind);
}

/* Odd sizes, of parts that begin in the middle of a chunk. */
static void
test_sizes_of_no_whole_chunk(void **state)
{
	size_t size = TEST_MIB, nr = 0;

	(void)state;
	if (test_devdax() != NULL)
		return;
	struct daxkind_region *region = make_region(size);
	memkind_t kind = make_kind(region);
	for (size_t i = 0; i < 20; i++) {
		fill(kind, nr, nr + 3);
		nr += 3;
		end(region, kind);
		size += 16 * TEST_PAGE + i * 7 * TEST_PAGE;
		region = reopen(size);
		kind = make_kind(region);
		check_list(kind, nr);
		(void)count_until_full(kind, 40);
		(void)count_until_full(kind, 3000);
		(void)count_until_full(kind, 20000);
		check_list(kind, nr);
	}
	end(region, kind);
}

/* After a crash, in one opening with the recovery of what threads had cached. */
static void
test_after_a_crash(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		memkind_t kind = make_kind(make_region(SIZE));

		fill(kind, 0, 100);
		for (size_t i = 0; i < 50; i++)
			memkind_free(kind, memkind_malloc(kind, 64));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct daxkind_region *region =
	    open_with(2 * SIZE, 0, DAXKIND_RESTART_CRASH);
	struct daxkind_restart restart;
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.blocks, 100);
	memkind_t kind = make_kind(region);
	check_list(kind, 100);
	fill(kind, 100, 200);
	end(region, kind);
	region = reopen(2 * SIZE);
	kind = make_kind(region);
	check_list(kind, 200);
	end(region, kind);
}

/* --- by somebody else ------------------------------------------------------------------- */

static void
test_a_file_that_became_larger(void **state)
{
	struct daxkind_region *region = make_region(SIZE);
	memkind_t kind = make_kind(region);

	(void)state;
	fill(kind, 0, 100);
	end(region, kind);
	if (test_devdax() != NULL) {
		/* All of the device. */
		region = reopen(0);
		assert_true(size_of_region(region) > SIZE);
	} else {
		assert_int_equal(truncate(Path, 3 * SIZE), 0);
		/* As it is, for who asks for what it had. */
		region = reopen(SIZE);
		kind = make_kind(region);
		assert_null(memkind_malloc(kind, SIZE));
		end(region, kind);
		assert_int_equal(daxkind_region_open_durable(
				     Path, 2 * SIZE, Layout, 0, &region),
		    -EINVAL);
		test_says_why();
		region = reopen(0);
		assert_int_equal(size_of_region(region), 3 * SIZE);
	}
	kind = make_kind(region);
	check_list(kind, 100);
	assert_non_null(memkind_malloc(kind, SIZE));
	end(region, kind);
	if (test_devdax() != NULL)
		return;
	/* Too little for a part: as it is, also for who asks for what it has. */
	assert_int_equal(truncate(Path, 3 * SIZE + TEST_PAGE), 0);
	for (size_t i = 0, size = 0; i < 3; i++) {
		region = reopen(size);
		size = size_of_region(region);
		kind = make_kind(region);
		check_list(kind, 100 + i);
		push(kind, 100 + i);
		end(region, kind);
		assert_int_equal(file_size(), 3 * SIZE + TEST_PAGE);
	}
}

static void
write_at(off_t off, int byte)
{
	unsigned char bytes[16];
	int fd = open(Path, O_WRONLY);

	assert_true(fd >= 0);
	memset(bytes, byte, sizeof(bytes));
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), off), sizeof(bytes));
	assert_int_equal(close(fd), 0);
}

static void
refuse(size_t size, int errnum)
{
	struct daxkind_region *region;
	int rc = daxkind_region_open_durable(Path, size, Layout, 0, &region);

	if (rc != -errnum)
		fail_msg("%d, not %d: %s", rc, -errnum,
		    rc == 0 ? "" : daxkind_last_error());
	assert_null(region);
	test_says_why();
	print_message("    %s\n", daxkind_last_error());
}

/* Where the copy is not the last page, the first one says where it is, even if its
 * writing was cut short. */
static void
test_the_copy_in_the_middle_is_found(void **state)
{
	(void)state;
	if (test_devdax() != NULL)
		return;
	assert_int_equal(daxkind_region_close(make_region(SIZE)), 0);
	assert_int_equal(truncate(Path, 2 * SIZE), 0);
	write_at(80, 0x55); /* in the layout */
	assert_int_equal(daxkind_region_close(reopen(SIZE)), 0);
	write_at(80, 0x55);
	struct daxkind_region *region = reopen(0);
	assert_int_equal(size_of_region(region), 2 * SIZE);
	assert_int_equal(daxkind_region_close(region), 0);
	/* And then it is in the last page. */
	write_at(0, 0);
	assert_int_equal(daxkind_region_close(reopen(0)), 0);
}

static void
test_what_is_refused(void **state)
{
	struct daxkind_region *region = make_region(SIZE);
	memkind_t kind = make_kind(region);

	(void)state;
	fill(kind, 0, 100);
	end(region, kind);
	if (test_devdax() != NULL)
		return;
	refuse(SIZE / 2, EINVAL);
	refuse(SIZE + TEST_PAGE, EINVAL);
	assert_int_equal(file_size(), SIZE);
	/* Of another layout: it does not grow. */
	assert_int_equal(
	    daxkind_region_open_durable(Path, 2 * SIZE, "another", 0, &region),
	    -EPROTO);
	assert_int_equal(file_size(), SIZE);
	/* Larger than any file. */
	assert_true(daxkind_region_open_durable(
			Path, (size_t)1 << 62, Layout, 0, &region) < 0);
	test_says_why();
	assert_int_equal(file_size(), SIZE);
	struct rlimit old, limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){SIZE, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	refuse(2 * SIZE, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(file_size(), SIZE);
	region = reopen(0);
	kind = make_kind(region);
	check_list(kind, 100);
	end(region, kind);
	/* A shrunk one: also where it was before, and the copy from then. */
	assert_int_equal(daxkind_region_close(reopen(2 * SIZE)), 0);
	assert_int_equal(truncate(Path, SIZE), 0);
	refuse(0, EFBIG);
	write_at(80, 0x55);
	refuse(0, EUCLEAN);
}

static void
test_addresses_that_are_taken(void **state)
{
	struct daxkind_region_info info;
	struct daxkind_region *region = make_region(SIZE);
	memkind_t kind = make_kind(region);

	(void)state;
	fill(kind, 0, 10);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	end(region, kind);
	void *taken = mmap((char *)info.base + SIZE + TEST_MIB, TEST_PAGE,
	    PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_true(taken != MAP_FAILED);
	refuse(2 * SIZE, EADDRINUSE);
	if (test_devdax() == NULL)
		assert_int_equal(file_size(), SIZE);
	region = reopen(SIZE);
	kind = make_kind(region);
	check_list(kind, 10);
	end(region, kind);
	assert_int_equal(munmap(taken, TEST_PAGE), 0);
	region = reopen(2 * SIZE);
	kind = make_kind(region);
	check_list(kind, 10);
	end(region, kind);
}

/* All file space is there before the first store. */
static void
test_prefault(void **state)
{
	struct stat st;

	(void)state;
	if (test_devdax() != NULL)
		return;
	assert_int_equal(
	    daxkind_region_close(open_with(
		SIZE, DAXKIND_CREATE | DAXKIND_PREFAULT, DAXKIND_RESTART_NEW)),
	    0);
	struct daxkind_region *region =
	    open_with(2 * SIZE, DAXKIND_PREFAULT, DAXKIND_RESTART_CLEAN);
	assert_int_equal(stat(Path, &st), 0);
	assert_true((size_t)st.st_blocks * 512 >= 2 * SIZE);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_a_snapshot_of_it(void **state)
{
	struct daxkind_region *region = make_region(SIZE);
	memkind_t kind = make_kind(region);
	char copy[PATH_MAX];

	(void)state;
	(void)snprintf(copy, sizeof(copy), "%s", test_path("grown.copy"));
	(void)unlink(copy);
	fill(kind, 0, 100);
	end(region, kind);
	region = reopen(3 * SIZE);
	kind = make_kind(region);
	char *large = memkind_malloc(kind, SIZE + SIZE / 2);
	assert_non_null(large);
	fill(kind, 100, 1000);
	assert_int_equal(daxkind_snapshot(kind, copy), 0);
	end(region, kind);
	(void)snprintf(Path, sizeof(Path), "%s", copy);
	region = reopen(0);
	assert_int_equal(size_of_region(region), 3 * SIZE);
	kind = make_kind(region);
	check_list(kind, 1000);
	end(region, kind);
	region = reopen(4 * SIZE);
	kind = make_kind(region);
	check_list(kind, 1000);
	end(region, kind);
	assert_int_equal(unlink(copy), 0);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_larger_size_grows_it),
	    UNIT(test_again_and_again),
	    UNIT(test_sizes_of_no_whole_chunk),
	    UNIT(test_after_a_crash),
	    UNIT(test_a_file_that_became_larger),
	    UNIT(test_the_copy_in_the_middle_is_found),
	    UNIT(test_what_is_refused),
	    UNIT(test_addresses_that_are_taken),
	    UNIT(test_prefault),
	    UNIT(test_a_snapshot_of_it),
	};

	return cmocka_run_group_tests_name("grow", tests, NULL, NULL);
}
