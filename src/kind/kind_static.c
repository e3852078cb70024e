// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_static.c -- see kind_static.h.
 *
 * MEMKIND_DEFAULT is kind_default.c's.  Each other kind is a heap over DRAM,
 * whose nodes are looked for and whose arenas are made when a thread first
 * allocates.  None of them calls the process's malloc to allocate: a preloaded
 * malloc may be built on one.
 */
#include "kind/kind_static.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"
#include "dram/dram_source.h"
#include "dram/mem_policy.h"
#include "dram/node_choice.h"
#include "heap/heap.h"
#include "heap/je.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_arenas.h"
#include "kind/kind_heap_ops.h"
#include "memkind_default.h"
#include "memkind_deprecated.h"

/* Name, policy, nodes, flags of the pages' source. */
#define DRAM_KINDS(X)                                                          \
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

#define ID(id, text, policy, nodes, flags) DRAM_##id,
enum {
	DRAM_KINDS(ID) NR_DRAM_KINDS
};

_Static_assert((int)NR_DRAM_KINDS <= (int)DRAM_CACHE_MAX, "one cache each");

static struct heap Heaps[NR_DRAM_KINDS];
static struct dram_source Sources[NR_DRAM_KINDS];
/* Somebody asked for the memory; it is known to be there. */
static _Atomic(bool) Was_asked[NR_DRAM_KINDS], Is_there[NR_DRAM_KINDS];

/* Makes records only: no arena, no memory. */
static void
make(size_t i, enum mem_policy policy, enum node_choice choice, unsigned flags)
{
	dram_source_init(&Sources[i], policy, choice, flags);
	heap_init_dram(&Heaps[i]);
	Heaps[i].hooks.dram = &Sources[i];
	if ((flags & (DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES)) == 0)
		Heaps[i].dram_cache_nr = (int)i;
}

#define MAKE(id, text, policy, nodes, flags) \
	make(DRAM_##id, MEM_POLICY_##policy, NODES_##nodes, (flags));
__attribute__((constructor)) static void
make_all(void)
{
	DRAM_KINDS(MAKE)
}

/* Of one of these kinds, which each have a heap of the table. */
static size_t
number_of(const struct memkind *kind)
{
	return (size_t)(kind->heap - Heaps);
}

int
kind_static_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	return MEMKIND_ERROR_INVALID; /* there is one of each, already */
}

int
kind_static_destroy(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS; /* nothing happens, as with memkind */
}

static int
check_available(struct memkind *kind)
{
	size_t i = number_of(kind);

	/* In memkind's words, which scripts look for. */
	if (!atomic_exchange(&Was_asked[i], true))
		log_write(DK_LOG_INFO, "Initializing kind %s.", kind->name);
	int rc = dram_source_check(&Sources[i]);
	if (rc == 0)
		atomic_store(&Is_there[i], true);
	return error_code_from_errno(rc);
}

/* Must be so before the heap asks for its first extent. */
static bool
is_there(struct memkind *kind)
{
	if (DK_LIKELY(atomic_load_explicit(
		&Is_there[number_of(kind)], memory_order_relaxed)))
		return true;
	return check_available(kind) == MEMKIND_SUCCESS;
}

/*
 * After a failure: have arenas give back huge pages that they keep for a while,
 * of which the kernel has few and all these kinds the same.  Whether to try
 * again.
 */
static bool
has_made_room(struct memkind *kind)
{
	static const unsigned huge = DRAM_HUGE_PAGES | DRAM_GIGANTIC_PAGES;

	if ((Sources[number_of(kind)].flags & huge) == 0 || !is_there(kind))
		return false;
	for (size_t i = 0; i < NR_DRAM_KINDS; i++) {
		if ((Sources[i].flags & huge) != 0)
			heap_purge(&Heaps[i]);
	}
	return true;
}

