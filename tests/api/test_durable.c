// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_durable.c -- durable regions: what comes back, and what is refused.
 *
 * Kills at any moment are for test_durable_kill.c.
 */
#include "../support/cmocka_all.h"

#include "../support/test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memkind_fixed.h>

#define SIZE (16 * TEST_MIB)
static const char Layout[] = "test_durable 1";

static char Path[PATH_MAX];

static int
setup(void **state)
{
	(void)state;
	(void)snprintf(Path, sizeof(Path), "%s", test_path("durable"));
	(void)unlink(Path);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	(void)unlink(Path);
	return 0;
}

static struct daxkind_region *
open_with(unsigned flags, enum daxkind_restart_how how)
{
	struct daxkind_restart restart;
	struct daxkind_region *region;

	if (daxkind_region_open_durable(Path,
		(flags & DAXKIND_CREATE) != 0 ? SIZE : 0, Layout, flags,
		&region) != 0)
		fail_msg("%s", daxkind_last_error());
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.how, how);
	return region;
}

static struct daxkind_region *
make_region(void)
{
	return open_with(DAXKIND_CREATE, DAXKIND_RESTART_NEW);
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

/* --- what comes back ------------------------------------------------------------ */

struct node {
	struct node *next;
	size_t size, nr;
	unsigned char content[];
};

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
check_list(memkind_t kind, size_t nr)
{
	const struct node *node = daxkind_root(kind, "list");

	for (; nr > 0; nr--, node = node->next) {
		assert_non_null(node);
		assert_int_equal(node->nr, nr - 1);
		assert_int_equal(node->size, size_of(nr - 1));
		for (size_t i = 0; i < node->size - sizeof(*node); i++)
			assert_int_equal(
			    node->content[i], (unsigned char)node->nr);
		assert_true(memkind_malloc_usable_size(
				kind, (void *)(uintptr_t)node) >= node->size);
	}
	assert_null(node);
}

static void
test_a_list_is_still_there(void **state)
{
	const size_t nr = 300;
	struct daxkind_region *region = make_region();
	struct daxkind_restart restart;
	memkind_t kind = make_kind(region);

	(void)state;
	assert_null(daxkind_root(kind, "list"));
	assert_int_equal(errno, ENOENT);
	for (size_t i = 0; i < nr; i++) {
		push(kind, i);
		/* what is freed is not there */
		memkind_free(kind, memkind_malloc(kind, 1 + i * 91 % 40000));
	}
	check_list(kind, nr);
	end(region, kind);
	for (size_t i = 0; i < 3; i++) {
		region = open_with(0, DAXKIND_RESTART_CLEAN);
		assert_int_equal(
		    daxkind_region_restart(region, &restart, sizeof(restart)),
		    0);
		assert_int_equal(restart.blocks, nr + i);
		assert_int_equal(restart.leaked, 0);
		assert_int_equal(restart.moved_by, 0);
		assert_int_equal(restart.generation, i + 2);
		kind = make_kind(region);
		check_list(kind, nr + i);
		push(kind, nr + i);
		end(region, kind);
	}
}

static int
count(void *arg, void *block, size_t usable)
{
	(void)block;
	(void)usable;
	(*(size_t *)arg)++;
	return DAXKIND_KEEP;
}

/* A kind ends and another begins in the same process. */
static void
test_destroying_the_kind_keeps_its_blocks(void **state)
{
	struct daxkind_region *region = make_region();
	size_t nr = 0;

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		memkind_t kind = make_kind(region);

		check_list(kind, i);
		push(kind, i);
		assert_int_equal(memkind_destroy_kind(kind), 0);
	}
	memkind_t kind = make_kind(region);
	assert_int_equal(daxkind_walk(kind, count, &nr), 0);
	assert_int_equal(nr, 20);
	end(region, kind);
}

/* --- walk --------------------------------------------------------------------------- */

struct picked {
	char *last;
	size_t nr, nr_dropped, stop_at;
};

