/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_memtier.h -- several kinds as the tiers of one memory.
 *
 * The names, values and types are those of memkind 1.14.  A memory spreads
 * blocks over its tiers by one of two policies; memkind_memtier(3) describes
 * them.
 *
 * Threads: a memory may be used by any thread at any time; a builder belongs
 * to one thread at a time.
 */
#ifndef MEMKIND_MEMTIER_H
#define MEMKIND_MEMTIER_H

#include <memkind.h>
#include <stddef.h>

/* What else memkind's header brings along, for programs that rely on it. */
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

struct memtier_builder;
struct memtier_memory;

typedef enum memtier_policy_t {
	/* the tier that is furthest below its share */
	MEMTIER_POLICY_STATIC_RATIO = 0,
	/* by size, with thresholds that move until the shares are right */
	MEMTIER_POLICY_DYNAMIC_THRESHOLD = 1,
	MEMTIER_POLICY_MAX_VALUE
} memtier_policy_t;

/* --- making a memory -------------------------------------------------------- */

/* NULL: not a policy, or out of memory. */
struct memtier_builder *memtier_builder_new(memtier_policy_t policy);
void memtier_builder_delete(struct memtier_builder *builder);

/*
 * Add a kind as the next tier.  Its share of the bytes is kind_ratio out of
 * the sum over all tiers.  0, or -1: kind is NULL or already a tier.
 */
int memtier_builder_add_tier(
    struct memtier_builder *builder, memkind_t kind, unsigned kind_ratio);

/*
 * Set a property of the policy DYNAMIC_THRESHOLD, "policy.dynamic_threshold."
 * followed by check_cnt (val points to an unsigned), trigger or degree (a
 * float), thresholds[N].val, .min or .max (a size_t).  0, or -1: unknown name.
 */
int memtier_ctl_set(
    struct memtier_builder *builder, const char *name, const void *val);

/* NULL: too few tiers, or thresholds that contradict each other. */
struct memtier_memory *memtier_builder_construct_memtier_memory(
    struct memtier_builder *builder);
/* Its blocks stay. */
void memtier_delete_memtier_memory(struct memtier_memory *memory);

/* --- allocating ------------------------------------------------------------- */

/*
 * Like memkind_malloc() and so on, from the tier that the policy chooses, or
 * from one kind; the blocks are counted.  If that tier is full, the others are
 * tried in their order, MEMKIND_DEFAULT last.  NULL: none has room.
 */
void *memtier_malloc(struct memtier_memory *memory, size_t size);
void *memtier_kind_malloc(memkind_t kind, size_t size);
void *memtier_calloc(struct memtier_memory *memory, size_t num, size_t size);
void *memtier_kind_calloc(memkind_t kind, size_t num, size_t size);
/* The block stays in its kind unless only another tier has room. */
void *memtier_realloc(struct memtier_memory *memory, void *ptr, size_t size);
void *memtier_kind_realloc(memkind_t kind, void *ptr, size_t size);
int memtier_posix_memalign(struct memtier_memory *memory, void **memptr,
    size_t alignment, size_t size);
int memtier_kind_posix_memalign(
    memkind_t kind, void **memptr, size_t alignment, size_t size);
size_t memtier_usable_size(void *ptr);
void memtier_free(void *ptr);
/* kind NULL: found from ptr. */
void memtier_kind_free(memkind_t kind, void *ptr);

/* Usable bytes of the live blocks that these functions got from kind. */
size_t memtier_kind_allocated_size(memkind_t kind);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_MEMTIER_H */
