// SPDX-License-Identifier: BSD-2-Clause
/*
 * 10_durable_log.c -- a durable log beside a heap: write, restart, read.
 *
 * 10_durable_log                  a run, and another one after it
 * 10_durable_log DIRECTORY        one run: reads DIRECTORY/log and appends
 *
 * Orders must be found again after a restart.  They are appended to a log: a
 * region over a named file without a kind, where the program decides where a
 * record lies.  Data that only the running program needs, here an index of the
 * orders, is in a heap: a kind over an unnamed file.  Each start rebuilds it
 * from the log.
 *
 * A record counts once daxkind_region_persist() has returned.  A record that a
 * failure cut short has a wrong sum, and the log ends before it.
 */
#include <daxkind.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_SIZE ((size_t)1 << 20)
#define HEAP_SIZE ((size_t)16 << 20)

enum {
	NR_NEW = 1000 /* orders of each run */
};

struct record {
	uint64_t nr;  /* from 1 on */
	uint64_t sum; /* of the number and the text */
	char text[48];
};

/* An entry of the index, in the heap. */
struct order {
	struct order *next;
	char text[48];
};

struct shop {
	struct daxkind_region *log_region;
	struct record *log;
	size_t nr, max; /* records in the log, and its limit */
	memkind_t heap;
	struct order *newest;
	uint64_t nr_orders;
};

static int
fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, daxkind_last_error());
	return EXIT_FAILURE;
}

/* The sum also rejects data that an older program left in the file. */
static uint64_t
sum_of(const struct record *r)
{
	uint64_t sum = r->nr * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < sizeof(r->text); i++)
		sum = (sum ^ (unsigned char)r->text[i]) * 0x100000001b3u;
	return sum;
}

static int
add_to_index(struct shop *shop, const char *text)
{
	struct order *order = memkind_malloc(shop->heap, sizeof(*order));

	if (order == NULL)
		return -1;
	memcpy(order->text, text, sizeof(order->text));
	order->next = shop->newest;
	shop->newest = order;
	shop->nr_orders++;
	return 0;
}

/* --- the log ----------------------------------------------------------------- */

/* All file space is reserved, so that no store raises SIGBUS.  Existing data
 * stays, since a region alone writes nothing. */
static int
open_log(struct shop *shop, const char *dir)
{
	struct daxkind_region_info info;
	char path[4096];

	snprintf(path, sizeof(path), "%s/log", dir);
	unsigned flags = DAXKIND_CREATE | DAXKIND_OVERWRITE | DAXKIND_PREFAULT;
	if (daxkind_region_open_file(path, LOG_SIZE, flags, &shop->log_region) <
		0 ||
	    daxkind_region_info(shop->log_region, &info, sizeof(info)) < 0)
		return -1;
	shop->log = info.base;
	shop->max = info.size / sizeof(*shop->log);
	return 0;
}

static int
read_log(struct shop *shop)
{
	while (shop->nr < shop->max) {
		const struct record *r = &shop->log[shop->nr];

		if (r->nr != shop->nr + 1 || r->sum != sum_of(r))
			break;
		if (add_to_index(shop, r->text) < 0)
			return -1;
		shop->nr++;
	}
	return 0;
}

/* The record is durable on return. */
static int
append(struct shop *shop, const char *text)
{
	struct record record = {.nr = shop->nr + 1};

	if (shop->nr == shop->max)
		return -1; /* the log is full */
	snprintf(record.text, sizeof(record.text), "%s", text);
	record.sum = sum_of(&record);
	struct record *r = &shop->log[shop->nr];
	memcpy(r, &record, sizeof(record));
	if (daxkind_region_persist(shop->log_region, r, sizeof(*r)) < 0)
		return -1;
	shop->nr++;
	return add_to_index(shop, text);
}

/* --- a run ------------------------------------------------------------------- */

static int
use(struct shop *shop, uint64_t *nr_found)
{
	if (read_log(shop) < 0)
		return fail("read");
	*nr_found = shop->nr;
	for (int i = 0; i < NR_NEW; i++) {
		char text[48];

		snprintf(text, sizeof(text), "order %zu", shop->nr + 1);
		if (append(shop, text) < 0)
			return fail("append");
	}
	printf("%" PRIu64 " orders found, %" PRIu64 " now; the newest: %s\n",
	    *nr_found, shop->nr_orders, shop->newest->text);
	return EXIT_SUCCESS;
}

static int
run(const char *dir, uint64_t *nr_found)
{
	struct daxkind_region *heap_region;
	struct shop shop = {0};
	int status = EXIT_FAILURE;

	if (open_log(&shop, dir) < 0)
		return fail("log");
	if (daxkind_region_open_dir(dir, HEAP_SIZE, 0, &heap_region) < 0) {
		status = fail("heap");
	} else {
		if (daxkind_kind_create(heap_region, &shop.heap) < 0) {
			status = fail("heap");
		} else {
			status = use(&shop, nr_found);
			if (memkind_destroy_kind(shop.heap) != MEMKIND_SUCCESS)
				status = EXIT_FAILURE;
		}
		if (daxkind_region_close(heap_region) < 0)
			status = EXIT_FAILURE;
	}
	if (daxkind_region_close(shop.log_region) < 0)
		status = EXIT_FAILURE;
	return status;
}

int
main(int argc, char **argv)
{
	const char *tmp_dir = getenv("TMPDIR");
	uint64_t nr_found = 0;
	char dir[4000], log[4096];

	if (argc > 1)
		return run(argv[1], &nr_found);
	snprintf(dir, sizeof(dir), "%s/daxkind-XXXXXX",
	    tmp_dir != NULL ? tmp_dir : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		return EXIT_FAILURE;
	}
	int status = run(dir, &nr_found);
	if (status == EXIT_SUCCESS && nr_found != 0)
		status = EXIT_FAILURE;
	/* As after a restart: only the file is left of the first run. */
	if (status == EXIT_SUCCESS)
		status = run(dir, &nr_found);
	if (status == EXIT_SUCCESS && nr_found != NR_NEW) {
		fprintf(stderr, "not all orders were found\n");
		status = EXIT_FAILURE;
	}
	snprintf(log, sizeof(log), "%s/log", dir);
	unlink(log);
	rmdir(dir);
	return status;
}
