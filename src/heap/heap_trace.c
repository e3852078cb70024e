// SPDX-License-Identifier: BSD-2-Clause
/*
 * heap_trace.c -- see heap_trace.h.
 */
#include "heap/heap_trace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "heap/durable_slabs.h"
#include "heap/quarantine.h"
#include "restart/restart.h"

enum {
	BITS_PER_WORD = 64,
	STACK_MAX = 16 << 10,
	/* Blocks that are on their way from memory while others are read. */
	QUEUE_MAX = 16
};

/* Any memory of the program, read as words. */
typedef uintptr_t __attribute__((may_alias)) trace_word;

/* Where the bits of the slab are that a chunk is of. */
struct trace_chunk {
	uint64_t word : 48;      /* the first one */
	uint64_t size_class : 8; /* + 1; 0: there is no slab */
	uint64_t back : 8;       /* so many chunks before is the first one */
};

struct trace_size {
	uint32_t size;
	uint32_t inverse; /* 2^32 / size, rounded up: see block_at() */
};

struct trace_item {
	char *at;
	size_t len;
};

struct heap_trace {
	struct heap *heap;
	const struct ledger *ledger;
	const struct heap_trace_request *request;
	struct heap_trace_result result;
	char *base;
	size_t size; /* of the heap: the region may be larger */
	int rc;      /* of the first failure */

	/* Numbers of bits: extents in the order of their offsets, then, word
	 * by word, the slabs in theirs. */
	size_t nr_extents, nr_words;
	size_t next_extent, next_word; /* of the unit that a walk is at */
	struct trace_chunk *chunks;
	uint64_t *extents;  /* offsets */
	uint64_t *unmarked; /* set: allocated, and not reached so far */
	uint64_t *waiting;  /* set: reached, and to be read later */
	size_t nr_waiting;
	struct trace_item *stack; /* to be read next */
	size_t nr_stacked;
	struct trace_size sizes[SIZE_CLASS_NR];
};

/* --- which block an address is in --------------------------------------------------- */

struct trace_block {
	size_t bit;
	struct trace_item item;
};

/* Exact: a slab has fewer than 2^17 bytes, a class fewer than 2^14, so that the
 * product of both is below 2^32. */
static size_t
block_at(const struct trace_size *size, size_t off_in_slab)
{
	return (size_t)((uint64_t)off_in_slab * size->inverse >> 32);
}

static bool
find_extent(const struct heap_trace *t, size_t off, struct trace_block *block)
{
	size_t low = 0, high = t->nr_extents;

	/* The last one that begins at off or before. */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->extents[middle] <= off)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	char *at = t->base + t->extents[low - 1];
	size_t len = page_large_len(page_map_get(&t->heap->pages, at));
	if (off - t->extents[low - 1] >= len)
		return false;
	*block = (struct trace_block){low - 1, {at, len}};
	return true;
}

static bool
find_block(const struct heap_trace *t, size_t off, struct trace_block *block)
{
	size_t chunk = off / MEDIUM_CHUNK;
	struct trace_chunk c = t->chunks[chunk];

	if (c.size_class == 0)
		return find_extent(t, off, block);
	const struct trace_size *size = &t->sizes[c.size_class - 1];
	size_t slab_off = (chunk - c.back) * MEDIUM_CHUNK;
	size_t i = block_at(size, off - slab_off);
	*block = (struct trace_block){
	    .bit = c.word * BITS_PER_WORD + i,
	    .item = {t->base + slab_off + i * size->size, size->size},
	};
	return true;
}

/* --- marking --------------------------------------------------------------------------- */

static void
mark_off(struct heap_trace *t, size_t off)
{
	struct trace_block block;

	if (off >= t->size)
		return;
	/* While it comes, the tables are looked at. */
	__builtin_prefetch(t->base + off);
	if (!find_block(t, off, &block))
		return;
	size_t i = block.bit / BITS_PER_WORD;
	uint64_t bit = UINT64_C(1) << block.bit % BITS_PER_WORD;
	if ((t->unmarked[i] & bit) == 0)
		return; /* free, or reached before */
	t->unmarked[i] &= ~bit;
	t->result.kept_blocks++;
	t->result.kept_bytes += block.item.len;
	if (DK_LIKELY(t->nr_stacked < STACK_MAX)) {
		t->stack[t->nr_stacked++] = block.item;
		return;
	}
	t->waiting[i] |= bit;
	t->nr_waiting++;
}

void
heap_trace_mark(struct heap_trace *t, const void *ptr)
{
	mark_off(t, (uintptr_t)ptr - (uintptr_t)t->base);
}

/* --- reading blocks ---------------------------------------------------------------------- */

static void
read_words(struct heap_trace *t, const struct trace_item *item)
{
	const trace_word *words = (const void *)item->at;

	if (quarantine_touches(&t->heap->quarantine, item->at, item->len)) {
		t->rc = error_set(-EIO,
		    "the block at %p is reached, and cannot be read: it has a "
		    "page that was taken out of use; free it, or pass a "
		    "visitor",
		    (void *)item->at);
		return;
	}
	for (size_t i = 0; i < item->len / sizeof(*words); i++)
		mark_off(t, words[i] - (uintptr_t)t->base);
}

