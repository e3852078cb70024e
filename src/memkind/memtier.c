// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier.c -- memkind_memtier.h (layer 5).
 *
 * A builder and a memory are both a struct tiers.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/util.h"
#include "kind/kind.h"
#include "kind/kind_static.h"
#include "kind/kind_tally.h"
#include "memkind/memtier_decorators.h"
#include "memkind_memtier.h"
#include "region/region_index.h"
#include "tiers/tier_fork.h"
#include "tiers/tiers.h"

static struct tiers *
of_builder(struct memtier_builder *builder)
{
	return (struct tiers *)(void *)builder;
}

static struct tiers *
of_memory(struct memtier_memory *memory)
{
	return (struct tiers *)(void *)memory;
}

/* 0 or -1 with errno. */
static int
result(int rc)
{
	if (rc == 0)
		return 0;
	errno = -rc;
	return -1;
}

/* --- builders and memories ------------------------------------------------------- */

DK_EXPORT struct memtier_builder *
memtier_builder_new(memtier_policy_t policy)
{
	struct tiers *tiers = NULL;

	(void)result(tiers_new(policy, &tiers));
	return (struct memtier_builder *)(void *)tiers;
}

DK_EXPORT void
memtier_builder_delete(struct memtier_builder *builder)
{
	tiers_free(of_builder(builder));
}

DK_EXPORT int
memtier_builder_add_tier(
    struct memtier_builder *builder, memkind_t kind, unsigned kind_ratio)
{
	if (builder == NULL)
		return result(error_set(-EINVAL, "no builder was given"));
	return result(tiers_add(of_builder(builder), kind, kind_ratio));
}

DK_EXPORT int
memtier_ctl_set(
    struct memtier_builder *builder, const char *name, const void *val)
{
	if (builder == NULL)
		return result(error_set(-EINVAL, "no builder was given"));
	return result(tiers_set(of_builder(builder), name, val));
}

DK_EXPORT struct memtier_memory *
memtier_builder_construct_memtier_memory(struct memtier_builder *builder)
{
	struct tiers *built = NULL;

	if (builder == NULL)
		(void)result(error_set(-EINVAL, "no builder was given"));
	else
		(void)result(tiers_build(of_builder(builder), &built));
	if (built != NULL)
		tier_fork_watch();
	return (struct memtier_memory *)(void *)built;
}

DK_EXPORT void
memtier_delete_memtier_memory(struct memtier_memory *memory)
{
	tiers_free(of_memory(memory));
}

/* --- one kind -------------------------------------------------------------------- */

static size_t
usable(memkind_t kind, void *ptr)
{
	return memkind_malloc_usable_size(kind, ptr);
}

/* Count a new block. */
static void
note(memkind_t kind, void *ptr)
{
	if (ptr != NULL)
		kind_tally_add(kind, usable(kind, ptr));
}

/* The kind that ptr counts for; NULL: none.  A static kind that the caller
 * names is believed, since looking it up takes longer. */
static memkind_t
holder(memkind_t kind, void *ptr)
{
	if (kind != NULL &&
	    (kind->region != NULL ? region_contains(kind->region, ptr, 1)
				  : region_index_find(ptr) == NULL))
		return kind;
	return kind_of(ptr);
}

DK_EXPORT void *
memtier_kind_malloc(memkind_t kind, size_t size)
{
	void *ptr = memkind_malloc(kind, size);

	note(kind, ptr);
	if (memtier_kind_malloc_post != NULL)
		memtier_kind_malloc_post(kind, size, &ptr);
	return ptr;
}

DK_EXPORT void *
memtier_kind_calloc(memkind_t kind, size_t num, size_t size)
{
	void *ptr = memkind_calloc(kind, num, size);

	note(kind, ptr);
	if (memtier_kind_calloc_post != NULL)
		memtier_kind_calloc_post(kind, num, size, &ptr);
	return ptr;
}

DK_EXPORT int
memtier_kind_posix_memalign(
    memkind_t kind, void **memptr, size_t alignment, size_t size)
{
	int err = memkind_posix_memalign(kind, memptr, alignment, size);

	if (err == 0)
		note(kind, *memptr);
	if (memtier_kind_posix_memalign_post != NULL)
		memtier_kind_posix_memalign_post(
		    kind, memptr, alignment, size, &err);
	return err;
}