static int
drop_every_second(void *arg, void *block, size_t usable)
{
	struct picked *p = arg;

	assert_true((char *)block >= p->last);
	p->last = (char *)block + usable;
	if (p->nr == p->stop_at)
		return -ECANCELED;
	if (p->nr++ % 2 == 0)
		return DAXKIND_KEEP;
	p->nr_dropped++;
	return DAXKIND_DROP;
}

static void
test_walk(void **state)
{
	static const size_t sizes[] = {
	    1, 8, 32, 64, 100, 4096, 14336, 14337, 100000};
	const size_t nr = 900;
	struct daxkind_region *region = make_region();
	memkind_t kind = make_kind(region);
	struct picked p = {.stop_at = SIZE_MAX};
	size_t nr_left = 0;

	(void)state;
	for (size_t i = 0; i < nr; i++)
		assert_non_null(
		    memkind_malloc(kind, sizes[i % (i % 10 == 0 ? 9 : 6)]));
	assert_int_equal(daxkind_walk(kind, drop_every_second, &p), 0);
	assert_int_equal(p.nr, nr);
	assert_int_equal(daxkind_walk(kind, count, &nr_left), 0);
	assert_int_equal(nr_left, nr - p.nr_dropped);
	p = (struct picked){.stop_at = 3};
	assert_int_equal(daxkind_walk(kind, drop_every_second, &p), -ECANCELED);
	assert_int_equal(p.nr, 3);
	assert_int_equal(daxkind_walk(kind, NULL, NULL), -EINVAL);
	end(region, kind);
}

/* --- the whole of it can be used ------------------------------------------------------ */

static void
test_all_is_one_block_again(void **state)
{
	const size_t size = 256 * TEST_MIB;
	struct daxkind_region *region;
	static void *blocks[200000];
	size_t nr = 0, bytes = 0;

	(void)state;
	assert_int_equal(daxkind_region_open_durable(
			     Path, size, Layout, DAXKIND_CREATE, &region),
	    0);
	memkind_t kind = make_kind(region);
	for (size_t round = 0; round < 3; round++) {
		uint32_t random = 1;

		nr = 0;
		bytes = 0;
		for (;;) {
			random = random * 1664525 + 1013904223;
			size_t len = 100 + (random >> 8) % 3900;
			void *p = memkind_malloc(kind, len);

			if (p == NULL)
				break;
			blocks[nr++] = p;
			bytes += len;
		}
		print_message(
		    "%zu blocks, %zu of %zu bytes\n", nr, bytes, (size_t)SIZE);
		assert_true(bytes >= size / 100 * 90);
		while (nr > 0)
			memkind_free(kind, blocks[--nr]);
		void *all = memkind_malloc(kind, size / 100 * 98);
		assert_non_null(all);
		memkind_free(kind, all);
	}
	end(region, kind);
}

/* Records of what is in use only: of 256 GiB, the whole ledger has 1 GiB. */
static void
test_a_large_file_is_sparse(void **state)
{
	const size_t size = (size_t)256 << 30;
	struct daxkind_region *region;
	struct stat st;

	(void)state;
	if (daxkind_region_open_durable(
		Path, size, Layout, DAXKIND_CREATE, &region) != 0) {
		print_message("skipped: %s\n", daxkind_last_error());
		return;
	}
	memkind_t kind = make_kind(region);
	assert_non_null(memkind_malloc(kind, 100));
	assert_non_null(memkind_malloc(kind, 100000));
	end(region, kind);
	assert_int_equal(stat(Path, &st), 0);
	print_message("%lld bytes\n", (long long)st.st_blocks * 512);
	assert_true(st.st_blocks * 512 < (long long)(3 * TEST_MIB));
	region = open_with(0, DAXKIND_RESTART_CLEAN);
	kind = make_kind(region);
	size_t nr = 0;
	assert_int_equal(daxkind_walk(kind, count, &nr), 0);
	assert_int_equal(nr, 2);
	end(region, kind);
}

/* --- roots and offsets ---------------------------------------------------------------- */

