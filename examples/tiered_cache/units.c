// SPDX-License-Identifier: BSD-2-Clause
/*
 * units.c -- see units.h.
 */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct units_text
units_bytes(uint64_t nr_bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)nr_bytes;
	struct units_text out;
	size_t i = 0;

	while (value >= 1024 && i + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		i++;
	}
	snprintf(out.text, sizeof(out.text), i == 0 ? "%.0f %s" : "%.1f %s",
	    value, units[i]);
	return out;
}

struct units_text
units_count(uint64_t nr)
{
	struct units_text out;
	char digits[24];
	size_t at = 0;
	size_t len;
	size_t i;

	len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, nr);
	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out.text[at++] = ',';
		out.text[at++] = digits[i];
	}
	out.text[at] = '\0';
	return out;
}

struct units_text
units_time(uint64_t time_ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s"};
	double value = (double)time_ns;
	struct units_text out;
	size_t i = 0;

	while (value >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		i++;
	}
	snprintf(out.text, sizeof(out.text), "%.*f %s",
	    i == 0 || value >= 100 ? 0 : (value >= 10 ? 1 : 2), value,
	    units[i]);
	return out;
}

struct units_text
units_share(uint64_t part, uint64_t whole)
{
	struct units_text out;

	snprintf(out.text, sizeof(out.text), "%.1f %%",
	    whole == 0 ? 0.0 : 100 * (double)part / (double)whole);
	return out;
}

int
units_parse_size(const char *text, size_t *size)
{
	static const char suffixes[] = "kmgt";
	unsigned long long value;
	const char *suffix;
	char *end;
	size_t factor;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0)
		return -EINVAL;
	factor = 1;
	if (*end != '\0') {
		suffix = strchr(suffixes, tolower((unsigned char)*end));
		if (suffix == NULL || end[1] != '\0')
			return -EINVAL;
		factor = (size_t)1024 << 10 * (suffix - suffixes);
	}
	if (value > SIZE_MAX / factor)
		return -EINVAL;
	*size = (size_t)value * factor;
	return 0;
}

uint64_t
units_now_ns(void)
{
	struct timespec now = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
