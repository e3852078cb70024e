/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memkind_arena.h -- kinds with operations of a program's own, without a
 * region.
 *
 * The operations of such a kind map and bind its memory: mmap, or
 * get_mmap_flags, mbind with get_mbind_nodemask and get_mbind_mode, and
 * madvise.  Those that are NULL are skipped.  memkind_arena(3) has an example.
 */
#ifndef MEMKIND_ARENA_H
#define MEMKIND_ARENA_H

#include <memkind_ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* jemalloc's table of functions that get and give back memory. */
typedef struct extent_hooks_s extent_hooks_t;

/* The operations create and destroy.  MEMKIND_ERROR_INVALID: the kind already
 * exists, or has a region; MEMKIND_ERROR_MALLOC; MEMKIND_ERROR_ENVIRON. */
int memkind_arena_create(
    struct memkind *kind, struct memkind_ops *ops, const char *name);
int memkind_arena_destroy(struct memkind *kind);
/* The operation finalize: as destroy, when the process ends. */
int memkind_arena_finalize(struct memkind *kind);
/* What create does after memkind_default_create().  hooks is a table of
 * jemalloc extent hooks, which is copied and replaces the operations; NULL: use
 * the operations. */
int memkind_arena_create_map(struct memkind *kind, extent_hooks_t *hooks);
/* The same by the operations.  If it fails, the kind allocates nothing. */
void memkind_arena_init(struct memkind *kind);

/* Operations of these names.  A size of 0 gives NULL. */
void *memkind_arena_malloc(struct memkind *kind, size_t size);
void *memkind_arena_calloc(struct memkind *kind, size_t num, size_t size);
int memkind_arena_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size);
void *memkind_arena_realloc(struct memkind *kind, void *ptr, size_t size);
void memkind_arena_free(struct memkind *kind, void *ptr);
/* Set when file space goes back.  Kinds without a region accept both
 * policies. */
int memkind_arena_update_memory_usage_policy(
    struct memkind *kind, memkind_mem_usage_policy policy);

/* The same for a block of any kind; ptr must not be NULL for realloc. */
struct memkind *memkind_arena_detect_kind(void *ptr);
void *memkind_arena_realloc_with_kind_detect(void *ptr, size_t size);
void memkind_arena_free_with_kind_detect(void *ptr);

/* memkind_set_bg_threads() and memkind_stats_print(). */
int memkind_arena_set_bg_threads(bool state);
int memkind_arena_stats_print(void (*write_cb)(void *, const char *),
    void *cbopaque, memkind_stat_print_opt opts);
/* Limit the threads of memkind_set_bg_threads(); 0: no limit.  It starts
 * one. */
int memkind_arena_set_max_bg_threads(size_t threads_limit);

/* The operation get_arena: threads are spread over several arenas, or share
 * one.  MEMKIND_ERROR_INVALID: the kind has no arenas of its own. */
int memkind_thread_get_arena(
    struct memkind *kind, unsigned int *arena, size_t size);
int memkind_bijective_get_arena(
    struct memkind *kind, unsigned int *arena, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* MEMKIND_ARENA_H */
