/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inspect.h -- queries to the kernel without side effects.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a region is open on a file or device.  Reads /proc/locks, so that no
 * other process is locked out; shows only visible processes. */
bool inspect_is_locked(const char *path);
/* The process that opened it: its number and name; false: none that is visible. */
bool inspect_owner(const char *path, int *pid, char *name, size_t name_size);

/* For a block device, by its name in /sys/class/block: */
size_t inspect_block_size(const char *name);  /* bytes */
size_t inspect_block_bad(const char *name);   /* bytes in bad blocks */
bool inspect_block_has_dax(const char *name); /* the driver supports DAX */
/* The name of the block device of a file; false: none. */
bool inspect_block_of(const char *path, char *name, size_t name_size);

#endif /* INSPECT_H */
