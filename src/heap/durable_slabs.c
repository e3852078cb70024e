// SPDX-License-Identifier: BSD-2-Clause
/*
 * durable_slabs.c -- see durable_slabs.h.
 */
#include "heap/durable_slabs.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/sched_point.h"
#include "base/util.h"

enum {
	BITS_PER_WORD = 64,
	/* Slabs without a block that a class keeps for its next ones. */
	EMPTY_MAX = 1
};

_Static_assert(
    (int)SIZE_CLASS_NR == (int)MEDIUM_CLASSES, "the medium knows each class");

/* --- lists of slabs -------------------------------------------------------------- */

static struct durable_slab *
slab_at(const struct durable_slabs *ds, uint32_t chunk)
{
	return &ds->slabs[chunk];
}

static void
list_locked(
    struct durable_slabs *ds, struct durable_class *class, uint32_t chunk)
{
	lock_assert_held(&class->lock);
	struct durable_slab *slab = slab_at(ds, chunk);
	uint32_t first =
	    atomic_load_explicit(&class->first, memory_order_relaxed);

	if (slab->is_listed)
		return;
	slab->is_listed = true;
	slab->prev = 0;
	slab->next = first;
	if (first != 0)
		slab_at(ds, first - 1)->prev = chunk + 1;
	atomic_store_explicit(&class->first, chunk + 1, memory_order_relaxed);
}

static void
unlist_locked(
    struct durable_slabs *ds, struct durable_class *class, uint32_t chunk)
{
	lock_assert_held(&class->lock);
	struct durable_slab *slab = slab_at(ds, chunk);

	if (!slab->is_listed)
		return;
	slab->is_listed = false;
	if (slab->next != 0)
		slab_at(ds, slab->next - 1)->prev = slab->prev;
	if (slab->prev != 0)
		slab_at(ds, slab->prev - 1)->next = slab->next;
	else
		atomic_store_explicit(
		    &class->first, slab->next, memory_order_relaxed);
}

static size_t
nr_usable(const struct ledger_class *c)
{
	return (size_t)c->nr_blocks - c->nr_reserved;
}

/* --- a slab comes and goes ----------------------------------------------------------- */

static void
enter_slab(struct durable_slabs *ds, uint32_t chunk, unsigned size_class,
    size_t nr_used)
{
	const struct ledger_class *c = &ds->ledger->classes[size_class];
	char *at = ledger_chunk_at(ds->ledger, chunk);
	size_t len = c->nr_chunks * MEDIUM_CHUNK;

	for (uint8_t i = 0; i < c->nr_chunks; i++)
		ds->slabs[chunk + i] = (struct durable_slab){
		    .word = (uint8_t)(size_class + 1), .back = i};
	slab_at(ds, chunk)->nr_used = (uint16_t)nr_used;
	for (size_t off = 0; off < len; off += DK_PAGE)
		page_map_set(
		    ds->pages, at + off, page_word_of_small(size_class));
	atomic_fetch_add_explicit(&ds->slab_bytes, len, memory_order_relaxed);
}

static void
leave_slab(struct durable_slabs *ds, uint32_t chunk, unsigned size_class)
{
	const struct ledger_class *c = &ds->ledger->classes[size_class];
	char *at = ledger_chunk_at(ds->ledger, chunk);
	size_t len = c->nr_chunks * MEDIUM_CHUNK;

	for (size_t off = 0; off < len; off += DK_PAGE)
		page_map_set(ds->pages, at + off, 0);
	memset(slab_at(ds, chunk), 0, c->nr_chunks * sizeof(*ds->slabs));
	atomic_fetch_sub_explicit(&ds->slab_bytes, len, memory_order_relaxed);
}

static bool
add_slab_locked(
    struct durable_slabs *ds, struct durable_class *class, unsigned size_class)
{
	lock_assert_held(&class->lock);
	size_t len = durable_slabs_size(ds, size_class);
	struct region_block block;

	if (region_take(ds->region, len, MEDIUM_CHUNK, RANGESET_HIGH, &block) <
	    0)
		return false;
	size_t chunk = ledger_chunk_of(ds->ledger, block.addr);
	if (ledger_add_slab(ds->ledger, chunk, size_class) < 0) {
		region_give_or_lose(ds->region, block.addr, len);
		return false;
	}
	enter_slab(ds, (uint32_t)chunk, size_class, 0);
	class->nr_empty++;
	list_locked(ds, class, (uint32_t)chunk);
	return true;
}

