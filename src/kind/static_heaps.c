// SPDX-License-Identifier: BSD-2-Clause
/*
 * static_heaps.c -- see static_heaps.h.
 *
 * Lock (rank RANK_STATIC) is held while a heap is made, and guards the lists;
 * readers of the lists take no lock.
 */
#include "kind/static_heaps.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "kind/kind.h"
#include "region/backing_anon.h"
#include "region/region.h"

/* Addresses of a kind's first heap: at least this many, and twice the machine's
 * memory, so that fragmented memory fits too.  They cost only the page map, a
 * thousandth as many. */
#define FIRST_SIZE_MIN (64 * GIB)
/* The same under strict overcommit, where the whole page map counts as
 * memory. */
#define FIRST_SIZE_MIN_STRICT GIB
/* Below a limit of the process it may be less, but at least this. */
#define LEAST_SIZE (4 * MIB)
#define SIZE_MAX_OF_HEAP ((size_t)16 << 40)

struct static_heap {
	struct heap heap; /* must be first */
	struct backing_anon backing;
	const struct dram_memory *memory;
	struct node_set nodes;
	struct static_heap *next; /* constant */
};

static struct lock Lock = DK_LOCK_INIT(RANK_STATIC);

void
static_heaps_lock_at_fork(void)
{
	lock_take_at_fork(&Lock);
}

void
static_heaps_unlock_at_fork(void)
{
	lock_drop(&Lock);
}

/* --- making ------------------------------------------------------------------------- */

static int
place(const void *arg, void *addr, size_t len)
{
	const struct static_heap *h = arg;

	return dram_memory_place(h->memory, &h->nodes, addr, len);
}

/* Number of addresses for the next heap of a kind, at least need. */
static size_t
choose_size(size_t largest, size_t need)
{
	bool is_strict = os_is_commit_strict();
	size_t size = is_strict ? FIRST_SIZE_MIN_STRICT : FIRST_SIZE_MIN;
	size_t wanted = os_memory_size() * (is_strict ? 1 : 2);

	wanted = max_size(wanted, max_size(2 * largest, need));
	while (size < wanted && size < SIZE_MAX_OF_HEAP)
		size *= 2;
	return size;
}

static int
open_heap(struct static_heaps *heaps, struct static_heap *h, size_t size,
    size_t least)
{
	struct daxkind_region *region;
	struct memkind *kind = heaps->kind;

	h->memory = heaps->memory;
	h->backing.place = place;
	h->backing.arg = h;
	int rc = backing_anon_open(&h->backing, size, least);
	if (rc < 0)
		return rc;
	/* Without an area: a program may open a region over a block. */
	rc = region_open(&h->backing.base, NULL, 0, &region);
	if (rc < 0) {
		backing_close(&h->backing.base);
		return rc;
	}
	/* If every call must be seen, the hot paths must find no cache. */
	rc = heap_init(&h->heap, region,
	    Kind_calls_are_seen ? (const void *)&h->heap : kind,
	    kind->cache_slot);
	if (rc < 0) {
		region_close(region);
		return rc;
	}
	region_set_kind(region, kind);
	return 0;
}

static struct static_heap *
make_locked(
    struct static_heaps *heaps, const struct node_set *nodes, size_t need)
{
	lock_assert_held(&Lock);
	struct static_heap *first =
	    atomic_load_explicit(&heaps->first, memory_order_relaxed);
	size_t largest = 0, least = LEAST_SIZE;
	void *map;

	for (struct static_heap *h = first; h != NULL; h = h->next)
		largest = max_size(largest, h->heap.region->size);
	while (least < need)
		least *= 2;
	if (os_map_anon(sizeof(*first), &map) < 0)
		return NULL;
	struct static_heap *h = map;
	if (nodes != NULL)
		h->nodes = *nodes;
	h->next = first;
	if (open_heap(heaps, h, choose_size(largest, need), least) < 0) {
		(void)os_unmap(map, sizeof(*first));
		return NULL;
	}
	log_write(DK_LOG_INFO, "kind %s: %zu bytes of addresses at %p",
	    heaps->kind->name, h->heap.region->size,
	    (void *)h->heap.region->base);
	atomic_store_explicit(&heaps->first, h, memory_order_release);
	return h;
}

/* The first heap from h on (h included) that is on these nodes. */
static struct static_heap *
next_of(struct static_heap *h, const struct static_heaps *heaps,
    const struct node_set *nodes)
{
	while (h != NULL && !heaps->is_uniform &&
	       !node_set_is_same(&h->nodes, nodes))
		h = h->next;
	return h;
}

/* The newest heap for the calling thread's nodes.  If that is full, or there is
 * none, makes another with need addresses. */
