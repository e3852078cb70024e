/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h -- options of a command line, and words for what is wrong with one.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <getopt.h>

/* getopt_long(), which says nothing here: '?' means that options_complaint()
 * has what is wrong, for all that it may be.  shorts does not begin with ':'. */
int options_next(
    int argc, char **argv, const char *shorts, const struct option *longs);

/* "there is no option --x" and such, until the next call. */
const char *options_complaint(void);

#endif /* OPTIONS_H */
