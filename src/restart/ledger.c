// SPDX-License-Identifier: BSD-2-Clause
/*
 * ledger.c -- see ledger.h.
 *
 * The order of stores, each durable before the next:
 *
 *   prepare lines    lines are 0; then the mark that they exist
 *   add an extent    the line says LINE_PAGES; then the extent's word.  Both in
 *                    one line of the cache, which becomes durable in the order
 *                    of the stores
 *   remove it        its word is 0; then others may take the pages
 *   add a slab       its bits are 0; then the line says LINE_SLAB
 *   remove it        its bits are 0 already; the line says LINE_NONE; then
 *                    others may take the chunks
 *   grow             the marks of the new part say that no line is prepared, and
 *                    where it ends; then the superblock has the part
 *
 * So a line that says LINE_NONE is 0, whatever has happened.
 */
#include "restart/ledger.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/sched_point.h"

enum {
	PAGES_PER_CHUNK = MEDIUM_CHUNK / DK_PAGE
};

/* --- size classes --------------------------------------------------------------- */

static size_t
gcd(size_t a, size_t b)
{
	while (b != 0) {
		size_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static void
init_class(struct ledger_class *c, uint32_t size)
{
	size_t nr_chunks = size / gcd(size, MEDIUM_CHUNK);
	size_t nr_blocks = nr_chunks * MEDIUM_CHUNK / size;
	/* Bits that its lines have room for. */
	size_t room = (nr_chunks * MEDIUM_LINE - 8) * 8;
	size_t nr_reserved = 0;

	if (nr_blocks > room)
		nr_reserved = (nr_blocks / 8 + size - 1) / size;
	*c = (struct ledger_class){
	    .size = size,
	    .nr_chunks = (uint16_t)nr_chunks,
	    .nr_blocks = (uint16_t)nr_blocks,
	    .nr_reserved = (uint16_t)nr_reserved,
	};
}

_Atomic(uint64_t) *
ledger_bits(const struct ledger *l, size_t chunk, unsigned size_class)
{
	if (l->classes[size_class].nr_reserved > 0)
		return (_Atomic(uint64_t) *)(void *)ledger_chunk_at(l, chunk);
	return &ledger_line(l, chunk)->words[LEDGER_BIT_WORD];
}

/* --- durable stores ---------------------------------------------------------------- */

void
ledger_flush(const struct ledger *l, const void *addr, size_t len)
{
	if (l->flush != NULL)
		(void)l->flush->flush(addr, len);
}

void
ledger_drain(const struct ledger *l)
{
	DK_POINT("a store of the ledger");
	if (l->flush != NULL)
		l->flush->drain();
}

void
ledger_persist(const struct ledger *l, const void *addr, size_t len)
{
	ledger_flush(l, addr, len);
	ledger_drain(l);
}

/* Whole pages of the lines of a part. */
static int
visit_part(const struct ledger *l, const struct ledger_part *part,
    int (*visit)(void *arg, size_t off, size_t len), void *arg)
{
	size_t piece = MEDIUM_PIECE;
	size_t start = (size_t)((char *)part->lines - l->base);
	size_t low = align_up(atomic_load(&part->low), piece);
	size_t high =
	    max_size(align_down(atomic_load(&part->high), piece), low);
	size_t end = align_up(part->end - part->first, piece);
	size_t first = ledger_first_line(part);
	int rc = 0;

	if (low > first)
		rc = visit(arg, start + first * MEDIUM_LINE,
		    (low - first) * MEDIUM_LINE);
	if (rc == 0 && high < end)
		rc = visit(arg, start + high * MEDIUM_LINE,
		    (end - high) * MEDIUM_LINE);
	return rc;
}

int
ledger_visit_lines(const struct ledger *l,
    int (*visit)(void *arg, size_t off, size_t len), void *arg)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < l->nr_parts; i++)
		rc = visit_part(l, &l->parts[i], visit, arg);
	return rc;
}

