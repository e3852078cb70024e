// SPDX-License-Identifier: BSD-2-Clause
/*
 * slabs.c -- see slabs.h.
 */
#include "heap/slabs.h"

#include <string.h>

#include "base/sched_point.h"
#include "heap/durable_slabs.h"
#include "heap/je.h"

#define FULL (UINT64_C(1) << 32)

void
slabs_init(struct slabs *slabs, struct daxkind_region *region,
    const struct page_map *pages, struct arena_set *arenas,
    struct quarantine *quarantine)
{
	memset(slabs, 0, sizeof(*slabs));
	slabs->region = region;
	slabs->pages = pages;
	slabs->arenas = arenas;
	slabs->quarantine = quarantine;
}

static void
start_generation(struct slabs *slabs, unsigned size_class)
{
	atomic_fetch_add_explicit(
	    &slabs->generation[size_class], 1, memory_order_release);
}

/* Whether a block from jemalloc may be handed out. */
static bool
note_block(struct slabs *slabs, void *ptr, unsigned size_class)
{
	/* Usually the word is right, and no bad page is near. */
	if (DK_LIKELY(page_map_get(slabs->pages, ptr) ==
		      page_word_of_small(size_class)))
		return true;
	bool is_good = quarantine_admit(slabs->quarantine, ptr, size_class);
	/* A new slab: a thread that looked for room before is wrong now. */
	start_generation(slabs, size_class);
	return is_good;
}

void *
slabs_alloc(struct slabs *slabs, unsigned arena, unsigned size_class)
{
	void *ptr;

	if (slabs->durable != NULL)
		return durable_slabs_alloc(slabs->durable, size_class);
	while ((ptr = je_alloc(
		    arena, Size_classes.size[size_class], 0, false)) != NULL) {
		/* In a thread that is ending, whose data jemalloc has given
		 * up, it serves from an arena of its own choice. */
		if (DK_UNLIKELY(!region_contains(slabs->region, ptr, 1))) {
			je_free(ptr);
			return NULL;
		}
		if (note_block(slabs, ptr, size_class))
			break;
		quarantine_withhold(slabs->quarantine, ptr, size_class);
	}
	return ptr;
}

static void *
look_everywhere(struct slabs *slabs, unsigned first_arena, unsigned size_class)
{
	void *ptr = slabs_alloc(slabs, first_arena, size_class);
	unsigned arena, pos = 0;

	while (ptr == NULL && arena_set_next(slabs->arenas, &pos, &arena)) {
		if (arena != first_arena)
			ptr = slabs_alloc(slabs, arena, size_class);
	}
	return ptr;
}

void *
slabs_alloc_anywhere(
    struct slabs *slabs, unsigned first_arena, unsigned size_class)
{
	_Atomic(uint32_t) *generation = &slabs->generation[size_class];
	uint32_t now = atomic_load_explicit(generation, memory_order_acquire);
	uint32_t before;
	void *ptr;

	if (slabs->durable != NULL)
		return durable_slabs_alloc(slabs->durable, size_class);
	/* A block may have come to an arena after that arena was searched. */
	do {
		before = now;
		ptr = look_everywhere(slabs, first_arena, size_class);
		now = atomic_load_explicit(generation, memory_order_acquire);
	} while (ptr == NULL && now != before);
	if (ptr == NULL)
		atomic_store_explicit(&slabs->full_at[size_class],
		    FULL | before, memory_order_relaxed);
	return ptr;
}

void
slabs_give(struct slabs *slabs, unsigned size_class, void *ptr)
{
	if (slabs->durable != NULL)
		durable_slabs_free(slabs->durable, size_class, ptr);
	/* If the block was freed twice, its slab may be gone. */
	else if (DK_LIKELY(page_plain_word(page_map_get(slabs->pages, ptr)) ==
			   page_word_of_small(size_class)))
		je_free(ptr);
	else
		slabs_note_bad_free(slabs, ptr);
}

void
slabs_given(struct slabs *slabs, unsigned size_class)
{
	DK_POINT("blocks are back in their slabs");
	/* After the blocks are back: a thread that reads the old number and
	 * then looks in vain will look again. */
	start_generation(slabs, size_class);
}

void
slabs_free(struct slabs *slabs, unsigned size_class, void **blocks, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		slabs_give(slabs, size_class, blocks[i]);
	if (nr > 0)
		slabs_given(slabs, size_class);
}

void
slabs_note_bad_free(struct slabs *slabs, const void *ptr)
{
	if (slabs->durable != NULL)
		durable_slabs_note_bad_free(slabs->durable, ptr);
	else
		je_note_bad_free(slabs->arenas->hooks, ptr);
}

void
slabs_after_fork_in_child(struct slabs *slabs)
{
	/* A thread may have given blocks back without counting them yet. */
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++)
		start_generation(slabs, i);
}

bool
slabs_are_full(const struct slabs *slabs, unsigned size_class)
{
	uint64_t mark = atomic_load_explicit(
	    &slabs->full_at[size_class], memory_order_relaxed);

	if (DK_UNLIKELY(slabs->durable != NULL))
		return durable_slabs_are_full(slabs->durable, size_class);
	return DK_UNLIKELY(mark != 0) &&
	       mark ==
		   (FULL | atomic_load_explicit(&slabs->generation[size_class],
			       memory_order_acquire));
}

size_t
slabs_slab_size(const struct slabs *slabs, unsigned size_class)
{
	return slabs->durable != NULL
		   ? durable_slabs_size(slabs->durable, size_class)
		   : Size_classes.slab_size[size_class];
}
