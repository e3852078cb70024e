/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.h -- the place of the region, and its description.
 */
#ifndef PLACE_H
#define PLACE_H

#include <daxkind.h>
#include <stddef.h>

/* A directory with room for a file of size bytes: the first of $TMPDIR,
 * /dev/shm and /tmp; /tmp if none has the room. */
const char *place_default_dir(size_t size);

/* Whether path has a size already: a device, or a file with content. */
int place_has_size(const char *path);

/* Describe the memory in one sentence. */
const char *place_describe(const struct daxkind_region_info *info);
/* The words before path: "file", "unlinked file in", "devdax device". */
const char *place_phrase(
    const char *path, const struct daxkind_region_info *info);
/* One word for programs: "file", "device", "mapping". */
const char *place_backing(const struct daxkind_region_info *info);

/* What to do when a region that is kept could not be opened with that --size, in
 * terms of our options; NULL: the library's text says it all. */
const char *place_remedy(int rc, size_t size);

#endif /* PLACE_H */
