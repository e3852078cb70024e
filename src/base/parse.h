/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.h -- numbers and sizes that people write (layer 0).
 *
 * In options, environment variables and the kernel's files.  Nothing here
 * allocates, looks at the locale or changes errno.  The command and the
 * libraries of compat/ compile this file too, so that a size is the same
 * everywhere.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stddef.h>

/* All functions: false, with nothing set, when it is none or does not fit. */

/* A decimal number; blanks around it, and a plus sign, are allowed. */
bool parse_number(const char *text, size_t *number);
/* The same in the kernel's files, where it may be hexadecimal, with 0x. */
bool parse_file_number(const char *text, size_t *number);

/*
 * A size in bytes: a number, decimal or hexadecimal with 0x, and perhaps one of
 * K, M, G, T, P, E behind it, in either case: 1024 bytes and so on.
 */
bool parse_size(const char *text, size_t *size);
/* The one that the text begins with; *end is what is behind it. */
bool parse_size_at(const char *text, const char **end, size_t *size);

#endif /* PARSE_H */
