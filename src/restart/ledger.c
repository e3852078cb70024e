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
 *
 * So a line that says LINE_NONE is 0, whatever has happened.
 */
#include "restart/ledger.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/sched_point.h"

enum {
	BITS_PER_WORD = 64,
	FIRST_BIT_WORD = 1, /* of the first line */
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
	return &l->lines[chunk].words[FIRST_BIT_WORD];
}

static size_t
bits_len(const struct ledger_class *c)
{
	return align_up(c->nr_blocks, BITS_PER_WORD) / 8;
}

/* --- durable stores ---------------------------------------------------------------- */

void
ledger_flush(const struct ledger *l, const void *addr, size_t len)
{
	if (l->flush != NULL)
		(void)l->flush->flush(addr, len);
}

void
ledger_persist(const struct ledger *l, const void *addr, size_t len)
{
	DK_POINT("a store of the ledger");
	ledger_flush(l, addr, len);
	if (l->flush != NULL)
		l->flush->drain();
}

int
ledger_sync(const struct ledger *l)
{
	size_t piece = MEDIUM_PIECE;
	size_t low = atomic_load(&l->low);
	size_t high = align_down(atomic_load(&l->high), piece);
	int rc = 0;

	if (l->flush != NULL)
		return 0; /* it is */
	if (low > 0)
		rc = os_msync(l->lines, align_up(low, piece) * MEDIUM_LINE);
	if (rc == 0 && high < l->nr_chunks)
		rc = os_msync(&l->lines[high],
		    align_up((l->nr_chunks - high) * MEDIUM_LINE, DK_PAGE));
	return rc == 0 ? os_msync(l->marks, DK_PAGE) : rc;
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

size_t
ledger_end_off(size_t ledger_off, size_t size)
{
	size_t nr_chunks = (size + MEDIUM_CHUNK - 1) / MEDIUM_CHUNK;

	return align_up(ledger_off + nr_chunks * MEDIUM_LINE, DK_PAGE);
}

static int
open_marks(struct ledger *l, bool is_new)
{
	size_t low = 0, high = l->nr_chunks;

	if (is_new) {
		store(l, &l->marks->low, mark_of(low));
		store(l, &l->marks->high, mark_of(high));
	} else if (!read_mark(&l->marks->low, &low) ||
		   !read_mark(&l->marks->high, &high) || low > high ||
		   high > l->nr_chunks) {
		return error_set(-EUCLEAN,
		    "the ledger is damaged: its marks at offset %zu are not "
		    "valid; restore the region from a copy",
		    (size_t)((char *)l->marks - l->base));
	}
	atomic_store(&l->low, low);
	atomic_store(&l->high, high);
	return 0;
}

int
ledger_open(struct ledger *l, struct backing *b, const struct superblock *sb,
    bool is_new)
{
	*l = (struct ledger){
	    .backing = b,
	    .base = b->base,
	    .size = sb->size,
	    .lines = (struct ledger_line *)(void *)(b->base + sb->ledger_off),
	    .marks = (struct ledger_marks *)(void *)(b->base + DK_PAGE),
	    .nr_chunks = (sb->size + MEDIUM_CHUNK - 1) / MEDIUM_CHUNK,
	};
	int rc = 0;

	if (b->granularity != FLUSH_PAGE)
		rc = flush_get_ops(b->granularity, &l->flush);
	if (rc == 0)
		rc = open_marks(l, is_new);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < MEDIUM_CLASSES; i++)
		init_class(&l->classes[i], sb->class_size[i]);
	lock_init(&l->lock, RANK_LEDGER);
	return 0;
}

void
ledger_close(struct ledger *l)
{
	lock_fini(&l->lock);
}

/* --- lines ------------------------------------------------------------------------------ */

static bool
is_prepared(const struct ledger *l, size_t chunk, size_t nr)
{
	size_t high = atomic_load_explicit(&l->high, memory_order_acquire);
	size_t low = atomic_load_explicit(&l->low, memory_order_acquire);

	return chunk + nr <= low || chunk >= high || low == high;
}

/* With file space, and 0. */
static int
clear_lines(const struct ledger *l, size_t from, size_t to)
{
	char *start = (char *)&l->lines[from];
	size_t len = (to - from) * MEDIUM_LINE;
	size_t off = align_down((size_t)(start - l->base), DK_PAGE);
	size_t end = align_up((size_t)(start - l->base) + len, DK_PAGE);
	bool is_zero;
	int rc = backing_ensure(l->backing, off, end - off, &is_zero);

	if (rc < 0)
		return error_set(rc,
		    "no file space for %zu bytes of the ledger: %s", end - off,
		    strerror(-rc));
	if (!is_zero)
		memset(start, 0, len);
	ledger_persist(l, start, len);
	return 0;
}

