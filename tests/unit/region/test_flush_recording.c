// SPDX-License-Identifier: BSD-2-Clause
/*
 * test_flush_recording.c -- what a power failure could leave of the flush-aware
 * log of examples/, at every point where it waits for the medium.
 *
 * An emulated machine has no caches to lose, so it finds no missing flush.
 * Here all flushes and drains of the library go through a recording table:
 *
 *   Durable    what is on the medium for certain
 *   Pending    lines as they were flushed; a drain makes them durable
 *   memory     the rest: may be evicted at any time, line by line
 *
 * At each drain, before it counts, crash images are made: the durable image
 * and, of the lines that differ from it, none, each alone, all, all but one, and
 * many random subsets; whole lines, and also in pieces of 8 bytes, which is
 * what a processor stores at once.  The log is recovered from each image, and
 * must have every record that was acknowledged, intact, and none that was never
 * written.
 */
#include "../../support/cmocka_all.h"

#include <daxkind.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../../examples/flush_log.h"
#include "region/flush.h"

#define AREA_LEN ((size_t)1 << 20)
#define LOG_LEN ((size_t)64 << 10)
#define LINE ((size_t)64)
#define NR_LINES (LOG_LEN / LINE)
#define WORD ((size_t)8)

enum {
	NR_RECORDS = 120,
	NR_RANDOM = 40
};

static char *Area;
static char *Log;
static _Alignas(64) char Durable[LOG_LEN];
static _Alignas(64) char Pending[LOG_LEN];
static bool Is_pending[NR_LINES];
static _Alignas(64) char Image[LOG_LEN];

/* What the writer has done. */
static uint64_t Nr_acknowledged;
static uint64_t Nr_begun;
static size_t Nr_images;
static size_t Nr_lost;     /* images that lack an acknowledged record */
static size_t Nr_invented; /* images with a record that was not written */
static size_t Nr_drains;

/* The bug that was put in: 0 none, n the nth call of it does nothing. */
static size_t Drop_flush;
static size_t Drop_drain;
static size_t Nr_flushes;
static uint64_t Random;

/* --- the log's records ----------------------------------------------------------- */

static size_t
make_record(char *data, uint64_t n)
{
	size_t len = 1 + (size_t)(n * 37 % 190);

	memset(data, 'a' + (int)(n % 26), len);
	memcpy(data, &n, len < sizeof(n) ? len : sizeof(n));
	return len;
}

static int
check_record(void *arg, uint64_t seq, const void *data, size_t len)
{
	char expected[200];

	(void)arg;
	return len != make_record(expected, seq) ||
	       memcmp(data, expected, len) != 0;
}

static void
recover_image(void)
{
	uint64_t nr_records = 0;
	int rc =
	    flush_log_scan(Image, LOG_LEN, check_record, NULL, &nr_records);

	Nr_images++;
	if (rc == -ENOENT)
		nr_records = 0;
	if (rc > 0 || nr_records > Nr_begun)
		Nr_invented++;
	else if (nr_records < Nr_acknowledged)
		Nr_lost++;
}

/* --- crash images ---------------------------------------------------------------- */

static uint64_t
next_random(void)
{
	Random ^= Random << 13;
	Random ^= Random >> 7;
	Random ^= Random << 17;
	return Random;
}

/* A line may be on the medium as it was flushed, or as it is now. */
static const char *
newer_line(size_t line)
{
	if (Is_pending[line] && next_random() % 2 == 0)
		return Pending + line * LINE;
	return Log + line * LINE;
}

static void
evict_line(size_t line)
{
	memcpy(Image + line * LINE, newer_line(line), LINE);
}

static void
evict_words(size_t line)
{
	const char *from = newer_line(line);
	uint64_t which = next_random();

	for (size_t i = 0; i < LINE; i += WORD, which >>= 1) {
		if ((which & 1) != 0)
			memcpy(Image + line * LINE + i, from + i, WORD);
	}
}

/* All that could be there if the power failed now. */
static void
crash_now(void)
{
	static size_t changed[NR_LINES];
	size_t nr = 0;

	for (size_t line = 0; line < NR_LINES; line++) {
		if (memcmp(Durable + line * LINE, Log + line * LINE, LINE) !=
			0 ||
		    Is_pending[line])
			changed[nr++] = line;
	}
	memcpy(Image, Durable, LOG_LEN);
	recover_image();
	for (size_t one = 0; one < nr; one++) {
		memcpy(Image, Durable, LOG_LEN);
		evict_line(changed[one]);
		recover_image();
		memcpy(Image, Durable, LOG_LEN);
		for (size_t i = 0; i < nr; i++)
			if (i != one)
				evict_line(changed[i]);
		recover_image();
	}
	for (int round = 0; nr > 0 && round < NR_RANDOM; round++) {
		memcpy(Image, Durable, LOG_LEN);
		for (size_t i = 0; i < nr; i++) {
			if (round % 2 != 0)
				evict_words(changed[i]);
			else if (next_random() % 2 == 0)
				evict_line(changed[i]);
		}
		recover_image();
	}
}

/* --- the recording table --------------------------------------------------------- */

