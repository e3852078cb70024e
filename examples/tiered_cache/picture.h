/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * picture.h -- a region's space map as a picture.
 */
#ifndef PICTURE_H
#define PICTURE_H

#include <daxkind.h>
#include <stddef.h>
#include <stdio.h>

#include "terminal.h"

#define PICTURE_NR_STATES 4 /* of enum daxkind_run_state */

/* A stretch of the region, and how many of its bytes are in which state. */
struct picture_cell {
	size_t len[PICTURE_NR_STATES];
};

struct picture {
	size_t cell_len; /* in bytes; the last cell may be shorter */
	size_t nr_columns;
	size_t nr_rows;
	struct picture_cell *cells; /* row by row */
};

/* Take a picture now.  Returns 0 or a negative errno value. */
int picture_take(struct picture *picture, const struct daxkind_region *region,
    size_t nr_rows, size_t nr_columns);
void picture_fini(struct picture *picture);

/* With block characters, or plain ones where there are none. */
void picture_print(
    const struct picture *picture, const struct terminal *terminal);

/* caption is one line of text.  Whether it was written: ferror(out). */
void picture_write_svg(
    const struct picture *picture, FILE *out, const char *caption);

#endif /* PICTURE_H */
