// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_snapshot.c -- closed copies of durable regions that are open.
 *
 * On a device the copy is a file in $TMPDIR.  That it is whole or not there is for
 * tests/unit/restart/test_snapshot.c.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (64 * TEST_MIB)
enum {
	NR_BLOCKS = 400,
	NR_CACHED = 40
};
static const char Layout[] = "test_snapshot 1";

static char Dir[PATH_MAX], Path[PATH_MAX + 16], Copy[PATH_MAX + 16];

/* The copies are in a folder of their own, so that nothing else is left there. */
static int
setup(void **state)
{
	(void)state;
	(void)snprintf(Dir, sizeof(Dir), "%s", test_path("snapshots"));
	(void)mkdir(Dir, 0700);
	(void)snprintf(Path, sizeof(Path), "%s", test_path("source"));
	(void)snprintf(Copy, sizeof(Copy), "%s/copy", Dir);
	(void)unlink(Path);
	if (test_devdax() != NULL)
		(void)snprintf(Path, sizeof(Path), "%s", test_devdax());
	return 0;
}

static size_t
nr_files(void)
{
	DIR *dir = opendir(Dir);
	const struct dirent *entry;
	size_t nr = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			nr++;
	}
	(void)closedir(dir);
	return nr;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(Copy);
	assert_int_equal(rmdir(Dir), 0);
	if (test_devdax() != NULL)
		test_clear_devdax();
	else
		(void)unlink(Path);
	return 0;
}

/* --- a heap ---------------------------------------------------------------------- */

struct node {
	struct node *next;
	size_t size, nr;
	unsigned char content[];
};

