/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * snapshot.h -- a closed copy of a durable heap that is open (layer 3).
 *
 * The copy is a file.  Where the backing is a file on a file system that shares
 * data between files (XFS), it is a clone; else it has what the ledger says is in
 * use, and holes.  It has no name, or a temporary one, until it is whole and
 * durable.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "base/export.h"
#include "restart/restart.h"

/*
 * Nobody uses the heap meanwhile, and its threads' caches are empty.  A file at
 * path that holds a durable heap, or is empty, is replaced.  On failure there is a
 * text, and a file at path is as it was:
 *   -EEXIST  path is something else
 *   -EISDIR  a directory
 *   -EBUSY   a region that is open, perhaps this one
 *   -EIO     a block cannot be read
 * or no file space, or what the file system says.
 */
int snapshot_make(struct restart *r, const char *path) DK_MUST_CHECK;

#endif /* SNAPSHOT_H */
