// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_static.c -- see kind_static.h.
 *
 * MEMKIND_DEFAULT is jemalloc's own arenas and thread caches.  Each other kind
 * is a heap over DRAM, whose arenas are made when a thread first allocates.
 * None of them calls the process's malloc to allocate: a preloaded malloc may
 * be built on MEMKIND_DEFAULT.
 */
#include "kind_static.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"
#include "je.h"
#include "kind.h"
#include "kind_heap_ops.h"
#include "log.h"
#include "os.h"
#include "util.h"

static int
static_create(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	return MEMKIND_ERROR_INVALID; /* there is one of each, already */
}

static int
static_destroy(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS; /* nothing happens, as with memkind */
}

static int
always_available(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS;
}

/* --- MEMKIND_DEFAULT ----------------------------------------------------------- */

static void *
or_enomem(void *ptr)
{
	if (DK_UNLIKELY(ptr == NULL))
		errno = ENOMEM;
	return ptr;
}

static void *
default_malloc(struct memkind *kind, size_t size)
{
	(void)kind;
	return or_enomem(je_default_alloc(size, 0, false));
}

static void *
default_calloc(struct memkind *kind, size_t num, size_t size)
{
	size_t total;

	(void)kind;
	if (!mul_checked(num, size, &total))
		return or_enomem(NULL);
	return or_enomem(je_default_alloc(total, 0, true));
}

static int
default_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	void *ptr = je_default_alloc(size, alignment, false);

	(void)kind;
	if (ptr == NULL)
		return ENOMEM;
	*memptr = ptr;
	return 0;
}

static void
default_free(struct memkind *kind, void *ptr)
{
	(void)kind;
	if (je_usable(ptr) != 0)
		je_default_free(ptr);
}

static void *
default_realloc(struct memkind *kind, void *ptr, size_t size)
{
	if (ptr == NULL)
		return default_malloc(kind, size);
	if (size == 0) {
		default_free(kind, ptr);
		return NULL;
	}
	if (je_usable(ptr) == 0) {
		errno = EINVAL;
		return NULL;
	}
	return or_enomem(je_default_resize(ptr, size));
}

static size_t
default_usable_size(struct memkind *kind, void *ptr)
{
	(void)kind;
	return je_usable(ptr);
}

static void *
default_defrag_reallocate(struct memkind *kind, void *ptr)
{
	size_t usable = je_usable(ptr);

	(void)kind;
	return usable != 0 && je_is_sparse(ptr) ? je_default_move(ptr, usable)
						: NULL;
}

static int
default_get_stat(struct memkind *kind, memkind_stat_type stat, size_t *value)
{
	struct je_stats stats;

	(void)kind;
	if (je_default_stats(&stats) < 0)
		return MEMKIND_ERROR_OPERATION_FAILED;
	struct heap_stats figures = {
	    .allocated = stats.allocated,
	    .active = stats.active,
	    .resident = stats.resident,
	};
	return kind_pick_stat(&figures, stat, value);
}

static struct memkind_ops Default_ops = {
    .create = static_create,
    .destroy = static_destroy,
    .malloc = default_malloc,
    .calloc = default_calloc,
    .posix_memalign = default_posix_memalign,
    .realloc = default_realloc,
    .free = default_free,
    .check_available = always_available,
    .malloc_usable_size = default_usable_size,
    .get_stat = default_get_stat,
    .defrag_reallocate = default_defrag_reallocate,
};

