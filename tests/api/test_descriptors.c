// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_descriptors.c -- the descriptors of a region in a process that closes what
 * it did not open, and that has children.
 *
 * Holds these invariants: no file is changed that is not the region's, and no
 * descriptor is closed that is not; a region is free for the next owner when
 * it is closed.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (32 * TEST_MIB)
/* Where descriptors are looked for. */
enum {
	MAX_FD = 4096
};

static char Path[PATH_MAX];

/* A region, and a kind on it. */
static struct daxkind_region *Region;
static memkind_t Kind;

static void
open_region(unsigned flags)
{
	if (test_devdax() != NULL)
		assert_int_equal(daxkind_region_open_devdax(test_devdax(), 0,
				     test_size(SIZE), 0, &Region),
		    0);
	else
		assert_int_equal(
		    daxkind_region_open_file(Path, SIZE, flags, &Region), 0);
}

static void
close_all(void)
{
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(Region), 0);
	Region = NULL;
	(void)unlink(Path);
}

static int
setup(void **state)
{
	(void)snprintf(Path, sizeof(Path), "%s", test_path("region"));
	(void)unlink(Path);
	return test_leaks_setup(state);
}

/* --- a program that closes descriptors -------------------------------------------- */

/* Bit n: it is open. */
static bool Was_open[MAX_FD];

static void
note_open(void)
{
	for (int fd = 0; fd < MAX_FD; fd++)
		Was_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static int
new_log(void)
{
	int fd = open(test_path("log"), O_CREAT | O_RDWR | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "12345", 5), 5);
	return fd;
}

/* What daemons do, and then the program opens files: one of them gets each of
 * the numbers that the region had. */
static unsigned
close_what_is_new(int log)
{
	unsigned nr = 0;

	for (int fd = 3; fd < MAX_FD; fd++) {
		if (fd == log || Was_open[fd] || fcntl(fd, F_GETFD) < 0)
			continue;
		assert_int_equal(dup2(log, fd), fd);
		nr++;
	}
	return nr;
}

