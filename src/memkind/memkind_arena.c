// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_arena.c -- kinds with a program's own operations, without a region
 * (layer 8).
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/reason.h"
#include "base/util.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_no_block.h"
#include "kind/kind_registry.h"
#include "kind/ops_heap.h"
#include "memkind_arena.h"
#include "memkind_default.h"

DK_EXPORT int
memkind_create(struct memkind_ops *ops, const char *name, struct memkind **kind)
{
	error_clear();
	if (kind == NULL)
		return error_code_from_errno(
		    error_set(-EINVAL, "the kind argument is NULL; pass the "
				       "address of a memkind_t"));
	*kind = NULL;
	if (ops == NULL || ops->create == NULL || ops->destroy == NULL ||
	    ops->malloc == NULL || ops->calloc == NULL ||
	    ops->posix_memalign == NULL || ops->realloc == NULL ||
	    ops->free == NULL || ops->malloc_usable_size == NULL ||
	    ops->init_once != NULL)
		return error_code_from_errno(error_set(REASON_BAD_OPS,
		    "the operations table lacks a required operation, or has "
		    "init_once, which is for static kinds only"));
	struct kind_spec spec = {
	    .capacity = (size_t)-1, .ops = ops, .name = name};
	return error_code_from_errno(kind_new(&spec, kind));
}

/* --- create and destroy ---------------------------------------------------------- */

DK_EXPORT int
memkind_arena_create_map(struct memkind *kind, extent_hooks_t *hooks)
{
	if (kind == NULL || kind->region != NULL || kind->blocks != NULL)
		return error_code_from_errno(error_set(-EINVAL,
		    "memkind_arena_create_map() is for a kind that is being "
		    "made without a region"));
	return error_code_from_errno(ops_heap_new(
	    kind, hooks, kind->ops->get_arena == memkind_bijective_get_arena));
}

DK_EXPORT int
memkind_arena_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	int err = memkind_default_create(kind, ops, name);

	return err != MEMKIND_SUCCESS ? err
				      : memkind_arena_create_map(kind, NULL);
}

DK_EXPORT int
memkind_arena_destroy(struct memkind *kind)
{
	if (kind == NULL || !ops_heap_is_of(kind))
		return error_code_from_errno(error_set(-EINVAL,
		    "memkind_arena_destroy() is for a kind with arenas from "
		    "memkind_arena_create()"));
	kind_heap_end(kind);
	return MEMKIND_SUCCESS;
}

DK_EXPORT int
memkind_arena_finalize(struct memkind *kind)
{
	return memkind_arena_destroy(kind);
}

DK_EXPORT void
memkind_arena_init(struct memkind *kind)
{
	(void)memkind_arena_create_map(kind, NULL);
}

/* --- of all kinds ------------------------------------------------------------------ */

DK_EXPORT int
memkind_arena_set_bg_threads(bool state)
{
	return memkind_set_bg_threads(state);
}

DK_EXPORT int
memkind_arena_set_max_bg_threads(size_t threads_limit)
{
	/* 0 means no limit, and any other limit permits the one thread that
	 * there is. */
	return threads_limit <= UINT_MAX
		   ? MEMKIND_SUCCESS
		   : error_code_from_errno(error_set(-EINVAL,
			 "%zu is not a valid number of threads",
			 threads_limit));
}

DK_EXPORT int
memkind_arena_stats_print(void (*write_cb)(void *, const char *),
    void *cbopaque, memkind_stat_print_opt opts)
{
	return memkind_stats_print(write_cb, cbopaque, opts);
}

/* --- arenas ------------------------------------------------------------------------ */

/* Returns -EINVAL, and sets the text: why there is no heap to use. */
static int
refuse_kind(const struct memkind *kind)
{
	if (kind == NULL)
		return error_set(-EINVAL, "kind is NULL");
	if (kind_registry_is_dead(kind))
		return error_set(-EINVAL, "kind %p was already destroyed",
		    (const void *)kind);
	return error_set(-EINVAL, "kind %s has no heap", kind->name);
}

DK_EXPORT int
memkind_thread_get_arena(struct memkind *kind, unsigned int *arena, size_t size)
{
	(void)size;
	if (arena == NULL)
		return error_code_from_errno(error_set(-EINVAL,
		    "the arena argument is NULL; pass the address of an "
		    "unsigned int"));
	if (kind == NULL || kind->blocks == NULL)
		return error_code_from_errno(refuse_kind(kind));
	int rc = kind->blocks->get_arena != NULL
		     ? kind->blocks->get_arena(kind, arena)
		     : -EINVAL;
	if (rc == -EINVAL)
		rc = error_set(
		    rc, "kind %s has no arenas of its own", kind->name);
	return error_code_from_errno(rc);
}

/* A kind with this operation has one arena. */
DK_EXPORT int
memkind_bijective_get_arena(
    struct memkind *kind, unsigned int *arena, size_t size)
{
	return memkind_thread_get_arena(kind, arena, size);
}

/* --- blocks ------------------------------------------------------------------------ */

static bool
is_alive(const struct memkind *kind)
{
	return kind != NULL && !kind_registry_is_dead(kind);
}

