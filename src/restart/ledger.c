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
	return &l->lines[chunk].words[LEDGER_BIT_WORD];
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
ledger_visit_lines(const struct ledger *l,
    int (*visit)(void *arg, size_t off, size_t len), void *arg)
{
	size_t piece = MEDIUM_PIECE;
	size_t start = (size_t)((char *)l->lines - l->base);
	size_t low = align_up(atomic_load(&l->low), piece);
	size_t high = max_size(align_down(atomic_load(&l->high), piece), low);
	size_t end = align_up(l->nr_chunks, piece);
	int rc = 0;

	if (low > 0)
		rc = visit(arg, start, low * MEDIUM_LINE);
	if (rc == 0 && high < end)
		rc = visit(arg, start + high * MEDIUM_LINE,
		    (end - high) * MEDIUM_LINE);
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

static void
make_marks(struct ledger *l)
{
	atomic_store(&l->low, 0);
	atomic_store(&l->high, l->nr_chunks);
	store(l, &l->marks->low, mark_of(0));
	store(l, &l->marks->high, mark_of(l->nr_chunks));
}

/* Where a mark is damaged, no line on its side is read. */
static int
find_marks(struct ledger *l, const struct fault_sink *faults)
{
	size_t at = (size_t)((char *)l->marks - l->base);
	size_t low = 0, high = l->nr_chunks;
	int rc = 0;

	if (!read_mark(&l->marks->low, &low) || low > l->nr_chunks) {
		low = 0;
		rc = fault_note(faults, at,
		    "the ledger's lower mark is not valid: which of its first "
		    "lines are in use is not known");
	}
	if (rc == 0 && (!read_mark(&l->marks->high, &high) || high < low ||
			   high > l->nr_chunks)) {
		high = l->nr_chunks;
		rc = fault_note(faults, at + sizeof(l->marks->low),
		    "the ledger's upper mark is not valid: which of its last "
		    "lines are in use is not known");
	}
	atomic_store(&l->low, low);
	atomic_store(&l->high, high);
	return rc;
}

static void
set_up(struct ledger *l, struct backing *b, const struct superblock *sb)
{
	*l = (struct ledger){
	    .backing = b,
	    .base = b->base,
	    .size = sb->size,
	    .lines = (struct ledger_line *)(void *)(b->base + sb->ledger_off),
	    .marks = (struct ledger_marks *)(void *)(b->base + DK_PAGE),
	    .nr_chunks = (sb->size + MEDIUM_CHUNK - 1) / MEDIUM_CHUNK,
	};
	for (size_t i = 0; i < MEDIUM_CLASSES; i++)
		init_class(&l->classes[i], sb->class_size[i]);
}

int
ledger_open(struct ledger *l, struct backing *b, const struct superblock *sb,
    bool is_new)
{
	int rc = 0;

	set_up(l, b, sb);
	if (b->granularity != FLUSH_PAGE)
		rc = flush_get_ops(b->granularity, &l->flush);
	if (rc == 0 && is_new)
		make_marks(l);
	else if (rc == 0)
		rc = find_marks(l, NULL);
	if (rc == 0)
		lock_init(&l->lock, RANK_LEDGER);
	return rc;
}

int
ledger_open_to_read(struct ledger *l, struct backing *b,
    const struct superblock *sb, const struct fault_sink *faults)
{
	set_up(l, b, sb);
	return find_marks(l, faults);
}

void
ledger_close(struct ledger *l)
{
	lock_fini(&l->lock);
}

/* --- lines ------------------------------------------------------------------------------ */

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

	if (DK_LIKELY(ledger_is_prepared(l, chunk, nr)))
		return 0;
	lock_take(&l->lock);
	/* From below and from above, where it lies between. */
	while (rc == 0 && !ledger_is_prepared(l, chunk, nr) &&
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

size_t
ledger_word_off(const struct ledger *l, size_t off)
{
	return (uintptr_t)extent_word(l, off) - (uintptr_t)l->base;
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
	struct ledger_line *line = &l->lines[chunk];
	int rc = ledger_prepare(l, chunk, c->nr_chunks);

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
	return 0;
}

void
ledger_remove_slab(struct ledger *l, size_t chunk)
{
	store(l, &l->lines[chunk].words[0], LINE_NONE);
}
