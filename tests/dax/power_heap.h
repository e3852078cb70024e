/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * power_heap.h -- what writer_durable_heap does and verifier_durable_heap expects.
 *
 * The root "table" is a table of pointers, some for each thread, each to an object
 * or NULL.  Work is done in epochs: in each, every thread replaces or removes some
 * of its objects.  What it does follows from the round, the thread and the epoch
 * alone.  So the number of epochs that were done says what must be in the table;
 * only the next one may have been done in part.  That number is in the table, too,
 * and must not be less than what was acknowledged, which the host has: it can be
 * more, since an acknowledgement may be on its way when the power fails.
 *
 * Epoch 0 makes an object in each place.
 */
#ifndef POWER_HEAP_H
#define POWER_HEAP_H

#include <daxkind.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define POWER_HEAP_LAYOUT "power_heap 1"
#define POWER_HEAP_SIZE ((size_t)64 << 20)
enum {
	POWER_THREADS = 4,
	POWER_SLOTS = 100, /* of a thread */
	POWER_TOUCHED = 10 /* of them, in an epoch */
};

struct power_object {
	uint64_t round, thread, slot, epoch;
	uint64_t size; /* of all of it */
	unsigned char content[];
};

struct power_table {
	_Atomic(uint64_t) round, nr_done; /* epochs of it */
	_Atomic(uintptr_t) slots[POWER_THREADS][POWER_SLOTS];
};

/* A number that depends on all of these, and looks random. */
static inline uint64_t
power_hash(uint64_t round, uint64_t thread, uint64_t epoch, uint64_t slot)
{
	uint64_t x =
	    ((round * 1000003 + thread) * 1000003 + epoch) * 1000003 + slot;

	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

/* Slot number i of those that a thread touches in an epoch. */
static inline size_t
power_touched(uint64_t round, size_t thread, uint64_t epoch, size_t i)
{
	if (epoch == 0)
		return i;
	return (power_hash(round, thread, epoch, POWER_SLOTS) + i) %
	       POWER_SLOTS;
}

static inline size_t
power_nr_touched(uint64_t epoch)
{
	return epoch == 0 ? POWER_SLOTS : POWER_TOUCHED;
}

static inline bool
power_touches(uint64_t round, size_t thread, uint64_t epoch, size_t slot)
{
	for (size_t i = 0; i < power_nr_touched(epoch); i++) {
		if (power_touched(round, thread, epoch, i) == slot)
			return true;
	}
	return false;
}

/* Bytes of what an epoch puts into a slot that it touches; 0: nothing. */
static inline size_t
power_object_size(uint64_t round, size_t thread, uint64_t epoch, size_t slot)
{
	uint64_t hash = power_hash(round, thread, epoch, slot);
	size_t more = sizeof(struct power_object);

	if (epoch > 0 && hash % 4 == 0)
		return 0;
	if (hash % 16 == 1)
		return more + (hash >> 8) % 60000;
	return more + (hash >> 8) % 1000;
}

static inline void
power_object_fill(struct power_object *object, uint64_t round, size_t thread,
    uint64_t epoch, size_t slot)
{
	size_t size = power_object_size(round, thread, epoch, slot);

	*object = (struct power_object){round, thread, slot, epoch, size};
	memset(object->content, (int)(1 + (round + epoch + slot) % 250),
	    size - sizeof(*object));
}

/* usable bytes are there. */
static inline bool
power_object_is(const struct power_object *object, size_t usable,
    uint64_t round, size_t thread, uint64_t epoch, size_t slot)
{
	size_t size = power_object_size(round, thread, epoch, slot);
	unsigned char byte = (unsigned char)(1 + (round + epoch + slot) % 250);

	if (usable < size || object->round != round ||
	    object->thread != thread || object->slot != slot ||
	    object->epoch != epoch || object->size != size)
		return false;
	for (size_t i = 0; i < size - sizeof(*object); i++) {
		if (object->content[i] != byte)
			return false;
	}
	return true;
}

static inline uint64_t
power_heap_round(void)
{
	const char *round = getenv("DAX_ROUND");

	return round != NULL ? strtoull(round, NULL, 10) : 0;
}

/* A directory stands for a file in it. */
static inline const char *
power_heap_path(const char *path)
{
	static char file[4096];
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return path;
	(void)snprintf(file, sizeof(file), "%s/durable_heap", path);
	return file;
}

#endif /* POWER_HEAP_H */
