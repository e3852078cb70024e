/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * badblocks.h -- the media errors that the system knows of (layer 1).
 *
 * The lists are in sysfs, where libndctl reads them too: one for the region
 * that a devdax device is part of, one for the block device below a file
 * system.
 */
#ifndef BADBLOCKS_H
#define BADBLOCKS_H

#include <stddef.h>

#include "base/export.h"

/* Called for each bad part of the range: an offset in the file or device.  A
 * value other than 0 ends the search, and is its result. */
typedef int badblocks_visit(void *arg, size_t off, size_t len);

/* Also 0 if there is no list or it cannot be read: then nothing is known. */
int badblocks_of_file(int fd, size_t off, size_t len, badblocks_visit *visit,
    void *arg) DK_MUST_CHECK;
int badblocks_of_devdax(unsigned major_nr, unsigned minor_nr, size_t off,
    size_t len, badblocks_visit *visit, void *arg) DK_MUST_CHECK;

#endif /* BADBLOCKS_H */