static int
prepare_locked(struct ledger *l, size_t chunk, size_t nr)
{
	lock_assert_held(&l->lock);
	size_t low = atomic_load(&l->low), high = atomic_load(&l->high);
	size_t piece = MEDIUM_PIECE;
	int rc;

	/* From where it is nearer. */
	if (chunk - low <= high - min_size(chunk, high)) {
		size_t to = min_size(align_up(chunk + nr, piece), high);

		rc = clear_lines(l, low, to);
		if (rc < 0)
			return rc;
		store(l, &l->marks->low, mark_of(to));
		atomic_store(&l->low, to);
	} else {
		size_t from = max_size(align_down(chunk, piece), low);

		rc = clear_lines(l, from, high);
		if (rc < 0)
			return rc;
		store(l, &l->marks->high, mark_of(from));
		atomic_store(&l->high, from);
	}
	return 0;
}

int
ledger_prepare(struct ledger *l, size_t chunk, size_t nr)
{
	int rc = 0;

	if (DK_LIKELY(is_prepared(l, chunk, nr)))
		return 0;
	lock_take(&l->lock);
	/* From below and from above, where it lies between. */
	while (rc == 0 && !is_prepared(l, chunk, nr) &&
	       atomic_load(&l->low) < atomic_load(&l->high)) {
		size_t low = atomic_load(&l->low);
		size_t first = max_size(chunk, low);

		rc = prepare_locked(l, first, chunk + nr - first);
	}
	lock_drop(&l->lock);
	return rc;
}

/* --- extents ------------------------------------------------------------------------------ */

static struct ledger_line *
line_at(const struct ledger *l, size_t off)
{
	return &l->lines[off / MEDIUM_CHUNK];
}

static _Atomic(uint64_t) *
extent_word(const struct ledger *l, size_t off)
{
	return &line_at(l, off)->words[1 + off / DK_PAGE % PAGES_PER_CHUNK];
}

int
ledger_add_extent(struct ledger *l, size_t off, size_t len, bool is_stacks)
{
	struct ledger_line *line = line_at(l, off);
	int rc = ledger_prepare(l, off / MEDIUM_CHUNK, 1);

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
	return 0;
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

static bool
is_zero(const void *addr, size_t len)
{
	const uint64_t *words = addr;

	for (size_t i = 0; i < len / sizeof(*words); i++) {
		if (words[i] != 0)
			return false;
	}
	return true;
}

static void
clear(const struct ledger *l, void *addr, size_t len)
{
	if (is_zero(addr, len))
		return;
	memset(addr, 0, len);
	ledger_persist(l, addr, len);
}

int
ledger_add_slab(struct ledger *l, size_t chunk, unsigned size_class)
{
	const struct ledger_class *c = &l->classes[size_class];
	struct ledger_line *line = &l->lines[chunk];
	int rc = ledger_prepare(l, chunk, c->nr_chunks);

	if (rc < 0)
		return rc;
	/* What the pages held is the program's, and not 0. */
	if (c->nr_reserved > 0) {
		char *bits = ledger_chunk_at(l, chunk);

		memset(bits, 0, bits_len(c));
		ledger_persist(l, bits, bits_len(c));
	}
	clear(l, line, c->nr_chunks * sizeof(*line));
	store(l, &line->words[0], LINE_SLAB | size_class);
	return 0;
}

void
ledger_remove_slab(struct ledger *l, size_t chunk)
{
	store(l, &l->lines[chunk].words[0], LINE_NONE);
}

size_t
ledger_count(const struct ledger *l, const struct ledger_unit *slab)
{
	const struct ledger_class *c = &l->classes[slab->size_class];
	const _Atomic(uint64_t) *bits =
	    ledger_bits(l, slab->off / MEDIUM_CHUNK, slab->size_class);
	size_t nr = 0;

	for (size_t i = 0; i < bits_len(c) / sizeof(*bits); i++)
		nr += (size_t)__builtin_popcountll(load(&bits[i]));
	return nr;
}

int
ledger_walk_slab(const struct ledger *l, const struct ledger_unit *slab,
    int (*visit)(void *arg, void *block, size_t usable), void *arg)
{
	const struct ledger_class *c = &l->classes[slab->size_class];
	const _Atomic(uint64_t) *bits =
	    ledger_bits(l, slab->off / MEDIUM_CHUNK, slab->size_class);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->nr_blocks; i++) {
		uint64_t word = load(&bits[i / BITS_PER_WORD]);

		if ((word >> i % BITS_PER_WORD & 1) != 0)
			rc = visit(
			    arg, l->base + slab->off + i * c->size, c->size);
	}
	return rc;
}

/* --- reading all of it ------------------------------------------------------------------------ */

