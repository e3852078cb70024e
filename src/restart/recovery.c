// SPDX-License-Identifier: BSD-2-Clause
/*
 * recovery.c -- see recovery.h.
 */
#include "restart/recovery.h"

#include <stdint.h>

#include "base/error.h"
#include "base/os.h"

struct recovery {
	struct ledger *ledger;
	const struct superblock *sb;
	/* For each chunk: the class of the slab that begins there + 1, or 0. */
	uint8_t *classes;
	struct recovered freed;
};

static int
note_slab(void *arg, const struct ledger_unit *unit)
{
	const struct recovery *recovery = arg;

	if (unit->type == LEDGER_SLAB)
		recovery->classes[unit->off / MEDIUM_CHUNK] =
		    (uint8_t)(unit->size_class + 1);
	return 0;
}

/* Free the block at off, if it is one. */
static void
free_cached(struct recovery *recovery, size_t off)
{
	const struct ledger *l = recovery->ledger;
	size_t chunk = off / MEDIUM_CHUNK;

	if (off >= recovery->sb->heap_end)
		return;
	/* No slab has more than a few chunks. */
	while (chunk > 0 && recovery->classes[chunk] == 0 &&
	       off / MEDIUM_CHUNK - chunk < 8)
		chunk--;
	if (recovery->classes[chunk] == 0)
		return;
	unsigned size_class = recovery->classes[chunk] - 1u;
	const struct ledger_class *c = &l->classes[size_class];
	size_t in_slab = off - chunk * MEDIUM_CHUNK;
	size_t i = in_slab / c->size;
	if (in_slab % c->size != 0 || i >= c->nr_blocks || i < c->nr_reserved)
		return;
	_Atomic(uint64_t) *word = &ledger_bits(l, chunk, size_class)[i / 64];
	uint64_t bit = UINT64_C(1) << i % 64;
	uint64_t value = atomic_load(word);
	if ((value & bit) == 0)
		return;
	atomic_store(word, value & ~bit);
	ledger_persist(l, word, sizeof(*word));
	recovery->freed.nr_blocks++;
	recovery->freed.bytes += c->size;
}

static int
take_back(void *arg, const struct ledger_unit *unit)
{
	struct recovery *recovery = arg;
	uint64_t base = recovery->sb->base;
	const uint64_t *items =
	    (const void *)(recovery->ledger->base + unit->off);

	if (unit->type != LEDGER_STACKS)
		return 0;
	for (size_t i = 0; i < unit->len / 8; i++) {
		/* The address that it had in the other process. */
		if (items[i] > base)
			free_cached(recovery, items[i] - base);
	}
	return 0;
}

int
recovery_free_cached(
    struct ledger *l, const struct superblock *sb, struct recovered *freed)
{
	size_t len = align_up(l->nr_chunks, DK_PAGE);
	struct recovery recovery = {.ledger = l, .sb = sb};
	void *classes;
	int rc = os_map_anon(len, &classes);

	if (rc < 0)
		return error_set(rc, "no memory to look for cached blocks");
	recovery.classes = classes;
	rc = ledger_walk(l, note_slab, &recovery);
	if (rc == 0)
		rc = ledger_walk(l, take_back, &recovery);
	(void)os_unmap(classes, len);
	*freed = recovery.freed;
	return rc;
}

static int
remove_stacks(void *arg, const struct ledger_unit *unit)
{
	if (unit->type == LEDGER_STACKS)
		ledger_remove_extent(arg, unit->off);
	return 0;
}

int
recovery_remove_stacks(struct ledger *l)
{
	return ledger_walk(l, remove_stacks, l);
}
