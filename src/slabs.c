// SPDX-License-Identifier: BSD-2-Clause
/*
 * slabs.c -- see slabs.h.
 */
#include "slabs.h"

#include "heap.h"
#include "je.h"

void *
slabs_alloc(struct heap *heap, unsigned arena, unsigned size_class)
{
	void *ptr;

	while ((ptr = je_alloc(
		    arena, Size_classes.size[size_class], 0, false)) != NULL) {
		/* In a thread that is ending, whose data jemalloc has given
		 * up, it serves from an arena of its own choice. */
		if (DK_UNLIKELY(!region_contains(heap->region, ptr, 1))) {
			je_free(ptr);
			return NULL;
		}
		/* Most find the word as it should be, no bad page near. */
		if (DK_LIKELY(page_map_get(&heap->pages, ptr) ==
			      page_word_of_small(size_class)) ||
		    quarantine_admit_slow(heap, ptr, size_class))
			break;
		quarantine_park(heap, ptr, size_class);
	}
	return ptr;
}

void *
slabs_alloc_anywhere(struct heap *heap, unsigned size_class)
{
	unsigned arena, pos = 0;
	void *ptr = NULL;

	while (ptr == NULL && arena_set_next(&heap->arenas, &pos, &arena))
		ptr = slabs_alloc(heap, arena, size_class);
	return ptr;
}

void
slabs_free(struct heap *heap, unsigned size_class, void **blocks, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		je_free(blocks[i]);
	/* After the blocks are back: who reads the old number and then looks
	 * in vain will look again. */
	if (nr > 0)
		atomic_fetch_add_explicit(&heap->slabs.nr_freed[size_class],
		    (uint32_t)nr, memory_order_release);
}

uint64_t
slabs_mark(const struct heap *heap, unsigned size_class)
{
	uint64_t blocks = atomic_load_explicit(
	    &heap->slabs.nr_freed[size_class], memory_order_acquire);
	uint32_t gives =
	    atomic_load_explicit(&heap->region->nr_gives, memory_order_acquire);

	return blocks << 32 | gives;
}

void
slabs_set_full(struct heap *heap, unsigned size_class, uint64_t mark)
{
	atomic_store_explicit(
	    &heap->slabs.full_at[size_class], mark, memory_order_relaxed);
}

bool
slabs_is_known_full(const struct heap *heap, unsigned size_class)
{
	uint64_t mark = atomic_load_explicit(
	    &heap->slabs.full_at[size_class], memory_order_relaxed);

	return DK_UNLIKELY(mark != 0) && mark == slabs_mark(heap, size_class);
}