static int
count_roots(void *arg, const char *name, void *ptr)
{
	assert_non_null(ptr);
	assert_true(strlen(name) > 0);
	return ++*(size_t *)arg == 100;
}

static void
test_roots(void **state)
{
	char long_name[70], name[16];
	struct daxkind_region *region = make_region();
	memkind_t kind = make_kind(region);
	char *p = memkind_malloc(kind, 100);
	size_t nr = 0;

	(void)state;
	memset(long_name, 'n', sizeof(long_name));
	long_name[64] = '\0';
	assert_int_equal(daxkind_root_set(kind, long_name, p), -EINVAL);
	assert_int_equal(daxkind_root_set(kind, "", p), -EINVAL);
	assert_int_equal(daxkind_root_set(kind, NULL, p), -EINVAL);
	assert_int_equal(daxkind_root_set(kind, "on the stack", name), -EINVAL);
	test_says_why();
	long_name[63] = '\0';
	assert_int_equal(daxkind_root_set(kind, long_name, p), 0);
	assert_ptr_equal(daxkind_root(kind, long_name), p);
	assert_null(daxkind_root(kind, "n"));
	assert_int_equal(daxkind_root_set(kind, long_name, NULL), 0);
	assert_null(daxkind_root(kind, long_name));
	for (int i = 0; i < 128; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(daxkind_root_set(kind, name, p + i % 7), 0);
	}
	assert_int_equal(daxkind_root_set(kind, "more", p), -ENOSPC);
	assert_int_equal(daxkind_root_set(kind, "5", p + 9), 0);
	assert_int_equal(daxkind_root_set(kind, "6", NULL), 0);
	assert_int_equal(daxkind_root_walk(kind, count_roots, &nr), 1);
	assert_int_equal(nr, 100);
	assert_int_equal(daxkind_root_set(kind, "more", p), 0);
	end(region, kind);
	region = open_with(0, DAXKIND_RESTART_CLEAN);
	kind = make_kind(region);
	assert_ptr_equal(daxkind_root(kind, "5"), p + 9);
	assert_null(daxkind_root(kind, "6"));
	assert_ptr_equal(daxkind_root(kind, "more"), p);
	assert_ptr_equal(daxkind_at(kind, daxkind_offset(kind, p)), p);
	assert_int_equal(daxkind_offset(kind, name), 0);
	assert_null(daxkind_at(kind, 0));
	assert_null(daxkind_at(kind, SIZE));
	end(region, kind);
}

static void
test_volatile_kinds_have_none(void **state)
{
	struct daxkind_region *region;
	struct daxkind_restart restart;
	size_t nr = 0;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_file(Path, SIZE, DAXKIND_CREATE, &region), 0);
	memkind_t kind = make_kind(region);
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)),
	    -ENOTSUP);
	assert_int_equal(daxkind_root_set(kind, "r", kind), -ENOTSUP);
	assert_null(daxkind_root(kind, "r"));
	assert_int_equal(daxkind_walk(kind, count, &nr), -ENOTSUP);
	assert_int_equal(
	    daxkind_root_set(MEMKIND_DEFAULT, "r", NULL), -ENOTSUP);
	assert_int_equal(daxkind_root_set(NULL, "r", NULL), -EINVAL);
	end(region, kind);
}

/* --- another address ------------------------------------------------------------------- */