static struct daxkind_region *
open_at(const char *path, unsigned flags, struct daxkind_restart *restart)
{
	struct daxkind_region *region;

	if (daxkind_region_open_durable(path,
		(flags & DAXKIND_CREATE) != 0 ? SIZE : 0, Layout, flags,
		&region) != 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(
	    daxkind_region_restart(region, restart, sizeof(*restart)), 0);
	return region;
}

static memkind_t
make_kind(struct daxkind_region *region)
{
	memkind_t kind;

	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	return kind;
}

static memkind_t
make(struct daxkind_region **region)
{
	struct daxkind_restart restart;

	*region = open_at(Path, DAXKIND_CREATE | DAXKIND_OVERWRITE, &restart);
	return make_kind(*region);
}

static void
end(struct daxkind_region *region, memkind_t kind)
{
	assert_int_equal(memkind_destroy_kind(kind), 0);
	assert_int_equal(daxkind_region_close(region), 0);
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
	assert_int_equal(daxkind_root_set(kind, "list", node), 0);
}

static void
fill(memkind_t kind, size_t from, size_t to)
{
	void *cached[NR_CACHED];

	for (size_t i = from; i < to; i++)
		push(kind, i);
	/* Free, and in the cache of this thread. */
	for (size_t i = 0; i < NR_CACHED; i++)
		cached[i] = memkind_malloc(kind, 64);
	for (size_t i = 0; i < NR_CACHED; i++)
		memkind_free(kind, cached[i]);
}

/* The list that begins there, where pointers are wrong by moved_by. */
static void
check_list(memkind_t kind, size_t nr, ptrdiff_t moved_by)
{
	const struct node *node = daxkind_root(kind, "list");

	for (; nr > 0; nr--) {
		assert_non_null(node);
		assert_int_equal(node->nr, nr - 1);
		assert_int_equal(node->size, size_of(nr - 1));
		for (size_t i = 0; i < node->size - sizeof(*node); i++)
			assert_int_equal(
			    node->content[i], (unsigned char)node->nr);
		node = node->next != NULL
			   ? (const void *)((char *)node->next + moved_by)
			   : NULL;
	}
	assert_null(node);
}

static void
snap(memkind_t kind)
{
	if (daxkind_snapshot(kind, Copy) != 0)
		fail_msg("%s", daxkind_last_error());
}

/* --- what the copy has -------------------------------------------------------------- */

static void
test_a_copy_has_every_block(void **state)
{
	struct daxkind_region *region, *copy;
	struct daxkind_restart of_region, of_copy;
	memkind_t kind = make(&region);

	(void)state;
	fill(kind, 0, NR_BLOCKS);
	snap(kind);
	assert_int_equal(nr_files(), 1);
	/* What comes later is in one of them. */
	push(kind, NR_BLOCKS);

	/* Beside the original. */
	copy = open_at(Copy, DAXKIND_RELOCATE, &of_copy);
	assert_int_equal(of_copy.how, DAXKIND_RESTART_CLEAN);
	assert_int_equal(of_copy.blocks, NR_BLOCKS);
	assert_int_equal(of_copy.leaked, 0);
	assert_int_not_equal(of_copy.moved_by, 0);
	assert_int_equal(
	    daxkind_region_restart(region, &of_region, sizeof(of_region)), 0);
	assert_memory_not_equal(of_region.uuid, of_copy.uuid, 16);
	assert_int_equal(of_copy.generation, of_region.generation + 1);
	memkind_t copy_kind = make_kind(copy);
	check_list(copy_kind, NR_BLOCKS, of_copy.moved_by);
	/* They are two heaps. */
	assert_non_null(memkind_malloc(copy_kind, 100000));
	check_list(kind, NR_BLOCKS + 1, 0);
	end(copy, copy_kind);
	end(region, kind);
	region = open_at(Path, 0, &of_region);
	assert_int_equal(of_region.how, DAXKIND_RESTART_CLEAN);
	assert_int_equal(of_region.blocks, NR_BLOCKS + 1);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_a_copy_alone_has_its_addresses(void **state)
{
	struct daxkind_region *region;
	struct daxkind_restart restart;
	memkind_t kind = make(&region);

	(void)state;
	fill(kind, 0, NR_BLOCKS);
	snap(kind);
	end(region, kind);
	region = open_at(Copy, 0, &restart);
	assert_int_equal(restart.how, DAXKIND_RESTART_CLEAN);
	assert_int_equal(restart.moved_by, 0);
	kind = make_kind(region);
	check_list(kind, NR_BLOCKS, 0);
	/* What was free in it can be used. */
	char *large = memkind_malloc(kind, SIZE / 2);
	assert_non_null(large);
	memset(large, 1, SIZE / 2);
	memkind_free(kind, large);
	check_list(kind, NR_BLOCKS, 0);
	/* A copy of a copy. */
	fill(kind, NR_BLOCKS, NR_BLOCKS + 10);
	(void)snprintf(Path, sizeof(Path), "%s", test_path("second"));
	assert_int_equal(daxkind_snapshot(kind, Path), 0);
	end(region, kind);
	region = open_at(Path, 0, &restart);
	kind = make_kind(region);
	check_list(kind, NR_BLOCKS + 10, 0);
	end(region, kind);
	assert_int_equal(unlink(Path), 0);
}

static void
test_a_new_copy_replaces_the_old_one(void **state)
{
	struct daxkind_region *region;
	struct daxkind_restart restart;
	memkind_t kind = make(&region);

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		fill(kind, i * 10, i * 10 + 10);
		snap(kind);
		assert_int_equal(nr_files(), 1);
	}
	end(region, kind);
	region = open_at(Copy, 0, &restart);
	assert_int_equal(restart.blocks, 40);
	assert_int_equal(daxkind_region_close(region), 0);
	/* An empty file, as mkstemp(3) makes one, is taken, too. */
	assert_int_equal(truncate(Copy, 0), 0);
	region = open_at(Path, 0, &restart);
	kind = make_kind(region);
	snap(kind);
	end(region, kind);
	assert_int_equal(daxkind_region_close(open_at(Copy, 0, &restart)), 0);
}

/* What nobody uses takes no space in the copy. */
static void
test_a_copy_is_sparse(void **state)
{
	struct daxkind_region *region;
	struct stat st;
	memkind_t kind = make(&region);

	(void)state;
	fill(kind, 0, 50);
	char *gone = memkind_malloc(kind, SIZE / 2);
	assert_non_null(gone);
	memset(gone, 1, SIZE / 2);
	memkind_free(kind, gone);
	snap(kind);
	end(region, kind);
	assert_int_equal(stat(Copy, &st), 0);
	assert_int_equal((size_t)st.st_size % TEST_PAGE, 0);
	/* A clone shares what it has. */
	print_message("%zu of %zu bytes\n", (size_t)st.st_blocks * 512,
	    (size_t)st.st_size);
	assert_true((size_t)st.st_blocks * 512 < SIZE / 4 * 3);
}

static void *
cache_some(void *arg)
{
	void *blocks[NR_CACHED];

	for (size_t i = 0; i < NR_CACHED; i++)
		blocks[i] = memkind_malloc(arg, 100);
	for (size_t i = 0; i < NR_CACHED; i++)
		memkind_free(arg, blocks[i]);
	return NULL;
}

struct stay {
	memkind_t kind;
	pthread_barrier_t barrier;
};

static void *
cache_and_stay(void *arg)
{
	struct stay *stay = arg;

	(void)cache_some(stay->kind);
	(void)pthread_barrier_wait(&stay->barrier);
	(void)pthread_barrier_wait(&stay->barrier);
	return NULL;
}

static void
test_what_other_threads_cache_is_free_in_the_copy(void **state)
{
	struct daxkind_region *region;
	struct daxkind_restart restart;
	struct stay stay = {.kind = make(&region)};
	pthread_t thread;

	(void)state;
	fill(stay.kind, 0, 20);
	assert_int_equal(pthread_barrier_init(&stay.barrier, NULL, 2), 0);
	assert_int_equal(
	    pthread_create(&thread, NULL, cache_and_stay, &stay), 0);
	(void)pthread_barrier_wait(&stay.barrier);
	snap(stay.kind);
	(void)pthread_barrier_wait(&stay.barrier);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&stay.barrier), 0);
	end(region, stay.kind);
	region = open_at(Copy, 0, &restart);
	assert_int_equal(restart.blocks, 20);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* --- what is refused ------------------------------------------------------------------ */