static int
sync_lines(void *arg, size_t off, size_t len)
{
	const struct ledger *l = arg;

	return os_msync(l->base + off, len);
}

int
ledger_sync(const struct ledger *l)
{
	if (l->flush != NULL)
		return 0; /* it is */
	int rc = ledger_visit_lines(l, sync_lines, (void *)(uintptr_t)l);
	return rc == 0 ? os_msync(l->parts[0].marks, DK_PAGE) : rc;
}

static uint64_t
load(const _Atomic(uint64_t) *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
store(const struct ledger *l, _Atomic(uint64_t) *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
	ledger_persist(l, word, sizeof(*word));
}

/* --- marks --------------------------------------------------------------------------- */

/* A number of up to 40 bits with a check in the others: the sum of its bytes,
 * each with another weight, and never the same for 0 and for no mark at all. */
enum {
	MARK_BITS = 40
};

static uint64_t
mark_check(uint64_t value)
{
	return (value * UINT64_C(0x9e3779b97f4a7c15) +
		   UINT64_C(0xd1b54a32d192ed03)) >>
	       MARK_BITS << MARK_BITS;
}

static uint64_t
mark_of(size_t value)
{
	return value | mark_check(value);
}

static bool
read_mark(const _Atomic(uint64_t) *mark, size_t *value)
{
	uint64_t word = load(mark);

	*value = (size_t)(word & ((UINT64_C(1) << MARK_BITS) - 1));
	return word == mark_of(*value);
}

/* --- parts --------------------------------------------------------------------------- */

static size_t
chunks_of(size_t size)
{
	return (size + MEDIUM_CHUNK - 1) / MEDIUM_CHUNK;
}

size_t
ledger_end_off(size_t ledger_off, size_t size)
{
	return align_up(ledger_off + chunks_of(size) * MEDIUM_LINE, DK_PAGE);
}

/* Where a mark is damaged, no line on its side is read. */
static int
open_marks(const struct ledger *l, struct ledger_part *part,
    const struct fault_sink *faults)
{
	size_t at = (size_t)((char *)part->marks - l->base);
	size_t nr = part->end - part->first, low, high = nr;
	int rc = 0;

	if (!read_mark(&part->marks->low, &low) || low > nr) {
		low = ledger_first_line(part);
		rc = fault_note(faults, at,
		    "the ledger's lower mark is not valid: which of its first "
		    "lines are in use is not known");
	}
	low = max_size(low, ledger_first_line(part));
	if (rc == 0 && (!read_mark(&part->marks->high, &high) || high < low ||
			   high > nr)) {
		high = nr;
		rc = fault_note(faults, at + sizeof(part->marks->low),
		    "the ledger's upper mark is not valid: which of its last "
		    "lines are in use is not known");
	}
	atomic_store(&part->low, low);
	atomic_store(&part->high, high);
	return rc;
}

/* No line is prepared. */
static void
reset_marks(struct ledger *l, struct ledger_part *part)
{
	size_t nr = part->end - part->first, low = ledger_first_line(part);

	store(l, &part->marks->low, mark_of(low));
	store(l, &part->marks->high, mark_of(nr));
	atomic_store(&part->low, low);
	atomic_store(&part->high, nr);
}

/* The part between the ends of the one before and of itself.  False: it has no
 * room. */
static bool
place_part(const struct ledger *l, struct ledger_part *part, size_t i,
    size_t start, size_t end)
{
	size_t first = chunks_of(start), last = chunks_of(end);
	size_t lines_off = first * MEDIUM_CHUNK;

	if (end < start + MEDIUM_PART_MIN)
		return false;
	*part = (struct ledger_part){
	    .first = first,
	    .end = last,
	    .heap_off =
		align_up(lines_off + (last - first) * MEDIUM_LINE, DK_PAGE),
	    .heap_end = end - DK_PAGE,
	    .lines = (struct ledger_line *)(void *)(l->base + lines_off),
	    .marks = l->parts[0].marks + i,
	};
	return part->heap_off + MEDIUM_CHUNK <= part->heap_end;
}

/* What the region was formatted with. */
static void
place_first(struct ledger *l, const struct superblock *sb)
{
	size_t size = sb->nr_grown > 0 ? sb->first_size : sb->size;

	l->nr_parts = 1;
	l->parts[0] = (struct ledger_part){
	    .end = chunks_of(size),
	    .heap_off = ledger_end_off(sb->ledger_off, size),
	    .heap_end = size - DK_PAGE,
	    .lines = (struct ledger_line *)(void *)(l->base + sb->ledger_off),
	    .marks = (struct ledger_marks *)(void *)(l->base + DK_PAGE),
	};
}

/* By which it has grown.  Where the end of one is damaged, it and those behind it
 * are not read. */
static int
open_parts(struct ledger *l, const struct superblock *sb,
    const struct fault_sink *faults)
{
	size_t start = sb->nr_grown > 0 ? sb->first_size : sb->size, pages;
	int rc = open_marks(l, &l->parts[0], faults);

	for (size_t i = 1; rc == 0 && i <= sb->nr_grown; i++) {
		struct ledger_marks *marks = l->parts[0].marks + i;
		struct ledger_part *part = &l->parts[i];

		if (!read_mark(&marks->end, &pages) ||
		    pages > sb->size / DK_PAGE ||
		    (i == sb->nr_grown) != (pages == sb->size / DK_PAGE) ||
		    !place_part(l, part, i, start, pages * DK_PAGE))
			return fault_note(faults,
			    (uintptr_t)&marks->end - (uintptr_t)l->base,
			    "the end of part %zu of the ledger is not valid",
			    i);
		rc = open_marks(l, part, faults);
		start = pages * DK_PAGE;
		l->nr_chunks = part->end;
		l->nr_parts++;
	}
	return rc;
}

/* --- bad blocks -------------------------------------------------------------------- */

static int
note_bad(void *arg, size_t off, size_t len)
{
	struct ledger *l = arg;
	size_t start = align_down(off, DK_PAGE);
	size_t end = align_up(off + len, DK_PAGE);
	struct ledger_bad *last = l->nr_bad > 0 ? &l->bad[l->nr_bad - 1] : NULL;

	if (last != NULL && start >= last->off &&
	    start <= last->off + last->len) {
		last->len = max_size(last->off + last->len, end) - last->off;
		return 0;
	}
	if (l->nr_bad == LEDGER_BAD_MAX)
		return error_set(-EIO,
		    "the device has more than %d bad ranges where a durable "
		    "heap is; restore the heap from a copy on another one",
		    LEDGER_BAD_MAX);
	l->bad[l->nr_bad++] = (struct ledger_bad){start, end - start};
	return 0;
}

/* Before anything is read. */
static int
find_bad(struct ledger *l, const struct superblock *sb)
{
	int rc = backing_find_bad(l->backing, 0, sb->size, note_bad, l);

	if (rc < 0)
		return *error_text() != '\0'
			   ? rc
			   : error_set(rc,
				 "the known bad blocks cannot be read: %s",
				 strerror(-rc));
	if (ledger_is_bad(l, DK_PAGE, sb->ledger_off - DK_PAGE))
		return error_set(-EIO,
		    "the roots of a durable heap, or the marks of its ledger, "
		    "are in a bad block; restore the heap from a copy");
	return 0;
}

int
ledger_visit_bad_chunks(const struct ledger *l,
    int (*visit)(void *arg, size_t off, size_t len), void *arg)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && l->nr_bad > 0 && i < l->nr_parts; i++) {
		const struct ledger_part *part = &l->parts[i];
		size_t start = (size_t)((char *)part->lines - l->base);

		for (size_t chunk = part->first; rc == 0 && chunk < part->end;
		     chunk++) {
			size_t off = chunk * MEDIUM_CHUNK;
			size_t from = max_size(off, part->heap_off);
			size_t to =
			    min_size(off + MEDIUM_CHUNK, part->heap_end);

			if (from < to &&
			    ledger_is_bad(l,
				start + (chunk - part->first) * MEDIUM_LINE,
				MEDIUM_LINE))
				rc = visit(arg, from, to - from);
		}
	}
	return rc;
}

