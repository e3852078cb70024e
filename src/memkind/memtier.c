// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier.c -- memkind_memtier.h (layer 8).
 *
 * A builder and a memory are both a struct tiers.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "base/util.h"
#include "kind/kind.h"
#include "kind/kind_tally.h"
#include "memkind/memtier_decorators.h"
#include "memkind_memtier.h"
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

/* Returns 0, or -1 with errno. */
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
	memkind_t of = kind_for(kind, ptr);
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
	memkind_t from = kind_for(kind, ptr);
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

/* The search for a tier with room for a block. */
struct turn {
	struct tiers *tiers;
	memkind_t picked;
	unsigned nr_others; /* tiers tried after picked */
	int saved_errno;    /* restored if another tier has room */
};

/* A child's copy of a tier has no new blocks: use MEMKIND_DEFAULT. */
static memkind_t
usable_tier(memkind_t kind)
{
	return tier_fork_is_copy(kind) ? MEMKIND_DEFAULT : kind;
}

/* The first tier to try, by the policy; NULL with errno: memory is NULL. */
static memkind_t
first_tier(struct turn *turn, struct memtier_memory *memory, size_t size)
{
	if (DK_UNLIKELY(memory == NULL)) {
		errno = -error_set(-EINVAL, "no memtier_memory was given");
		return NULL;
	}
	turn->tiers = of_memory(memory);
	turn->picked = tiers_pick(turn->tiers, size);
	turn->nr_others = 0;
	turn->saved_errno = errno;
	return usable_tier(turn->picked);
}

/* The next tier to try after a full one; NULL: all are full. */
static memkind_t
next_tier(struct turn *turn)
{
	memkind_t kind =
	    tiers_other(turn->tiers, turn->picked, turn->nr_others++);

	return kind != NULL ? usable_tier(kind) : NULL;
}

static void
end_turn(struct turn *turn, bool has_block)
{
	if (DK_UNLIKELY(turn->nr_others > 0) && has_block)
		errno = turn->saved_errno; /* a full tier is no failure */
	tiers_after_alloc(turn->tiers);
}

DK_EXPORT void *
memtier_malloc(struct memtier_memory *memory, size_t size)
{
	struct turn turn;
	memkind_t kind = first_tier(&turn, memory, size);
	void *ptr = NULL;

	if (DK_UNLIKELY(kind == NULL))
		return NULL;
	do {
		ptr = memtier_kind_malloc(kind, size);
	} while (DK_UNLIKELY(ptr == NULL) && size != 0 &&
		 (kind = next_tier(&turn)) != NULL);
	end_turn(&turn, ptr != NULL);
	return ptr;
}

DK_EXPORT void *
memtier_calloc(struct memtier_memory *memory, size_t num, size_t size)
{
	struct turn turn;
	size_t total;
	void *ptr = NULL;

	if (!mul_checked(num, size, &total))
		total = SIZE_MAX; /* does not fit in any tier */
	memkind_t kind = first_tier(&turn, memory, total);
	if (DK_UNLIKELY(kind == NULL))
		return NULL;
	do {
		ptr = memtier_kind_calloc(kind, num, size);
	} while (DK_UNLIKELY(ptr == NULL) && total != 0 &&
		 (kind = next_tier(&turn)) != NULL);
	end_turn(&turn, ptr != NULL);
	return ptr;
}

static void *
move_to_kind(memkind_t to, memkind_t from, void *ptr, size_t size)
{
	void *moved = memtier_kind_malloc(to, size);

	if (moved != NULL) {
		memcpy(moved, ptr, min_size(size, usable(from, ptr)));
		memtier_kind_free(from, ptr);
	}
	return moved;
}

DK_EXPORT void *
memtier_realloc(struct memtier_memory *memory, void *ptr, size_t size)
{
	struct turn turn;

	if (ptr == NULL)
		return memtier_malloc(memory, size);
	if (first_tier(&turn, memory, size) == NULL)
		return NULL;
	memkind_t from = kind_of(ptr);
	if (from == NULL || size == 0) {
		ptr = memtier_kind_realloc(from, ptr, size);
		end_turn(&turn, false);
		return ptr;
	}
	/* The block stays in its tier; the policy matters only if there is no
	 * room.  A block of a copy can be read, but not resized. */
	turn.picked = from;
	memkind_t kind = usable_tier(from);
	void *moved = kind == from ? memtier_kind_realloc(from, ptr, size)
				   : move_to_kind(kind, from, ptr, size);
	while (DK_UNLIKELY(moved == NULL) && (kind = next_tier(&turn)) != NULL)
		moved = move_to_kind(kind, from, ptr, size);
	end_turn(&turn, moved != NULL);
	return moved;
}

DK_EXPORT int
memtier_posix_memalign(
    struct memtier_memory *memory, void **memptr, size_t alignment, size_t size)
{
	struct turn turn;
	int saved_errno = errno;
	memkind_t kind = first_tier(&turn, memory, size);
	int err = EINVAL;

	if (DK_UNLIKELY(kind == NULL)) {
		errno = saved_errno; /* POSIX: errno is unchanged */
		return EINVAL;
	}
	do {
		err =
		    memtier_kind_posix_memalign(kind, memptr, alignment, size);
	} while (
	    DK_UNLIKELY(err == ENOMEM) && (kind = next_tier(&turn)) != NULL);
	end_turn(&turn, err == 0);
	return err;
}
