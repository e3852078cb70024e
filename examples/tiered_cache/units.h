/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * units.h -- numbers as people read and type them.
 */
#ifndef UNITS_H
#define UNITS_H

#include <stddef.h>
#include <stdint.h>

/* Returned by value: units_bytes(n).text lives until the end of the full
 * expression, so several may be printed by one printf(). */
struct units_text {
	char text[32];
};

struct units_text units_bytes(uint64_t nr_bytes);             /* 12.3 MiB */
struct units_text units_count(uint64_t nr);                   /* 12,345 */
struct units_text units_time(uint64_t time_ns);               /* 1.23 us */
struct units_text units_share(uint64_t part, uint64_t whole); /* 12.3 % */

/* "64M" to bytes, with k, M, G, T for powers of 1024.  0 or -EINVAL. */
int units_parse_size(const char *text, size_t *size);

/* The monotonic clock. */
uint64_t units_now_ns(void);

#endif /* UNITS_H */