/* Whether a page of a part's heap has bits of a slab, or stacks. */
static bool
has_records(const struct ledger *l, const struct ledger_part *part, size_t off)
{
	enum {
		MAX_STACKS = 4 /* chunks that stacks reach into, and more */
	};
	size_t chunk = off / MEDIUM_CHUNK;

	for (size_t i = 0; i < MAX_STACKS && chunk >= part->first + i; i++) {
		const struct ledger_line *line = ledger_line(l, chunk - i);
		size_t line_off = (uintptr_t)line - (uintptr_t)l->base;

		if (!ledger_is_prepared(l, chunk - i, 1))
			continue;
		if (ledger_is_bad(l, line_off, MEDIUM_LINE))
			return true;
		uint64_t word = load(&line->words[0]);
		/* Its bits are in its first page, or in lines. */
		if (i == 0 && off % MEDIUM_CHUNK == 0 &&
		    (word & ~UINT64_C(0xff)) == LINE_SLAB &&
		    ((word & 0xff) >= MEDIUM_CLASSES ||
			l->classes[word & 0xff].nr_reserved > 0))
			return true;
		for (size_t k = 0; word == LINE_PAGES && k < PAGES_PER_CHUNK;
		     k++) {
			uint64_t extent = load(&line->words[1 + k]);
			size_t at = (chunk - i) * MEDIUM_CHUNK + k * DK_PAGE;
			size_t len = (extent & ~EXTENT_STACKS) * DK_PAGE;

			if ((extent & EXTENT_STACKS) != 0 && off >= at &&
			    off - at < len)
				return true;
		}
	}
	return false;
}

