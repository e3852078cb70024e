// SPDX-License-Identifier: BSD-2-Clause
/*
 * quarantine.c -- see quarantine.h.
 *
 * A thread that notes a block in the page map and one that adds a bad page meet
 * like this: the one sets the bit and then taints the word, the other reads
 * the word, then the bit, and changes the word only if it is still the same.
 */
#include "heap/quarantine.h"

#include <errno.h>

#include "base/os.h"
#include "base/util.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "heap/size_class.h"

/* How many pages before a bad one a small block that touches it can begin. */
enum {
	PAGES_BEFORE = (SIZE_CLASS_LARGEST + 4095) / 4096
};

struct withheld_block {
	struct withheld_block *next;
	void *ptr;
	size_t size;
};

static _Atomic(uint64_t) *
bits_of(const struct heap *heap)
{
	return atomic_load(&heap->quarantine.bits);
}

static size_t
bits_len(const struct heap *heap)
{
	return align_up(heap->pages.nr_pages, 64) / 8;
}

static size_t
page_nr(const struct heap *heap, const void *addr)
{
	return ((uintptr_t)addr - heap->pages.base) >> DK_PAGE_SHIFT;
}

/* Whether one of the pages first to last is bad. */
static bool
any_bad(const struct heap *heap, size_t first, size_t last)
{
	_Atomic(uint64_t) *bits = bits_of(heap);

	for (size_t nr = first; bits != NULL && nr <= last; nr++) {
		if (nr < heap->pages.nr_pages &&
		    (atomic_load(&bits[nr / 64]) >> nr % 64 & 1) != 0)
			return true;
	}
	return false;
}

bool
quarantine_touches_slow(const struct heap *heap, const void *ptr, size_t len)
{
	return any_bad(heap, page_nr(heap, ptr),
	    page_nr(heap, (const char *)ptr + len - 1));
}

bool
quarantine_check_slow(struct heap *heap, const void *ptr, unsigned size_class)
{
	_Atomic(uint32_t) *at = page_map_word(&heap->pages, ptr);
	uint32_t old = atomic_load(at);
	size_t first = page_nr(heap, ptr);
	uint32_t word;

	do {
		word = page_word_of_small(size_class);
		if (any_bad(heap, first, first + PAGES_BEFORE))
			word |= PAGE_NEAR_BAD;
	} while (!atomic_compare_exchange_weak(at, &old, word));
	return !quarantine_touches_slow(
	    heap, ptr, Size_classes.size[size_class]);
}

/* --- adding ------------------------------------------------------------------- */

static int
make_bits(struct heap *heap)
{
	_Atomic(uint64_t) *none = NULL;
	void *bits;

	if (bits_of(heap) != NULL)
		return 0;
	int rc = os_map_anon(bits_len(heap), &bits);
	if (rc < 0)
		return rc;
	if (!atomic_compare_exchange_strong(
		&heap->quarantine.bits, &none, (_Atomic(uint64_t) *)bits))
		(void)os_unmap(bits, bits_len(heap));
	return 0;
}

static void
mark_near_bad(struct heap *heap, size_t nr)
{
	_Atomic(uint32_t) *at = &heap->pages.words[nr];
	uint32_t old = atomic_load(at);

	while (!page_is_large(old) &&
	       !atomic_compare_exchange_weak(at, &old, old | PAGE_NEAR_BAD))
		;
}

int
quarantine_add(struct heap *heap, void *addr, size_t len)
{
	size_t first = page_nr(heap, addr);
	size_t end = first + len / DK_PAGE;
	int rc = make_bits(heap);

	if (rc < 0)
		return rc;
	_Atomic(uint64_t) *bits = bits_of(heap);
	for (size_t nr = first; nr < end; nr++)
		atomic_fetch_or(&bits[nr / 64], UINT64_C(1) << nr % 64);
	for (size_t nr = first - min_size(first, PAGES_BEFORE); nr < end; nr++)
		mark_near_bad(heap, nr);
	rc = region_mark_bad(heap->region, addr, len);
	/* What is cached was freed before; from now on no bad one is cached. */
	thread_cache_empty(heap);
	(void)quarantine_free_withheld(heap);
	return rc;
}

/* --- parking ------------------------------------------------------------------ */

void
quarantine_withhold(struct heap *heap, void *ptr, unsigned size_class)
{
	struct heap_quarantine *q = &heap->quarantine;
	struct withheld_block *withheld = os_new(sizeof(*withheld));

	atomic_fetch_add(&q->withheld_bytes, Size_classes.size[size_class]);
	/* Without a record it stays where it is as long as the heap. */
	if (withheld == NULL)
		return;
	withheld->ptr = ptr;
	withheld->size = Size_classes.size[size_class];
	lock_take(&heap->caches.lock);
	withheld->next = q->withheld;
	q->withheld = withheld;
	lock_drop(&heap->caches.lock);
}

static struct withheld_block *
take_withheld(struct heap *heap)
{
	lock_take(&heap->caches.lock);
	struct withheld_block *withheld = heap->quarantine.withheld;
	heap->quarantine.withheld = NULL;
	lock_drop(&heap->caches.lock);
	return withheld;
}

bool
quarantine_free_withheld(struct heap *heap)
{
	if (bits_of(heap) == NULL)
		return false;
	struct withheld_block *withheld = take_withheld(heap);
	bool any = withheld != NULL;

	while (withheld != NULL) {
		struct withheld_block *next = withheld->next;

		je_free(withheld->ptr);
		atomic_fetch_sub(
		    &heap->quarantine.withheld_bytes, withheld->size);
		os_delete(withheld);
		withheld = next;
	}
	return any;
}

void
quarantine_fini(struct heap *heap)
{
	_Atomic(uint64_t) *bits = bits_of(heap);

	if (bits == NULL)
		return;
	/* The blocks themselves go with their arenas. */
	while (heap->quarantine.withheld != NULL) {
		struct withheld_block *withheld = heap->quarantine.withheld;

		heap->quarantine.withheld = withheld->next;
		os_delete(withheld);
	}
	(void)os_unmap((void *)(uintptr_t)bits, bits_len(heap));
}
