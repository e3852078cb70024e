/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_report.h -- figures as text, as JSON and as plots.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stddef.h>

struct bench_about {
	const char *base; /* allocator that ratios are to */
	size_t nr_runs;
	const char *region; /* NULL: /dev/shm */
	size_t size;
};

void bench_report_table(const struct bench_about *about);
/* The number of bars that are missed; those without figures are not. */
unsigned bench_report_bars(void);
/* path "-": standard output.  0 or -errno. */
int bench_report_json(const char *path, const struct bench_about *about);
/* NAME.dat, NAME.gp and NAME.svg in dir.  0 or -errno. */
int bench_report_plots(const char *dir);

#endif /* BENCH_REPORT_H */