static void *
alloc(struct memkind *kind, size_t size, size_t align, bool zero)
{
	void *ptr = NULL;

	if (DK_LIKELY(is_there(kind)))
		ptr = heap_alloc(kind->heap, size, align, zero);
	if (DK_UNLIKELY(ptr == NULL) && has_made_room(kind))
		ptr = heap_alloc(kind->heap, size, align, zero);
	return ptr;
}

static void *
dram_malloc(struct memkind *kind, size_t size)
{
	return or_enomem(alloc(kind, size, 0, false));
}

static void *
dram_calloc(struct memkind *kind, size_t num, size_t size)
{
	size_t total;

	if (!mul_checked(num, size, &total))
		return or_enomem(NULL);
	return or_enomem(alloc(kind, total, 0, true));
}

static int
dram_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	void *ptr = alloc(kind, size, alignment, false);

	if (ptr == NULL)
		return ENOMEM;
	*memptr = ptr;
	return 0;
}

static void *
dram_realloc(struct memkind *kind, void *ptr, size_t size)
{
	if (ptr == NULL)
		return dram_malloc(kind, size);
	if (size == 0) {
		heap_free(kind->heap, ptr);
		return NULL;
	}
	if (heap_usable(kind->heap, ptr) == 0) {
		errno = EINVAL;
		return NULL;
	}
	void *moved =
	    is_there(kind) ? heap_resize(kind->heap, ptr, size) : NULL;
	if (DK_UNLIKELY(moved == NULL) && has_made_room(kind))
		moved = heap_resize(kind->heap, ptr, size);
	return or_enomem(moved);
}

/* --- the policy, for memkind_default_mbind() and the like ------------------------- */

static int
get_mmap_flags(struct memkind *kind, int *flags)
{
	unsigned of = Sources[number_of(kind)].flags;
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
	*mode = mem_policy_mode(Sources[number_of(kind)].policy);
	return MEMKIND_SUCCESS;
}

static int
get_mbind_nodemask(
    struct memkind *kind, unsigned long *nodemask, unsigned long maxnode)
{
	return error_code_from_errno(node_choice_copy(
	    Sources[number_of(kind)].choice, nodemask, maxnode));
}

static struct memkind_ops Ops = {
    .create = kind_static_create,
    .destroy = kind_static_destroy,
    .malloc = dram_malloc,
    .calloc = dram_calloc,
    .posix_memalign = dram_posix_memalign,
    .realloc = dram_realloc,
    .free = kind_heap_free,
    .mbind = memkind_default_mbind,
    .get_mmap_flags = get_mmap_flags,
    .get_mbind_mode = get_mbind_mode,
    .get_mbind_nodemask = get_mbind_nodemask,
    .check_available = check_available,
    .malloc_usable_size = kind_heap_malloc_usable_size,
    .get_stat = kind_heap_get_stat,
    .defrag_reallocate = kind_heap_defrag_reallocate,
};

/* Of memory from wherever. */
static struct memkind_ops Unbound_ops = {
    .create = kind_static_create,
    .destroy = kind_static_destroy,
    .malloc = dram_malloc,
    .calloc = dram_calloc,
    .posix_memalign = dram_posix_memalign,
    .realloc = dram_realloc,
    .free = kind_heap_free,
    .get_mmap_flags = get_mmap_flags,
    .check_available = check_available,
    .malloc_usable_size = kind_heap_malloc_usable_size,
    .get_stat = kind_heap_get_stat,
    .defrag_reallocate = kind_heap_defrag_reallocate,
};

