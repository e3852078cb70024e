// SPDX-License-Identifier: BSD-2-Clause
/*
 * verifier_durable_heap.c -- after the power failed: each object that
 * writer_durable_heap acknowledged is there, once, with its content, and what has
 * leaked is not more than caches and calls can have held.
 */
#include <inttypes.h>
#include <unistd.h>

#include "power_heap.h"

enum {
	MAX_BLOCKS = 1 << 20
};

struct block {
	char *at;
	size_t usable;
	bool is_known;
};

static struct block Blocks[MAX_BLOCKS];
static size_t Nr_blocks, Nr_wrong;

static int
note_block(void *arg, void *block, size_t usable)
{
	(void)arg;
	if (Nr_blocks == MAX_BLOCKS)
		return -1;
	if (Nr_blocks > 0 &&
	    Blocks[Nr_blocks - 1].at + Blocks[Nr_blocks - 1].usable >
		(char *)block) {
		printf("two blocks at %p\n", block);
		Nr_wrong++;
	}
	Blocks[Nr_blocks++] = (struct block){block, usable, false};
	return DAXKIND_KEEP;
}

static struct block *
find_block(const void *ptr)
{
	size_t low = 0, high = Nr_blocks;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (Blocks[middle].at < (const char *)ptr)
			low = middle + 1;
		else
			high = middle;
	}
	return low < Nr_blocks && Blocks[low].at == ptr ? &Blocks[low] : NULL;
}

/* It is as that epoch left it. */
static bool
is_of(uintptr_t ptr, size_t thread, size_t slot, uint64_t epoch)
{
	uint64_t round = power_heap_round();
	size_t size = power_object_size(round, thread, epoch, slot);
	const struct block *block;

	if (size == 0 || ptr == 0)
		return size == 0 && ptr == 0;
	block = find_block((const void *)ptr);
	return block != NULL && power_object_is((const void *)ptr,
				    block->usable, round, thread, epoch, slot);
}

/* After nr epochs, and perhaps a part of the next. */
static void
verify_slot(uintptr_t ptr, size_t thread, size_t slot, uint64_t nr)
{
	uint64_t round = power_heap_round(), last = nr - 1;

	while (!power_touches(round, thread, last, slot))
		last--;
	bool is_good = is_of(ptr, thread, slot, last) ||
		       (power_touches(round, thread, nr, slot) &&
			   is_of(ptr, thread, slot, nr));
	if (!is_good) {
		printf("thread %zu, slot %zu: not as epoch %" PRIu64
		       " left it\n",
		    thread, slot, last);
		Nr_wrong++;
	}
	if (ptr == 0)
		return;
	struct block *block = find_block((const void *)ptr);
	if (block == NULL || block->is_known) {
		printf("thread %zu, slot %zu: %s\n", thread, slot,
		    block == NULL ? "no block" : "two have it");
		Nr_wrong++;
		return;
	}
	block->is_known = true;
}

/* Only the table points to others. */
static int
mark_objects(
    void *arg, void *block, size_t usable, struct daxkind_marker *marker)
{
	const struct power_table *table = arg;

	(void)usable;
	for (size_t i = 0; block == arg && i < POWER_THREADS; i++) {
		for (size_t j = 0; j < POWER_SLOTS; j++)
			daxkind_mark(marker,
			    (const void *)atomic_load(&table->slots[i][j]));
	}
	return 0;
}

static int
verify(memkind_t kind, const struct daxkind_restart *restart,
    uint64_t nr_acknowledged)
{
	struct power_table *table = daxkind_root(kind, "table");
	struct daxkind_trace_result traced;
	size_t nr_objects = 0, unknown = 0, unknown_bytes = 0;

	if (table == NULL || daxkind_walk(kind, note_block, NULL) < 0) {
		printf("%s\n", daxkind_last_error());
		return 1;
	}
	uint64_t nr = atomic_load(&table->nr_done);
	printf("round %" PRIu64 ", %" PRIu64 " epochs\n",
	    atomic_load(&table->round), nr);
	if (atomic_load(&table->round) != power_heap_round() ||
	    nr < nr_acknowledged)
		return 1;
	for (size_t i = 0; i < POWER_THREADS; i++) {
		for (size_t j = 0; j < POWER_SLOTS; j++) {
			uintptr_t ptr = atomic_load(&table->slots[i][j]);

			verify_slot(ptr, i, j, nr);
			nr_objects += ptr != 0;
		}
	}
	for (size_t i = 0; i < Nr_blocks; i++) {
		if (Blocks[i].is_known || Blocks[i].at == (char *)table)
			continue;
		unknown++;
		unknown_bytes += Blocks[i].usable;
	}
	/* One that is not yet, or no longer, linked, for each thread. */
	size_t most =
	    restart->cached_max + POWER_THREADS * (((size_t)64 << 10));
	printf("%zu objects; %zu blocks of %zu bytes leaked, at most %zu\n",
	    nr_objects, unknown, unknown_bytes, most);
	if (unknown_bytes > most)
		Nr_wrong++;
	/* The trace finds the same. */
	if (daxkind_trace(kind, mark_objects, table, &traced, sizeof(traced)) <
		0 ||
	    traced.freed_blocks != unknown ||
	    traced.kept_blocks != nr_objects + 1) {
		printf("trace: %zu freed, %zu kept: %s\n", traced.freed_blocks,
		    traced.kept_blocks, daxkind_last_error());
		Nr_wrong++;
	}
	return Nr_wrong == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct daxkind_restart restart;
	struct daxkind_region *region;
	memkind_t kind;

	if (getenv("DAXKIND_TEST_DAX") == NULL || argc != 3)
		return 77;
	if (daxkind_region_open_durable(power_heap_path(argv[1]), 0,
		POWER_HEAP_LAYOUT, 0, &region) < 0 ||
	    daxkind_region_restart(region, &restart, sizeof(restart)) < 0 ||
	    daxkind_kind_create(region, &kind) < 0) {
		(void)fprintf(stderr, "%s\n", daxkind_last_error());
		return 1;
	}
	if (restart.how != DAXKIND_RESTART_POWER) {
		(void)fprintf(stderr, "it was left as %d\n", (int)restart.how);
		return 1;
	}
	int status = verify(kind, &restart, strtoull(argv[2], NULL, 10));
	if (memkind_destroy_kind(kind) != MEMKIND_SUCCESS ||
	    daxkind_region_close(region) != 0) {
		(void)fprintf(stderr, "%s\n", daxkind_last_error());
		return 1;
	}
	return status;
}
