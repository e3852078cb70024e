/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * image.h -- the file of a durable heap as a process leaves it that is killed.
 *
 * A mapping of a file and the file are one and the same memory: what the file
 * holds between two calls is what kill -9 would leave there.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stddef.h>

/* A file's name for heap nr of this process, where $TMPDIR or else /tmp is.
 * The string is static, one for each of 8 heaps. */
const char *image_path(unsigned nr);
/* Keep what the file holds; one image at a time. */
void image_take(const char *path);
/* Make the file what it was when its image was taken. */
void image_put(const char *path);

#endif /* IMAGE_H */
