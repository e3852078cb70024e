// SPDX-License-Identifier: BSD-2-Clause
/*
 * writer_flush_log.c -- append to the flush-aware log of examples/ until the
 * power fails; "ACK n" is said when n records are durable.
 */
#include <daxkind.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "power_log.h"

static int
fail(const char *what)
{
	(void)fprintf(stderr, "%s: %s\n", what, daxkind_last_error());
	return 1;
}

/* In a write(2) of its own, so that it is out when it is said. */
static int
acknowledge(uint64_t n)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "ACK %" PRIu64 "\n", n);

	return write(STDOUT_FILENO, line, (size_t)len) == len ? 0 : -1;
}

static int
open_region(const char *path, struct daxkind_region **region)
{
	struct stat st;
	/* what is there keeps its size */
	int is_there = stat(path, &st) == 0 && S_ISREG(st.st_mode);

	return daxkind_region_open(path, is_there ? 0 : POWER_REGION_LEN,
	    DAXKIND_CREATE | DAXKIND_OVERWRITE, region);
}

int
main(int argc, char **argv)
{
	struct daxkind_region *region;
	struct power_record record;
	struct flush_log log = {0};
	uint64_t round = power_round();
	void *blocks[2];
	memkind_t kind;

	if (getenv("DAXKIND_TEST_DAX") == NULL || argc != 2)
		return 77;
	if (open_region(power_path(argv[1]), &region) < 0)
		return fail("region");
	if (daxkind_kind_create(region, &kind) < 0)
		return fail("kind");
	for (int i = 0; i < 2; i++)
		if (memkind_posix_memalign(
			kind, &blocks[i], FLUSH_LOG_ALIGN, POWER_LOG_LEN) != 0)
			return fail("block");
	for (uint64_t n = 0;; n++) {
		int rc = 0;

		if (n % POWER_LOG_RECORDS == 0)
			rc = flush_log_init(&log, kind,
			    blocks[n / POWER_LOG_RECORDS % 2], POWER_LOG_LEN);
		power_record_make(&record, round, n);
		if (rc == 0)
			rc = flush_log_append(&log, &record, sizeof(record));
		if (rc < 0)
			return fail("append");
		if (acknowledge(n + 1) < 0)
			return 1;
	}
}