static void
test_another_address(void **state)
{
	struct daxkind_region *region = make_region();
	struct daxkind_region_info info;
	struct daxkind_restart restart;
	memkind_t kind = make_kind(region);
	char *p = memkind_malloc(kind, 1000);
	size_t off = daxkind_offset(kind, p);

	(void)state;
	strcpy(p, "moved");
	assert_int_equal(daxkind_root_set(kind, "r", p), 0);
	assert_int_equal(daxkind_region_info(region, &info, sizeof(info)), 0);
	end(region, kind);
	void *taken = mmap((char *)info.base + TEST_MIB, TEST_PAGE, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	assert_ptr_equal(taken, (char *)info.base + TEST_MIB);
	assert_int_equal(
	    daxkind_region_open_durable(Path, 0, Layout, 0, &region),
	    -EADDRINUSE);
	assert_non_null(strstr(daxkind_last_error(), "DAXKIND_RELOCATE"));
	region = open_with(DAXKIND_RELOCATE, DAXKIND_RESTART_CLEAN);
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_not_equal(restart.moved_by, 0);
	kind = make_kind(region);
	assert_string_equal(daxkind_at(kind, off), "moved");
	assert_string_equal(daxkind_root(kind, "r"), "moved");
	assert_ptr_equal(daxkind_root(kind, "r"), p + restart.moved_by);
	end(region, kind);
	assert_int_equal(munmap(taken, TEST_PAGE), 0);
}

/* --- what is refused ---------------------------------------------------------------------- */

static void
write_file(const void *bytes, size_t len, off_t off)
{
	int fd = open(Path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, off), len);
	assert_int_equal(close(fd), 0);
}

static unsigned char *
read_file(size_t *len)
{
	struct stat st;
	int fd = open(Path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	*len = (size_t)st.st_size;
	unsigned char *bytes = malloc(*len + 1);
	assert_non_null(bytes);
	assert_int_equal(pread(fd, bytes, *len, 0), *len);
	assert_int_equal(close(fd), 0);
	return bytes;
}

/* It is refused, and is as before. */
static void
assert_refused(int errnum, const char *layout, const char *says)
{
	struct daxkind_region *region = (void *)Path;
	size_t len, len_after;
	unsigned char *before = read_file(&len);

	int rc = daxkind_region_open_durable(Path, 0, layout, 0, &region);
	if (rc != -errnum)
		fail_msg("%d, not %d: %s", rc, -errnum, daxkind_last_error());
	assert_null(region);
	assert_int_equal(errno, errnum);
	print_message("    %s\n", daxkind_last_error());
	assert_non_null(strstr(daxkind_last_error(), says));
	unsigned char *after = read_file(&len_after);
	assert_int_equal(len_after, len);
	assert_memory_equal(after, before, len);
	free(after);
	free(before);
}

static void
make_closed(void)
{
	struct daxkind_region *region;

	(void)unlink(Path);
	region = make_region();
	memkind_t kind = make_kind(region);
	for (size_t i = 0; i < 50; i++)
		push(kind, i);
	end(region, kind);
}

static void
flip(off_t off)
{
	unsigned char byte;
	int fd = open(Path, O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, off), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, off), 1);
	assert_int_equal(close(fd), 0);
}

static void
test_what_is_not_ours_is_refused(void **state)
{
	static char zeroes[1 << 20];
	char bytes[4096];

	(void)state;
	write_file(zeroes, sizeof(zeroes), 0);
	assert_refused(EEXIST, Layout, "DAXKIND_OVERWRITE");
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37 + 11);
	write_file(bytes, sizeof(bytes), 0);
	assert_refused(EEXIST, Layout, "DAXKIND_OVERWRITE");
	/* With that it is made. */
	struct daxkind_region *region =
	    open_with(DAXKIND_OVERWRITE, DAXKIND_RESTART_NEW);
	assert_int_equal(daxkind_region_close(region), 0);
	region = open_with(0, DAXKIND_RESTART_CLEAN);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_what_is_damaged_is_refused(void **state)
{
	(void)state;
	make_closed();
	assert_refused(EPROTO, "another", "test_durable 1");
	/* One superblock is enough. */
	flip(100);
	assert_int_equal(
	    daxkind_region_close(open_with(0, DAXKIND_RESTART_CLEAN)), 0);
	flip(SIZE - 4096 + 30);
	assert_int_equal(
	    daxkind_region_close(open_with(0, DAXKIND_RESTART_CLEAN)), 0);
	flip(100);
	flip(SIZE - 4096 + 100);
	assert_refused(EUCLEAN, Layout, "superblocks");
	make_closed();
	flip(4096); /* a mark */
	assert_refused(EUCLEAN, Layout, "lower mark");
	make_closed();
	flip((2 + 4) * 4096 + 2); /* the first line of the ledger */
	assert_refused(EUCLEAN, Layout, "is damaged");
	make_closed();
	assert_int_equal(truncate(Path, SIZE / 2), 0);
	assert_refused(EFBIG, Layout, "has only");
	make_closed();
	assert_int_equal(truncate(Path, 3 * 4096), 0);
	assert_refused(EINVAL, Layout, "too few");
}