struct walk {
	const struct ledger *l;
	int (*visit)(void *arg, const struct ledger_unit *unit);
	void *arg;
	size_t first, end; /* offsets between which blocks can be */
	size_t pos;        /* where the last one ended */
};

static int
damaged(size_t off, const char *what)
{
	return error_set(-EUCLEAN,
	    "the ledger is damaged: at offset %zu %s; restore the region from "
	    "a copy",
	    off, what);
}

static int
report(struct walk *w, const struct ledger_unit *unit)
{
	if (unit->off < w->pos)
		return damaged(unit->off, "two blocks overlap");
	if (unit->off < w->first || unit->len == 0 || unit->off > w->end ||
	    unit->len > w->end - unit->off)
		return damaged(unit->off, "a block is outside of the heap");
	w->pos = unit->off + unit->len;
	return w->visit(w->arg, unit);
}

static int
walk_pages(struct walk *w, size_t chunk)
{
	const struct ledger_line *line = &w->l->lines[chunk];

	for (size_t i = 1 + PAGES_PER_CHUNK; i < MEDIUM_LINE_WORDS; i++) {
		if (load(&line->words[i]) != 0)
			return damaged(chunk * MEDIUM_CHUNK,
			    "a line has what no line of its sort has");
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
		    .len =
			nr_pages <= w->end / DK_PAGE ? nr_pages * DK_PAGE : 0,
		};
		int rc = report(w, &unit);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static bool
has_reserved_set(const struct ledger *l, size_t chunk, unsigned size_class)
{
	const struct ledger_class *c = &l->classes[size_class];
	const _Atomic(uint64_t) *bits = ledger_bits(l, chunk, size_class);

	for (size_t i = c->nr_blocks; i < bits_len(c) * 8; i++) {
		if ((load(&bits[i / 64]) >> i % 64 & 1) != 0)
			return true;
	}
	for (size_t i = 0; i < c->nr_reserved; i++) {
		if ((load(&bits[i / 64]) >> i % 64 & 1) != 0)
			return true;
	}
	return false;
}

static int
walk_slab(struct walk *w, size_t chunk, uint64_t class)
{
	const struct ledger *l = w->l;
	size_t off = chunk * MEDIUM_CHUNK;

	if (class >= MEDIUM_CLASSES)
		return damaged(off, "a slab is of no size class");
	const struct ledger_class *c = &l->classes[class];
	struct ledger_unit unit = {
	    .type = LEDGER_SLAB,
	    .size_class = (unsigned)class,
	    .off = off,
	    .len = c->nr_chunks * MEDIUM_CHUNK,
	};
	if (!is_prepared(l, chunk, c->nr_chunks))
		return damaged(off, "a slab has no lines");
	if (off >= w->first && unit.len <= w->end && off <= w->end - unit.len &&
	    has_reserved_set(l, chunk, unit.size_class))
		return damaged(off, "a slab has blocks that none can have");
	return report(w, &unit);
}

/* The line of a chunk; *next is the next one to look at. */
static int
walk_line(struct walk *w, size_t chunk, size_t *next)
{
	const struct ledger_line *line = &w->l->lines[chunk];
	uint64_t word = load(&line->words[0]);

	*next = chunk + 1;
	if (word == LINE_NONE) {
		if (!is_zero(line, MEDIUM_LINE))
			return damaged(
			    chunk * MEDIUM_CHUNK, "an empty line is not empty");
		return 0;
	}
	if (word == LINE_PAGES)
		return walk_pages(w, chunk);
	if ((word & ~UINT64_C(0xff)) != LINE_SLAB)
		return damaged(chunk * MEDIUM_CHUNK, "a line is of no sort");
	int rc = walk_slab(w, chunk, word & 0xff);
	if (rc == 0)
		*next = chunk + w->l->classes[word & 0xff].nr_chunks;
	return rc;
}

static int
walk_lines(struct walk *w, size_t from, size_t to)
{
	size_t next;
	int rc = 0;

	for (size_t chunk = from; rc == 0 && chunk < to; chunk = next)
		rc = walk_line(w, chunk, &next);
	return rc;
}

int
ledger_walk(const struct ledger *l,
    int (*visit)(void *arg, const struct ledger_unit *unit), void *arg)
{
	size_t first =
	    ledger_end_off((size_t)((const char *)l->lines - l->base), l->size);
	struct walk w = {l, visit, arg, first, l->size - DK_PAGE, 0};
	size_t low = atomic_load(&l->low), high = atomic_load(&l->high);

	/* Where they have met, a slab may reach from one into the other. */
	if (low == high)
		return walk_lines(&w, 0, l->nr_chunks);
	int rc = walk_lines(&w, 0, low);
	return rc == 0 ? walk_lines(&w, high, l->nr_chunks) : rc;
}
