// SPDX-License-Identifier: BSD-2-Clause
/*
 * badblocks.c -- see badblocks.h.
 *
 * A list has lines "SECTOR COUNT", in units of 512 bytes from the start of the
 * region or of the block device.
 */
#include "dax/badblocks.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

enum {
	SECTOR = 512,
	/* Folders between a devdax device and its region in sysfs. */
	MAX_DEPTH = 4
};

/* A part of a device, and its place in the range that is searched. */
struct part {
	size_t device_off;
	size_t off, len;
	badblocks_visit *visit;
	void *arg;
};

/* Visit the bad ranges of a part. */
static int
search_list(const char *list, const struct part *part)
{
	int rc = 0;

	for (const char *line = list; rc == 0 && line != NULL;) {
		char *at;
		size_t start = strtoull(line, &at, 10) * SECTOR;
		size_t len = strtoull(at, &at, 10) * SECTOR;
		size_t from = max_size(start, part->device_off);
		size_t to = min_size(start + len, part->device_off + part->len);

		if (from < to)
			rc = part->visit(part->arg,
			    part->off + from - part->device_off, to - from);
		line = strchr(at, '\n');
		if (line != NULL)
			line++;
	}
	return rc;
}

/* *list is for os_delete(); NULL: there is no list, or it is empty. */
static void
read_list(const char *dir, char **list)
{
	char path[192];

	*list = NULL;
	(void)snprintf(path, sizeof(path), "%s/badblocks", dir);
	if (os_read_text(path, list) < 0)
		return;
	if (strspn(*list, " \t\n") == strlen(*list)) {
		os_delete(*list);
		*list = NULL;
	}
}

/* --- devdax ---------------------------------------------------------------------- */

int
badblocks_of_devdax(unsigned major_nr, unsigned minor_nr, size_t off,
    size_t len, badblocks_visit *visit, void *arg)
{
	char device[128], dir[160];
	size_t device_start, region_start;
	char *list = NULL;

	int n = snprintf(
	    device, sizeof(device), "/sys/dev/char/%u:%u", major_nr, minor_nr);
	if (n < 0)
		return -EINVAL;
	memcpy(dir, device, (size_t)n + 1);
	for (int depth = 0; depth < MAX_DEPTH && list == NULL; depth++) {
		memcpy(dir + n, "/..", sizeof("/.."));
		n += (int)sizeof("/..") - 1;
		read_list(dir, &list);
	}
	if (list == NULL)
		return 0;
	int rc = 0;
	if (os_read_number(device, "resource", &device_start) < 0 ||
	    os_read_number(dir, "resource", &region_start) < 0)
		log_write(DK_LOG_WARNING,
		    "the NVDIMM region of device %u:%u has bad blocks, but "
		    "only root can read the device's offset in it: the "
		    "library cannot avoid them",
		    major_nr, minor_nr);
	else
		rc = search_list(
		    list, &(struct part){device_start - region_start + off, off,
			      len, visit, arg});
	os_delete(list);
	return rc;
}

/* --- files ----------------------------------------------------------------------- */

struct extents {
	const char *list;
	size_t device_start; /* of the file system on the disk, in bytes */
	badblocks_visit *visit;
	void *arg;
};

static int
search_extent(void *arg, size_t off, size_t device_off, size_t len)
{
	const struct extents *e = arg;

	return search_list(e->list, &(struct part){e->device_start + device_off,
					off, len, e->visit, e->arg});
}

int
badblocks_of_file(
    int fd, size_t off, size_t len, badblocks_visit *visit, void *arg)
{
	struct extents e = {.visit = visit, .arg = arg};
	unsigned major_nr, minor_nr;
	char dir[128];
	char *list;

	int rc = os_device_of_file(fd, &major_nr, &minor_nr);
	if (rc < 0)
		return rc;
	(void)snprintf(
	    dir, sizeof(dir), "/sys/dev/block/%u:%u", major_nr, minor_nr);
	read_list(dir, &list);
	/* Only the whole disk of a partition has the list. */
	if (list == NULL &&
	    os_read_number(dir, "start", &e.device_start) == 0) {
		e.device_start *= SECTOR;
		(void)snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u/..",
		    major_nr, minor_nr);
		read_list(dir, &list);
	}
	if (list == NULL)
		return 0;
	e.list = list;
	rc = os_walk_extents(fd, off, len, search_extent, &e);
	os_delete(list);
	/* A file system that cannot list extents has no DAX. */
	return rc == -EOPNOTSUPP || rc == -ENOTTY ? 0 : rc;
}
