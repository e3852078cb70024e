/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h -- where the region is, and what may be said about it.
 */
#ifndef PLACE_H
#define PLACE_H

#include <daxkind.h>
#include <stddef.h>

/*
 * A directory that takes a file of size bytes: $TMPDIR, /dev/shm or /tmp, the
 * first that has the room; /tmp when none has.
 */
const char *place_default_dir(size_t size);

/* Whether path is something with a size of its own: a device, a used file. */
int place_has_size(const char *path);

/* What the memory is, in one honest sentence. */
const char *place_describe(const struct daxkind_region_info *info);
/* What goes before path: "file", "unlinked file in", "devdax device". */
const char *place_phrase(
    const char *path, const struct daxkind_region_info *info);
/* One word for programs: "file", "device", "mapping". */
const char *place_backing(const struct daxkind_region_info *info);

#endif /* PLACE_H */
