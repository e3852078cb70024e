/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse.h -- numbers and sizes that people write (layer 0).
 *
 * They occur in options, environment variables and the kernel's files.  Nothing
 * here allocates, uses the locale or changes errno.  The command and the
 * libraries of compat/ compile this file too, so that a size is the same
 * everywhere.
 */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stddef.h>

/* All functions: false, with nothing set, if the text is no such number or too
 * large. */

/* A decimal number, possibly with blanks around it and a plus sign. */
bool parse_number(const char *text, size_t *number);
/* The same as in the kernel's files, also hexadecimal with 0x. */
bool parse_file_number(const char *text, size_t *number);

/* A size in bytes: a number, decimal or hexadecimal with 0x, possibly followed
 * by K, M, G, T, P or E in either case, for powers of 1024. */
bool parse_size(const char *text, size_t *size);
/* The size that the text begins with; *end points behind it. */
bool parse_size_at(const char *text, const char **end, size_t *size);

#endif /* PARSE_H */
