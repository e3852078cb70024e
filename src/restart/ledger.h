/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ledger.h -- which blocks of a durable heap are allocated (layer 3).
 *
 * The ledger is the only truth about a durable heap: all else is in DRAM and
 * made from it.  A bit of a slab is changed with the lock of its size class held
 * (heap/durable_slabs.h), the word of an extent by the thread that owns the
 * extent.
 *
 * Every function that changes the ledger returns with the change durable, as far
 * as the granularity of the region is bytes or lines.  Where it is pages, a
 * change outlives the process, and a reset only after ledger_sync().
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/lock.h"
#include "region/backing.h"
#include "restart/fault.h"
#include "restart/medium.h"

/* What follows from the size of a class's blocks. */
struct ledger_class {
	uint32_t size;
	uint16_t nr_chunks;   /* of a slab: it ends where a block ends */
	uint16_t nr_blocks;   /* of a slab */
	uint16_t nr_reserved; /* the first ones, which its bits are in */
};

/* What the region was formatted with, or has grown by at once. */
struct ledger_part {
	size_t first, end; /* numbers of chunks in the region */
	size_t heap_off, heap_end;
	struct ledger_line *lines; /* of first and the others */
	struct ledger_marks *marks;
	/* As marks, which follow. */
	_Atomic(size_t) low, high;
};

/* Whole pages of the region with bad blocks, as of the opening. */
struct ledger_bad {
	size_t off, len;
};
enum {
	LEDGER_BAD_MAX = 64
};

struct ledger {
	struct backing *backing;
	char *base;
	size_t size;
	const struct flush_ops *flush; /* NULL: the granularity is a page */
	size_t nr_chunks;
	struct ledger_class classes[MEDIUM_CLASSES];
	struct lock lock; /* rank RANK_LEDGER: preparing lines */
	size_t nr_parts;
	struct ledger_part parts[MEDIUM_PARTS];
	size_t nr_bad;
	struct ledger_bad bad[LEDGER_BAD_MAX];
	/* A page of the records was lost while they were in use. */
	_Atomic(bool) is_hit;
};

/* The first line of a part that is ever in use: those of the ledger's own chunks
 * are not, but for a piece.  Counted from the part's first. */
static inline size_t
ledger_first_line(const struct ledger_part *part)
{
	return align_down(
	    part->heap_off / MEDIUM_CHUNK - part->first, MEDIUM_PIECE);
}

/* Where the ledger of a region of that size ends; it begins at ledger_off. */
size_t ledger_end_off(size_t ledger_off, size_t size);

/*
 * sb is valid and of this backing.  is_new: without a block.  -EUCLEAN, with a
 * text: the marks are damaged; -EIO: they cannot be read, or there are too many
 * bad blocks.  -ENOSPC and the like: no file space.
 */
int ledger_open(struct ledger *l, struct backing *b,
    const struct superblock *sb, bool is_new) DK_MUST_CHECK;
void ledger_close(struct ledger *l);
/* The same for reading only, on a backing that may be mapped so: each fault of
 * the marks goes to faults.  Not to be closed. */
int ledger_open_to_read(struct ledger *l, struct backing *b,
    const struct superblock *sb, const struct fault_sink *faults) DK_MUST_CHECK;

/*
 * The region has size bytes from now on, once a superblock says so: what is new is
 * a part of its own, of which nothing is used.  -EINVAL: too little is new.
 * -ENOSPC: it has MEDIUM_PARTS already.
 */
int ledger_grow(struct ledger *l, size_t size) DK_MUST_CHECK;
/* Whether it can; the same errors, with no text. */
int ledger_can_grow(const struct ledger *l, size_t size) DK_MUST_CHECK;

/* Make stores to the region's [addr, addr + len) durable. */
void ledger_persist(const struct ledger *l, const void *addr, size_t len);
/* Begin to, and wait until what was begun is. */
void ledger_flush(const struct ledger *l, const void *addr, size_t len);
void ledger_drain(const struct ledger *l);
/* The same for all of the ledger; -errno of msync(2). */
int ledger_sync(const struct ledger *l) DK_MUST_CHECK;

/* Call visit for each range of the region that only lines in bad blocks could have
 * blocks begin in, until it returns another value than 0, which is returned then. */
int ledger_visit_bad_chunks(const struct ledger *l,
    int (*visit)(void *arg, size_t off, size_t len), void *arg);

/* Call visit for each range of the region that has lines, whole pages, until it
 * returns another value than 0, which is returned then. */
int ledger_visit_lines(const struct ledger *l,
    int (*visit)(void *arg, size_t off, size_t len), void *arg);

/*
 * The region's [off, off + len) is lost.  If it has records, is_hit is set: what
 * they say from now on is not believed, and nothing more is handed out.  Called
 * before zeroes or anything else are in the place; usable in a signal handler.
 */
void ledger_note_lost(struct ledger *l, size_t off, size_t len);
static inline bool
ledger_is_hit(const struct ledger *l)
{
	return DK_UNLIKELY(
	    atomic_load_explicit(&l->is_hit, memory_order_acquire));
}
/* The text of -EIO, for what cannot be done then. */
int ledger_refuse_hit(void);

