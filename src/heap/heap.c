// SPDX-License-Identifier: BSD-2-Clause
/*
 * heap.c -- see heap.h.
 */
#include "heap/heap.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/sched_point.h"
#include "base/util.h"
#include "heap/cache_life.h"
#include "heap/je.h"
#include "region/reclaimer.h"
#include "region/superblock.h"
#include "restart/restart.h"

_Static_assert(PAGE_LARGE_MAX == MEDIUM_EXTENT_PAGES_MAX * DK_PAGE,
    "each extent of the medium has its word of the page map");

/* Called by the reclaimer, now and then. */
static bool
reclaim_idle(void *arg)
{
	struct heap *heap = arg;

	(void)quarantine_free_withheld(&heap->quarantine);
	return thread_cache_reclaim_idle(&heap->caches);
}

/* --- durable heaps ------------------------------------------------------------ */

static size_t
offset(const struct heap *heap, const void *ptr)
{
	return (size_t)((const char *)ptr - heap->region->base);
}

static int
find_large(void *arg, const struct ledger_unit *unit)
{
	struct heap *heap = arg;

	if (unit->type == LEDGER_EXTENT) {
		page_map_set(&heap->pages, heap->region->base + unit->off,
		    page_word_of_large(unit->len));
		heap->large_bytes += unit->len;
	}
	return 0;
}

/* What is bad stays so in the next heap on the region, and where the medium says it
 * after a restart. */
static int
withhold_bad(struct heap *heap)
{
	struct daxkind_region *region = heap->region;
	size_t off, len;
	int rc = 0;

	for (size_t from = 0; rc == 0 && from < region->size &&
			      region_next_bad(region, from, &off, &len);
	     from = off + len)
		rc = quarantine_add(&heap->quarantine, region->base + off, len);
	return rc < 0 ? error_set(rc, "no memory for the records of bad pages")
		      : 0;
}

/* The blocks that the region has. */
static int
find_blocks(struct heap *heap)
{
	struct ledger *ledger = &heap->region->restart->ledger;

	if (region_is_off(heap->region))
		return region_refuse_in_child();
	struct durable_slabs *ds = os_new(sizeof(*ds));

	if (ds == NULL)
		return error_set(-ENOMEM, "no memory for a heap's record");
	int rc = durable_slabs_init(
	    ds, heap->region, ledger, &heap->pages, &heap->quarantine);
	if (rc < 0) {
		os_delete(ds);
		return rc;
	}
	heap->durable = ds;
	heap->slabs.durable = ds;
	rc = ledger_walk(ledger, find_large, heap);
	if (rc == 0)
		rc = withhold_bad(heap);
	if (rc < 0) {
		durable_slabs_fini(ds);
		os_delete(ds);
	}
	return rc;
}

static void
forget_blocks(struct heap *heap)
{
	durable_slabs_fini(heap->durable);
	os_delete(heap->durable);
}

/* --- a heap's life ------------------------------------------------------------- */

/* First the steps that can fail. */
static int
init(struct heap *heap, struct daxkind_region *region, bool needs_variables)
{
	unsigned nr_slots;

	heap->region = region;
	int rc = size_class_init();
	if (rc < 0)
		return error_set(
		    rc, "jemalloc is not the private one that daxkind needs");
	rc = arena_set_slots_for(region->size, &nr_slots);
	if (rc < 0 && needs_variables)
		return rc;
	if (rc < 0)
		nr_slots = 1;
	arena_set_init(&heap->arenas, &heap->hooks.je, true, nr_slots);
	if (region->restart == NULL)
		rc = arena_set_promise(&heap->arenas);
	if (rc < 0)
		return rc;
	rc = page_map_init(&heap->pages, region->base, region->size);
	if (rc < 0) {
		arena_set_fini(&heap->arenas);
		return error_set(rc,
		    "no address space for the page map of %zu bytes",
		    region->size);
	}
	extent_hooks_init(&heap->hooks, region, &heap->pages);
	quarantine_init(&heap->quarantine, &heap->pages);
	slabs_init(&heap->slabs, region, &heap->pages, &heap->arenas,
	    &heap->quarantine);
	if (region->restart != NULL)
		rc = find_blocks(heap);
	if (rc < 0) {
		quarantine_fini(&heap->quarantine);
		page_map_fini(&heap->pages);
		arena_set_fini(&heap->arenas);
		return rc;
	}
	cache_life_init(&heap->caches, &heap->slabs);
	return 0;
}