/* A slab without a block. */
static void
remove_slab_locked(struct durable_slabs *ds, struct durable_class *class,
    uint32_t chunk, unsigned size_class)
{
	lock_assert_held(&class->lock);
	unlist_locked(ds, class, chunk);
	class->nr_empty--;
	leave_slab(ds, chunk, size_class);
	ledger_remove_slab(ds->ledger, chunk);
	region_give_or_lose(ds->region, ledger_chunk_at(ds->ledger, chunk),
	    durable_slabs_size(ds, size_class));
}

bool
durable_slabs_trim(struct durable_slabs *ds)
{
	bool any = false;

	if (region_is_off(ds->region))
		return false;

	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		struct durable_class *class = &ds->classes[i];
		uint32_t next;

		lock_take(&class->lock);
		for (uint32_t at = atomic_load(&class->first);
		     at != 0 && class->nr_empty > 0; at = next) {
			next = slab_at(ds, at - 1)->next;
			if (slab_at(ds, at - 1)->nr_used == 0) {
				remove_slab_locked(ds, class, at - 1, i);
				any = true;
			}
		}
		lock_drop(&class->lock);
	}
	return any;
}

/* --- finding free blocks ---------------------------------------------------------------- */

/* Where in a slab to go on. */
struct finder {
	struct durable_slabs *ds;
	struct durable_class *class;
	unsigned size_class;
	uint32_t chunk; /* + 1; 0: none yet */
	size_t next;    /* block of it */
};

/* A free block of the slab from the finder's on; nr_blocks: there is none. */
static size_t
find_in_slab(const struct finder *f)
{
	const struct ledger *l = f->ds->ledger;
	const struct ledger_class *c = &l->classes[f->size_class];
	const _Atomic(uint64_t) *bits =
	    ledger_bits(l, f->chunk - 1, f->size_class);
	char *base = ledger_chunk_at(l, f->chunk - 1);
	size_t i = f->next;

	while (i < c->nr_blocks) {
		uint64_t word = atomic_load_explicit(
		    &bits[i / BITS_PER_WORD], memory_order_relaxed);
		uint64_t free = ~word >> i % BITS_PER_WORD;

		if (free == 0) {
			i = align_down(i, BITS_PER_WORD) + BITS_PER_WORD;
			continue;
		}
		i += (size_t)__builtin_ctzll(free);
		if (i >= c->nr_blocks || !quarantine_touches(f->ds->quarantine,
					     base + i * c->size, c->size))
			break;
		i++;
	}
	return min_size(i, c->nr_blocks);
}

/* The next free block, which is taken in DRAM only; NULL: no room. */
static char *
find_locked(struct finder *f)
{
	lock_assert_held(&f->class->lock);
	struct durable_class *class = f->class;
	struct durable_slabs *ds = f->ds;
	const struct ledger_class *c = &ds->ledger->classes[f->size_class];
	size_t i;

	for (;;) {
		uint32_t first =
		    atomic_load_explicit(&class->first, memory_order_relaxed);

		if (f->chunk == 0 || f->chunk != first) {
			if (first == 0 &&
			    !add_slab_locked(ds, class, f->size_class))
				return NULL;
			f->chunk = atomic_load_explicit(
			    &class->first, memory_order_relaxed);
			f->next = c->nr_reserved;
		}
		i = find_in_slab(f);
		if (i < c->nr_blocks)
			break;
		/* What is free in it is bad. */
		unlist_locked(ds, class, f->chunk - 1);
		f->chunk = 0;
	}
	struct durable_slab *slab = slab_at(ds, f->chunk - 1);
	char *block = ledger_chunk_at(ds->ledger, f->chunk - 1) + i * c->size;
	class->nr_empty -= slab->nr_used == 0;
	slab->nr_used++;
	f->next = i + 1;
	if (slab->nr_used == nr_usable(c)) {
		unlist_locked(ds, class, f->chunk - 1);
		f->chunk = 0;
	}
	return block;
}

/* --- bits of blocks -------------------------------------------------------------------------- */

/* What a pointer is a block of. */
struct place {
	uint32_t chunk;
	_Atomic(uint64_t) *word;
	uint64_t bit;
};

static bool
find_place(const struct durable_slabs *ds, unsigned size_class, const void *ptr,
    struct place *place)
{
	const struct ledger *l = ds->ledger;
	const struct ledger_class *c = &l->classes[size_class];
	size_t chunk = ledger_chunk_of(l, ptr);

