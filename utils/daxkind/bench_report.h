/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_report.h -- figures as text, as JSON and as plots.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct bench_about {
	const char *base; /* allocator that ratios are to */
	size_t nr_runs;
	const char *region; /* NULL: /dev/shm */
	size_t size;
};

void bench_report_table(const struct bench_about *about);
/* The number of bars that are missed; those without figures are not.  prints:
 * a line for each bar. */
unsigned bench_report_bars(bool prints);
/* path "-": standard output.  0 or -errno. */
int bench_report_json(const char *path, const struct bench_about *about);
/* A folder that plots can be written to.  -1 with errno: it cannot. */
int bench_report_make_dir(const char *dir);
/* NAME.dat, NAME.gp and NAME.svg in dir.  0 or -errno. */
int bench_report_plots(const char *dir);

#endif /* BENCH_REPORT_H */