static void *
no_kind(const struct memkind *kind)
{
	errno = -refuse_kind(kind);
	return NULL;
}

static void *
no_such_block(const void *ptr)
{
	errno = -error_set(-EINVAL, "%p is not a block of a kind", ptr);
	return NULL;
}

/*
 * If a kind has a heap of any sort, these functions allocate from it.  If it
 * has none, they call its operations, unless these are the same functions: then
 * there are no blocks.
 */
DK_EXPORT void *
memkind_arena_malloc(struct memkind *kind, size_t size)
{
	if (!is_alive(kind))
		return no_kind(kind);
	if (size == 0)
		return NULL;
	if (kind->blocks != NULL)
		return kind_block_or_note(
		    kind, size, kind_heap_malloc(kind, size));
	return kind->ops->malloc != memkind_arena_malloc
		   ? kind->ops->malloc(kind, size)
		   : no_kind(kind);
}

DK_EXPORT void *
memkind_arena_calloc(struct memkind *kind, size_t num, size_t size)
{
	if (!is_alive(kind))
		return no_kind(kind);
	if (num == 0 || size == 0)
		return NULL;
	if (kind->blocks != NULL) {
		void *ptr = kind_heap_calloc(kind, num, size);
		size_t total = SIZE_MAX;

		if (ptr == NULL)
			(void)mul_checked(num, size, &total);
		return kind_block_or_note(kind, total, ptr);
	}
	return kind->ops->calloc != memkind_arena_calloc
		   ? kind->ops->calloc(kind, num, size)
		   : no_kind(kind);
}

DK_EXPORT int
memkind_arena_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	int err = kind_check_memptr(memptr);
	if (err == 0)
		err = kind_check_alignment(alignment);
	if (err == 0 && !is_alive(kind))
		err = -refuse_kind(kind);
	if (err != 0 || size == 0)
		return err;
	if (kind->blocks == NULL)
		return kind->ops->posix_memalign != memkind_arena_posix_memalign
			   ? kind->ops->posix_memalign(
				 kind, memptr, alignment, size)
			   : -refuse_kind(kind);
	int saved_errno = errno;
	err = kind_heap_posix_memalign(kind, memptr, alignment, size);
	errno = saved_errno;
	if (err != 0)
		kind_note_no_block(kind, size, err);
	return err;
}

DK_EXPORT void *
memkind_arena_realloc(struct memkind *kind, void *ptr, size_t size)
{
	if (!is_alive(kind))
		return no_kind(kind);
	if (ptr == NULL)
		return memkind_arena_malloc(kind, size);
	if (size == 0) {
		memkind_arena_free(kind, ptr);
		return NULL;
	}
	if (kind->blocks == NULL)
		return kind->ops->realloc != memkind_arena_realloc
			   ? kind->ops->realloc(kind, ptr, size)
			   : no_kind(kind);
	if (kind_of(ptr) != kind) /* the block moves to this kind */
		return memkind_realloc(kind, ptr, size);
	if (kind->blocks->usable(kind, ptr) == 0)
		return no_such_block(ptr);
	return kind_block_or_note(
	    kind, size, kind_heap_realloc(kind, ptr, size));
}

DK_EXPORT void
memkind_arena_free(struct memkind *kind, void *ptr)
{
	if (kind == NULL || ptr == NULL)
		return;
	struct memkind *of = kind_of(ptr);
	if (kind->blocks != NULL && of != NULL)
		kind_heap_free(of, ptr);
	else if (kind->ops->free != memkind_arena_free)
		kind->ops->free(kind, ptr);
}

DK_EXPORT struct memkind *
memkind_arena_detect_kind(void *ptr)
{
	return ptr != NULL ? kind_of(ptr) : NULL;
}

DK_EXPORT void *
memkind_arena_realloc_with_kind_detect(void *ptr, size_t size)
{
	struct memkind *kind = memkind_arena_detect_kind(ptr);

	return kind != NULL ? memkind_arena_realloc(kind, ptr, size)
			    : no_such_block(ptr);
}

DK_EXPORT void
memkind_arena_free_with_kind_detect(void *ptr)
{
	memkind_arena_free(memkind_arena_detect_kind(ptr), ptr);
}

DK_EXPORT int
memkind_arena_update_memory_usage_policy(
    struct memkind *kind, memkind_mem_usage_policy policy)
{
	if (kind == NULL)
		return error_code_from_errno(refuse_kind(kind));
	if ((unsigned)policy >= MEMKIND_MEM_USAGE_POLICY_MAX_VALUE)
		return error_code_from_errno(error_set(
		    -EINVAL, "%d is not a memory usage policy", (int)policy));
	if (kind->region != NULL)
		return kind_heap_update_memory_usage_policy(kind, policy);
	/* Unused pages go back to the system under either policy; under this
	 * one, at once. */
	if (policy == MEMKIND_MEM_USAGE_POLICY_CONSERVATIVE &&
	    kind->blocks != NULL)
		kind->blocks->purge(kind);
	return MEMKIND_SUCCESS;
}