#define RECORD(id, text, policy, nodes, flags)                      \
	[DRAM_##id] = {.ops = MEM_POLICY_##policy == MEM_POLICY_ANY \
				  ? &Unbound_ops                    \
				  : &Ops,                           \
	    .name = "memkind_" #text,                               \
	    .heap = &Heaps[DRAM_##id]},
static struct memkind Kinds[NR_DRAM_KINDS] = {DRAM_KINDS(RECORD)};

#define POINTER(id, text, policy, nodes, flags) \
	DK_EXPORT memkind_t MEMKIND_##id = &Kinds[DRAM_##id];
DRAM_KINDS(POINTER)

bool
kind_is_static(const struct memkind *kind)
{
	/* below the first it wraps */
	return kind == &Kind_default ||
	       (uintptr_t)kind - (uintptr_t)Kinds < sizeof(Kinds);
}

int
kind_static_capacity(struct memkind *kind, size_t *bytes)
{
	/* Which the process may use all of. */
	if (kind == &Kind_default)
		return dram_source_capacity(&Sources[DRAM_INTERLEAVE], bytes);
	return dram_source_capacity(&Sources[number_of(kind)], bytes);
}

void
kind_static_walk(void (*visit)(struct memkind *kind))
{
	for (size_t i = 0; i < NR_DRAM_KINDS; i++)
		visit(&Kinds[i]);
}

struct memkind *
kind_static_of_arena(unsigned arena)
{
	/* Each heap has its hooks in it; below the first it wraps. */
	uintptr_t from_first =
	    (uintptr_t)je_arena_hooks(arena) - (uintptr_t)&Heaps[0].hooks.je;

	if (from_first >= sizeof(Heaps))
		return &Kind_default;
	return &Kinds[from_first / sizeof(Heaps[0])];
}

void
kind_static_decay(void)
{
	je_default_decay();
	kind_arenas_decay();
	for (size_t i = 0; i < NR_DRAM_KINDS; i++) {
		unsigned pos = 0, arena;

		while (arena_set_next(&Heaps[i].arenas, &pos, &arena))
			je_arena_decay(arena);
	}
}

/* What a kind of memory by its properties is; as memkind has it. */
static const struct {
	unsigned memtype;
	memkind_policy_t policy;
	unsigned bits;
	memkind_t *kind;
} By_properties[] = {
    {MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL, 0,
	&MEMKIND_DEFAULT},
    {MEMKIND_MEMTYPE_DEFAULT, MEMKIND_POLICY_PREFERRED_LOCAL,
	MEMKIND_MASK_PAGE_SIZE_2MB, &MEMKIND_HUGETLB},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_LOCAL, 0,
	&MEMKIND_HBW},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_LOCAL,
	MEMKIND_MASK_PAGE_SIZE_2MB, &MEMKIND_HBW_HUGETLB},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_ALL, 0,
	&MEMKIND_HBW_ALL},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_BIND_ALL,
	MEMKIND_MASK_PAGE_SIZE_2MB, &MEMKIND_HBW_ALL_HUGETLB},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_PREFERRED_LOCAL, 0,
	&MEMKIND_HBW_PREFERRED},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_PREFERRED_LOCAL,
	MEMKIND_MASK_PAGE_SIZE_2MB, &MEMKIND_HBW_PREFERRED_HUGETLB},
    {MEMKIND_MEMTYPE_HIGH_BANDWIDTH, MEMKIND_POLICY_INTERLEAVE_ALL, 0,
	&MEMKIND_HBW_INTERLEAVE},
    {MEMKIND_MEMTYPE_DEFAULT | MEMKIND_MEMTYPE_HIGH_BANDWIDTH,
	MEMKIND_POLICY_INTERLEAVE_ALL, 0, &MEMKIND_INTERLEAVE},
};

int
kind_static_find(unsigned memtype, memkind_policy_t policy, unsigned bits,
    struct memkind **kind)
{
	for (size_t i = 0; i < ARRAY_LEN(By_properties); i++) {
		if (By_properties[i].memtype != memtype ||
		    By_properties[i].policy != policy ||
		    By_properties[i].bits != bits)
			continue;
		struct memkind *found = *By_properties[i].kind;
		if (found->ops->check_available(found) != MEMKIND_SUCCESS) {
			if (policy != MEMKIND_POLICY_PREFERRED_LOCAL)
				return error_set(-ENXIO,
				    "this machine has no memory for %s",
				    found->name);
			found = &Kind_default;
		}
		*kind = found;
		return 0;
	}
	return error_set(-EINVAL,
	    "no kind has memory types %#x, policy %d and flags %#x", memtype,
	    (int)policy, bits);
}

