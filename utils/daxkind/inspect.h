/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inspect.h -- small questions to the kernel that change nothing.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a region is open on a file or device: by /proc/locks, so that
 * nobody is kept out, and only of processes that can be seen from here. */
bool inspect_is_locked(const char *path);

/* Of a block device, by its name in /sys/class/block: */
size_t inspect_block_size(const char *name);  /* bytes */
size_t inspect_block_bad(const char *name);   /* bytes in bad blocks */
bool inspect_block_has_dax(const char *name); /* the driver can DAX */
/* The name of the block device that a file is on; false: on none. */
bool inspect_block_of(const char *path, char *name, size_t name_size);

#endif /* INSPECT_H */