static struct static_heap *
make(struct static_heaps *heaps, const struct static_heap *full, size_t need)
{
	/* These may take long, and call malloc, so call them without the
	 * lock. */
	bool is_uniform = dram_memory_is_uniform(heaps->memory);
	const struct node_set *nodes =
	    full != NULL ? &full->nodes : dram_memory_nodes(heaps->memory);

	lock_take(&Lock);
	struct static_heap *first =
	    atomic_load_explicit(&heaps->first, memory_order_relaxed);
	if (first == NULL)
		heaps->is_uniform = is_uniform;
	struct static_heap *h = next_of(first, heaps, nodes);
	if (h == full)
		h = make_locked(heaps, nodes, need);
	lock_drop(&Lock);
	return h;
}

/* --- looking ------------------------------------------------------------------------- */

static struct static_heap *
first_of(const struct static_heaps *heaps)
{
	return atomic_load_explicit(&heaps->first, memory_order_acquire);
}

/* The newest heap on the calling thread's nodes, or NULL. */
static struct static_heap *
find_here(const struct static_heaps *heaps)
{
	struct static_heap *h = first_of(heaps);

	if (DK_LIKELY(h == NULL || heaps->is_uniform))
		return h;
	return next_of(h, heaps, dram_memory_nodes(heaps->memory));
}

static struct static_heap *
get_here(struct static_heaps *heaps)
{
	struct static_heap *h = find_here(heaps);

	return DK_LIKELY(h != NULL) ? h : make(heaps, NULL, 0);
}

struct heap *
static_heaps_here(struct static_heaps *heaps)
{
	struct static_heap *h = get_here(heaps);

	return h != NULL ? &h->heap : NULL;
}

struct heap *
static_heaps_find(struct static_heaps *heaps, const void *ptr)
{
	struct static_heap *h = first_of(heaps);

	while (h != NULL && !region_contains(h->heap.region, ptr, 1))
		h = h->next;
	return h != NULL ? &h->heap : NULL;
}

void
static_heaps_walk(struct static_heaps *heaps,
    void (*visit)(struct heap *heap, void *arg), void *arg)
{
	for (struct static_heap *h = first_of(heaps); h != NULL; h = h->next)
		visit(&h->heap, arg);
}

/* --- blocks --------------------------------------------------------------------------- */

/* Whether the kernel would grant this process so much memory. */
static bool
is_to_be_had(size_t len)
{
	void *map;

	if (os_map_with_flags(NULL, len, os_mmap_flags(OS_MMAP_PRIVATE), &map) <
	    0)
		return false;
	(void)os_unmap(map, len);
	return true;
}

/* The newest heap has no room, or the system has no memory.  Try the older
 * heaps, and make another if addresses are what is missing. */
static DK_NOINLINE void *
alloc_elsewhere(struct static_heaps *heaps, struct static_heap *newest,
    size_t size, size_t align, bool zero)
{
	size_t need = max_size(align, DK_PAGE);

	if (size > SIZE_MAX_OF_HEAP || need > SIZE_MAX_OF_HEAP)
		return NULL;
	/* Room for a slab, and for aligning the block. */
	need += max_size(size, 256 * KIB);
	bool has_addresses = region_longest_free(newest->heap.region) >= need;
	for (struct static_heap *h = newest->next;
	     (h = next_of(h, heaps, &newest->nodes)) != NULL; h = h->next) {
		void *ptr = heap_alloc(&h->heap, size, align, zero);

		if (ptr != NULL)
			return ptr;
		has_addresses = has_addresses ||
				region_longest_free(h->heap.region) >= need;
	}
	if (has_addresses || !is_to_be_had(size))
		return NULL;
	struct static_heap *h = make(heaps, newest, need);
	return h != NULL ? heap_alloc(&h->heap, size, align, zero) : NULL;
}

void *
static_heaps_alloc(
    struct static_heaps *heaps, size_t size, size_t align, bool zero)
{
	struct static_heap *h = get_here(heaps);

	if (DK_UNLIKELY(h == NULL))
		return NULL;
	void *ptr = heap_alloc(&h->heap, size, align, zero);
	return DK_LIKELY(ptr != NULL)
		   ? ptr
		   : alloc_elsewhere(heaps, h, size, align, zero);
}

void *
static_heaps_resize(struct static_heaps *heaps, void *ptr, size_t size)
{
	struct heap *heap = static_heaps_find(heaps, ptr);
	void *moved = heap_resize(heap, ptr, size);

	/* Another heap may have room. */
	if (DK_UNLIKELY(moved == NULL)) {
		moved = static_heaps_alloc(heaps, size, 0, false);
		if (moved != NULL) {
			memcpy(
			    moved, ptr, min_size(size, heap_usable(heap, ptr)));
			heap_free(heap, ptr);
		}
	}
	return moved;
}
