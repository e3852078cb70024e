// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_static.c -- see kind_static.h.
 *
 * Most are heaps over memory of this process (static_heaps.h); those with huge
 * pages are heaps over pieces (je_heap.h).  Nodes are looked up and heaps are
 * made when a thread first allocates.  No kind calls the process's malloc to
 * allocate, since a preloaded malloc may be built on one.
 */
#include "kind/kind_static.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "dram/dram_memory.h"
#include "dram/mem_policy.h"
#include "dram/node_choice.h"
#include "heap/je_heap.h"
#include "kind/block_ops.h"
#include "kind/error_code.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_record.h"
#include "kind/ops_heap.h"
#include "kind/static_heaps.h"
#include "memkind_deprecated.h"

/* Columns: id, name, policy, nodes, flags of the memory. */
#define KINDS(X)                                                               \
	X(DEFAULT, default, ANY, WITH_MEMORY, 0)                               \
	X(REGULAR, regular, BIND, WITH_CPUS, DRAM_ANYWHERE)                    \
	X(HUGETLB, hugetlb, ANY, WITH_MEMORY, DRAM_HUGE_PAGES)                 \
	X(INTERLEAVE, interleave, INTERLEAVE, WITH_MEMORY,                     \
	    DRAM_SMALL_PAGES | DRAM_ANYWHERE)                                  \
	X(HBW, hbw, BIND, HBW_NEAREST, 0)                                      \
	X(HBW_ALL, hbw_all, BIND, HBW_ALL, 0)                                  \
	X(HBW_HUGETLB, hbw_hugetlb, BIND, HBW_NEAREST, DRAM_HUGE_PAGES)        \
	X(HBW_ALL_HUGETLB, hbw_all_hugetlb, BIND, HBW_ALL, DRAM_HUGE_PAGES)    \
	X(HBW_PREFERRED, hbw_preferred, PREFERRED, HBW_ONE, DRAM_ANYWHERE)     \
	X(HBW_PREFERRED_HUGETLB, hbw_preferred_hugetlb, PREFERRED, HBW_ONE,    \
	    DRAM_HUGE_PAGES | DRAM_ANYWHERE)                                   \
	X(HBW_INTERLEAVE, hbw_interleave, INTERLEAVE, HBW_ALL,                 \
	    DRAM_SMALL_PAGES)                                                  \
	X(GBTLB, gbtlb, ANY, WITH_MEMORY, DRAM_GIGANTIC_PAGES)                 \
	X(HBW_GBTLB, hbw_gbtlb, BIND, HBW_NEAREST, DRAM_GIGANTIC_PAGES)        \
	X(HBW_PREFERRED_GBTLB, hbw_preferred_gbtlb, PREFERRED, HBW_ONE,        \
	    DRAM_GIGANTIC_PAGES | DRAM_ANYWHERE)                               \
	X(DAX_KMEM, dax_kmem, BIND, KMEM_NEAREST, 0)                           \
	X(DAX_KMEM_ALL, dax_kmem_all, BIND, KMEM_ALL, 0)                       \
	X(DAX_KMEM_PREFERRED, dax_kmem_preferred, PREFERRED, KMEM_ONE,         \
	    DRAM_ANYWHERE)                                                     \
	X(DAX_KMEM_INTERLEAVE, dax_kmem_interleave, INTERLEAVE, KMEM_ALL, 0)   \
	X(HIGHEST_CAPACITY, highest_capacity, BIND, LARGEST, 0)                \
	X(HIGHEST_CAPACITY_PREFERRED, highest_capacity_preferred, PREFERRED,   \
	    LARGEST_ONE, DRAM_ANYWHERE)                                        \
	X(HIGHEST_CAPACITY_LOCAL, highest_capacity_local, BIND, LOCAL_LARGEST, \
	    0)                                                                 \
	X(HIGHEST_CAPACITY_LOCAL_PREFERRED, highest_capacity_local_preferred,  \
	    PREFERRED, LOCAL_LARGEST_ONE, DRAM_ANYWHERE)                       \
	X(LOWEST_LATENCY_LOCAL, lowest_latency_local, BIND, LOCAL_LATENCY, 0)  \
	X(LOWEST_LATENCY_LOCAL_PREFERRED, lowest_latency_local_preferred,      \
	    PREFERRED, LOCAL_LATENCY_ONE, DRAM_ANYWHERE)                       \
	X(HIGHEST_BANDWIDTH_LOCAL, highest_bandwidth_local, BIND,              \
	    LOCAL_BANDWIDTH, 0)                                                \
	X(HIGHEST_BANDWIDTH_LOCAL_PREFERRED,                                   \
	    highest_bandwidth_local_preferred, PREFERRED, LOCAL_BANDWIDTH_ONE, \
	    DRAM_ANYWHERE)