static void
read_block(struct heap_trace *t, const struct trace_item *item)
{
	if (t->request->visit == NULL)
		read_words(t, item);
	else
		t->rc =
		    t->request->visit(t->request->arg, item->at, item->len, t);
}

/* Read what is on the stack, and what that leads to. */
static void
read_stacked(struct heap_trace *t)
{
	struct trace_item queue[QUEUE_MAX];
	size_t first = 0, nr = 0;

	while (t->rc == 0 && (nr > 0 || t->nr_stacked > 0)) {
		while (nr < QUEUE_MAX && t->nr_stacked > 0) {
			const struct trace_item *item =
			    &t->stack[--t->nr_stacked];

			__builtin_prefetch(item->at);
			queue[(first + nr++) % QUEUE_MAX] = *item;
		}
		struct trace_item item = queue[first];
		first = (first + 1) % QUEUE_MAX;
		nr--;
		read_block(t, &item);
	}
}

/* --- walks over all bits -------------------------------------------------------------------- */

static size_t
nr_words_of(const struct heap_trace *t, unsigned size_class)
{
	return align_up(
		   t->ledger->classes[size_class].nr_blocks, BITS_PER_WORD) /
	       BITS_PER_WORD;
}

/* The word with the bits of some blocks; the first of them has number first. */
typedef void trace_word_fn(struct heap_trace *t, const struct ledger_unit *unit,
    size_t word, size_t first);

struct word_walk {
	struct heap_trace *t;
	trace_word_fn *visit;
};

static int
visit_words(void *arg, const struct ledger_unit *unit)
{
	const struct word_walk *w = arg;
	struct heap_trace *t = w->t;

	if (unit->type == LEDGER_EXTENT) {
		w->visit(t, unit, t->next_extent / BITS_PER_WORD, 0);
		t->next_extent++;
	} else if (unit->type == LEDGER_SLAB) {
		size_t nr = nr_words_of(t, unit->size_class);

		for (size_t i = 0; i < nr; i++)
			w->visit(t, unit, t->next_word + i, i * BITS_PER_WORD);
		t->next_word += nr;
	}
	return t->rc;
}

static int
walk_words(struct heap_trace *t, trace_word_fn *visit)
{
	struct word_walk w = {t, visit};

	t->next_extent = 0;
	t->next_word = align_up(t->nr_extents, BITS_PER_WORD) / BITS_PER_WORD;
	return ledger_walk(t->ledger, visit_words, &w);
}

/* Of a word, the bits of this unit's blocks. */
static uint64_t
bits_of_unit(const struct heap_trace *t, const struct ledger_unit *unit,
    const uint64_t *words, size_t word)
{
	if (unit->type == LEDGER_EXTENT)
		return words[word] & UINT64_C(1)
					 << t->next_extent % BITS_PER_WORD;
	return words[word];
}

/* The block of a bit of a unit. */
static struct trace_item
item_of(const struct heap_trace *t, const struct ledger_unit *unit,
    size_t first, uint64_t bit)
{
	if (unit->type == LEDGER_EXTENT)
		return (struct trace_item){t->base + unit->off, unit->len};
	size_t i = first + (size_t)__builtin_ctzll(bit);
	uint32_t size = t->sizes[unit->size_class].size;
	return (struct trace_item){t->base + unit->off + i * size, size};
}

static void
read_waiting(struct heap_trace *t, const struct ledger_unit *unit, size_t word,
    size_t first)
{
	uint64_t bits;

	while (t->rc == 0 &&
	       (bits = bits_of_unit(t, unit, t->waiting, word)) != 0) {
		uint64_t bit = bits & -bits;
		struct trace_item item = item_of(t, unit, first, bit);

		t->waiting[word] &= ~bit;
		t->nr_waiting--;
		read_block(t, &item);
		read_stacked(t);
	}
}

static int
read_all(struct heap_trace *t)
{
	int rc = 0;

	read_stacked(t);
	/* What waits may be behind the look that makes it wait. */
	while (rc == 0 && t->rc == 0 && t->nr_waiting > 0)
		rc = walk_words(t, read_waiting);
	return t->rc != 0 ? t->rc : rc;
}

/* --- what is left ------------------------------------------------------------------------------ */

static void
free_unmarked(struct heap_trace *t, const struct ledger_unit *unit, size_t word,
    size_t first)
{
	uint64_t bits = bits_of_unit(t, unit, t->unmarked, word);
	void *blocks[BITS_PER_WORD];
	size_t nr = 0;

	for (; bits != 0; bits &= bits - 1)
		blocks[nr++] = item_of(t, unit, first, bits & -bits).at;
	t->result.freed_blocks += nr;
	if (unit->type == LEDGER_EXTENT && nr > 0) {
		t->result.freed_bytes += unit->len;
		heap_free(t->heap, blocks[0]);
	} else if (nr > 0) {
		t->result.freed_bytes += nr * t->sizes[unit->size_class].size;
		durable_slabs_free_batch(
		    t->heap->durable, unit->size_class, blocks, nr);
	}
}

