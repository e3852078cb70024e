// SPDX-License-Identifier: BSD-2-Clause
/*
 * ledger_walk.c -- reading all of a ledger, and the rules that it keeps (layer 3).
 *
 * Each rule is here once: opening a heap, and daxkind check, go through
 * ledger_walk_with_faults().
 *
 * Lines in bad blocks are not read.  An extent that begins in one can be of any
 * length, so all up to the next block is lost: it may be free, and is never handed
 * out.
 *
 * A part of the file that was never written is not read, since to read it through
 * the mapping fills it on tmpfs: it is 0.
 */
#include "restart/ledger.h"

#include <stdbool.h>
#include <stdio.h>

#include "restart/fault.h"

enum {
	BITS_PER_WORD = 64,
	PAGES_PER_CHUNK = MEDIUM_CHUNK / DK_PAGE,
	/* Of the smallest class with bits in its slab. */
	MAX_BITS_LEN = MEDIUM_CHUNK / 8 / 8,
	MAX_CHUNKS = 7 /* of a slab */
};

static uint64_t
load(const _Atomic(uint64_t) *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static size_t
offset(const struct ledger *l, const void *at)
{
	return (size_t)((const char *)at - l->base);
}

/* --- the bits of a slab ------------------------------------------------------- */

static const _Atomic(uint64_t) *
bits_to_read(const struct ledger *l, const struct ledger_unit *slab)
{
	static const _Atomic(uint64_t) Zeroes[MAX_BITS_LEN / 8];
	const struct ledger_class *c = &l->classes[slab->size_class];

	if (c->nr_reserved > 0 && l->backing->has_content &&
	    backing_is_hole(l->backing, slab->off, DK_PAGE))
		return Zeroes;
	return ledger_bits(l, slab->off / MEDIUM_CHUNK, slab->size_class);
}

size_t
ledger_count(const struct ledger *l, const struct ledger_unit *slab)
{
	const struct ledger_class *c = &l->classes[slab->size_class];
	const _Atomic(uint64_t) *bits = bits_to_read(l, slab);
	size_t nr = 0;

	for (size_t i = 0; i < ledger_bits_len(c) / sizeof(*bits); i++)
		nr += (size_t)__builtin_popcountll(load(&bits[i]));
	return nr;
}

int
ledger_walk_slab(const struct ledger *l, const struct ledger_unit *slab,
    int (*visit)(void *arg, void *block, size_t usable), void *arg)
{
	const struct ledger_class *c = &l->classes[slab->size_class];
	const _Atomic(uint64_t) *bits = bits_to_read(l, slab);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->nr_blocks; i++) {
		uint64_t word = load(&bits[i / BITS_PER_WORD]);

		if ((word >> i % BITS_PER_WORD & 1) != 0)
			rc = visit(
			    arg, l->base + slab->off + i * c->size, c->size);
	}
	return rc;
}

bool
ledger_has_block(
    const struct ledger *l, const struct ledger_unit *unit, size_t off)
{
	if (unit->type != LEDGER_SLAB)
		return unit->type == LEDGER_EXTENT;
	const _Atomic(uint64_t) *bits = bits_to_read(l, unit);
	size_t i = (off - unit->off) / l->classes[unit->size_class].size;

	return (load(&bits[i / BITS_PER_WORD]) >> i % BITS_PER_WORD & 1) != 0;
}

/* --- slabs and extents ---------------------------------------------------------- */

struct walk {
	const struct ledger *l;
	int (*visit)(void *arg, const struct ledger_unit *unit);
	void *arg;
	const struct fault_sink *faults;
	const struct ledger_part *part;
	struct ledger_unit last;
	/* Behind lines in bad blocks: where these begin, until a unit is found
	 * whose own line says that it begins there; 0: there are none. */
	size_t lost_from;
	/* So many of the next lines can be the rest of a slab's whose first
	 * line is lost. */
	unsigned nr_doubtful;
};

struct name {
	char text[80];
};