static bool
is_record(const struct ledger *l, size_t off)
{
	for (size_t i = 0; i < l->nr_parts; i++) {
		const struct ledger_part *part = &l->parts[i];

		if (off >= part->heap_off && off < part->heap_end)
			return has_records(l, part, off);
	}
	return true;
}

void
ledger_note_lost(struct ledger *l, size_t off, size_t len)
{
	size_t end = min_size(off + len, l->size);

	for (off = align_down(off, DK_PAGE); off < end; off += DK_PAGE) {
		if (is_record(l, off))
			atomic_store(&l->is_hit, true);
	}
}

int
ledger_refuse_hit(void)
{
	return error_set(-EIO,
	    "a media error has hit the records of the durable heap, which hands "
	    "out nothing more; copy what is good to a new region");
}

static void
set_up(struct ledger *l, struct backing *b, const struct superblock *sb)
{
	*l = (struct ledger){
	    .backing = b,
	    .base = b->base,
	    .size = sb->size,
	};
	place_first(l, sb);
	l->nr_chunks = l->parts[0].end;
	for (size_t i = 0; i < MEDIUM_CLASSES; i++)
		init_class(&l->classes[i], sb->class_size[i]);
}

int
ledger_open(struct ledger *l, struct backing *b, const struct superblock *sb,
    bool is_new)
{
	int rc = 0;

	set_up(l, b, sb);
	rc = find_bad(l, sb);
	if (rc == 0 && b->granularity != FLUSH_PAGE)
		rc = flush_get_ops(b->granularity, &l->flush);
	if (rc == 0 && is_new)
		reset_marks(l, &l->parts[0]);
	else if (rc == 0)
		rc = open_parts(l, sb, NULL);
	if (rc == 0)
		lock_init(&l->lock, RANK_LEDGER);
	return rc;
}

int
ledger_open_to_read(struct ledger *l, struct backing *b,
    const struct superblock *sb, const struct fault_sink *faults)
{
	set_up(l, b, sb);
	int rc = find_bad(l, sb);
	return rc == 0 ? open_parts(l, sb, faults) : rc;
}