#define NUMBER(id, text, policy, nodes, flags) STATIC_##id,
enum {
	KINDS(NUMBER) NR_STATIC
};

static struct memkind Kinds[NR_STATIC];

#define MEMORY(id, text, policy, nodes, flags) \
	[STATIC_##id] = {MEM_POLICY_##policy, NODES_##nodes, (flags)},
static const struct dram_memory Memories[NR_STATIC] = {KINDS(MEMORY)};

/* For kinds with ordinary pages. */
#define HEAPS(id, text, policy, nodes, flags) \
	[STATIC_##id] = {                     \
	    .memory = &Memories[STATIC_##id], .kind = &Kinds[STATIC_##id]},
static struct static_heaps Heaps[NR_STATIC] = {KINDS(HEAPS)};

/* For kinds with huge pages; made under Lock. */
static struct je_heap Huge_heaps[NR_STATIC];
static _Atomic(bool) Has_huge_heap[NR_STATIC];
static struct lock Lock = DK_LOCK_INIT(RANK_STATIC);

static _Atomic(bool) Was_asked[NR_STATIC];

static size_t
number_of(const struct memkind *kind)
{
	return (size_t)(kind - Kinds);
}

static int
create(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	return MEMKIND_ERROR_INVALID; /* static kinds exist already */
}

static int
destroy(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS; /* as in memkind, nothing happens */
}

static int
check_available(struct memkind *kind)
{
	size_t i = number_of(kind);

	/* In memkind's words, which scripts compare. */
	if (!atomic_exchange(&Was_asked[i], true))
		log_write(DK_LOG_INFO, "Initializing kind %s.", kind->name);
	return error_code_from_errno(dram_memory_check(&Memories[i]));
}

/* For MEMKIND_DEFAULT, which needs no nodes. */
static int
always_available(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS;
}

/* --- blocks of ordinary pages ------------------------------------------------------- */

static struct static_heaps *
heaps_of(const struct memkind *kind)
{
	return &Heaps[number_of(kind)];
}

/* Whether there is a heap, or one can be made. */
static bool
is_there(struct memkind *kind)
{
	return DK_LIKELY(static_heaps_are_there(heaps_of(kind))) ||
	       kind->ops->check_available(kind) == MEMKIND_SUCCESS;
}

static void *
alloc(struct memkind *kind, size_t size, size_t align, bool zero)
{
	return is_there(kind)
		   ? static_heaps_alloc(heaps_of(kind), size, align, zero)
		   : NULL;
}

static void *
resize(struct memkind *kind, void *ptr, size_t size)
{
	return static_heaps_resize(heaps_of(kind), ptr, size);
}

static void
free_block(struct memkind *kind, void *ptr)
{
	struct heap *heap = static_heaps_find(heaps_of(kind), ptr);

	if (DK_LIKELY(heap != NULL))
		heap_free(heap, ptr);
}

static size_t
usable(struct memkind *kind, const void *ptr)
{
	struct heap *heap = static_heaps_find(heaps_of(kind), ptr);

	return DK_LIKELY(heap != NULL) ? heap_usable(heap, ptr) : 0;
}

static void *
defrag(struct memkind *kind, void *ptr)
{
	struct heap *heap = static_heaps_find(heaps_of(kind), ptr);

	return heap != NULL ? heap_defrag(heap, ptr) : NULL;
}

static void
purge_one(struct heap *heap, void *arg)
{
	(void)arg;
	heap_purge(heap);
}

static void
purge(struct memkind *kind)
{
	static_heaps_walk(heaps_of(kind), purge_one, NULL);
}

struct stats_sum {
	struct heap_stats stats;
	int rc;
};

static void
add_stats(struct heap *heap, void *arg)
{
	struct stats_sum *sum = arg;
	struct heap_stats one;
	int rc = heap_get_stats(heap, &one);

	if (rc < 0)
		sum->rc = rc;
	else
		heap_stats_add(&sum->stats, &one);
}

static int
get_stats(struct memkind *kind, struct heap_stats *stats)
{
	struct stats_sum sum = {0};

	static_heaps_walk(heaps_of(kind), add_stats, &sum);
	*stats = sum.stats;
	return sum.rc;
}

static void
add_figures(struct heap *heap, void *arg)
{
	struct block_figures *sum = arg;

	sum->large_bytes +=
	    atomic_load_explicit(&heap->large_bytes, memory_order_relaxed);
	sum->nr_bad_frees += heap_nr_bad_frees(heap);
}

static void
get_figures(struct memkind *kind, struct block_figures *figures)
{
	*figures = (struct block_figures){0};
	static_heaps_walk(heaps_of(kind), add_figures, figures);
}

static int
get_arena(struct memkind *kind, unsigned *arena)
{
	if (number_of(kind) == STATIC_DEFAULT)
		return -EINVAL; /* as with memkind */
	struct heap *heap =
	    is_there(kind) ? static_heaps_here(heaps_of(kind)) : NULL;

	return heap != NULL ? arena_set_get(&heap->arenas, arena) : -ENOMEM;
}

static const struct block_ops Blocks = {
    .alloc = alloc,
    .resize = resize,
    .free = free_block,
    .usable = usable,
    .defrag = defrag,
    .purge = purge,
    .get_stats = get_stats,
    .get_figures = get_figures,
    .get_arena = get_arena,
};

/* --- blocks of huge pages ------------------------------------------------------------- */

static bool
has_huge_heap(size_t i)
{
	return atomic_load_explicit(&Has_huge_heap[i], memory_order_acquire);
}

/* The heap of the kind; NULL: its memory is missing. */
static struct je_heap *
huge_heap_of(struct memkind *kind)
{
	size_t i = number_of(kind);
	unsigned nr_arenas;

	if (DK_LIKELY(has_huge_heap(i)))
		return &Huge_heaps[i];
	if (check_available(kind) != MEMKIND_SUCCESS)
		return NULL;
	/* A bad variable cannot be reported here. */
	if (arena_set_slots_for(SIZE_MAX, &nr_arenas) < 0)
		nr_arenas = 1;
	lock_take(&Lock);
	if (!has_huge_heap(i)) {
		atomic_store(&kind->pieces.kind, kind);
		je_heap_init(
		    &Huge_heaps[i], &Memories[i], &kind->pieces, nr_arenas);
		atomic_store_explicit(
		    &Has_huge_heap[i], true, memory_order_release);
	}
	lock_drop(&Lock);
	return &Huge_heaps[i];
}

/* Make arenas give back the huge pages that they retain: the kernel has few,
 * and all these kinds share them. */
static void
make_room(void)
{
	for (size_t i = 0; i < NR_STATIC; i++) {
		if (has_huge_heap(i))
			je_heap_purge(&Huge_heaps[i]);
	}
}

static void *
huge_alloc(struct memkind *kind, size_t size, size_t align, bool zero)
{
	struct je_heap *heap = huge_heap_of(kind);

	if (heap == NULL)
		return NULL;
	void *ptr = je_heap_alloc(heap, size, align, zero);
	if (DK_UNLIKELY(ptr == NULL)) {
		make_room();
		ptr = je_heap_alloc(heap, size, align, zero);
	}
	return ptr;
}

static void *
huge_resize(struct memkind *kind, void *ptr, size_t size)
{
	struct je_heap *heap = &Huge_heaps[number_of(kind)];
	void *moved = je_heap_resize(heap, ptr, size);

	if (DK_UNLIKELY(moved == NULL)) {
		make_room();
		moved = je_heap_resize(heap, ptr, size);
	}
	return moved;
}

static void
huge_free(struct memkind *kind, void *ptr)
{
	je_heap_free(&Huge_heaps[number_of(kind)], ptr);
}

static size_t
huge_usable(struct memkind *kind, const void *ptr)
{
	return je_heap_usable(&Huge_heaps[number_of(kind)], ptr);
}

static void *
huge_defrag(struct memkind *kind, void *ptr)
{
	return je_heap_defrag(&Huge_heaps[number_of(kind)], ptr);
}

static void
huge_purge(struct memkind *kind)
{
	if (has_huge_heap(number_of(kind)))
		je_heap_purge(&Huge_heaps[number_of(kind)]);
}

static int
huge_get_stats(struct memkind *kind, struct heap_stats *stats)
{
	*stats = (struct heap_stats){0};
	return has_huge_heap(number_of(kind))
		   ? je_heap_get_stats(&Huge_heaps[number_of(kind)], stats)
		   : 0;
}

static int
huge_get_arena(struct memkind *kind, unsigned *arena)
{
	struct je_heap *heap = huge_heap_of(kind);

	return heap != NULL ? arena_set_get(&heap->arenas, arena) : -ENOMEM;
}

static const struct block_ops Huge_blocks = {
    .alloc = huge_alloc,
    .resize = huge_resize,
    .free = huge_free,
    .usable = huge_usable,
    .defrag = huge_defrag,
    .purge = huge_purge,
    .get_stats = huge_get_stats,
    .get_arena = huge_get_arena,
};

/* --- the policy, for memkind_default_mbind() and the like ------------------------- */

static int
get_mmap_flags(struct memkind *kind, int *flags)
{
	unsigned of = Memories[number_of(kind)].flags;
	enum os_mmap_kind kind_of_map = OS_MMAP_PRIVATE;

	if ((of & DRAM_HUGE_PAGES) != 0)
		kind_of_map = OS_MMAP_PRIVATE_HUGE;
	else if ((of & DRAM_GIGANTIC_PAGES) != 0)
		kind_of_map = OS_MMAP_PRIVATE_GIGANTIC;
	*flags = os_mmap_flags(kind_of_map);
	return MEMKIND_SUCCESS;
}

static int
get_mbind_mode(struct memkind *kind, int *mode)
{
	*mode = mem_policy_mode(Memories[number_of(kind)].policy);
	return MEMKIND_SUCCESS;
}

static int
get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	return error_code_from_errno(node_choice_copy(
	    Memories[number_of(kind)].choice, nodemask, maxnode));
}

/* --- the kinds ------------------------------------------------------------------------ */

#define OPS                                                               \
	.create = create, .destroy = destroy, .malloc = kind_heap_malloc, \
	.calloc = kind_heap_calloc,                                       \
	.posix_memalign = kind_heap_posix_memalign,                       \
	.realloc = kind_heap_realloc, .free = kind_heap_free,             \
	.malloc_usable_size = kind_heap_malloc_usable_size,               \
	.get_stat = kind_heap_get_stat,                                   \
	.defrag_reallocate = kind_heap_defrag_reallocate

static struct memkind_ops Default_ops = {
    OPS, .check_available = always_available};

/* For memory on any node. */
static struct memkind_ops Unbound_ops = {
    OPS, .check_available = check_available, .get_mmap_flags = get_mmap_flags};

static struct memkind_ops Bound_ops = {
    OPS,
    .check_available = check_available,
    .mbind = ops_heap_mbind,
    .get_mmap_flags = get_mmap_flags,
    .get_mbind_mode = get_mbind_mode,
    .get_mbind_nodemask = get_mbind_nodemask,
};

#define OPS_OF(id, policy)                                         \
	(STATIC_##id == STATIC_DEFAULT              ? &Default_ops \
	    : MEM_POLICY_##policy == MEM_POLICY_ANY ? &Unbound_ops \
						    : &Bound_ops)
#define BLOCKS_OF(flags)                                          \
	(((flags) & (DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES)) != 0 \
		? &Huge_blocks                                    \
		: &Blocks)
/* From the last slot down; cache_life.c assigns those of other kinds from the
 * first up.  No static kind shares the first slot with MEMKIND_DEFAULT. */
#define SLOT_OF(id)                    \
	(STATIC_##id == STATIC_DEFAULT \
		? 0                    \
		: TLS_SLOTS - 1 - (STATIC_##id - 1) % (TLS_SLOTS - 1))

#define RECORD(id, text, policy, nodes, flags)      \
	[STATIC_##id] = {.ops = OPS_OF(id, policy), \
	    .is_registered = true,                  \
	    .blocks = BLOCKS_OF(flags),             \
	    .cache_slot = SLOT_OF(id),              \
	    .name = "memkind_" #text},
static struct memkind Kinds[NR_STATIC] = {KINDS(RECORD)};

#define POINTER(id, text, policy, nodes, flags) \
	DK_EXPORT memkind_t MEMKIND_##id = &Kinds[STATIC_##id];
KINDS(POINTER)

bool
kind_is_static(const struct memkind *kind)
{
	/* wraps if kind is below the first one */
	return (uintptr_t)kind - (uintptr_t)Kinds < sizeof(Kinds);
}

int
kind_static_capacity(struct memkind *kind, size_t *bytes)
{
	return dram_memory_capacity(&Memories[number_of(kind)], bytes);
}

void
kind_static_walk(int (*visit)(struct memkind *kind, void *arg), void *arg)
{
	for (size_t i = 0; i < NR_STATIC; i++)
		(void)visit(&Kinds[i], arg);
}

void
kind_static_walk_heaps(void (*visit)(struct heap *heap, void *arg), void *arg)
{
	for (size_t i = 0; i < NR_STATIC; i++)
		static_heaps_walk(&Heaps[i], visit, arg);
}

void
kind_static_walk_je_heaps(void (*visit)(struct je_heap *heap))
{
	for (size_t i = 0; i < NR_STATIC; i++) {
		if (has_huge_heap(i))
			visit(&Huge_heaps[i]);
	}
}

void
kind_static_lock_at_fork(void)
{
	lock_take_at_fork(&Lock);
	static_heaps_lock_at_fork();
}

void
kind_static_unlock_at_fork(void)
{
	static_heaps_unlock_at_fork();
	lock_drop(&Lock);
}