static struct name
name_of(const struct ledger *l, const struct ledger_unit *unit)
{
	struct name name;

	if (unit->type == LEDGER_SLAB)
		(void)snprintf(name.text, sizeof(name.text),
		    "the slab of %u-byte blocks at %zu",
		    l->classes[unit->size_class].size, unit->off);
	else
		(void)snprintf(name.text, sizeof(name.text),
		    "the %s of %zu bytes at %zu",
		    unit->type == LEDGER_LOST     ? "lost part"
		    : unit->type == LEDGER_EXTENT ? "extent"
						  : "extent for stacks",
		    unit->len, unit->off);
	return name;
}

static bool
is_in_part(const struct ledger_part *part, const struct ledger_unit *unit)
{
	return unit->len > 0 && unit->off >= part->heap_off &&
	       unit->off <= part->heap_end &&
	       unit->len <= part->heap_end - unit->off;
}

static size_t
end_of_last(const struct walk *w)
{
	return w->last.off + w->last.len;
}

/* A unit begins at to, or the part ends there: what is between is lost. */
static int
report_lost(struct walk *w, size_t to)
{
	size_t from =
	    max_size(max_size(w->lost_from, end_of_last(w)), w->part->heap_off);
	struct ledger_unit unit = {
	    .type = LEDGER_LOST, .off = from, .len = to - from};

	w->lost_from = 0;
	if (from >= to)
		return 0;
	w->last = unit;
	return w->visit(w->arg, &unit);
}

/* record says so. */
static int
report(struct walk *w, const struct ledger_unit *unit, const void *record)
{
	size_t at = offset(w->l, record);
	int rc = 0;

	if (is_in_part(w->part, unit) && w->lost_from != 0)
		rc = report_lost(w, unit->off);
	if (rc != 0)
		return rc;
	struct ledger_unit last = w->last;
	if (!is_in_part(w->part, unit))
		return fault_note(w->faults, at,
		    "%s is not inside of the heap, which is from %zu to %zu",
		    name_of(w->l, unit).text, w->part->heap_off,
		    w->part->heap_end);
	w->last = *unit;
	if (unit->off < last.off + last.len)
		rc = fault_note(w->faults, at, "%s overlaps with %s",
		    name_of(w->l, unit).text, name_of(w->l, &last).text);
	return rc == 0 ? w->visit(w->arg, unit) : rc;
}

