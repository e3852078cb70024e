/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * power_log.h -- what writer_flush_log writes and verifier_flush_log expects.
 *
 * Two of the logs of examples/ take turns, each for 10,000 records; record n
 * of a round (see tests/dax/README.md) says so, and is padded with a letter of
 * its own.
 */
#ifndef POWER_LOG_H
#define POWER_LOG_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../examples/flush_log.h"

#define POWER_REGION_LEN ((size_t)16 << 20)
#define POWER_LOG_LEN ((size_t)3 << 20)
#define POWER_LOG_RECORDS 10000
#define POWER_RECORD_LEN 200

struct power_record {
	uint64_t round;
	uint64_t n; /* from 0 */
	char padding[POWER_RECORD_LEN - 2 * sizeof(uint64_t)];
};

static inline void
power_record_make(struct power_record *record, uint64_t round, uint64_t n)
{
	record->round = round;
	record->n = n;
	memset(record->padding, 'a' + (int)(n % 26), sizeof(record->padding));
}

static inline uint64_t
power_round(void)
{
	const char *round = getenv("DAX_ROUND");

	return round != NULL ? strtoull(round, NULL, 10) : 0;
}

/* A directory stands for a file in it. */
static inline const char *
power_path(const char *path)
{
	static char file[4096];
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return path;
	(void)snprintf(file, sizeof(file), "%s/flush_log", path);
	return file;
}

#endif /* POWER_LOG_H */
