// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_env.c -- see dax_env.h.
 */
#include "cmocka_all.h"

#include "dax_env.h"
#include "test_region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

bool
dax_env_is_there(void)
{
	if (getenv("DAXKIND_TEST_DAX") != NULL && getenv("DAX_PATH") != NULL &&
	    getenv("DAX_KIND") != NULL)
		return true;
	(void)puts("skipped: not in the guest (see tests/dax/README.md)");
	return false;
}

const char *
dax_env_path(void)
{
	const char *path = getenv("DAX_PATH");

	assert_non_null(path);
	return path;
}

bool
dax_env_is_kind(const char *kinds)
{
	const char *kind = getenv("DAX_KIND");
	size_t len = kind != NULL ? strlen(kind) : 0;

	for (const char *at = kinds; len > 0 && *at != '\0';
	     at += strspn(at, " ")) {
		size_t word_len = strcspn(at, " ");

		if (word_len == len && memcmp(at, kind, len) == 0)
			return true;
		at += word_len;
	}
	return false;
}

bool
dax_env_is_eadr(void)
{
	const char *region = getenv("DAX_REGION");
	char path[PATH_MAX];
	char line[64] = "";
	FILE *f;

	if (region == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/persistence_domain", region);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	assert_int_equal(fclose(f), 0);
	return strncmp(line, "cpu_cache", 9) == 0;
}

enum daxkind_granularity
dax_env_sync_granularity(void)
{
	return dax_env_is_eadr() ? DAXKIND_GRANULARITY_BYTE
				 : DAXKIND_GRANULARITY_CACHE_LINE;
}

void
dax_env_open(size_t size, unsigned flags, struct daxkind_region **region)
{
	int rc =
	    daxkind_region_open(dax_env_path(), test_size(size), flags, region);

	if (rc < 0)
		print_error("%s\n", daxkind_last_error());
	assert_int_equal(rc, 0);
}

long
dax_env_nr_faults(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt + usage.ru_majflt;
}

int
dax_env_run(char *const argv[])
{
	int status;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

/* What the guest's dax-poison does for files, which takes a second there. */
static void
poison_file(const char *path, size_t off)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + sizeof(struct fiemap_extent)];
	} u;
	const char *block = getenv("DAX_BLOCK");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char list[PATH_MAX];
	FILE *f;

	assert_true(fd >= 0);
	memset(&u, 0, sizeof(u));
	u.map.fm_start = off;
	u.map.fm_length = TEST_PAGE;
	u.map.fm_flags = FIEMAP_FLAG_SYNC;
	u.map.fm_extent_count = 1;
	assert_int_equal(ioctl(fd, FS_IOC_FIEMAP, &u.map), 0);
	assert_int_equal(u.map.fm_mapped_extents, 1);
	assert_int_equal(close(fd), 0);
	assert_non_null(block);
	assert_non_null(strrchr(block, '/'));
	(void)snprintf(list, sizeof(list), "/sys/class/block/%s/badblocks",
	    strrchr(block, '/') + 1);
	f = fopen(list, "we");
	assert_non_null(f);
	const struct fiemap_extent *e = &u.map.fm_extents[0];
	(void)fprintf(f, "%llu 8\n",
	    (unsigned long long)(e->fe_physical + (off - e->fe_logical)) / 512);
	assert_int_equal(fclose(f), 0);
}

static void
poison_device(const char *path, size_t off)
{
	char program[] = "dax-poison";
	char number[32];
	char name[PATH_MAX];
	char *argv[] = {program, name, number, NULL};

	(void)snprintf(name, sizeof(name), "%s", path);
	(void)snprintf(number, sizeof(number), "%zu", off);
	assert_int_equal(dax_env_run(argv), 0);
}

void
dax_env_poison(const char *path, size_t off)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	if (S_ISCHR(st.st_mode))
		poison_device(path, off);
	else
		poison_file(path, off);
}