static void
test_arguments(void **state)
{
	static const char long_layout[] =
	    "123456789012345678901234567890123456789012345678";
	struct daxkind_region *region, *second;

	(void)state;
	assert_int_equal(
	    daxkind_region_open_durable(Path, SIZE, Layout, 0, &region),
	    -ENOENT);
	assert_int_equal(daxkind_region_open_durable(
			     Path, SIZE, "", DAXKIND_CREATE, &region),
	    -EINVAL);
	assert_int_equal(daxkind_region_open_durable(
			     Path, SIZE, NULL, DAXKIND_CREATE, &region),
	    -EINVAL);
	assert_int_equal(daxkind_region_open_durable(
			     Path, SIZE, long_layout, DAXKIND_CREATE, &region),
	    -EINVAL);
	assert_int_equal(
	    daxkind_region_open_durable(Path, SIZE, Layout, 1u << 20, &region),
	    -EINVAL);
	assert_int_equal(
	    daxkind_region_open_durable(NULL, SIZE, Layout, 0, &region),
	    -EINVAL);
	assert_int_equal(
	    daxkind_region_open_durable(Path, SIZE, Layout, 0, NULL), -EINVAL);
	assert_int_equal(
	    daxkind_region_open_durable(test_dir(), SIZE, Layout, 0, &region),
	    -EISDIR);
	/* too small */
	assert_int_equal(daxkind_region_open_durable(
			     Path, 8192, Layout, DAXKIND_CREATE, &region),
	    -EINVAL);
	assert_int_not_equal(access(Path, F_OK), 0);
	region = make_region();
	assert_int_equal(
	    daxkind_region_open_durable(Path, 0, Layout, 0, &second), -EBUSY);
	assert_int_equal(daxkind_region_close(region), 0);
	/* Others keep away. */
	assert_int_equal(
	    daxkind_region_open_file(Path, 0, 0, &region), -EEXIST);
	assert_non_null(strstr(daxkind_last_error(), "durable heap"));
	region = open_with(0, DAXKIND_RESTART_CLEAN);
	assert_int_equal(daxkind_region_close(region), 0);
}

/* A volatile heap leaves no mark of the durable one that it wrote over. */
static void
test_a_volatile_heap_ends_a_durable_one(void **state)
{
	struct daxkind_region *region;

	(void)state;
	make_closed();
	assert_int_equal(
	    daxkind_region_open_file(Path, 0, DAXKIND_OVERWRITE, &region), 0);
	memkind_t kind = make_kind(region);
	memset(memkind_malloc(kind, TEST_MIB), 1, TEST_MIB);
	end(region, kind);
	assert_refused(EEXIST, Layout, "DAXKIND_OVERWRITE");
}

/* --- other processes ------------------------------------------------------------------------ */

