/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * progress.h -- shows the progress of a long step on standard error.
 *
 * On a terminal it is a bar, drawn at most ten times a second.  Elsewhere only
 * the final line is printed, so that logs stay short.
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
/* Print the final line: "loading: FORMAT (1.2 s)". */
void progress_end(struct progress *progress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* PROGRESS_H */