DK_EXPORT void
memtier_kind_free(memkind_t kind, void *ptr)
{
	if (memtier_kind_free_pre != NULL)
		memtier_kind_free_pre(&ptr);
	if (ptr == NULL)
		return;
	int saved_errno = errno;
	memkind_t of = holder(kind, ptr);
	if (of != NULL) {
		kind_tally_sub(of, usable(of, ptr));
		memkind_free(of, ptr);
	}
	errno = saved_errno;
}

DK_EXPORT void
memtier_free(void *ptr)
{
	memtier_kind_free(NULL, ptr);
}

DK_EXPORT void *
memtier_kind_realloc(memkind_t kind, void *ptr, size_t size)
{
	if (ptr == NULL)
		return memtier_kind_malloc(kind, size);
	if (size == 0) {
		memtier_kind_free(kind, ptr);
		return NULL;
	}
	memkind_t from = holder(kind, ptr);
	size_t was = from != NULL ? usable(from, ptr) : 0;
	void *moved = memkind_realloc(kind, ptr, size);
	if (moved != NULL) {
		if (from != NULL)
			kind_tally_sub(from, was);
		note(kind != NULL ? kind : from, moved);
	}
	if (memtier_kind_realloc_post != NULL)
		memtier_kind_realloc_post(kind, ptr, size, &moved);
	return moved;
}

DK_EXPORT size_t
memtier_usable_size(void *ptr)
{
	size_t size = usable(NULL, ptr);

	if (memtier_kind_usable_size_post != NULL)
		memtier_kind_usable_size_post(&ptr, size);
	return size;
}

DK_EXPORT size_t
memtier_kind_allocated_size(memkind_t kind)
{
	return kind != NULL ? kind_tally_exact(kind) : 0;
}

/* --- a memory -------------------------------------------------------------------- */

/* Which tier a block is to be of.  Of one that a child has a copy of there are no
 * further blocks. */
static memkind_t
pick(struct tiers *tiers, size_t size)
{
	memkind_t kind = tiers_pick(tiers, size);

	return tier_fork_is_copy(kind) ? &Kind_default : kind;
}

/* A block of the copy can be read, and not be resized. */
static void *
move_out(memkind_t from, void *ptr, size_t size)
{
	void *moved = memtier_kind_malloc(&Kind_default, size);

	if (moved != NULL) {
		memcpy(moved, ptr, min_size(size, usable(from, ptr)));
		memtier_kind_free(from, ptr);
	}
	return moved;
}

DK_EXPORT void *
memtier_malloc(struct memtier_memory *memory, size_t size)
{
	struct tiers *tiers = of_memory(memory);
	void *ptr = memtier_kind_malloc(pick(tiers, size), size);

	tiers_after_alloc(tiers);
	return ptr;
}

DK_EXPORT void *
memtier_calloc(struct memtier_memory *memory, size_t num, size_t size)
{
	struct tiers *tiers = of_memory(memory);
	size_t total;

	if (!mul_checked(num, size, &total))
		total = SIZE_MAX; /* fails in any tier */
	void *ptr = memtier_kind_calloc(pick(tiers, total), num, size);
	tiers_after_alloc(tiers);
	return ptr;
}

DK_EXPORT void *
memtier_realloc(struct memtier_memory *memory, void *ptr, size_t size)
{
	struct tiers *tiers = of_memory(memory);
	memkind_t kind = ptr != NULL ? kind_of(ptr) : pick(tiers, size);

	ptr =
	    ptr != NULL && size != 0 && kind != NULL && tier_fork_is_copy(kind)
		? move_out(kind, ptr, size)
		: memtier_kind_realloc(kind, ptr, size);
	tiers_after_alloc(tiers);
	return ptr;
}

DK_EXPORT int
memtier_posix_memalign(
    struct memtier_memory *memory, void **memptr, size_t alignment, size_t size)
{
	struct tiers *tiers = of_memory(memory);
	int err = memtier_kind_posix_memalign(
	    pick(tiers, size), memptr, alignment, size);

	tiers_after_alloc(tiers);
	return err;
}