static void
test_a_child_changes_nothing(void **state)
{
	struct daxkind_region *region = make_region();
	memkind_t kind = make_kind(region);
	void *p = memkind_malloc(kind, 100);
	size_t nr = 0;

	(void)state;
	push(kind, 0);
	size_t len, len_after;
	unsigned char *before = read_file(&len);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* All of it is the parent's. */
		bool ok = memkind_malloc(kind, 10) == NULL &&
			  daxkind_root_set(kind, "list", NULL) == -ENOMEM;

		memkind_free(kind, p);
		/* Nor does it get its caches back. */
		(void)daxkind_quarantine(kind, p, TEST_PAGE);
		ok = memkind_malloc(kind, 10) == NULL && ok;
		memkind_free(kind, p);
		ok = memkind_destroy_kind(kind) == 0 && ok;
		ok = daxkind_region_close(region) == 0 && ok;
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unsigned char *after = read_file(&len_after);
	assert_int_equal(len_after, len);
	assert_memory_equal(after, before, len);
	free(after);
	free(before);
	push(kind, 1);
	assert_int_equal(daxkind_walk(kind, count, &nr), 0);
	assert_int_equal(nr, 3);
	end(region, kind);
	region = open_with(0, DAXKIND_RESTART_CLEAN);
	kind = make_kind(region);
	check_list(kind, 2);
	end(region, kind);
}

static void *
cache_some(void *arg)
{
	memkind_t kind = arg;
	void *blocks[40];

	for (size_t i = 0; i < 40; i++)
		blocks[i] = memkind_malloc(kind, 64);
	for (size_t i = 0; i < 40; i++)
		memkind_free(kind, blocks[i]);
	return NULL;
}

/* A service that was killed before its file was formatted comes up again, where
 * the file system tells holes from data (ramfs does not). */
static void
test_a_file_without_data_is_formatted(void **state)
{
	struct daxkind_region *region;
	int fd = open(Path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	bool tells_holes = lseek(fd, 0, SEEK_DATA) < 0;
	assert_int_equal(close(fd), 0);
	if (!tells_holes) {
		assert_int_equal(
		    daxkind_region_open_durable(Path, 0, Layout, 0, &region),
		    -EEXIST);
		return;
	}
	region = open_with(0, DAXKIND_RESTART_NEW);
	assert_int_equal(daxkind_region_close(region), 0);
}

static void
test_a_kind_without_a_heap(void **state)
{
	struct daxkind_region *region = make_region();
	memkind_t kind = make_kind(region);
	size_t nr = 0;

	(void)state;
	(void)memkind_fixed_destroy(kind);
	assert_int_equal(daxkind_walk(kind, count, &nr), -EINVAL);
	test_says_why();
	(void)memkind_destroy_kind(kind); /* its operation fails */
	assert_int_equal(daxkind_region_close(region), 0);
}

static pthread_barrier_t Barrier;

static void *
use_and_stay(void *arg)
{
	memkind_t kind = arg;

	memkind_free(kind, memkind_malloc(kind, 8));
	(void)pthread_barrier_wait(&Barrier);
	(void)pthread_barrier_wait(&Barrier);
	return NULL;
}

/* What threads keep in the region is little of it. */
static void
test_threads_cost_little(void **state)
{
	enum {
		NR_THREADS = 20
	};
	pthread_t threads[NR_THREADS];
	struct daxkind_region *region;

	(void)state;
	assert_int_equal(daxkind_region_open_durable(
			     Path, TEST_MIB, Layout, DAXKIND_CREATE, &region),
	    0);
	memkind_t kind = make_kind(region);
	assert_int_equal(
	    pthread_barrier_init(&Barrier, NULL, NR_THREADS + 1), 0);
	for (size_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, use_and_stay, kind), 0);
	(void)pthread_barrier_wait(&Barrier);
	void *large = memkind_malloc(kind, 800 * TEST_KIB);
	assert_non_null(large);
	memkind_free(kind, large);
	(void)pthread_barrier_wait(&Barrier);
	for (size_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&Barrier), 0);
	end(region, kind);
}

