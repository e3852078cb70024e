/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plot.h -- the hit ratio of the last run and of this one, side by side.
 */
#ifndef PLOT_H
#define PLOT_H

#include <stdio.h>

#include "curve.h"
#include "terminal.h"

struct plot {
	const struct curve *before; /* NULL: this is the first run */
	const struct curve *now;
	const char *ended_by; /* the end of the run before */
	const char *caption;  /* one line of text */
};

void plot_print(const struct plot *plot, const struct terminal *terminal);
/* ferror(out) tells whether it was written. */
void plot_write_svg(const struct plot *plot, FILE *out);

#endif /* PLOT_H */
