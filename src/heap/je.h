/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * je.h -- the interface to jemalloc (layer 4).
 *
 * It is a private copy: its names have a prefix, it runs with retain:false, and
 * it is not the process's malloc.
 */
#ifndef JE_H
#define JE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

/* The source of an arena's extents. jemalloc calls these with locks held: they
 * must not allocate, nor take a lock of a rank before RANK_DRAM. */
struct je_hooks {
	/*
	 * Return len bytes (whole pages) at a multiple of align, exactly at
	 * new_addr unless that is NULL.  NULL: no room.  If *zero is true on
	 * entry, the memory must be zero; set it to true if the memory is known
	 * to be zero.
	 */
	void *(*alloc)(struct je_hooks *hooks, void *new_addr, size_t len,
	    size_t align, bool *zero);
	/* False: refused, the arena keeps it. */
	bool (*give)(struct je_hooks *hooks, void *addr, size_t len);
	/* Both or none. note: the arena gets this memory, before it has a block
	 * there; false refuses, and it goes back. forget: the arena is about to
	 * give it back. */
	bool (*note)(struct je_hooks *hooks, void *addr, size_t len);
	void (*forget)(struct je_hooks *hooks, void *addr, size_t len);
	/* Frees of pointers that were not blocks in use. */
	_Atomic(size_t) nr_bad_frees;
	/* Private to je.c. */
	_Atomic(bool) has_refused; /* an arena keeps memory for ever */
	void *jemalloc_table[9];   /* extent_hooks_t, filled in */
	void *foreign_table[9];    /* the program's table, or all NULL */
};

/* Start jemalloc, unless it has started. */
void je_start(void);

/* Fill in jemalloc's table, so that it calls alloc and give ... */
void je_hooks_init(struct je_hooks *hooks);
/* ... or the functions of the program's extent_hooks_t. */
void je_hooks_init_foreign(struct je_hooks *hooks, const void *table);

/*
 * Make an arena with extents from hooks, which must outlive it; its own records
 * are in DRAM. purges_at_once: give back pages without live objects at once.
 * REASON_NO_ARENA: jemalloc has no more arenas; -ENOMEM.
 */
int je_arena_new(struct je_hooks *hooks, bool purges_at_once, unsigned *arena)
    DK_MUST_CHECK;
/* Reserve an arena for later.  REASON_NO_ARENA: jemalloc has no more. */
int je_arena_promise(void) DK_MUST_CHECK;
/* Cancel a reservation. */
void je_arena_forgo(void);
/* The same as je_arena_new(), using a reservation, which must exist.  It
 * remains if the call fails for want of memory. */
int je_arena_redeem(
    struct je_hooks *hooks, bool purges_at_once, unsigned *arena) DK_MUST_CHECK;
/* End an arena and all that was allocated from it; the other arguments are as
 * when it was made. */
void je_arena_free(struct je_hooks *hooks, bool purges_at_once, unsigned arena);
/* Give back all pages without live objects. */
void je_arena_purge(unsigned arena);
/* Give back the pages whose decay time has passed.  The arena must not end
 * meanwhile. */
void je_arena_decay(unsigned arena);

/* Whether jemalloc allocates for the calling thread no more: its destructors of
 * thread-specific data run.  It still frees. */
bool je_thread_is_ending(void);

/* NULL when there is no room, and in a thread that is ending.  align 0: as
 * malloc(3) aligns.  No size is 0. */
void *je_alloc(unsigned arena, size_t size, size_t align, bool zero);
/* Resize within the arena; NULL: the block is unchanged. */
void *je_resize(unsigned arena, void *ptr, size_t size);
/* In a slab, a pointer that is not a block in use is reported and ignored. */
void je_free(void *ptr);
/* Count such a free, and log an error. */
void je_note_bad_free(struct je_hooks *hooks, const void *ptr);

/* Usable bytes of a block; 0 for any pointer that is not one. */
size_t je_usable(const void *ptr);
/* The arena of a block; ptr must be one. */
unsigned je_arena_of(const void *ptr);
/* Whether moving the block reduces fragmentation: its slab is about as full as
 * the average slab of its bin, or less. */
bool je_is_sparse(const void *ptr);

/* Number of size classes that are served from slabs; 0 if jemalloc does not
 * work. */
unsigned je_nr_bins(void);
size_t je_bin_size(unsigned bin);
size_t je_bin_slab_size(unsigned bin);

/* Bytes, as of the last je_stats_refresh(). */
struct je_stats {
	size_t allocated, active, resident;
};

int je_stats_refresh(void) DK_MUST_CHECK;
/* The sums for all of jemalloc. */
int je_stats(struct je_stats *stats) DK_MUST_CHECK;
int je_arena_stats(unsigned arena, struct je_stats *stats) DK_MUST_CHECK;
void je_stats_print(
    void (*write_cb)(void *, const char *), void *cb_arg, const char *opts);

#endif /* JE_H */