	/* A stack whose page was lost has NULL. */
	if (chunk >= l->nr_chunks || ds->slabs[chunk].word != size_class + 1)
		return false;
	chunk -= ds->slabs[chunk].back;
	size_t off = (size_t)((const char *)ptr - ledger_chunk_at(l, chunk));
	size_t i = off / c->size;
	if (off % c->size != 0 || i < c->nr_reserved || i >= c->nr_blocks)
		return false;
	*place = (struct place){
	    .chunk = (uint32_t)chunk,
	    .word = &ledger_bits(l, chunk, size_class)[i / BITS_PER_WORD],
	    .bit = UINT64_C(1) << i % BITS_PER_WORD,
	};
	return true;
}

void
durable_slabs_note_bad_free(struct durable_slabs *ds, const void *ptr)
{
	atomic_fetch_add_explicit(&ds->nr_bad_frees, 1, memory_order_relaxed);
	log_write(DK_LOG_ERROR,
	    "free of %p ignored: it is no block that is in use", ptr);
}

/*
 * Bits of several blocks.  Those of one slab share lines of the cache, but come in
 * any order.  So lines wait here, and are flushed when another one needs their
 * place, or at the end: mostly once each.
 */
enum {
	BATCH_LINES = 8
};
struct batch {
	const struct ledger *ledger;
	char *lines[BATCH_LINES]; /* stored to and not yet flushed, or NULL */
};

static void
batch_note(struct batch *batch, _Atomic(uint64_t) *word)
{
	char *line = (char *)align_down((uintptr_t)word, MEDIUM_LINE);
	/* Bits in slabs are all at the same place of a chunk. */
	uintptr_t hash =
	    (uintptr_t)line / MEDIUM_LINE ^ (uintptr_t)line / MEDIUM_CHUNK;
	char **place = &batch->lines[hash % BATCH_LINES];

	if (*place == line || batch->ledger->flush == NULL)
		return;
	if (*place != NULL)
		ledger_flush(batch->ledger, *place, MEDIUM_LINE);
	*place = line;
}

static void
batch_end(const struct batch *batch)
{
	bool has_any = false;

	for (size_t i = 0; i < BATCH_LINES && batch->ledger->flush != NULL;
	     i++) {
		if (batch->lines[i] == NULL)
			continue;
		ledger_flush(batch->ledger, batch->lines[i], MEDIUM_LINE);
		has_any = true;
	}
	if (has_any)
		ledger_drain(batch->ledger);
}

static void
set_bit(struct batch *batch, const struct place *place)
{
	uint64_t word = atomic_load_explicit(place->word, memory_order_relaxed);

	batch_note(batch, place->word);
	atomic_store_explicit(
	    place->word, word | place->bit, memory_order_release);
}

/* False: it was free already. */
static bool
clear_bit(struct batch *batch, const struct place *place)
{
	uint64_t word = atomic_load_explicit(place->word, memory_order_relaxed);

	if ((word & place->bit) == 0)
		return false;
	batch_note(batch, place->word);
	atomic_store_explicit(
	    place->word, word & ~place->bit, memory_order_release);
	return true;
}

static void
set_bits(struct durable_slabs *ds, unsigned size_class, void *const *blocks,
    size_t nr)
{
	struct batch batch = {.ledger = ds->ledger};
	struct place place;

	for (size_t i = 0; i < nr; i++) {
		if (find_place(ds, size_class, blocks[i], &place))
			set_bit(&batch, &place);
	}
	batch_end(&batch);
	atomic_fetch_add_explicit(&ds->live_bytes,
	    nr * Size_classes.size[size_class], memory_order_relaxed);
}

/* Free blocks whose bits are cleared, in DRAM. */
static void
put_locked(struct durable_slabs *ds, unsigned size_class, const void *ptr)
{
	lock_assert_held(&ds->classes[size_class].lock);
	struct durable_class *class = &ds->classes[size_class];
	struct place place;

	if (!find_place(ds, size_class, ptr, &place))
		return;
	struct durable_slab *slab = slab_at(ds, place.chunk);
	slab->nr_used--;
	list_locked(ds, class, place.chunk);
	if (slab->nr_used > 0)
		return;
	class->nr_empty++;
	if (class->nr_empty > EMPTY_MAX)
		remove_slab_locked(ds, class, place.chunk, size_class);
}

/* --- one at a time --------------------------------------------------------------------------- */

void *
durable_slabs_alloc(struct durable_slabs *ds, unsigned size_class)
{
	struct durable_class *class = &ds->classes[size_class];
	struct finder f = {ds, class, size_class, 0, 0};

	if (region_is_off(ds->region))
		return NULL;
	lock_take(&class->lock);
	void *block = find_locked(&f);
	/* Bits that were lost meanwhile say that all is free. */
	if (ledger_is_hit(ds->ledger))
		block = NULL;
	if (block != NULL)
		set_bits(ds, size_class, &block, 1);
	lock_drop(&class->lock);
	DK_POINT("a block is set");
	return block;
}

