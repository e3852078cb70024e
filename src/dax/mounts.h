/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mounts.h -- the mounted file systems and their mount points (layer 1).
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <limits.h>
#include <stdbool.h>

#include "base/export.h"

struct mount {
	unsigned major_nr, minor_nr; /* of the file system's block device */
	bool is_whole;               /* mounts the file system's root */
	bool is_read_only;
	char point[PATH_MAX];
	char type[32];      /* "ext4" */
	char source[256];   /* "/dev/pmem0" */
	char options[1024]; /* of the file system: "rw,dax=always" */
};

/* Call visit for each mount in a file with the format of /proc/self/mountinfo,
 * until it returns a value other than 0, which is then returned. */
int mounts_walk_file(const char *path,
    int (*visit)(const struct mount *mount, void *arg), void *arg)
    DK_MUST_CHECK;
/* The same for the mounts that this process sees. */
int mounts_walk(int (*visit)(const struct mount *mount, void *arg), void *arg)
    DK_MUST_CHECK;
/* A mount of the file system on that device.  If there are several, one that is
 * whole and writable.  -ENOENT: not mounted, or not visible to this process. */
int mounts_find(unsigned major_nr, unsigned minor_nr, struct mount *mount)
    DK_MUST_CHECK;

#endif /* MOUNTS_H */
