// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_arenas.c -- see kind_arenas.h.
 */
#include "kind/kind_arenas.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "dram/dram_source.h"
#include "dram/mem_policy.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "memkind_default.h"

#define FAILED_MAPPING ((void *)-1)

struct ops_heap {
	struct heap heap; /* must be first: kind->heap points to it */
	struct dram_source source;
	struct memkind *kind;
};

/* How many there are; 0 in most programs, whose lookups end here. */
static _Atomic(unsigned) Nr_heaps;

static char *
map_by_ops(struct memkind *kind, size_t len)
{
	int saved_errno = errno;
	void *addr = kind->ops->mmap != NULL
			 ? kind->ops->mmap(kind, NULL, len)
			 : memkind_default_mmap(kind, NULL, len);

	errno = saved_errno;
	return addr == FAILED_MAPPING ? NULL : addr;
}

/* Whether its pages must be of chosen nodes. */
static bool
is_bound(struct memkind *kind)
{
	int mode;

	return kind->ops->mbind != NULL && kind->ops->get_mbind_mode != NULL &&
	       kind->ops->get_mbind_mode(kind, &mode) == MEMKIND_SUCCESS &&
	       mode == mem_policy_mode(MEM_POLICY_BIND);
}

/* As struct dram_source has it: pages of the kind's operations, which know
 * nothing of alignment, out of more than is needed. */
static int
map_aligned(struct dram_source *source, size_t len, size_t align, void **out)
{
	DK_NO_CANCEL();
	struct memkind *kind =
	    ((struct ops_heap *)((char *)source -
				 offsetof(struct ops_heap, source)))
		->kind;
	char *addr = map_by_ops(kind, len);

	if (addr == NULL)
		return -ENOMEM;
	if ((uintptr_t)addr % align != 0) {
		(void)os_unmap(addr, len);
		if (len > SIZE_MAX - align)
			return -ENOMEM;
		addr = map_by_ops(kind, len + align);
		if (addr == NULL)
			return -ENOMEM;
		size_t head =
		    align_up((uintptr_t)addr, align) - (uintptr_t)addr;
		if (head > 0)
			(void)os_unmap(addr, head);
		addr += head;
		if (align > head)
			(void)os_unmap(addr + len, align - head);
	}
	/* Binding does not see whether these nodes have a huge page, and a
	 * store to one that is not there is a signal. */
	if ((source->flags & (DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES)) != 0 &&
	    is_bound(kind) && os_populate(addr, len) < 0) {
		(void)os_unmap(addr, len);
		return -ENOMEM;
	}
	*out = addr;
	return 0;
}

static unsigned
source_flags(struct memkind *kind)
{
	unsigned result = kind->ops->mmap != NULL ? DRAM_DIRTY : 0;
	int flags;

	if (kind->ops->get_mmap_flags == NULL ||
	    kind->ops->get_mmap_flags(kind, &flags) != 0)
		return result;
	if (flags == os_mmap_flags(OS_MMAP_PRIVATE_HUGE))
		result |= DRAM_HUGE_PAGES;
	else if (flags == os_mmap_flags(OS_MMAP_PRIVATE_GIGANTIC))
		result |= DRAM_GIGANTIC_PAGES;
	return result;
}

int
kind_arenas_new(
    struct memkind *kind, const void *jemalloc_hooks, bool one_arena)
{
	struct ops_heap *heap = os_new(sizeof(*heap));
	unsigned nr_slots = 1;

	if (heap == NULL)
		return error_set(-ENOMEM, "no memory for a heap's record");
	int rc = one_arena ? 0 : arena_set_slots_for(SIZE_MAX, &nr_slots);
	if (rc < 0) {
		os_delete(heap);
		return rc;
	}
	dram_source_init(&heap->source, MEM_POLICY_ANY, NODES_WITH_MEMORY,
	    source_flags(kind));
	heap->source.map = map_aligned;
	heap->kind = kind;
	heap_init_dram(&heap->heap);
	heap->heap.arenas.nr_slots = nr_slots;
	heap->heap.hooks.dram = &heap->source;
	if (jemalloc_hooks != NULL)
		memcpy(heap->heap.hooks.je.jemalloc_table, jemalloc_hooks,
		    sizeof(heap->heap.hooks.je.jemalloc_table));
	kind->heap = &heap->heap;
	atomic_fetch_add(&Nr_heaps, 1);
	return 0;
}

void
kind_arenas_free(struct memkind *kind)
{
	struct ops_heap *heap = (struct ops_heap *)kind->heap;

	arena_set_fini(&heap->heap.arenas);
	dram_source_fini(&heap->source);
	kind->heap = NULL;
	atomic_fetch_sub(&Nr_heaps, 1);
	os_delete(heap);
}

int
kind_arenas_get(struct memkind *kind, unsigned *arena)
{
	return arena_set_get(&kind->heap->arenas, arena);
}

/* With the registry's lock: none of them ends meanwhile. */
static int
decay_one(struct memkind *kind, void *arg)
{
	unsigned pos = 0, arena;

	(void)arg;
	if (kind->region != NULL || kind->heap == NULL)
		return 0;
	while (arena_set_next(&kind->heap->arenas, &pos, &arena))
		je_arena_decay(arena);
	return 0;
}

void
kind_arenas_decay(void)
{
	if (atomic_load(&Nr_heaps) != 0)
		(void)kind_registry_walk(decay_one, NULL);
}

struct search {
	unsigned arena;
	struct memkind *found;
};

static int
look_at(struct memkind *kind, void *arg)
{
	struct search *search = arg;

	if (kind->region != NULL || kind->heap == NULL ||
	    !heap_has_arena(kind->heap, search->arena))
		return 0;
	search->found = kind;
	return 1;
}

struct memkind *
kind_arenas_find(unsigned arena)
{
	struct search search = {arena, NULL};

	if (atomic_load(&Nr_heaps) != 0)
		(void)kind_registry_walk(look_at, &search);
	return search.found;
}