/* By memkind's numbers of them. */
static memkind_t *const By_partition[] = {
    [MEMKIND_PARTITION_DEFAULT] = &MEMKIND_DEFAULT,
    [MEMKIND_PARTITION_HBW] = &MEMKIND_HBW,
    [MEMKIND_PARTITION_HBW_HUGETLB] = &MEMKIND_HBW_HUGETLB,
    [MEMKIND_PARTITION_HBW_PREFERRED] = &MEMKIND_HBW_PREFERRED,
    [MEMKIND_PARTITION_HBW_PREFERRED_HUGETLB] = &MEMKIND_HBW_PREFERRED_HUGETLB,
    [MEMKIND_PARTITION_HUGETLB] = &MEMKIND_HUGETLB,
    [MEMKIND_PARTITION_HBW_GBTLB] = &MEMKIND_HBW_GBTLB,
    [MEMKIND_PARTITION_HBW_PREFERRED_GBTLB] = &MEMKIND_HBW_PREFERRED_GBTLB,
    [MEMKIND_PARTITION_GBTLB] = &MEMKIND_GBTLB,
    [MEMKIND_PARTITION_HBW_INTERLEAVE] = &MEMKIND_HBW_INTERLEAVE,
    [MEMKIND_PARTITION_INTERLEAVE] = &MEMKIND_INTERLEAVE,
    [MEMKIND_PARTITION_REGULAR] = &MEMKIND_REGULAR,
    [MEMKIND_PARTITION_HBW_ALL] = &MEMKIND_HBW_ALL,
    [MEMKIND_PARTITION_HBW_ALL_HUGETLB] = &MEMKIND_HBW_ALL_HUGETLB,
    [MEMKIND_PARTITION_DAX_KMEM] = &MEMKIND_DAX_KMEM,
    [MEMKIND_PARTITION_DAX_KMEM_ALL] = &MEMKIND_DAX_KMEM_ALL,
    [MEMKIND_PARTITION_DAX_KMEM_PREFERRED] = &MEMKIND_DAX_KMEM_PREFERRED,
    [MEMKIND_PARTITION_DAX_KMEM_INTERLEAVE] = &MEMKIND_DAX_KMEM_INTERLEAVE,
    [MEMKIND_PARTITION_HIGHEST_CAPACITY] = &MEMKIND_HIGHEST_CAPACITY,
    [MEMKIND_PARTITION_HIGHEST_CAPACITY_PREFERRED] =
	&MEMKIND_HIGHEST_CAPACITY_PREFERRED,
    [MEMKIND_PARTITION_HIGHEST_CAPACITY_LOCAL] =
	&MEMKIND_HIGHEST_CAPACITY_LOCAL,
    [MEMKIND_PARTITION_HIGHEST_CAPACITY_LOCAL_PREFERRED] =
	&MEMKIND_HIGHEST_CAPACITY_LOCAL_PREFERRED,
    [MEMKIND_PARTITION_LOWEST_LATENCY_LOCAL] = &MEMKIND_LOWEST_LATENCY_LOCAL,
    [MEMKIND_PARTITION_LOWEST_LATENCY_LOCAL_PREFERRED] =
	&MEMKIND_LOWEST_LATENCY_LOCAL_PREFERRED,
    [MEMKIND_PARTITION_HIGHEST_BANDWIDTH_LOCAL] =
	&MEMKIND_HIGHEST_BANDWIDTH_LOCAL,
    [MEMKIND_PARTITION_HIGHEST_BANDWIDTH_LOCAL_PREFERRED] =
	&MEMKIND_HIGHEST_BANDWIDTH_LOCAL_PREFERRED,
};
_Static_assert(ARRAY_LEN(By_partition) == MEMKIND_NUM_BASE_KIND,
    "each partition has its kind");

struct memkind *
kind_static_of_partition(int partition)
{
	return partition >= 0 && partition < (int)ARRAY_LEN(By_partition)
		   ? *By_partition[partition]
		   : NULL;
}