/* A block that is freed twice takes no other one with it. */
static void
test_freed_twice(void **state)
{
	struct daxkind_region *region = make_region();
	memkind_t kind = make_kind(region);
	size_t nr = 0;
	void *blocks[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		blocks[i] = memkind_malloc(kind, 5000);
	memkind_free(kind, blocks[0]);
	memkind_free(kind, blocks[1]);
	memkind_free(kind, blocks[0]);
	assert_int_equal(daxkind_walk(kind, count, &nr), 0);
	assert_int_equal(nr, 1);
	/* An empty slab would go now. */
	assert_null(memkind_malloc(kind, SIZE - TEST_PAGE));
	end(region, kind);
	region = open_with(0, DAXKIND_RESTART_CLEAN);
	kind = make_kind(region);
	nr = 0;
	assert_int_equal(daxkind_walk(kind, count, &nr), 0);
	assert_int_equal(nr, 1);
	end(region, kind);
}

/* _exit(2) without closing: what stood in caches is free again. */
/* --- figures --------------------------------------------------------------------- */

struct text {
	char s[256 * 1024];
	size_t len;
};

static void
append(void *arg, const char *more)
{
	struct text *t = arg;
	size_t len = strlen(more);

	assert_true(len < sizeof(t->s) - t->len);
	memcpy(t->s + t->len, more, len + 1);
	t->len += len;
}

static size_t
allocated(memkind_t kind)
{
	size_t value;

	assert_int_equal(memkind_update_cached_stats(), 0);
	assert_int_equal(
	    memkind_get_stat(kind, MEMKIND_STAT_TYPE_ALLOCATED, &value), 0);
	return value;
}

/* jemalloc does not know of its slabs: who adds up must. */
static void
test_figures_have_its_small_blocks(void **state)
{
	const size_t nr = 1000, size = 128;
	static struct text Text;
	struct daxkind_region *region = make_region();
	memkind_t kind = make_kind(region);
	char want[128];

	(void)state;
	size_t before = allocated(NULL);
	for (size_t i = 0; i < nr; i++)
		assert_non_null(memkind_malloc(kind, size));
	assert_int_equal(allocated(kind), nr * size);
	assert_true(allocated(NULL) >= before + nr * size);
	for (size_t form = 0; form < 2; form++) {
		Text.len = 0;
		assert_int_equal(
		    memkind_stats_print(append, &Text,
			form == 0 ? MEMKIND_STAT_PRINT_ALL
				  : MEMKIND_STAT_PRINT_JSON_FORMAT),
		    0);
		(void)snprintf(want, sizeof(want),
		    form == 0 ? ": %zu bytes in slabs of "
			      : "\"small\": %zu, \"slabs\": ",
		    nr * size);
		assert_non_null(strstr(Text.s, want));
	}
	end(region, kind);
}

static void
test_exit_without_close(void **state)
{
	struct daxkind_restart restart;
	int status;

	(void)state;
	make_closed();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct daxkind_region *region;
		memkind_t kind;

		if (daxkind_region_open_durable(Path, 0, Layout, 0, &region) <
			0 ||
		    daxkind_kind_create(region, &kind) < 0)
			_exit(1);
		(void)cache_some(kind);
		push(kind, 50);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct daxkind_region *region = open_with(0, DAXKIND_RESTART_CRASH);
	assert_int_equal(
	    daxkind_region_restart(region, &restart, sizeof(restart)), 0);
	assert_int_equal(restart.blocks, 51);
	memkind_t kind = make_kind(region);
	check_list(kind, 51);
	end(region, kind);
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    UNIT(test_a_list_is_still_there),
	    UNIT(test_destroying_the_kind_keeps_its_blocks),
	    UNIT(test_walk),
	    UNIT(test_all_is_one_block_again),
	    UNIT(test_a_large_file_is_sparse),
	    UNIT(test_roots),
	    UNIT(test_volatile_kinds_have_none),
	    UNIT(test_another_address),
	    UNIT(test_what_is_not_ours_is_refused),
	    UNIT(test_what_is_damaged_is_refused),
	    UNIT(test_arguments),
	    UNIT(test_a_volatile_heap_ends_a_durable_one),
	    UNIT(test_a_child_changes_nothing),
	    UNIT(test_a_file_without_data_is_formatted),
	    UNIT(test_a_kind_without_a_heap),
	    UNIT(test_threads_cost_little),
	    UNIT(test_freed_twice),
	    UNIT(test_figures_have_its_small_blocks),
	    UNIT(test_exit_without_close),
	};

	return cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