/* Of a region that is no durable heap now.  The content of a caller's mapping is
 * the caller's. */
static bool
may_have_mark(const struct daxkind_region *region)
{
	const struct backing *b = region->backing;

	return region->restart == NULL &&
	       (b->has_content || b->type == BACKING_DEVDAX);
}

int
heap_new(struct daxkind_region *region, struct heap **out)
{
	struct heap *heap = os_new(sizeof(*heap));

	if (heap == NULL)
		return error_set(-ENOMEM, "no memory for a heap's record");
	int rc = 0;
	/* A durable heap that was here, and may be written over, is none. */
	if (may_have_mark(region))
		rc = superblock_erase(region->backing);
	if (rc < 0 && *error_text() == '\0')
		(void)error_set(rc,
		    "the mark of the durable heap that was in the region "
		    "cannot be erased: %s",
		    strerror(-rc));
	if (rc == 0)
		rc = init(heap, region, true);
	if (rc < 0) {
		os_delete(heap);
		return rc;
	}
	reclaimer_set_task(&region->reclaimer, reclaim_idle, heap);
	*out = heap;
	return 0;
}

int
heap_init(struct heap *heap, struct daxkind_region *region, const void *owner,
    unsigned slot)
{
	/* A bad variable cannot be reported here. */
	int rc = init(heap, region, false);

	if (rc == 0) {
		heap->caches.owner = owner;
		heap->caches.slot = slot;
		/* Last, since the reclaimer may visit the heap from now on. */
		reclaimer_set_task(&region->reclaimer, reclaim_idle, heap);
	}
	return rc;
}

void
heap_free_all(struct heap *heap)
{
	reclaimer_set_task(&heap->region->reclaimer, NULL, NULL);
	cache_life_fini(&heap->caches);
	heap->hooks.is_closing = true;
	arena_set_fini(&heap->arenas);
	if (heap->durable != NULL)
		forget_blocks(heap);
	else
		region_give_all(heap->region);
	quarantine_fini(&heap->quarantine);
	page_map_fini(&heap->pages);
	os_delete(heap);
}

/* --- large blocks: whole pages of the region --------------------------------- */

/*
 * Free withheld blocks, empty the thread caches, and wait for blocks that other
 * threads are freeing, so that slabs without a live block go back.  Returns
 * whether it is worth looking for room again.  An allocation withholds only the
 * bad blocks that it meets, which bounds the cost.
 */
static bool
collect(struct heap *heap)
{
	bool any = quarantine_free_withheld(&heap->quarantine);

	any = thread_cache_reclaim(&heap->caches) || any;
	if (heap->durable != NULL)
		any = durable_slabs_trim(heap->durable) || any;
	return any;
}

/* Under MAP_SYNC a punched hole is not durable before the next commit: what the
 * program keeps there must be stores of its own. */
static bool
must_store_zeroes(const struct heap *heap)
{
	return heap->durable != NULL && heap->region->backing->is_sync;
}

/* len is a multiple of DK_PAGE. */
static void *
take_pages(struct heap *heap, size_t len, size_t align, bool zero)
{
	struct region_block block;

	if (region_take(heap->region, len, align, RANGESET_LOW, &block) < 0)
		return NULL;
	if (zero && (!block.is_zero || must_store_zeroes(heap)))
		memset(block.addr, 0, len);
	if (heap->durable != NULL &&
	    ledger_add_extent(heap->durable->ledger, offset(heap, block.addr),
		len, false) < 0) {
		region_give_or_lose(heap->region, block.addr, len);
		return NULL;
	}
	page_map_set(&heap->pages, block.addr, page_word_of_large(len));
	atomic_fetch_add_explicit(
	    &heap->large_bytes, len, memory_order_relaxed);
	return block.addr;
}