void
durable_slabs_free(struct durable_slabs *ds, unsigned size_class, void *ptr)
{
	struct durable_class *class = &ds->classes[size_class];
	struct batch batch = {.ledger = ds->ledger};
	struct place place;

	if (region_is_off(ds->region))
		return;
	lock_take(&class->lock);
	bool is_block = find_place(ds, size_class, ptr, &place) &&
			clear_bit(&batch, &place);
	batch_end(&batch);
	if (is_block) {
		atomic_fetch_sub_explicit(&ds->live_bytes,
		    Size_classes.size[size_class], memory_order_relaxed);
		put_locked(ds, size_class, ptr);
	}
	lock_drop(&class->lock);
	if (!is_block && !ledger_is_hit(ds->ledger))
		durable_slabs_note_bad_free(ds, ptr);
}

/* --- to and from a cache ---------------------------------------------------------------------- */

bool
durable_slabs_fetch(struct durable_slabs *ds, struct thread_cache *c,
    const void *owner, unsigned size_class, size_t want)
{
	struct durable_class *class = &ds->classes[size_class];
	struct finder f = {ds, class, size_class, 0, 0};
	void *blocks[CACHE_BATCH_MAX];
	size_t nr = 0;

	if (region_is_off(ds->region))
		return false;
	lock_take(&class->lock);
	for (; nr < want; nr++) {
		/* A slab for the first of them only. */
		if (nr > 0 && durable_slabs_are_full(ds, size_class))
			break;
		blocks[nr] = find_locked(&f);
		if (blocks[nr] == NULL)
			break;
	}
	if (ledger_is_hit(ds->ledger))
		nr = 0; /* as in durable_slabs_alloc() */
	if (nr > 0 && cache_enter(c, owner)) {
		struct cache_bin *bin = cache_bin_of(c, size_class);
		void **top = cache_top(bin);
		size_t room = (size_t)(bin->limit - top);
		size_t nr_in = min_size(nr, room);

		/* The lowest comes out first. */
		for (size_t i = 0; i < nr_in; i++)
			cache_set_item(&top[i], blocks[nr_in - 1 - i]);
		cache_set_top(bin, top + nr_in);
		DK_POINT("fetched blocks are in the stack");
		set_bits(ds, size_class, blocks, nr_in);
		DK_POINT("the bits of fetched blocks are set");
		cache_leave(c);
		for (size_t i = nr_in; i < nr; i++)
			put_locked(ds, size_class, blocks[i]);
		nr = nr_in;
	} else {
		cache_leave(c);
		for (size_t i = 0; i < nr; i++)
			put_locked(ds, size_class, blocks[i]);
		nr = 0;
	}
	lock_drop(&class->lock);
	return nr > 0;
}

/* Clear the bits of blocks; what is no block is taken out of the list. */
static size_t
clear_bits(
    struct durable_slabs *ds, unsigned size_class, void **blocks, size_t nr)
{
	struct batch batch = {.ledger = ds->ledger};
	struct place place;
	size_t nr_left = 0;

	for (size_t i = 0; i < nr; i++) {
		if (find_place(ds, size_class, blocks[i], &place) &&
		    clear_bit(&batch, &place))
			blocks[nr_left++] = blocks[i];
		else if (!ledger_is_hit(ds->ledger))
			durable_slabs_note_bad_free(ds, blocks[i]);
	}
	batch_end(&batch);
	atomic_fetch_sub_explicit(&ds->live_bytes,
	    nr_left * Size_classes.size[size_class], memory_order_relaxed);
	return nr_left;
}

void
durable_slabs_evict(struct durable_slabs *ds, struct cache_bin *bin,
    unsigned size_class, size_t nr)
{
	struct durable_class *class = &ds->classes[size_class];
	void *blocks[CACHE_BATCH_MAX];
	void **top = cache_top(bin);

	lock_take(&class->lock);
	memcpy(blocks, bin->base, nr * sizeof(*blocks));
	size_t nr_freed = clear_bits(ds, size_class, blocks, nr);
	DK_POINT("the bits of evicted blocks are cleared");
	/* In order: what stays is in the stack at any time. */
	size_t nr_left = (size_t)(top - bin->base) - nr;
	for (size_t i = 0; i < nr_left; i++)
		cache_set_item(&bin->base[i], bin->base[nr + i]);
	for (void **at = bin->base + nr_left; at < top; at++)
		cache_set_item(at, NULL);
	cache_set_top(bin, bin->base + nr_left);
	DK_POINT("evicted blocks are out of the stack");
	for (size_t i = 0; i < nr_freed; i++)
		put_locked(ds, size_class, blocks[i]);
	lock_drop(&class->lock);
}

