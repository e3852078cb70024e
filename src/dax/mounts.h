/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mounts.h -- which file systems are mounted, and where (layer 1).
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <limits.h>
#include <stdbool.h>

#include "base/export.h"

struct mount {
	unsigned major_nr, minor_nr; /* of the file system: its block device */
	bool is_whole;               /* not only a folder of the file system */
	bool is_read_only;
	char point[PATH_MAX];
	char type[32];      /* "ext4" */
	char source[256];   /* "/dev/pmem0" */
	char options[1024]; /* of the file system: "rw,dax=always" */
};

/* Call visit for each mount, as listed in a file of the form of
 * /proc/self/mountinfo, until it returns other than 0, which is returned. */
int mounts_walk_file(const char *path,
    int (*visit)(const struct mount *mount, void *arg), void *arg)
    DK_MUST_CHECK;
/* The mounts that this process sees. */
int mounts_walk(int (*visit)(const struct mount *mount, void *arg), void *arg)
    DK_MUST_CHECK;
/*
 * A mount of the file system on that device, the whole and writable one where
 * there are several.  -ENOENT: it is not mounted, or out of our sight.
 */
int mounts_find(unsigned major_nr, unsigned minor_nr, struct mount *mount)
    DK_MUST_CHECK;

#endif /* MOUNTS_H */