static void *
alloc_large(struct heap *heap, size_t size, size_t align, bool zero)
{
	size_t len;

	if (!align_up_checked(size, DK_PAGE, &len) || len > PAGE_LARGE_MAX ||
	    len > heap->region->size)
		return NULL;
	align = max_size(align, DK_PAGE);
	void *ptr = take_pages(heap, len, align, zero);
	if (ptr == NULL && collect(heap))
		ptr = take_pages(heap, len, align, zero);
	return ptr;
}

static void
free_large(struct heap *heap, char *ptr, uint32_t word)
{
	size_t len = page_large_len(word);

	DK_POINT("a large block is about to go");
	/* If two threads free the same block, one of them finds word 0. */
	if (!atomic_compare_exchange_strong(
		page_map_word(&heap->pages, ptr), &word, 0))
		return;
	atomic_fetch_sub_explicit(
	    &heap->large_bytes, len, memory_order_relaxed);
	if (heap->durable != NULL)
		ledger_remove_extent(heap->durable->ledger, offset(heap, ptr));
	region_give_or_lose(heap->region, ptr, len);
}

static void
note_large(struct heap *heap, const char *ptr, size_t old_len, size_t new_len)
{
	page_map_set(&heap->pages, ptr, page_word_of_large(new_len));
	if (heap->durable != NULL)
		ledger_resize_extent(
		    heap->durable->ledger, offset(heap, ptr), new_len);
	/* new_len - old_len wraps when the block shrinks, as intended. */
	atomic_fetch_add_explicit(
	    &heap->large_bytes, new_len - old_len, memory_order_relaxed);
}

/* Change the length of a large block in place. */
static bool
resize_large(struct heap *heap, char *ptr, size_t old_len, size_t new_len)
{
	struct region_block block;

	if (new_len > old_len) {
		if (new_len > PAGE_LARGE_MAX ||
		    (heap->durable != NULL &&
			ledger_is_hit(heap->durable->ledger)) ||
		    region_take_at(heap->region, ptr + old_len,
			new_len - old_len, &block) < 0)
			return false;
		note_large(heap, ptr, old_len, new_len);
	} else if (new_len < old_len) {
		/* Change the word before giving pages back: in a child of
		 * fork(2) it must never be longer than the taken range.  If
		 * memory for records is missing, the block keeps its length. */
		note_large(heap, ptr, old_len, new_len);
		DK_POINT("a large block shrinks");
		if (region_give(
			heap->region, ptr + new_len, old_len - new_len) < 0)
			note_large(heap, ptr, new_len, old_len);
		DK_POINT("a large block has shrunk");
	}
	return true;
}

/* --- small blocks: jemalloc --------------------------------------------------- */

/* Whether jemalloc may have a block: in a slab, or in a new slab. */
static bool
may_have(const struct heap *heap, unsigned size_class, size_t longest_free)
{
	return slabs_slab_size(&heap->slabs, size_class) <= longest_free ||
	       !slabs_are_full(&heap->slabs, size_class);
}

/* No slab of this class has room and none can be made: fall back to a larger
 * class or whole pages, if that wastes no more than half. */
static void *
alloc_stand_in(struct heap *heap, unsigned size_class, size_t align)
{
	size_t size = Size_classes.size[size_class];
	size_t len = align_up(size, DK_PAGE);
	size_t longest_free = region_longest_free(heap->region);
	void *ptr = NULL;
	unsigned last = Size_classes.last_stand_in[size_class];
	unsigned arena = 0;

	if (heap->durable == NULL && arena_set_get(&heap->arenas, &arena) < 0)
		return NULL;
	for (unsigned i = size_class + 1; ptr == NULL && i <= last; i++) {
		if (Size_classes.size[i] % align == 0 &&
		    may_have(heap, i, longest_free))
			ptr = slabs_alloc_anywhere(&heap->slabs, arena, i);
	}
	if (ptr == NULL && len <= 2 * size && len <= longest_free)
		ptr = take_pages(heap, len, DK_PAGE, false);
	return ptr;
}

