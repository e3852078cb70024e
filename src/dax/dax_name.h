/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_name.h -- what the name of a region stands for (layer 1).
 *
 *   dax0.0  /dev/dax0.0  namespace0.0 (devdax)        the device
 *   pmem0  /dev/pmem0  namespace0.0 (fsdax)           a directory: where its
 *                                                     file system is mounted
 *   a directory, a file, what does not exist yet      the path as it is
 *
 * The words dax, namespace and pmem with a number are names wherever the
 * program's working directory is; a file of that name is ./dax0.0.
 */
#ifndef DAX_NAME_H
#define DAX_NAME_H

#include <limits.h>

#include "base/export.h"
#include "dax/dax_device.h"

enum dax_place_type {
	DAX_PLACE_NONE, /* what no name stands for */
	DAX_PLACE_FILE,
	DAX_PLACE_DIR,
	DAX_PLACE_DEVDAX
};

struct dax_place {
	enum dax_place_type what;
	char path[PATH_MAX];
};

/*
 * All return 0 or -errno, and leave a text by error_set() on failure that
 * names the command which would mend it:
 * -ENOENT: no such name.  -ENODEV: in another mode, disabled, without a file
 * system, or that is not mounted.  -EOPNOTSUPP: mounted without dax; or a
 * namespace's name in a build without libndctl.
 */
int dax_name_find(const char *name, struct dax_place *place) DK_MUST_CHECK;
/* The same for who wants a device and nothing else. */
int dax_name_find_devdax(const char *name, struct dax_place *place)
    DK_MUST_CHECK;
/* Whether a region can be opened on a device; path is how the user calls it. */
int dax_name_check_device(const struct dax_device *device, const char *path)
    DK_MUST_CHECK;
/* The type of the file system on a block device, "ext4"; "" for one that is
 * not known here.  *type has room for 16 bytes. */
int dax_name_read_fs_type(const char *path, char *type) DK_MUST_CHECK;

#endif /* DAX_NAME_H */