void
durable_slabs_free_batch(
    struct durable_slabs *ds, unsigned size_class, void **blocks, size_t nr)
{
	struct durable_class *class = &ds->classes[size_class];

	if (region_is_off(ds->region))
		return;
	lock_take(&class->lock);
	size_t nr_freed = clear_bits(ds, size_class, blocks, nr);
	DK_POINT("the bits of a batch are cleared");
	for (size_t i = 0; i < nr_freed; i++)
		put_locked(ds, size_class, blocks[i]);
	lock_drop(&class->lock);
}

/* --- stacks ------------------------------------------------------------------------------------- */

/* Not from the region, where it may be overwritten. */
static size_t
stacks_len(const uint16_t max[SIZE_CLASS_NR])
{
	size_t nr = 0;

	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		nr += max[i];
	return align_up(
	    sizeof(struct medium_stacks) + nr * sizeof(uint64_t), DK_PAGE);
}

struct medium_stacks *
durable_slabs_new_stacks(
    struct durable_slabs *ds, const uint16_t max[SIZE_CLASS_NR])
{
	size_t len = stacks_len(max);
	struct region_block block;

	if (region_take(ds->region, len, DK_PAGE, RANGESET_LOW, &block) < 0)
		return NULL;
	struct medium_stacks *stacks = (void *)block.addr;
	/* Before the ledger has it. */
	memset(block.addr, 0, len);
	memcpy(stacks->max, max, sizeof(stacks->max));
	ledger_persist(ds->ledger, stacks, sizeof(*stacks));
	if (ledger_add_extent(ds->ledger,
		(size_t)(block.addr - ds->ledger->base), len, true) < 0) {
		region_give_or_lose(ds->region, block.addr, len);
		return NULL;
	}
	return stacks;
}

void
durable_slabs_delete_stacks(struct durable_slabs *ds,
    struct medium_stacks *stacks, const uint16_t max[SIZE_CLASS_NR])
{
	char *at = (char *)stacks;

	if (region_is_off(ds->region))
		return;
	ledger_remove_extent(ds->ledger, (size_t)(at - ds->ledger->base));
	region_give_or_lose(ds->region, at, stacks_len(max));
}

/* --- the whole ------------------------------------------------------------------------------------ */

static int
find_slab(void *arg, const struct ledger_unit *unit)
{
	struct durable_slabs *ds = arg;

	if (unit->type != LEDGER_SLAB)
		return 0;
	struct durable_class *class = &ds->classes[unit->size_class];
	const struct ledger_class *c = &ds->ledger->classes[unit->size_class];
	size_t nr = ledger_count(ds->ledger, unit);
	uint32_t chunk = (uint32_t)(unit->off / MEDIUM_CHUNK);

	lock_take(&class->lock);
	enter_slab(ds, chunk, unit->size_class, nr);
	ds->live_bytes += nr * c->size;
	class->nr_empty += nr == 0;
	if (nr < nr_usable(c))
		list_locked(ds, class, chunk);
	lock_drop(&class->lock);
	return 0;
}

int
durable_slabs_init(struct durable_slabs *ds, struct daxkind_region *region,
    struct ledger *ledger, const struct page_map *pages,
    const struct quarantine *quarantine)
{
	void *slabs;
	int rc = os_map_anon(
	    ledger->nr_chunks * sizeof(struct durable_slab), &slabs);

	if (rc < 0)
		return error_set(rc,
		    "no address space for the slabs of %zu "
		    "bytes",
		    region->size);
	*ds = (struct durable_slabs){
	    .region = region,
	    .ledger = ledger,
	    .pages = pages,
	    .quarantine = quarantine,
	    .slabs = slabs,
	};
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		lock_init(&ds->classes[i].lock, RANK_SLABS);
	rc = ledger_walk(ledger, find_slab, ds);
	if (rc < 0)
		durable_slabs_fini(ds);
	return rc;
}

void
durable_slabs_fini(struct durable_slabs *ds)
{
	/* In a child of fork(2), a thread of the parent may have one. */
	for (unsigned i = 0; !region_is_off(ds->region) && i < SIZE_CLASS_NR;
	     i++)
		lock_fini(&ds->classes[i].lock);
	(void)os_unmap(
	    ds->slabs, ds->ledger->nr_chunks * sizeof(struct durable_slab));
}