/* The class has no room: free blocks may be cached or in transit, and a larger
 * block may do. */
static DK_NOINLINE void *
alloc_small_hard(struct heap *heap, unsigned size_class, size_t align)
{
	void *ptr = NULL;

	if (collect(heap))
		ptr = thread_cache_alloc_slow(&heap->caches, size_class);
	if (ptr == NULL)
		ptr = alloc_stand_in(heap, size_class, align);
	return ptr;
}

static DK_NOINLINE void *
alloc_small_slow(struct heap *heap, unsigned size_class, size_t align)
{
	void *ptr = NULL;

	if (DK_LIKELY(!slabs_are_full(&heap->slabs, size_class)) ||
	    may_have(heap, size_class, region_longest_free(heap->region)))
		ptr = thread_cache_alloc_slow(&heap->caches, size_class);
	if (DK_UNLIKELY(ptr == NULL))
		ptr = alloc_small_hard(heap, size_class, align);
	return ptr;
}

/* size is a multiple of align, so that every block of its class is aligned. */
static void *
alloc_small(struct heap *heap, size_t size, size_t align, bool zero)
{
	unsigned size_class = size_class_of(size);
	void *ptr = thread_cache_alloc(heap->caches.owner, heap->caches.slot,
	    page_word_of_small(size_class));

	if (DK_UNLIKELY(ptr == NULL)) {
		/* An ending thread cannot use slabs, but it can use pages. */
		if (DK_UNLIKELY(cache_life_is_off() || je_thread_is_ending()))
			return alloc_large(heap, size, 0, zero);
		ptr = alloc_small_slow(heap, size_class, align);
	}
	if (zero && ptr != NULL)
		memset(ptr, 0, size);
	return ptr;
}

static void
free_small(struct heap *heap, void *ptr, uint32_t word)
{
	if (!thread_cache_free(heap->caches.owner, heap->caches.slot, ptr))
		thread_cache_free_slow(
		    &heap->caches, ptr, page_size_class(word));
}

/* --- all blocks ---------------------------------------------------------------- */

void *
heap_alloc(struct heap *heap, size_t size, size_t align, bool zero)
{
	if (DK_UNLIKELY(region_is_off(heap->region))) {
		(void)region_refuse_in_child();
		return NULL;
	}
	if (size <= SIZE_CLASS_LARGEST) {
		/* Every block of the class of a multiple of the alignment is
		 * aligned: slabs are page-aligned, and the distance of classes
		 * is a power of two. */
		align = max_size(align, 1);
		size_t padded = align_up(size, align);

		if (align <= DK_PAGE && padded <= SIZE_CLASS_LARGEST)
			return alloc_small(heap, padded, align, zero);
	}
	return alloc_large(heap, size, align, zero);
}

void *
heap_alloc_pages(struct heap *heap, size_t size, bool zero)
{
	if (region_is_off(heap->region)) {
		(void)region_refuse_in_child();
		return NULL;
	}
	return alloc_large(heap, size, DK_PAGE, zero);
}

/* The word of the page map for a pointer; 0: not a block of this heap. */
static uint32_t
word_of(const struct heap *heap, const void *ptr)
{
	if (DK_UNLIKELY(!region_contains(heap->region, ptr, 1)))
		return 0;
	uint32_t word = page_plain_word(page_map_get(&heap->pages, ptr));
	/* A large block begins at the start of a page. */
	if (page_is_large(word) && (uintptr_t)ptr % DK_PAGE != 0)
		return 0;
	return word;
}

static void *
move(struct heap *heap, void *ptr, size_t old_size, size_t new_size)
{
	void *moved = heap_alloc(heap, new_size, 0, false);

	if (moved == NULL)
		return NULL;
	memcpy(moved, ptr, min_size(old_size, new_size));
	heap_free(heap, ptr);
	return moved;
}

