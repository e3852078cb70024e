/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dax_name.h -- resolves the name of a region (layer 1).
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
	DAX_PLACE_NONE, /* not a name */
	DAX_PLACE_FILE,
	DAX_PLACE_DIR,
	DAX_PLACE_DEVDAX,
	NR_DAX_PLACES
};

struct dax_place {
	enum dax_place_type what;
	char path[PATH_MAX];
};

/*
 * All return 0 or -errno.  On failure they set a text by error_set() that names
 * the command that fixes it.  -ENOENT: no such name.  -ENODEV: another mode,
 * disabled, no file system, or not mounted.  -EOPNOTSUPP: mounted without dax,
 * or the name of a namespace in a build without libndctl.
 */
int dax_name_find(const char *name, struct dax_place *place) DK_MUST_CHECK;
/* The same for callers that need a devdax device. */
int dax_name_find_devdax(const char *name, struct dax_place *place)
    DK_MUST_CHECK;
/* Whether a region can be opened on a device; path is the user's name for
 * it. */
int dax_name_check_device(const struct dax_device *device, const char *path)
    DK_MUST_CHECK;
/* The type of the file system on a block device, such as "ext4"; "" for an
 * unknown one.  *type has room for 16 bytes. */
int dax_name_read_fs_type(const char *path, char *type) DK_MUST_CHECK;

#endif /* DAX_NAME_H */