static void
refuse(memkind_t kind, const char *path, int errnum)
{
	size_t nr = nr_files();
	int rc = daxkind_snapshot(kind, path);

	if (rc != -errnum)
		fail_msg("%d, not %d: %s", rc, -errnum, daxkind_last_error());
	assert_int_equal(errno, errnum);
	test_says_why();
	print_message("    %s\n", daxkind_last_error());
	assert_int_equal(nr_files(), nr);
}

static void
test_arguments(void **state)
{
	char path[PATH_MAX + 16];
	struct daxkind_region *region, *other;
	struct daxkind_restart restart;
	memkind_t kind = make(&region);

	(void)state;
	refuse(kind, NULL, EINVAL);
	refuse(kind, "", EINVAL);
	refuse(NULL, Copy, EINVAL);
	refuse(MEMKIND_DEFAULT, Copy, ENOTSUP);
	refuse(kind, Dir, EISDIR);
	refuse(kind, "/dev/null", EEXIST);
	(void)snprintf(path, sizeof(path), "%s/no such/copy", Dir);
	refuse(kind, path, ENOENT);
	/* Its own file, or device. */
	refuse(kind, Path, test_devdax() != NULL ? EEXIST : EBUSY);
	/* Somebody's data. */
	int fd = open(Copy, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(close(fd), 0);
	refuse(kind, Copy, EEXIST);
	struct stat st;
	assert_int_equal(stat(Copy, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(unlink(Copy), 0);
	/* Another region that is open. */
	snap(kind);
	other = open_at(Copy, DAXKIND_RELOCATE, &restart);
	refuse(kind, Copy, EBUSY);
	assert_int_equal(daxkind_region_close(other), 0);
	snap(kind);
	/* Where no file can be made. */
	assert_true(daxkind_snapshot(kind, "/proc/copy") < 0);
	test_says_why();
	end(region, kind);
}

static void
test_a_file_size_limit(void **state)
{
	struct daxkind_region *region;
	struct rlimit old, limit;
	memkind_t kind = make(&region);

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = (struct rlimit){TEST_MIB, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	refuse(kind, Copy, EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	snap(kind);
	end(region, kind);
}

static void
test_a_child_makes_none(void **state)
{
	struct daxkind_region *region;
	memkind_t kind = make(&region);
	int status;

	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(daxkind_snapshot(kind, Copy) == -ENOMEM ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(nr_files(), 0);
	end(region, kind);
}

/* After the program has closed what is not its own. */
static void
test_without_the_descriptor(void **state)
{
	struct daxkind_region *region;
	struct daxkind_restart restart;
	struct stat st, of_fd;

	(void)state;
	if (test_devdax() != NULL)
		return;
	memkind_t kind = make(&region);
	fill(kind, 0, 20);
	assert_int_equal(stat(Path, &st), 0);
	for (int fd = 3; fd < 1024; fd++) {
		if (fstat(fd, &of_fd) == 0 && of_fd.st_ino == st.st_ino &&
		    of_fd.st_dev == st.st_dev)
			(void)close(fd);
	}
	/* Nobody has it locked any more, but a program that copies a heap over
	 * its own file has made a mistake of another sort. */
	snap(kind);
	end(region, kind);
	region = open_at(Copy, 0, &restart);
	kind = make_kind(region);
	check_list(kind, 20, 0);
	end(region, kind);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_copy_has_every_block),
	    UNIT(test_a_copy_alone_has_its_addresses),
	    UNIT(test_a_new_copy_replaces_the_old_one),
	    UNIT(test_a_copy_is_sparse),
	    UNIT(test_what_other_threads_cache_is_free_in_the_copy),
	    UNIT(test_arguments),
	    UNIT(test_a_file_size_limit),
	    UNIT(test_a_child_makes_none),
	    UNIT(test_without_the_descriptor),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