static int
place_next(const struct ledger *l, struct ledger_part *part, size_t size)
{
	if (l->nr_parts == MEDIUM_PARTS)
		return -ENOSPC;
	return place_part(l, part, l->nr_parts, l->size, size) ? 0 : -EINVAL;
}

int
ledger_can_grow(const struct ledger *l, size_t size)
{
	struct ledger_part part;

	return place_next(l, &part, size);
}

int
ledger_grow(struct ledger *l, size_t size)
{
	struct ledger_part *part = &l->parts[l->nr_parts];
	const struct flush_ops *flush;
	struct ledger_part next;

	int rc = place_next(l, &next, size);
	if (rc == 0)
		rc = backing_find_bad(
		    l->backing, l->size, size - l->size, note_bad, l);
	if (rc == 0)
		rc = flush_get_ops(l->backing->granularity, &flush);
	if (rc != 0)
		return rc;
	*part = next;
	reset_marks(l, part);
	store(l, &part->marks->end, mark_of(size / DK_PAGE));
	/* Also where pages are the granularity: the superblock, which is flushed
	 * in its way, must not be there without it. */
	rc = flush->flush(part->marks, sizeof(*part->marks));
	if (rc < 0)
		return rc;
	flush->drain();
	l->nr_parts++;
	l->nr_chunks = part->end;
	l->size = size;
	return 0;
}

void
ledger_close(struct ledger *l)
{
	lock_fini(&l->lock);
}

/* --- lines ------------------------------------------------------------------------------ */

/* With file space, and 0. */
static int
clear_range(const struct ledger *l, char *start, char *end)
{
	size_t off = align_down((size_t)(start - l->base), DK_PAGE);
	size_t len = align_up((size_t)(end - l->base), DK_PAGE) - off;
	bool is_zero;
	int rc = backing_ensure(l->backing, off, len, &is_zero);

	if (rc < 0)
		return error_set(rc,
		    "no file space for %zu bytes of the ledger: %s", len,
		    strerror(-rc));
	if (!is_zero)
		memset(start, 0, (size_t)(end - start));
	ledger_persist(l, start, (size_t)(end - start));
	return 0;
}

/* Of lines in bad blocks nothing is read either. */
static int
clear_lines(const struct ledger *l, const struct ledger_part *part, size_t from,
    size_t to)
{
	char *start = (char *)&part->lines[from];
	char *end = (char *)&part->lines[to];
	char *next;
	int rc = 0;

	if (!ledger_is_bad(l, (size_t)(start - l->base), (size_t)(end - start)))
		return clear_range(l, start, end);
	for (char *at = start; rc == 0 && at < end; at = next) {
		size_t off = (size_t)(at - l->base);

		next =
		    at + min_size(DK_PAGE - off % DK_PAGE, (size_t)(end - at));
		if (!ledger_is_bad(l, off, (size_t)(next - at)))
			rc = clear_range(l, at, next);
	}
	return rc;
}

static int
prepare_locked(
    struct ledger *l, struct ledger_part *part, size_t chunk, size_t nr)
{
	lock_assert_held(&l->lock);
	size_t low = atomic_load(&part->low), high = atomic_load(&part->high);
	size_t piece = MEDIUM_PIECE;
	int rc;

	/* From where it is nearer. */
	if (chunk - low <= high - min_size(chunk, high)) {
		size_t to = min_size(align_up(chunk + nr, piece), high);

		rc = clear_lines(l, part, low, to);
		if (rc < 0)
			return rc;
		store(l, &part->marks->low, mark_of(to));
		atomic_store(&part->low, to);
	} else {
		size_t from = max_size(align_down(chunk, piece), low);

		rc = clear_lines(l, part, from, high);
		if (rc < 0)
			return rc;
		store(l, &part->marks->high, mark_of(from));
		atomic_store(&part->high, from);
	}
	return 0;
}

