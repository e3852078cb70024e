/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats_report.h -- jemalloc's report, completed with figures that jemalloc
 * does not have (layer 8).
 */
#ifndef STATS_REPORT_H
#define STATS_REPORT_H

/* opts is a memkind_stat_print_opt, letters the same for jemalloc. write_cb
 * gets the text in pieces, with no lock held; NULL: standard error. */
void stats_report_print(void (*write_cb)(void *arg, const char *text),
    void *arg, unsigned opts, const char *letters);

#endif /* STATS_REPORT_H */
