// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_malloc.c -- the malloc family (layer 8).
 *
 * Sizes of 0, NULL and pointers of another kind are handled here, so that the
 * operations of a kind never see them.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/log.h"
#include "base/util.h"
#include "kind/kind.h"
#include "kind/kind_no_block.h"
#include "memkind.h"
#include "memkind/decorators.h"

/* Whether a size of 0 gives a block. */
static bool
allows_zero(const struct memkind *kind)
{
	return atomic_load_explicit(&kind->allows_zero, memory_order_relaxed);
}

/* Return NULL, with the reason as the thread's last error. */
static DK_NOINLINE void *
no_block(struct memkind *kind, size_t size)
{
	kind_note_no_block(kind, size, errno);
	return NULL;
}

static DK_NOINLINE void *
no_kind(void)
{
	errno = EINVAL;
	return no_block(NULL, 0);
}

/* The cache cannot serve: a large size, an empty bin, or an invalid call. */
static DK_NOINLINE void *
malloc_slow(struct memkind *kind, size_t size)
{
	if (decorators_apply())
		return decorated_malloc(memkind_malloc, kind, size);
	if (DK_UNLIKELY(kind == NULL))
		return no_kind();
	if (DK_UNLIKELY(size == 0)) {
		if (!allows_zero(kind))
			return NULL;
		size = 1;
	}
	void *ptr = kind->ops->malloc(kind, size);
	return DK_LIKELY(ptr != NULL) ? ptr : no_block(kind, size);
}

DK_EXPORT void *
memkind_malloc(memkind_t kind, size_t size)
{
	/* For size 0, size - 1 is a huge number. */
	if (DK_LIKELY(kind != NULL && size - 1 < SIZE_CLASS_LARGEST)) {
		void *ptr = thread_cache_alloc(
		    kind, kind->cache_slot, size_class_word(size));

		if (DK_LIKELY(ptr != NULL))
			return ptr;
	}
	return malloc_slow(kind, size);
}

DK_EXPORT void *
memkind_calloc(memkind_t kind, size_t num, size_t size)
{
	if (decorators_apply())
		return decorated_calloc(memkind_calloc, kind, num, size);
	if (DK_UNLIKELY(kind == NULL))
		return no_kind();
	if (DK_UNLIKELY(num == 0 || size == 0)) {
		if (!allows_zero(kind))
			return NULL;
		num = 1;
		size = 1;
	}
	void *ptr = kind->ops->calloc(kind, num, size);
	if (DK_LIKELY(ptr != NULL))
		return ptr;
	return no_block(kind, mul_checked(num, size, &size) ? size : SIZE_MAX);
}

DK_EXPORT int
memkind_posix_memalign(
    memkind_t kind, void **memptr, size_t alignment, size_t size)
{
	int saved_errno = errno;

	if (decorators_apply())
		return decorated_posix_memalign(
		    memkind_posix_memalign, kind, memptr, alignment, size);
	int err = kind_check_memptr(memptr);
	if (err == 0)
		err = kind_check_alignment(alignment);
	if (DK_UNLIKELY(err != 0))
		return err;
	if (kind == NULL) {
		kind_note_no_block(NULL, size, EINVAL);
		return EINVAL;
	}
	if (size == 0) {
		if (!allows_zero(kind))
			return 0;
		size = 1;
	}
	err = kind->ops->posix_memalign(kind, memptr, alignment, size);
	if (DK_UNLIKELY(err != 0))
		kind_note_no_block(kind, size, err);
	errno = saved_errno;
	return err;
}

/* Not small, no room in the cache, another kind's block, or not a block. */
static DK_NOINLINE void
free_slow(struct memkind *kind, void *ptr)
{
	if (decorators_apply()) {
		decorated_free(memkind_free, kind, ptr);
		return;
	}
	if (DK_UNLIKELY(ptr == NULL))
		return;
	int saved_errno = errno;
	struct memkind *of = kind_for(kind, ptr);
	if (DK_LIKELY(of != NULL)) {
		of->ops->free(of, ptr);
	} else {
		if (kind != NULL)
			atomic_fetch_add_explicit(
			    &kind->nr_bad_frees, 1, memory_order_relaxed);
		log_write(DK_LOG_WARNING,
		    "free of %p ignored: it belongs to no kind", ptr);
	}
	errno = saved_errno;
}

DK_EXPORT void
memkind_free(memkind_t kind, void *ptr)
{
	if (DK_UNLIKELY(kind == NULL))
		kind = kind_of(ptr);
	/* Accepts small blocks of this kind only, not NULL or other blocks. */
	if (DK_LIKELY(
		kind != NULL && thread_cache_free(kind, kind->cache_slot, ptr)))
		return;
	free_slow(kind, ptr);
}

static DK_NOINLINE void *
no_such_block(const void *ptr)
{
	errno = EINVAL;
	(void)error_set(-EINVAL, "%p is not a block of a kind", ptr);
	return NULL;
}

/* Move the block to another kind. */
static void *
move_to_kind(struct memkind *to, struct memkind *from, void *ptr, size_t size)
{
	size_t usable = from->ops->malloc_usable_size(from, ptr);

	if (usable == 0)
		return no_such_block(ptr);
	void *moved = to->ops->malloc(to, size);
	if (moved == NULL)
		return no_block(to, size);
	memcpy(moved, ptr, min_size(usable, size));
	from->ops->free(from, ptr);
	return moved;
}

DK_EXPORT void *
memkind_realloc(memkind_t kind, void *ptr, size_t size)
{
	if (decorators_apply())
		return decorated_realloc(memkind_realloc, kind, ptr, size);
	if (ptr == NULL)
		return memkind_malloc(kind, size);
	if (size == 0) {
		memkind_free(kind, ptr);
		return NULL;
	}
	struct memkind *of = kind_for(kind, ptr);
	if (of == NULL)
		return no_such_block(ptr);
	if (kind != NULL && of != kind)
		return move_to_kind(kind, of, ptr, size);
	void *moved = of->ops->realloc(of, ptr, size);
	if (DK_LIKELY(moved != NULL))
		return moved;
	return of->ops->malloc_usable_size(of, ptr) == 0 ? no_such_block(ptr)
							 : no_block(of, size);
}

DK_EXPORT size_t
memkind_malloc_usable_size(
    memkind_t kind, MEMKIND_MALLOC_USABLE_SIZE_CONST void *ptr)
{
	if (DK_LIKELY(kind != NULL)) {
		size_t size = thread_cache_usable(kind, kind->cache_slot, ptr);

		if (DK_LIKELY(size != 0))
			return size;
	}
	if (ptr == NULL)
		return 0;
	struct memkind *of = kind_for(kind, ptr);
	return of != NULL ? of->ops->malloc_usable_size(of, ptr) : 0;
}

DK_EXPORT void *
memkind_defrag_reallocate(memkind_t kind, void *ptr)
{
	if (ptr == NULL)
		return NULL;
	int saved_errno = errno;
	struct memkind *of = kind_for(kind, ptr);
	void *moved = of != NULL && of->ops->defrag_reallocate != NULL
			  ? of->ops->defrag_reallocate(of, ptr)
			  : NULL;

	errno = saved_errno;
	return moved;
}
