/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench_report.h -- prints figures as text, JSON and plots.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct bench_about {
	const char *base; /* allocator that ratios refer to */
	size_t nr_runs;
	const char *region; /* NULL: /dev/shm */
	size_t size;
};

void bench_report_table(const struct bench_about *about);
/* The number of missed bars; a bar without figures is not missed. prints: print
 * a line for each bar. */
unsigned bench_report_bars(bool prints);
/* path "-": standard output.  Returns 0 or -errno. */
int bench_report_json(const char *path, const struct bench_about *about);
/* Make a directory for plots.  -1 with errno: failed. */
int bench_report_make_dir(const char *dir);
/* Write NAME.dat, NAME.gp and NAME.svg in dir.  Returns 0 or -errno. */
int bench_report_plots(const char *dir);

#endif /* BENCH_REPORT_H */