static int
walk_pages(struct walk *w, size_t chunk)
{
	const struct ledger_line *line = ledger_line(w->l, chunk);

	for (size_t i = 1 + PAGES_PER_CHUNK; i < MEDIUM_LINE_WORDS; i++) {
		if (load(&line->words[i]) == 0)
			continue;
		int rc = fault_note(w->faults, offset(w->l, &line->words[i]),
		    "word %zu of the line of chunk %zu, which is of extents, "
		    "is not 0",
		    i, chunk);
		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < PAGES_PER_CHUNK; i++) {
		uint64_t word = load(&line->words[1 + i]);
		uint64_t nr_pages = word & ~EXTENT_STACKS;

		if (word == 0)
			continue;
		struct ledger_unit unit = {
		    .type = (word & EXTENT_STACKS) != 0 ? LEDGER_STACKS
							: LEDGER_EXTENT,
		    .off = chunk * MEDIUM_CHUNK + i * DK_PAGE,
		    .len = nr_pages <= MEDIUM_EXTENT_PAGES_MAX
			       ? nr_pages * DK_PAGE
			       : SIZE_MAX,
		};
		int rc = report(w, &unit, &line->words[1 + i]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Whether a slab's bits, or a part of them, are in a bad block. */
static bool
has_bad_bits(const struct ledger *l, const struct ledger_unit *slab)
{
	const struct ledger_class *c = &l->classes[slab->size_class];

	return ledger_is_bad(l,
		   offset(l, ledger_line(l, slab->off / MEDIUM_CHUNK)),
		   (size_t)c->nr_chunks * MEDIUM_LINE) ||
	       (c->nr_reserved > 0 &&
		   ledger_is_bad(l, slab->off, ledger_bits_len(c)));
}

/* Bits of blocks that none can have. */
static int
check_bits(struct walk *w, const struct ledger_unit *slab)
{
	const struct ledger *l = w->l;
	const struct ledger_class *c = &l->classes[slab->size_class];
	const _Atomic(uint64_t) *bits = bits_to_read(l, slab);
	const struct ledger_line *line =
	    ledger_line(l, slab->off / MEDIUM_CHUNK);
	size_t used = LEDGER_BIT_WORD * sizeof(uint64_t) +
		      (c->nr_reserved == 0 ? ledger_bits_len(c) : 0);
	bool has_any = false;
	int rc = 0;

	for (size_t i = c->nr_blocks; i < ledger_bits_len(c) * 8; i++)
		has_any |= (load(&bits[i / 64]) >> i % 64 & 1) != 0;
	if (has_any)
		rc = fault_note(w->faults, offset(l, line),
		    "%s has bits for more than its %u blocks",
		    name_of(l, slab).text, c->nr_blocks);
	has_any = false;
	for (size_t i = 0; i < c->nr_reserved; i++)
		has_any |= (load(&bits[i / 64]) >> i % 64 & 1) != 0;
	if (rc == 0 && has_any)
		rc = fault_note(w->faults, slab->off,
		    "%s has bits for its first %u blocks, where its bits are",
		    name_of(l, slab).text, c->nr_reserved);
	if (rc == 0 && !ledger_is_zero((const char *)line + used,
			   c->nr_chunks * sizeof(*line) - used))
		rc = fault_note(w->faults, offset(l, line) + used,
		    "the lines of %s are not 0 behind its bits",
		    name_of(l, slab).text);
	return rc;
}

static int
walk_slab(struct walk *w, size_t chunk, uint64_t class, size_t *next)
{
	const struct ledger *l = w->l;
	const struct ledger_line *line = ledger_line(l, chunk);

	if (class >= MEDIUM_CLASSES)
		return fault_note(w->faults, offset(l, line),
		    "the line of chunk %zu has a slab of size class %u, which "
		    "there is not",
		    chunk, (unsigned)class);
	const struct ledger_class *c = &l->classes[class];
	struct ledger_unit unit = {
	    .type = LEDGER_SLAB,
	    .size_class = (unsigned)class,
	    .off = chunk * MEDIUM_CHUNK,
	    .len = c->nr_chunks * MEDIUM_CHUNK,
	};
	if (chunk + c->nr_chunks > w->part->end ||
	    !ledger_is_prepared(l, chunk, c->nr_chunks))
		return fault_note(w->faults, offset(l, line),
		    "%s needs more lines than are in use",
		    name_of(l, &unit).text);
	*next = chunk + c->nr_chunks;
	int rc = 0;
	if (is_in_part(w->part, &unit) && has_bad_bits(l, &unit))
		unit.type = LEDGER_LOST;
	else if (is_in_part(w->part, &unit))
		rc = check_bits(w, &unit);
	return rc == 0 ? report(w, &unit, line) : rc;
}

/* The line of a chunk; *next is the next one to look at. */
static int
walk_line(struct walk *w, size_t chunk, size_t *next)
{
	const struct ledger_line *line = ledger_line(w->l, chunk);
	uint64_t word = load(&line->words[0]);

	*next = chunk + 1;
	if (word == LINE_NONE)
		return ledger_is_zero(line, MEDIUM_LINE)
			   ? 0
			   : fault_note(w->faults, offset(w->l, line),
				 "the line of chunk %zu is of no slab and no "
				 "extent, and is not 0",
				 chunk);
	if (word == LINE_PAGES)
		return walk_pages(w, chunk);
	if ((word & ~UINT64_C(0xff)) != LINE_SLAB)
		return fault_note(w->faults, offset(w->l, line),
		    "the line of chunk %zu is of no known sort: its first word "
		    "is %#llx",
		    chunk, (unsigned long long)word);
	return walk_slab(w, chunk, word & 0xff, next);
}

/* The same where lines before it are lost. */
static int
walk_line_after_lost(struct walk *w, size_t chunk, size_t *next)
{
	uint64_t word = load(&ledger_line(w->l, chunk)->words[0]);
	/* No bits look like this, but by design. */
	bool has_sort =
	    word == LINE_PAGES || (word & ~UINT64_C(0xff)) == LINE_SLAB;

	if (has_sort)
		w->nr_doubtful = 0;
	if (w->nr_doubtful == 0)
		return walk_line(w, chunk, next);
	w->nr_doubtful--;
	*next = chunk + 1;
	return 0;
}

static bool
is_lost(const struct walk *w, size_t chunk)
{
	return ledger_is_bad(w->l,
	    offset(w->l, w->part->lines) +
		(chunk - w->part->first) * MEDIUM_LINE,
	    MEDIUM_LINE);
}

/* A line that cannot be read.  An extent that begins there can be of any length,
 * and a slab can have MAX_CHUNKS. */
static void
lose_line(struct walk *w, size_t chunk)
{
	if (w->lost_from == 0)
		w->lost_from =
		    max_size(chunk * MEDIUM_CHUNK, w->part->heap_off);
	w->nr_doubtful = MAX_CHUNKS - 1;
}

/* --- all lines ------------------------------------------------------------------- */

/* Lines of pages that were never written. */
struct gap {
	size_t first, end;
};

/* The first gap of lines of a part; none: it is empty, at the end. */
static struct gap
find_gap(const struct walk *w, size_t from, size_t to)
{
	const struct ledger *l = w->l;
	size_t start = offset(l, w->part->lines);
	size_t off = start + (from - w->part->first) * MEDIUM_LINE;
	struct gap gap = {to, to};
	size_t hole_off, hole_len;

	if (from < to && l->backing->has_content &&
	    backing_find_hole(l->backing, off, (to - from) * MEDIUM_LINE,
		&hole_off, &hole_len)) {
		gap.first = w->part->first +
			    (hole_off - start + MEDIUM_LINE - 1) / MEDIUM_LINE;
		gap.end = w->part->first +
			  (hole_off + hole_len - start) / MEDIUM_LINE;
	}
	return gap.first < gap.end ? gap : (struct gap){to, to};
}

static int
walk_lines(struct walk *w, size_t from, size_t to)
{
	struct gap gap = find_gap(w, from, to);
	size_t next;
	int rc = 0;

	for (size_t chunk = from; rc == 0 && chunk < to; chunk = next) {
		if (is_lost(w, chunk)) {
			lose_line(w, chunk);
			next = chunk + 1;
			continue;
		}
		if (chunk < gap.first) {
			rc = w->lost_from != 0
				 ? walk_line_after_lost(w, chunk, &next)
				 : walk_line(w, chunk, &next);
			continue;
		}
		next = max_size(chunk, gap.end);
		gap = find_gap(w, next, to);
	}
	return rc;
}

static int
walk_part(struct walk *w)
{
	const struct ledger_part *part = w->part;
	size_t low = part->first + atomic_load(&part->low);
	size_t high = part->first + atomic_load(&part->high);
	size_t first = part->first + ledger_first_line(part);

	/* Where they have met, a slab may reach from one into the other. */
	int rc = walk_lines(w, first, low == high ? part->end : low);
	if (rc == 0 && low < high)
		rc = walk_lines(w, high, part->end);
	if (rc == 0 && w->lost_from != 0)
		rc = report_lost(w, part->heap_end);
	return rc;
}

int
ledger_walk_with_faults(const struct ledger *l,
    int (*visit)(void *arg, const struct ledger_unit *unit), void *arg,
    const struct fault_sink *faults)
{
	struct walk w = {
	    .l = l,
	    .visit = visit,
	    .arg = arg,
	    .faults = faults,
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->nr_parts; i++) {
		w.part = &l->parts[i];
		rc = walk_part(&w);
	}
	return rc;
}

int
ledger_walk(const struct ledger *l,
    int (*visit)(void *arg, const struct ledger_unit *unit), void *arg)
{
	return ledger_walk_with_faults(l, visit, arg, NULL);
}