static void *
resize_small(struct heap *heap, void *ptr, uint32_t word, size_t size)
{
	unsigned size_class = page_size_class(word);

	if (size <= SIZE_CLASS_LARGEST && size_class_of(size) == size_class)
		return ptr;
	void *moved = move(heap, ptr, Size_classes.size[size_class], size);
	/* If there is no smaller block, keep this one. */
	if (moved == NULL && size <= Size_classes.size[size_class])
		return ptr;
	return moved;
}

void *
heap_resize(struct heap *heap, void *ptr, size_t size)
{
	if (region_is_off(heap->region)) {
		(void)region_refuse_in_child();
		return NULL;
	}
	uint32_t word = word_of(heap, ptr);
	if (page_is_small(word))
		return resize_small(heap, ptr, word, size);
	if (!page_is_large(word))
		return NULL;

	size_t old_len = page_large_len(word);
	size_t new_len;
	if (!align_up_checked(size, DK_PAGE, &new_len))
		return NULL;
	if (size > SIZE_CLASS_LARGEST &&
	    resize_large(heap, ptr, old_len, new_len))
		return ptr;
	void *moved = move(heap, ptr, old_len, size);
	/* If there is no smaller block, keep the front of this one. */
	if (moved == NULL && new_len <= old_len &&
	    resize_large(heap, ptr, old_len, new_len))
		return ptr;
	return moved;
}

void
heap_free(struct heap *heap, void *ptr)
{
	if (DK_UNLIKELY(region_is_off(heap->region)))
		return; /* the parent frees it */
	uint32_t word = word_of(heap, ptr);
	if (DK_LIKELY(page_is_small(word))) {
		free_small(heap, ptr, word);
	} else if (page_is_large(word)) {
		free_large(heap, ptr, word);
	} else {
		heap_count_bad_free(heap);
		log_write(DK_LOG_WARNING,
		    "free of %p ignored: it is not a block of that kind", ptr);
	}
}

size_t
heap_usable(const struct heap *heap, const void *ptr)
{
	uint32_t word = word_of(heap, ptr);
	if (page_is_small(word))
		return Size_classes.size[page_size_class(word)];
	return page_is_large(word) ? page_large_len(word) : 0;
}

/* Move a large block nearer to the low end. */
static void *
defrag_large(struct heap *heap, char *ptr, size_t len)
{
	char *moved = alloc_large(heap, len, DK_PAGE, false);

	if (moved == NULL)
		return NULL;
	if (moved > ptr) {
		heap_free(heap, moved);
		return NULL;
	}
	memcpy(moved, ptr, len);
	heap_free(heap, ptr);
	return moved;
}

/* Bypass the cache, which would hand out the block that was just freed. */
static void *
defrag_small(struct heap *heap, void *ptr)
{
	if (heap->durable != NULL)
		return NULL; /* its slabs have no order that would gain by it */
	size_t usable = je_usable(ptr);

	if (usable == 0 || !je_is_sparse(ptr))
		return NULL;
	unsigned size_class = size_class_of(usable);
	void *moved = slabs_alloc(&heap->slabs, je_arena_of(ptr), size_class);
	if (moved == NULL)
		return NULL;
	memcpy(moved, ptr, usable);
	thread_cache_free_past(&heap->caches, ptr, size_class);
	return moved;
}

void *
heap_defrag(struct heap *heap, void *ptr)
{
	uint32_t word = word_of(heap, ptr);

	if (region_is_off(heap->region))
		return NULL;
	if (page_is_large(word))
		return defrag_large(heap, ptr, page_large_len(word));
	return page_is_small(word) ? defrag_small(heap, ptr) : NULL;
}

void
heap_purge(struct heap *heap)
{
	unsigned pos = 0, arena;

	(void)collect(heap);
	while (arena_set_next(&heap->arenas, &pos, &arena))
		je_arena_purge(arena);
	region_trim(heap->region, 0);
}

