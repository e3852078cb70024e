// SPDX-License-Identifier: BSD-2-Clause
/*
 * je_heap.c -- see je_heap.h.
 */
#include "heap/je_heap.h"

#include <string.h>

#include "base/os.h"
#include "base/util.h"

/* --- extents -------------------------------------------------------------------- */

static void *
take(struct je_hooks *hooks, void *new_addr, size_t len, size_t align,
    bool *zero)
{
	struct je_heap *heap = (struct je_heap *)hooks;
	bool is_zero;
	void *addr;

	if (new_addr != NULL ||
	    dram_source_take(&heap->source, len, max_size(align, DK_PAGE),
		&addr, &is_zero) < 0)
		return NULL;
	if (*zero && !is_zero)
		memset(addr, 0, len);
	*zero = *zero || is_zero;
	return addr;
}

static bool
give(struct je_hooks *hooks, void *addr, size_t len)
{
	struct je_heap *heap = (struct je_heap *)hooks;

	return dram_source_give(&heap->source, addr, len) == 0;
}

static bool
note(struct je_hooks *hooks, void *addr, size_t len)
{
	struct je_heap *heap = (struct je_heap *)hooks;

	return region_index_add_piece(heap->entry, addr, len) == 0;
}

static void
forget(struct je_hooks *hooks, void *addr, size_t len)
{
	(void)hooks;
	region_index_remove_piece(addr, len);
}

/* --- a heap's life ---------------------------------------------------------------- */

void
je_heap_init(struct je_heap *heap, const struct dram_memory *memory,
    struct region_index_entry *entry, unsigned nr_arenas)
{
	memset(heap, 0, sizeof(*heap));
	dram_source_init(&heap->source, memory);
	heap->hooks = (struct je_hooks){
	    .alloc = take, .give = give, .note = note, .forget = forget};
	je_hooks_init(&heap->hooks);
	heap->entry = entry;
	arena_set_init(&heap->arenas, &heap->hooks, false, nr_arenas);
}

void
je_heap_use_hooks(struct je_heap *heap, const void *table)
{
	je_hooks_init_foreign(&heap->hooks, table);
}

void
je_heap_fini(struct je_heap *heap)
{
	arena_set_fini(&heap->arenas);
	dram_source_fini(&heap->source);
}

/* --- blocks ------------------------------------------------------------------------- */

void *
je_heap_alloc(struct je_heap *heap, size_t size, size_t align, bool zero)
{
	unsigned arena;

	if (arena_set_get(&heap->arenas, &arena) < 0)
		return NULL;
	return je_alloc(arena, size, align, zero);
}

void *
je_heap_resize(struct je_heap *heap, void *ptr, size_t size)
{
	unsigned arena;

	if (arena_set_get(&heap->arenas, &arena) < 0)
		return NULL;
	return je_resize(arena, ptr, size);
}

void
je_heap_free(struct je_heap *heap, void *ptr)
{
	if (je_heap_usable(heap, ptr) != 0)
		je_free(ptr);
}

size_t
je_heap_usable(const struct je_heap *heap, const void *ptr)
{
	/* jemalloc knows the blocks of other heaps, too. */
	return region_index_look_up(ptr) == heap->entry ? je_usable(ptr) : 0;
}

void *
je_heap_defrag(struct je_heap *heap, void *ptr)
{
	size_t usable = je_heap_usable(heap, ptr);

	if (usable == 0 || !je_is_sparse(ptr))
		return NULL;
	void *moved = je_alloc(je_arena_of(ptr), usable, 0, false);
	if (moved == NULL)
		return NULL;
	memcpy(moved, ptr, usable);
	je_free(ptr);
	return moved;
}

/* --- all of it ------------------------------------------------------------------------ */

void
je_heap_purge(struct je_heap *heap)
{
	unsigned pos = 0, arena;

	while (arena_set_next(&heap->arenas, &pos, &arena))
		je_arena_purge(arena);
}

void
je_heap_decay(struct je_heap *heap)
{
	unsigned pos = 0, arena;

	while (arena_set_next(&heap->arenas, &pos, &arena))
		je_arena_decay(arena);
}

int
je_heap_get_stats(struct je_heap *heap, struct heap_stats *stats)
{
	return arena_set_get_stats(&heap->arenas, stats);
}

void
je_heap_lock_at_fork(struct je_heap *heap)
{
	lock_take_at_fork(&heap->arenas.lock);
}

void
je_heap_unlock_at_fork(struct je_heap *heap)
{
	lock_drop(&heap->arenas.lock);
}
