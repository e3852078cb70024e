// SPDX-License-Identifier: BSD-2-Clause
/*
 * options.c -- see options.h.
 */
#include "options.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static char Complaint[256];

/* The number of long options that a text may abbreviate. */
static unsigned
nr_meant(const char *name, size_t len, const struct option *longs)
{
	unsigned nr = 0;

	for (; longs->name != NULL; longs++)
		nr += strncmp(longs->name, name, len) == 0;
	return nr;
}

/* State that getopt_long() leaves: the argument that it passed, and optopt,
 * which is 0 for an unknown long option. */
static void
complain(int result, const char *argument, const struct option *longs)
{
	bool is_long = strncmp(argument, "--", 2) == 0;
	size_t len = is_long ? strcspn(argument, "=") : strlen(argument);
	const char *what = NULL;

	if (result == ':')
		what = "needs a value";
	else if (is_long && optopt != 0)
		what = "takes no value";
	else if (is_long && nr_meant(argument + 2, len - 2, longs) > 1)
		what = "may be several options";
	if (what != NULL && is_long)
		(void)snprintf(Complaint, sizeof(Complaint), "%.*s %s",
		    (int)len, argument, what);
	else if (what != NULL)
		(void)snprintf(
		    Complaint, sizeof(Complaint), "-%c %s", optopt, what);
	else if (is_long)
		(void)snprintf(Complaint, sizeof(Complaint),
		    "there is no option %.*s", (int)len, argument);
	else
		(void)snprintf(Complaint, sizeof(Complaint),
		    "there is no option -%c", optopt);
}

int
options_next(
    int argc, char **argv, const char *shorts, const struct option *longs)
{
	char with_colon[64];

	(void)snprintf(with_colon, sizeof(with_colon), ":%s", shorts);
	opterr = 0;
	int result = getopt_long(argc, argv, with_colon, longs, NULL);
	if (result != '?' && result != ':')
		return result;
	complain(result, argv[optind - 1], longs);
	return '?';
}

const char *
options_complaint(void)
{
	return Complaint;
}
