// SPDX-License-Identifier: BSD-2-Clause
/*
 * inspect.c -- see inspect.h.
 */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/os.h"
#include "base/parse.h"

#define SECTOR ((size_t)512)

/* Parse "1: FLOCK ADVISORY WRITE 1234 fd:01:5678 0 EOF"; the device is
 * hexadecimal.  *pid is 0 or below for a process of another PID namespace. */
static bool
find_lock(const struct stat *st, int *pid)
{
	char want[64];
	char *text;

	(void)snprintf(want, sizeof(want), " %02x:%02x:%lu ", major(st->st_dev),
	    minor(st->st_dev), (unsigned long)st->st_ino);
	if (os_read_text("/proc/locks", &text) < 0)
		return false;
	bool found = false;
	char *rest = text, *line;
	while (!found && (line = strsep(&rest, "\n")) != NULL) {
		char *inode = strstr(line, want);

		if (strstr(line, "FLOCK") == NULL || inode == NULL)
			continue;
		found = true;
		*inode = '\0';
		const char *number = strrchr(line, ' ');
		*pid = number != NULL ? (int)strtol(number, NULL, 10) : 0;
	}
	os_delete(text);
	return found;
}

static bool
find_owner(const char *path, int *pid)
{
	char size_path[64];
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	if (!S_ISCHR(st.st_mode))
		return find_lock(&st, pid);
	/* The owner lock of a device is on this file. */
	(void)snprintf(size_path, sizeof(size_path), "/sys/dev/char/%u:%u/size",
	    major(st.st_rdev), minor(st.st_rdev));
	return stat(size_path, &st) == 0 && find_lock(&st, pid);
}

bool
inspect_is_locked(const char *path)
{
	int pid;

	return find_owner(path, &pid);
}

bool
inspect_owner(const char *path, int *pid, char *name, size_t name_size)
{
	char comm[64];

	if (!find_owner(path, pid) || *pid <= 0)
		return false;
	(void)snprintf(comm, sizeof(comm), "/proc/%d/comm", *pid);
	if (os_read_line(comm, name, name_size) < 0)
		(void)snprintf(name, name_size, "%s", "ended");
	return true;
}

static bool
read_block_line(const char *name, const char *file, char *line, size_t size)
{
	char path[128];

	(void)snprintf(
	    path, sizeof(path), "/sys/class/block/%s/%s", name, file);
	return os_read_line(path, line, size) == 0;
}

size_t
inspect_block_size(const char *name)
{
	char dir[128];
	size_t sectors;

	(void)snprintf(dir, sizeof(dir), "/sys/class/block/%s", name);
	return os_read_number(dir, "size", &sectors) == 0 ? sectors * SECTOR
							  : 0;
}

/* The file has lines "SECTOR COUNT". */
size_t
inspect_block_bad(const char *name)
{
	char path[128];
	char *text;
	size_t bad = 0;

	(void)snprintf(
	    path, sizeof(path), "/sys/class/block/%s/badblocks", name);
	if (os_read_text(path, &text) < 0)
		return 0;
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n")) != NULL) {
		const char *count = strchr(line, ' ');
		size_t sectors;

		if (count != NULL && parse_number(count, &sectors))
			bad += sectors * SECTOR;
	}
	os_delete(text);
	return bad;
}

bool
inspect_block_has_dax(const char *name)
{
	char line[16];

	/* The queue of a partition's disk is one directory up. */
	return (read_block_line(name, "queue/dax", line, sizeof(line)) ||
		   read_block_line(name, "../queue/dax", line, sizeof(line))) &&
	       strcmp(line, "1") == 0;
}

bool
inspect_block_of(const char *path, char *name, size_t name_size)
{
	char link[64];
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	(void)snprintf(link, sizeof(link), "/sys/dev/block/%u:%u",
	    major(st.st_dev), minor(st.st_dev));
	return os_read_link_name(link, name, name_size) == 0;
}
