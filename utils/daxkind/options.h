/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h -- command line options, and error texts for them.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>

/* getopt_long() without messages: after '?', options_complaint() returns the
 * error. shorts must not begin with ':'. */
int options_next(
    int argc, char **argv, const char *shorts, const struct option *longs);

/* "there is no option --x" and so on; valid until the next call. */
const char *options_complaint(void);

#endif /* OPTIONS_H */
