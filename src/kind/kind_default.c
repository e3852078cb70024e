// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_default.c -- MEMKIND_DEFAULT: jemalloc's own arenas and thread caches
 * (layer 4).
 */
#include <errno.h>
#include <stddef.h>

#include "base/util.h"
#include "heap/je.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_static.h"

static int
always_available(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_SUCCESS;
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
    .create = kind_static_create,
    .destroy = kind_static_destroy,
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

struct memkind Kind_default = {.ops = &Default_ops, .name = "memkind_default"};

DK_EXPORT memkind_t MEMKIND_DEFAULT = &Kind_default;