int
heap_quarantine(struct heap *heap, void *addr, size_t len)
{
	int rc = quarantine_add(&heap->quarantine, addr, len);

	if (rc < 0)
		return rc;
	rc = region_mark_bad(heap->region, addr, len);
	/* Free the cached blocks; bad ones are not cached any more. */
	thread_cache_empty(&heap->caches);
	(void)quarantine_free_withheld(&heap->quarantine);
	return rc;
}

/* Of allocated bytes, those that are in no cache. */
static size_t
live_bytes(struct heap *heap, size_t allocated)
{
	size_t cached = thread_cache_bytes(&heap->caches) +
			atomic_load(&heap->quarantine.withheld_bytes);

	return allocated - min_size(cached, allocated);
}

void
heap_get_slab_figures(struct heap *heap, size_t *small, size_t *slabs)
{
	*small = 0;
	*slabs = 0;
	if (heap->durable == NULL)
		return;
	*small = live_bytes(heap, atomic_load(&heap->durable->live_bytes));
	*slabs = atomic_load(&heap->durable->slab_bytes);
}

int
heap_get_stats(struct heap *heap, struct heap_stats *stats)
{
	struct heap_stats sum = {0};
	struct space_figures figures;

	if (heap->durable != NULL) {
		heap_get_slab_figures(heap, &sum.allocated, &sum.active);
	} else {
		int rc = arena_set_get_stats(&heap->arenas, &sum);

		if (rc < 0)
			return rc;
		sum.allocated = live_bytes(heap, sum.allocated);
	}
	size_t large =
	    atomic_load_explicit(&heap->large_bytes, memory_order_relaxed);
	region_get_figures(heap->region, &figures);
	sum.allocated += large;
	sum.active += large;
	sum.resident =
	    figures.held < figures.total ? figures.held : figures.taken;
	sum.resident = max_size(sum.resident, sum.active);
	*stats = sum;
	return 0;
}

/* --- walking ------------------------------------------------------------------- */

struct block_walk {
	struct heap *heap;
	int (*visit)(void *arg, void *block, size_t usable);
	void *arg;
};

static int
walk_unit(void *arg, const struct ledger_unit *unit)
{
	const struct block_walk *w = arg;
	char *at = w->heap->region->base + unit->off;

	if (unit->type == LEDGER_STACKS || unit->type == LEDGER_LOST)
		return 0;
	if (unit->type == LEDGER_EXTENT)
		return w->visit(w->arg, at, unit->len);
	return ledger_walk_slab(
	    &w->heap->region->restart->ledger, unit, w->visit, w->arg);
}

void
heap_flush_caches(struct heap *heap)
{
	thread_cache_flush_all(&heap->caches);
}

int
heap_walk(struct heap *heap,
    int (*visit)(void *arg, void *block, size_t usable), void *arg)
{
	struct block_walk w = {heap, visit, arg};

	if (ledger_is_hit(&heap->region->restart->ledger))
		return ledger_refuse_hit();
	/* What is cached is not free in the ledger. */
	heap_flush_caches(heap);
	return ledger_walk(&heap->region->restart->ledger, walk_unit, &w);
}

/* --- fork ---------------------------------------------------------------------- */

void
heap_lock_arenas_at_fork(struct heap *heap)
{
	lock_take_at_fork(&heap->arenas.lock);
}

void
heap_unlock_arenas_at_fork(struct heap *heap)
{
	lock_drop(&heap->arenas.lock);
}

void
heap_lock_caches_at_fork(struct heap *heap)
{
	lock_take_at_fork(&heap->caches.lock);
}

void
heap_unlock_caches_at_fork(struct heap *heap)
{
	lock_drop(&heap->caches.lock);
}

void
heap_lock_quarantine_at_fork(struct heap *heap)
{
	lock_take_at_fork(&heap->quarantine.lock);
}

void
heap_unlock_quarantine_at_fork(struct heap *heap)
{
	lock_drop(&heap->quarantine.lock);
}

void
heap_after_fork_in_child(struct heap *heap)
{
	cache_life_heap_after_fork_in_child(&heap->caches);
	slabs_after_fork_in_child(&heap->slabs);
}
