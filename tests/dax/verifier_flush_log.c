// SPDX-License-Identifier: BSD-2-Clause
/*
 * verifier_flush_log.c -- after the power failed: every record that
 * writer_flush_log acknowledged is there and intact.
 */
#include <daxkind.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "power_log.h"

/* Of the last round: records n of first to end - 1 are there. */
struct found {
	uint64_t round;
	uint64_t first, end;
	int is_wrong;
};

static int
check_record(void *arg, uint64_t seq, const void *data, size_t len)
{
	struct power_record expected;
	struct power_record record;
	struct found *found = arg;

	(void)seq;
	if (len != sizeof(record)) {
		found->is_wrong = 1;
		return 1;
	}
	memcpy(&record, data, sizeof(record));
	if (record.round != found->round) /* an older log */
		return 1;
	power_record_make(&expected, record.round, record.n);
	if (memcmp(&record, &expected, sizeof(record)) != 0 ||
	    record.n % POWER_LOG_RECORDS != seq) {
		found->is_wrong = 1;
		return 1;
	}
	if (seq == 0) {
		found->first = record.n;
		found->end = record.n;
	}
	found->end++;
	return 0;
}

static int
verify(const struct daxkind_region_info *info, uint64_t nr_acknowledged)
{
	struct found newest = {0};

	for (size_t off = 0; off < info->size; off += FLUSH_LOG_ALIGN) {
		struct found found = {.round = power_round()};
		uint64_t nr_records;

		if (flush_log_scan((char *)info->base + off, info->size - off,
			check_record, &found, &nr_records) == -ENOENT)
			continue;
		printf("log at %zu: %" PRIu64 " to %" PRIu64 "%s\n", off,
		    found.first, found.end, found.is_wrong ? ", WRONG" : "");
		if (found.is_wrong)
			return 1;
		if (found.end > newest.end)
			newest = found;
	}
	printf("%" PRIu64 " records recovered, %" PRIu64 " acknowledged: %s\n",
	    newest.end, nr_acknowledged,
	    newest.end >= nr_acknowledged ? "good" : "LOST");
	return newest.end >= nr_acknowledged ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct daxkind_region *region;
	struct daxkind_region_info info;
	const char *path;
	struct stat st;

	if (getenv("DAXKIND_TEST_DAX") == NULL || argc != 3)
		return 77;
	path = power_path(argv[1]);
	/* Without a kind nothing is written: the old content can be read. */
	if (daxkind_region_open(path,
		stat(path, &st) == 0 && S_ISREG(st.st_mode) ? 0
							    : POWER_REGION_LEN,
		DAXKIND_OVERWRITE, &region) < 0 ||
	    daxkind_region_info(region, &info, sizeof(info)) < 0) {
		(void)fprintf(stderr, "%s\n", daxkind_last_error());
		return 1;
	}
	int status = verify(&info, strtoull(argv[2], NULL, 10));
	return daxkind_region_close(region) == 0 ? status : 1;
}
