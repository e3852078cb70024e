// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_static.c -- see kind_static.h.
 *
 * MEMKIND_DEFAULT is jemalloc's own arenas and thread caches.  MEMKIND_REGULAR
 * is a heap over DRAM that is bound to the nodes with processors, made when it
 * is first used.  Neither calls the process's malloc to allocate: a preloaded
 * malloc may be built on MEMKIND_DEFAULT.
 */
#include "kind_static.h"

#include <errno.h>
#include <stddef.h>

#include "heap.h"
#include "je.h"
#include "kind.h"
#include "kind_heap_ops.h"
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

static struct memkind Default_kind = {
    .ops = &Default_ops, .name = "memkind_default"};

/* --- MEMKIND_REGULAR ----------------------------------------------------------- */

static struct heap Regular_heap;

/* Makes records only: no arena, no memory. */
__attribute__((constructor)) static void
make_regular(void)
{
	heap_init_dram(&Regular_heap);
}

static struct memkind_ops Regular_ops = {
    .create = static_create,
    .destroy = static_destroy,
    .malloc = kind_heap_malloc,
    .calloc = kind_heap_calloc,
    .posix_memalign = kind_heap_posix_memalign,
    .realloc = kind_heap_realloc,
    .free = kind_heap_free,
    .check_available = always_available,
    .malloc_usable_size = kind_heap_malloc_usable_size,
    .get_stat = kind_heap_get_stat,
    .defrag_reallocate = kind_heap_defrag_reallocate,
};

static struct memkind Regular_kind = {
    .ops = &Regular_ops, .name = "memkind_regular", .heap = &Regular_heap};

/* --- both ------------------------------------------------------------------------ */

DK_EXPORT memkind_t MEMKIND_DEFAULT = &Default_kind;
DK_EXPORT memkind_t MEMKIND_REGULAR = &Regular_kind;

bool
kind_is_static(const struct memkind *kind)
{
	return kind == &Default_kind || kind == &Regular_kind;
}

struct memkind *
kind_static_of_arena(unsigned arena)
{
	return heap_has_arena(&Regular_heap, arena) ? &Regular_kind
						    : &Default_kind;
}

bool
kind_static_are_both_used(void)
{
	unsigned pos = 0, arena;

	return arena_set_next(&Regular_heap.arenas, &pos, &arena);
}

void
kind_static_decay(void)
{
	unsigned pos = 0, arena;

	je_default_decay();
	while (arena_set_next(&Regular_heap.arenas, &pos, &arena))
		je_arena_decay(arena);
}
