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

/* A part of the region, and its bytes by state. */
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

/* Use block characters, or plain ones if the terminal has none. */
void picture_print(
    const struct picture *picture, const struct terminal *terminal);

/* caption is one line of text. ferror(out) tells whether it was written. */
void picture_write_svg(
    const struct picture *picture, FILE *out, const char *caption);

#endif /* PICTURE_H */