static int
record_flush(const void *addr, size_t len)
{
	const char *at = addr;

	if (++Nr_flushes == Drop_flush || len == 0 || at < Log ||
	    at >= Log + LOG_LEN)
		return 0;
	size_t first = (size_t)(at - Log) / LINE;
	size_t last = ((size_t)(at - Log) + len - 1) / LINE;
	for (size_t line = first; line <= last && line < NR_LINES; line++) {
		memcpy(Pending + line * LINE, Log + line * LINE, LINE);
		Is_pending[line] = true;
	}
	return 0;
}

static void
record_drain(void)
{
	crash_now();
	if (++Nr_drains == Drop_drain)
		return;
	for (size_t line = 0; line < NR_LINES; line++) {
		if (Is_pending[line])
			memcpy(
			    Durable + line * LINE, Pending + line * LINE, LINE);
		Is_pending[line] = false;
	}
}

static int
record_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return record_flush(dst, len);
}

static int
record_set(void *dst, int c, size_t len)
{
	memset(dst, c, len);
	return record_flush(dst, len);
}

static const struct flush_ops Recording = {
    record_flush, record_drain, record_copy, record_set};

/* --- the tests ------------------------------------------------------------------- */

/* Append to a log in memory that has seen another log before. */
static void
write_log(size_t drop_flush, size_t drop_drain)
{
	struct daxkind_region *region;
	struct flush_log log;
	memkind_t kind;
	char data[200];

	Area = mmap(NULL, AREA_LEN, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(Area != MAP_FAILED);
	assert_int_equal(daxkind_region_open_mapping(
			     Area, AREA_LEN, DAXKIND_PERSISTENT, &region),
	    0);
	assert_int_equal(daxkind_kind_create(region, &kind), 0);
	void *block;
	assert_int_equal(
	    memkind_posix_memalign(kind, &block, FLUSH_LOG_ALIGN, LOG_LEN), 0);
	Log = block;
	/* an older log's records, on the medium */
	assert_int_equal(flush_log_init(&log, kind, Log, LOG_LEN), 0);
	for (uint64_t n = 0; n < NR_RECORDS; n++)
		assert_int_equal(
		    flush_log_append(&log, data, make_record(data, n + 7)), 0);
	memcpy(Durable, Log, LOG_LEN);
	memset(Durable, 0, LINE); /* but its head, or it would be found */
	memset(Log, 0, LINE);
	memset(Is_pending, 0, sizeof(Is_pending));
	Nr_acknowledged = 0;
	Nr_begun = 0;
	Nr_images = 0;
	Nr_lost = 0;
	Nr_invented = 0;
	Nr_drains = 0;
	Nr_flushes = 0;
	Random = 88172645463325252u;
	Drop_flush = drop_flush;
	Drop_drain = drop_drain;

	for (int i = 0; i < NR_FLUSH; i++)
		flush_set_ops((enum flush_granularity)i, &Recording);
	assert_int_equal(flush_log_init(&log, kind, Log, LOG_LEN), 0);
	for (uint64_t n = 0; n < NR_RECORDS; n++) {
		Nr_begun = n + 1;
		assert_int_equal(
		    flush_log_append(&log, data, make_record(data, n)), 0);
		Nr_acknowledged = n + 1;
		crash_now();
	}
	for (int i = 0; i < NR_FLUSH; i++)
		flush_set_ops((enum flush_granularity)i, NULL);
	assert_int_equal(memkind_destroy_kind(kind), MEMKIND_SUCCESS);
	assert_int_equal(daxkind_region_close(region), 0);
	assert_int_equal(munmap(Area, AREA_LEN), 0);
}

static void
test_no_acknowledged_record_is_lost(void **state)
{
	(void)state;
	write_log(0, 0);
	print_message("%zu images, %zu flushes, %zu drains\n", Nr_images,
	    Nr_flushes, Nr_drains);
	assert_int_equal(Nr_lost, 0);
	assert_int_equal(Nr_invented, 0);
	/* each append is drained, and through the table */
	assert_int_equal(Nr_drains, NR_RECORDS + 1);
	assert_true(Nr_flushes >= NR_RECORDS + 1);
	assert_true(Nr_images > (size_t)NR_RECORDS * NR_RANDOM);
}

/* Whichever flush is left out, an image shows it; but for that of the log's
 * head, which is in the line of the first record, and flushed with it. */
static void
test_each_flush_that_is_left_out_is_found(void **state)
{
	(void)state;
	for (size_t n = 2; n <= NR_RECORDS + 1; n += 3) {
		write_log(n, 0);
		assert_true(Nr_lost > 0);
		assert_int_equal(Nr_invented, 0);
	}
}

static void
test_each_drain_that_is_left_out_is_found(void **state)
{
	(void)state;
	for (size_t n = 2; n <= NR_RECORDS + 1; n += 3) {
		write_log(0, n);
		assert_true(Nr_lost > 0);
		assert_int_equal(Nr_invented, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_acknowledged_record_is_lost),
	    cmocka_unit_test(test_each_flush_that_is_left_out_is_found),
	    cmocka_unit_test(test_each_drain_that_is_left_out_is_found),
	};

	return cmocka_run_group_tests_name(
	    "flush_recording", tests, NULL, NULL);
}