/* --- the tables ---------------------------------------------------------------------------------- */

static int
count_unit(void *arg, const struct ledger_unit *unit)
{
	struct heap_trace *t = arg;

	if (unit->type == LEDGER_SLAB)
		t->nr_words += nr_words_of(t, unit->size_class);
	else if (unit->type == LEDGER_EXTENT)
		t->nr_extents++;
	else if (unit->type == LEDGER_LOST)
		return error_set(-EIO,
		    "blocks at offset %zu, whose records are in a bad block, may "
		    "lead to others: nothing is freed",
		    unit->off);
	return 0;
}

static int
enter_unit(void *arg, const struct ledger_unit *unit)
{
	struct heap_trace *t = arg;
	size_t chunk = unit->off / MEDIUM_CHUNK;

	if (unit->type == LEDGER_EXTENT) {
		size_t i = t->next_extent++;

		t->extents[i] = unit->off;
		t->unmarked[i / BITS_PER_WORD] |= UINT64_C(1)
						  << i % BITS_PER_WORD;
	}
	if (unit->type != LEDGER_SLAB)
		return 0;
	const _Atomic(uint64_t) *bits =
	    ledger_bits(t->ledger, chunk, unit->size_class);
	size_t nr = nr_words_of(t, unit->size_class);
	for (size_t i = 0; i < unit->len / MEDIUM_CHUNK; i++)
		t->chunks[chunk + i] = (struct trace_chunk){
		    .word = t->next_word & (((uint64_t)1 << 48) - 1),
		    .size_class = (uint8_t)(unit->size_class + 1),
		    .back = (uint8_t)i,
		};
	for (size_t i = 0; i < nr; i++)
		t->unmarked[t->next_word + i] = atomic_load(&bits[i]);
	t->next_word += nr;
	return 0;
}

/* All tables are in one mapping. */
static int
make_tables(struct heap_trace *t, void **tables, size_t *tables_len)
{
	int rc = ledger_walk(t->ledger, count_unit, t);

	if (rc < 0)
		return rc;
	t->next_word = align_up(t->nr_extents, BITS_PER_WORD) / BITS_PER_WORD;
	t->nr_words += t->next_word;
	size_t stack_len = STACK_MAX * sizeof(*t->stack);
	size_t chunks_len = t->ledger->nr_chunks * sizeof(*t->chunks);
	size_t extents_len = t->nr_extents * sizeof(*t->extents);
	size_t bits_len = t->nr_words * sizeof(*t->unmarked);
	size_t len = align_up(
	    stack_len + chunks_len + extents_len + 2 * bits_len, DK_PAGE);
	rc = os_map_anon(len, tables);
	if (rc < 0)
		return error_set(rc,
		    "no memory to mark blocks: %zu bytes of addresses are "
		    "needed",
		    len);
	char *at = *tables;
	*tables_len = len;
	t->stack = (struct trace_item *)(void *)at;
	at += stack_len;
	t->chunks = (struct trace_chunk *)(void *)at;
	at += chunks_len;
	t->extents = (uint64_t *)(void *)at;
	at += extents_len;
	t->unmarked = (uint64_t *)(void *)at;
	at += bits_len;
	t->waiting = (uint64_t *)(void *)at;
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		uint32_t size = t->ledger->classes[i].size;

		t->sizes[i] = (struct trace_size){size, UINT32_MAX / size + 1};
	}
	return ledger_walk(t->ledger, enter_unit, t);
}

/* --- the whole -------------------------------------------------------------------------------------- */

static void
mark_roots(struct heap_trace *t)
{
	struct roots *roots = &t->heap->region->restart->roots;

	for (size_t i = 0; i < MEDIUM_ROOTS; i++) {
		char name[MEDIUM_NAME_SIZE];
		size_t off = roots_at(roots, i, name);

		if (off != 0)
			mark_off(t, off);
	}
}

int
heap_trace_run(struct heap *heap, const struct heap_trace_request *request,
    struct heap_trace_result *result)
{
	struct heap_trace t = {
	    .heap = heap,
	    .ledger = heap->durable->ledger,
	    .request = request,
	    .base = heap->region->base,
	    .size = heap->durable->ledger->size,
	};
	void *tables = NULL;
	size_t tables_len = 0;

	if (ledger_is_hit(t.ledger))
		return ledger_refuse_hit();
	/* What is cached is not free in the ledger. */
	thread_cache_flush_all(&heap->caches);
	int rc = make_tables(&t, &tables, &tables_len);
	if (rc == 0) {
		mark_roots(&t);
		rc = read_all(&t);
	}
	if (rc == 0)
		rc = walk_words(&t, free_unmarked);
	if (rc == 0)
		*result = t.result;
	if (tables != NULL)
		(void)os_unmap(tables, tables_len);
	return rc;
}