/* A line exists for each of these chunks.  Fails for want of file space. */
int ledger_prepare(struct ledger *l, size_t chunk, size_t nr) DK_MUST_CHECK;

/* An extent of whole pages; -errno as ledger_prepare(), or -EIO after a hit. */
int ledger_add_extent(struct ledger *l, size_t off, size_t len, bool is_stacks)
    DK_MUST_CHECK;
/* It has another length from now on. */
void ledger_resize_extent(struct ledger *l, size_t off, size_t len);
void ledger_remove_extent(struct ledger *l, size_t off);

/* Where the word of an extent is: an offset. */
size_t ledger_word_off(const struct ledger *l, size_t off);

/* A slab without a block, on chunks that the caller has taken; likewise. */
int ledger_add_slab(struct ledger *l, size_t chunk, unsigned size_class)
    DK_MUST_CHECK;
/* All of its blocks are free. */
void ledger_remove_slab(struct ledger *l, size_t chunk);

enum {
	LEDGER_BIT_WORD = 1 /* of a slab's first line: the first with bits */
};

/* The bits of a slab. */
_Atomic(uint64_t) *ledger_bits(
    const struct ledger *l, size_t chunk, unsigned size_class);

static inline size_t
ledger_chunk_of(const struct ledger *l, const void *addr)
{
	return (size_t)((const char *)addr - l->base) / MEDIUM_CHUNK;
}

/* chunk is one of the ledger's. */
static inline const struct ledger_part *
ledger_part_of(const struct ledger *l, size_t chunk)
{
	const struct ledger_part *part = l->parts;

	while (DK_UNLIKELY(chunk >= part->end))
		part++;
	return part;
}

static inline struct ledger_line *
ledger_line(const struct ledger *l, size_t chunk)
{
	const struct ledger_part *part = ledger_part_of(l, chunk);

	return &part->lines[chunk - part->first];
}

static inline char *
ledger_chunk_at(const struct ledger *l, size_t chunk)
{
	return l->base + chunk * MEDIUM_CHUNK;
}

/* Bytes of a slab's bits. */
static inline size_t
ledger_bits_len(const struct ledger_class *c)
{
	return align_up(c->nr_blocks, 64) / 8;
}

/* Whether each of these chunks, which are of one part, has a line. */
static inline bool
ledger_is_prepared(const struct ledger *l, size_t chunk, size_t nr)
{
	const struct ledger_part *part = ledger_part_of(l, chunk);
	size_t high = atomic_load_explicit(&part->high, memory_order_acquire);
	size_t low = atomic_load_explicit(&part->low, memory_order_acquire);

	chunk -= part->first;
	return chunk + nr <= low || chunk >= high || low == high;
}

/* Whether an access to the region's [off, off + len) meets a bad block. */
static inline bool
ledger_is_bad(const struct ledger *l, size_t off, size_t len)
{
	for (size_t i = 0; DK_UNLIKELY(i < l->nr_bad); i++) {
		if (off < l->bad[i].off + l->bad[i].len &&
		    l->bad[i].off < off + len)
			return true;
	}
	return false;
}

/* Whether len bytes, a multiple of 8, are 0. */
static inline bool
ledger_is_zero(const void *addr, size_t len)
{
	const uint64_t *words = addr;

	for (size_t i = 0; i < len / sizeof(*words); i++) {
		if (words[i] != 0)
			return false;
	}
	return true;
}

/* --- reading ------------------------------------------------------------------- */

enum ledger_unit_type {
	LEDGER_SLAB,
	LEDGER_EXTENT,
	LEDGER_STACKS,
	/* What is in use there cannot be read, since it was in a bad block:
	 * perhaps nothing, perhaps blocks. */
	LEDGER_LOST
};

struct ledger_unit {
	enum ledger_unit_type type;
	unsigned size_class; /* of a slab */
	size_t off, len;
};

/* What of a slab is allocated: live, or in a thread's cache. */
size_t ledger_count(const struct ledger *l, const struct ledger_unit *slab);

/* Call visit for each block of a slab that is allocated, likewise. */
int ledger_walk_slab(const struct ledger *l, const struct ledger_unit *slab,
    int (*visit)(void *arg, void *block, size_t usable), void *arg);

/* Whether off, which is in the unit, is in a block that is allocated, likewise. */
bool ledger_has_block(
    const struct ledger *l, const struct ledger_unit *unit, size_t off);

/*
 * Call visit for each slab and extent, in the order of their offsets, until it
 * returns another value than 0, which is returned then.  -EUCLEAN, with a text:
 * the ledger is damaged.  Nobody changes the ledger meanwhile.
 */
int ledger_walk(const struct ledger *l,
    int (*visit)(void *arg, const struct ledger_unit *unit), void *arg);
/* The same, and each fault goes to faults: goes on behind it, if that says so.  A
 * slab or extent that overlaps with others is visited, too. */
int ledger_walk_with_faults(const struct ledger *l,
    int (*visit)(void *arg, const struct ledger_unit *unit), void *arg,
    const struct fault_sink *faults);

#endif /* LEDGER_H */