int
ledger_prepare(struct ledger *l, size_t chunk, size_t nr)
{
	size_t i = (size_t)(ledger_part_of(l, chunk) - l->parts);
	struct ledger_part *part = &l->parts[i];
	int rc = 0;

	if (DK_LIKELY(ledger_is_prepared(l, chunk, nr)))
		return 0;
	lock_take(&l->lock);
	/* From below and from above, where it lies between. */
	while (rc == 0 && !ledger_is_prepared(l, chunk, nr) &&
	       atomic_load(&part->low) < atomic_load(&part->high)) {
		size_t low = part->first + atomic_load(&part->low);
		size_t first = max_size(chunk, low);

		rc = prepare_locked(
		    l, part, first - part->first, chunk + nr - first);
	}
	lock_drop(&l->lock);
	return rc;
}

/* --- extents ------------------------------------------------------------------------------ */

static struct ledger_line *
line_at(const struct ledger *l, size_t off)
{
	return ledger_line(l, off / MEDIUM_CHUNK);
}

static _Atomic(uint64_t) *
extent_word(const struct ledger *l, size_t off)
{
	return &line_at(l, off)->words[1 + off / DK_PAGE % PAGES_PER_CHUNK];
}

size_t
ledger_word_off(const struct ledger *l, size_t off)
{
	return (uintptr_t)extent_word(l, off) - (uintptr_t)l->base;
}

int
ledger_add_extent(struct ledger *l, size_t off, size_t len, bool is_stacks)
{
	struct ledger_line *line = line_at(l, off);
	int rc =
	    ledger_is_hit(l) ? -EIO : ledger_prepare(l, off / MEDIUM_CHUNK, 1);

	if (rc < 0)
		return rc;
	/* Other threads may do so for other pages of the chunk. */
	if (load(&line->words[0]) == LINE_NONE)
		atomic_store_explicit(
		    &line->words[0], LINE_PAGES, memory_order_release);
	atomic_store_explicit(extent_word(l, off),
	    len / DK_PAGE | (is_stacks ? EXTENT_STACKS : 0),
	    memory_order_release);
	ledger_persist(l, line, MEDIUM_LINE);
	if (!ledger_is_hit(l))
		return 0;
	ledger_remove_extent(l, off);
	return -EIO;
}

void
ledger_resize_extent(struct ledger *l, size_t off, size_t len)
{
	store(l, extent_word(l, off), len / DK_PAGE);
}

void
ledger_remove_extent(struct ledger *l, size_t off)
{
	store(l, extent_word(l, off), 0);
}

/* --- slabs ---------------------------------------------------------------------------------- */

static void
clear(const struct ledger *l, void *addr, size_t len)
{
	if (ledger_is_zero(addr, len))
		return;
	memset(addr, 0, len);
	ledger_persist(l, addr, len);
}

int
ledger_add_slab(struct ledger *l, size_t chunk, unsigned size_class)
{
	const struct ledger_class *c = &l->classes[size_class];
	struct ledger_line *line = ledger_line(l, chunk);
	int rc =
	    ledger_is_hit(l) ? -EIO : ledger_prepare(l, chunk, c->nr_chunks);

	if (rc < 0)
		return rc;
	/* What the pages held is the program's, and not 0. */
	if (c->nr_reserved > 0) {
		char *bits = ledger_chunk_at(l, chunk);

		memset(bits, 0, ledger_bits_len(c));
		ledger_persist(l, bits, ledger_bits_len(c));
	}
	clear(l, line, c->nr_chunks * sizeof(*line));
	store(l, &line->words[0], LINE_SLAB | size_class);
	if (!ledger_is_hit(l))
		return 0;
	ledger_remove_slab(l, chunk);
	return -EIO;
}

void
ledger_remove_slab(struct ledger *l, size_t chunk)
{
	store(l, &ledger_line(l, chunk)->words[0], LINE_NONE);
}
