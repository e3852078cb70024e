/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats_report.h -- jemalloc's report of its figures, with those of what does
 * not come from jemalloc (layer 7).
 */
#ifndef STATS_REPORT_H
#define STATS_REPORT_H

/*
 * opts is of memkind_stat_print_opt, letters are the same for jemalloc.
 * write_cb gets one piece of the text after the other, with no lock held; NULL:
 * standard error.
 */
void stats_report_print(void (*write_cb)(void *arg, const char *text),
    void *arg, unsigned opts, const char *letters);

#endif /* STATS_REPORT_H */