static void
check_log(int log)
{
	struct stat st;
	char text[5];

	assert_int_equal(fstat(log, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_true(st.st_blocks * 512 <= (blkcnt_t)(64 * TEST_KIB));
	assert_int_equal(pread(log, text, 5, 0), 5);
	assert_memory_equal(text, "12345", 5);
}

/* Its copies are open still; closes them. */
static void
end_log(int log, unsigned nr_copies)
{
	unsigned nr = 0;

	check_log(log);
	for (int fd = 3; fd < MAX_FD; fd++) {
		if (fd == log || Was_open[fd] || fcntl(fd, F_GETFD) < 0)
			continue;
		check_log(fd);
		assert_int_equal(close(fd), 0);
		nr++;
	}
	assert_int_equal(nr, nr_copies);
	assert_int_equal(close(log), 0);
	assert_int_equal(unlink(test_path("log")), 0);
}

static void
use_kind(void)
{
	size_t filled = 0;

	for (int round = 0; round < 2; round++) {
		char *large = memkind_malloc(Kind, 5 * TEST_MIB);
		char *small = memkind_calloc(Kind, 1, 700);

		assert_non_null(large);
		assert_non_null(small);
		assert_true(test_all_bytes(small, 0, 700));
		test_touch(large, 5 * TEST_MIB);
		large = memkind_realloc(Kind, large, 9 * TEST_MIB);
		assert_non_null(large);
		test_touch(large, 9 * TEST_MIB);
		memkind_free(Kind, large);
		memkind_free(Kind, small);
		/* all of it, each time */
		void *blocks[SIZE / TEST_MIB + 1];
		size_t nr = 0;
		while (nr < ARRAY_LEN(blocks) &&
		       (blocks[nr] = memkind_malloc(Kind, TEST_MIB)) != NULL)
			test_touch(blocks[nr++], TEST_MIB);
		assert_true(nr + 1 >= filled);
		filled = nr;
		while (nr > 0)
			memkind_free(Kind, blocks[--nr]);
	}
	assert_true(filled >= SIZE / TEST_MIB - 1);
}

static void
test_a_kind_goes_on_when_the_program_closed_its_descriptors(void **state)
{
	(void)state;
	note_open();
	int log = new_log();
	open_region(DAXKIND_CREATE);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	unsigned nr = close_what_is_new(log);
	assert_true(nr > 0);
	use_kind();
	close_all();
	end_log(log, nr);
}

static void
test_a_pmem_kind_gives_space_back_without_its_descriptor(void **state)
{
	struct stat st;
	char proc[64];
	int other = -1;

	(void)state;
	note_open();
	int log = new_log();
	assert_int_equal(
	    memkind_create_pmem(test_dir(), SIZE, &Kind), MEMKIND_SUCCESS);
	assert_int_equal(
	    daxkind_kind_set_policy(Kind, DAXKIND_POLICY_CONSERVATIVE), 0);
	/* another opening, to see what the file holds */
	for (int fd = 3; fd < MAX_FD && other < 0; fd++) {
		if (fd == log || Was_open[fd] || fcntl(fd, F_GETFD) < 0)
			continue;
		(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		other = open(proc, O_RDONLY | O_CLOEXEC);
	}
	assert_true(other >= 0);
	Was_open[other] = true;
	unsigned nr = close_what_is_new(log);
	char *p = memkind_malloc(Kind, 8 * TEST_MIB);
	assert_non_null(p);
	memset(p, 1, 8 * TEST_MIB);
	assert_int_equal(fstat(other, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	memkind_free(Kind, p);
	assert_int_equal(fstat(other, &st), 0);
	assert_true((size_t)st.st_blocks * 512 <= TEST_MIB);
	use_kind();
	assert_int_equal(memkind_destroy_kind(Kind), MEMKIND_SUCCESS);
	assert_int_equal(close(other), 0);
	end_log(log, nr);
}

/* --- children --------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int end; /* closed: it ends */
};

/* A child that lives until it is told to end, and calls f first. */
static struct child
start_child(int (*f)(void))
{
	struct child child;
	int to[2], from[2];
	char byte = 0;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		(void)close(to[1]);
		byte = (char)(f != NULL ? f() : 0);
		if (write(from[1], &byte, 1) != 1)
			_exit(1);
		_exit(read(to[0], &byte, 1) == 0 ? 0 : 2);
	}
	assert_int_equal(close(to[0]), 0);
	assert_int_equal(close(from[1]), 0);
	assert_int_equal(read(from[0], &byte, 1), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(close(from[0]), 0);
	child.end = to[1];
	return child;
}

static void
end_child(struct child child)
{
	int status;

	assert_int_equal(close(child.end), 0);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_int_equal(status, 0);
}

/* The child has the descriptors and the mapping, but not the region. */
static void
test_a_closed_region_is_free_while_a_child_lives(void **state)
{
	(void)state;
	open_region(DAXKIND_CREATE);
	struct child child = start_child(NULL);
	assert_int_equal(daxkind_region_close(Region), 0);
	open_region(DAXKIND_OVERWRITE);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	char *p = memkind_malloc(Kind, TEST_MIB);
	assert_non_null(p);
	memset(p, 1, TEST_MIB);
	end_child(child);
	close_all();
}

static int
end_in_child(void)
{
	return memkind_destroy_kind(Kind) == MEMKIND_SUCCESS &&
		       daxkind_region_close(Region) == 0
		   ? 0
		   : 1;
}

/* It ends what it has, and leaves the parent's alone. */
static void
test_a_child_that_ends_a_kind_lets_go_of_it(void **state)
{
	struct daxkind_region *other = NULL;

	(void)state;
	open_region(DAXKIND_CREATE);
	assert_int_equal(daxkind_kind_create(Region, &Kind), 0);
	char *p = memkind_malloc(Kind, TEST_MIB);
	assert_non_null(p);
	memset(p, 7, TEST_MIB);
	struct child child = start_child(end_in_child);
	assert_true(test_all_bytes(p, 7, TEST_MIB));
	assert_int_equal(
	    test_devdax() != NULL
		? daxkind_region_open_devdax(test_devdax(), 0, 0, 0, &other)
		: daxkind_region_open_file(Path, 0, DAXKIND_OVERWRITE, &other),
	    -EBUSY);
	/* and has no mapping of it any more */
	char maps[64];
	(void)snprintf(maps, sizeof(maps), "/proc/%d/maps", (int)child.pid);
	FILE *f = fopen(maps, "re");
	assert_non_null(f);
	static char line[PATH_MAX + 128];
	const char *name = test_devdax() != NULL ? "/dev/dax" : Path;
	while (fgets(line, sizeof(line), f) != NULL)
		assert_null(strstr(line, name));
	assert_int_equal(fclose(f), 0);
	end_child(child);
	memkind_free(Kind, p);
	close_all();
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, test_leaks_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_kind_goes_on_when_the_program_closed_its_descriptors),
	    UNIT(test_a_pmem_kind_gives_space_back_without_its_descriptor),
	    UNIT(test_a_closed_region_is_free_while_a_child_lives),
	    UNIT(test_a_child_that_ends_a_kind_lets_go_of_it),
	};

	return cmocka_run_group_tests_name("descriptors", tests, NULL, NULL);
}
