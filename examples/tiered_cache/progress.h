/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.h -- how far a long part is, on standard error.
 *
 * On a terminal a bar that is drawn at most ten times a second; elsewhere only
 * the line that ends the part, so that logs stay short.
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

#include "terminal.h"

struct progress {
	struct terminal terminal;
	const char *what; /* "loading" */
	uint64_t total;   /* in any unit */
	uint64_t start_ns;
	uint64_t next_ns; /* when to draw again */
};

void progress_init(struct progress *progress, const struct terminal *terminal,
    const char *what, uint64_t total);
void progress_show(struct progress *progress, uint64_t done);
/* The line that stays: "loading: FORMAT (1.2 s)". */
void progress_end(struct progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* PROGRESS_H */