/* Name, and what check_available says. */
#define DRAM_KINDS(X)                                                       \
	X(REGULAR, "memkind_regular", MEMKIND_SUCCESS)                      \
	X(HUGETLB, "memkind_hugetlb", MEMKIND_ERROR_HUGETLB)                \
	X(INTERLEAVE, "memkind_interleave", MEMKIND_ERROR_UNAVAILABLE)      \
	X(HBW, "memkind_hbw", MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)          \
	X(HBW_ALL, "memkind_hbw_all", MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)  \
	X(HBW_HUGETLB, "memkind_hbw_hugetlb",                               \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(HBW_ALL_HUGETLB, "memkind_hbw_all_hugetlb",                       \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(HBW_PREFERRED, "memkind_hbw_preferred",                           \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(HBW_PREFERRED_HUGETLB, "memkind_hbw_preferred_hugetlb",           \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(HBW_INTERLEAVE, "memkind_hbw_interleave",                         \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(DAX_KMEM, "memkind_dax_kmem", MEMKIND_ERROR_UNAVAILABLE)          \
	X(DAX_KMEM_ALL, "memkind_dax_kmem_all", MEMKIND_ERROR_UNAVAILABLE)  \
	X(DAX_KMEM_PREFERRED, "memkind_dax_kmem_preferred",                 \
	    MEMKIND_ERROR_UNAVAILABLE)                                      \
	X(DAX_KMEM_INTERLEAVE, "memkind_dax_kmem_interleave",               \
	    MEMKIND_ERROR_UNAVAILABLE)                                      \
	X(HIGHEST_CAPACITY, "memkind_highest_capacity",                     \
	    MEMKIND_ERROR_UNAVAILABLE)                                      \
	X(HIGHEST_CAPACITY_PREFERRED, "memkind_highest_capacity_preferred", \
	    MEMKIND_ERROR_UNAVAILABLE)                                      \
	X(HIGHEST_CAPACITY_LOCAL, "memkind_highest_capacity_local",         \
	    MEMKIND_ERROR_UNAVAILABLE)                                      \
	X(HIGHEST_CAPACITY_LOCAL_PREFERRED,                                 \
	    "memkind_highest_capacity_local_preferred",                     \
	    MEMKIND_ERROR_UNAVAILABLE)                                      \
	X(LOWEST_LATENCY_LOCAL, "memkind_lowest_latency_local",             \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(LOWEST_LATENCY_LOCAL_PREFERRED,                                   \
	    "memkind_lowest_latency_local_preferred",                       \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(HIGHEST_BANDWIDTH_LOCAL, "memkind_highest_bandwidth_local",       \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)                            \
	X(HIGHEST_BANDWIDTH_LOCAL_PREFERRED,                                \
	    "memkind_highest_bandwidth_local_preferred",                    \
	    MEMKIND_ERROR_MEMTYPE_NOT_AVAILABLE)

#define ID(name, text, err) DRAM_##name,
enum {
	DRAM_KINDS(ID) NR_DRAM_KINDS
};
#define ERR(name, text, err) err,
static const int Errs[] = {DRAM_KINDS(ERR)};

static struct heap Heaps[NR_DRAM_KINDS];

/* Makes records only: no arena, no memory. */
__attribute__((constructor)) static void
make_heaps(void)
{
	for (size_t i = 0; i < NR_DRAM_KINDS; i++)
		heap_init_dram(&Heaps[i]);
}

static int dram_check_available(struct memkind *kind);

/* Memory that this machine does not have. */
static bool
is_there(struct memkind *kind)
{
	if (DK_LIKELY(dram_check_available(kind) == MEMKIND_SUCCESS))
		return true;
	errno = ENOMEM;
	return false;
}

static void *
dram_malloc(struct memkind *kind, size_t size)
{
	return is_there(kind) ? kind_heap_malloc(kind, size) : NULL;
}

static void *
dram_calloc(struct memkind *kind, size_t num, size_t size)
{
	return is_there(kind) ? kind_heap_calloc(kind, num, size) : NULL;
}

static int
dram_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	return is_there(kind)
		   ? kind_heap_posix_memalign(kind, memptr, alignment, size)
		   : ENOMEM;
}

static void *
dram_realloc(struct memkind *kind, void *ptr, size_t size)
{
	return is_there(kind) ? kind_heap_realloc(kind, ptr, size) : NULL;
}

static struct memkind_ops Dram_ops = {
    .create = static_create,
    .destroy = static_destroy,
    .malloc = dram_malloc,
    .calloc = dram_calloc,
    .posix_memalign = dram_posix_memalign,
    .realloc = dram_realloc,
    .free = kind_heap_free,
    .check_available = dram_check_available,
    .malloc_usable_size = kind_heap_malloc_usable_size,
    .get_stat = kind_heap_get_stat,
    .defrag_reallocate = kind_heap_defrag_reallocate,
};

#define RECORD(id, text, err) \
	[DRAM_##id] = {       \
	    .ops = &Dram_ops, .name = (text), .heap = &Heaps[DRAM_##id]},
static struct memkind Dram_kinds[] = {DRAM_KINDS(RECORD)};

static int
dram_check_available(struct memkind *kind)
{
	return Errs[kind - Dram_kinds];
}

/* --- all of them ----------------------------------------------------------------- */

static struct memkind Default_kind = {
    .ops = &Default_ops, .name = "memkind_default"};

DK_EXPORT memkind_t MEMKIND_DEFAULT = &Default_kind;

#define SYMBOL(id, text, err) \
	DK_EXPORT memkind_t MEMKIND_##id = &Dram_kinds[DRAM_##id];
DRAM_KINDS(SYMBOL)

bool
kind_is_static(const struct memkind *kind)
{
	uintptr_t addr = (uintptr_t)kind;

	return kind == &Default_kind ||
	       (addr >= (uintptr_t)Dram_kinds &&
		   addr < (uintptr_t)(Dram_kinds + NR_DRAM_KINDS));
}

int
kind_static_capacity(struct memkind *kind, size_t *bytes)
{
	if (kind->ops->check_available(kind) != MEMKIND_SUCCESS)
		return -ENODEV;
	*bytes = os_memory_size();
	return 0;
}

void
kind_static_walk(void (*visit)(struct memkind *kind))
{
	for (size_t i = 0; i < NR_DRAM_KINDS; i++)
		visit(&Dram_kinds[i]);
}

struct memkind *
kind_static_of_arena(unsigned arena)
{
	for (size_t i = 0; i < NR_DRAM_KINDS; i++) {
		if (heap_has_arena(&Heaps[i], arena))
			return &Dram_kinds[i];
	}
	return &Default_kind;
}

void
kind_static_decay(void)
{
	je_default_decay();
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
			found = &Default_kind;
		}
		*kind = found;
		return 0;
	}
	return error_set(-EINVAL,
	    "no kind has memory types %#x, policy %d and flags %#x", memtype,
	    (int)policy, bits);
}
