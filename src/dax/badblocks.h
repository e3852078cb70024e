/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * badblocks.h -- the media errors that the system knows of (layer 1).
 *
 * From sysfs, whose lists libndctl shows as well: of the region that a devdax
 * device is a part of, or of the block device below a file system.
 */
#ifndef BADBLOCKS_H
#define BADBLOCKS_H

#include <stddef.h>

#include "base/export.h"

/* Called for each part of the asked range that is bad: an offset in the file or
 * device.  Not 0 ends the search and is its result. */
typedef int badblocks_visit(void *arg, size_t off, size_t len);

/*
 * 0 also where no list is kept or may be read; then nothing is known.
 */
int badblocks_of_file(int fd, size_t off, size_t len, badblocks_visit *visit,
    void *arg) DK_MUST_CHECK;
int badblocks_of_devdax(unsigned major_nr, unsigned minor_nr, size_t off,
    size_t len, badblocks_visit *visit, void *arg) DK_MUST_CHECK;

#endif /* BADBLOCKS_H */
