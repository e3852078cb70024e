/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * je.h -- the one door to jemalloc (layer 3).
 *
 * The jemalloc behind it is a private copy: its names are prefixed, it runs
 * with retain:false, and it is not the process's malloc.
 */
#ifndef JE_H
#define JE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

/*
 * The extents of one arena's heap come from these.  Called with locks of
 * jemalloc held: no allocation, no lock of a rank before RANK_DRAM.
 */
struct je_hooks {
	/*
	 * len bytes (whole pages) at a multiple of align, at new_addr exactly
	 * unless that is NULL.  NULL when there is no room.  When *zero is
	 * true on entry the memory must be zero; it may be set to true when it
	 * is known to be.
	 */
	void *(*alloc)(struct je_hooks *hooks, void *new_addr, size_t len,
	    size_t align, bool *zero);
	/* False: refused, the arena keeps it. */
	bool (*give)(struct je_hooks *hooks, void *addr, size_t len);
	/* Both or none: told what the arena gets, before a block is in it, and
	 * what it is about to give back.  False: refused, it goes back. */
	bool (*note)(struct je_hooks *hooks, void *addr, size_t len);
	void (*forget)(struct je_hooks *hooks, void *addr, size_t len);
	/* Pointers that were freed and were no blocks in use. */
	_Atomic(size_t) nr_bad_frees;
	/* For je.c. */
	_Atomic(bool) has_refused; /* an arena keeps memory for ever */
	void *jemalloc_table[9];   /* extent_hooks_t, filled in */
	void *foreign_table[9];    /* a program's own, or NULL */
};

/* Have jemalloc start, if it has not. */
void je_start(void);

/* Fill in the table that jemalloc calls, from alloc and give ... */
void je_hooks_init(struct je_hooks *hooks);
/* ... or from an extent_hooks_t of the program's. */
void je_hooks_init_foreign(struct je_hooks *hooks, const void *table);

/*
 * Make an arena whose extents come from hooks, which must outlive it, and
 * whose own records are in DRAM.  purges_at_once: pages without live objects are
 * given back at once.  REASON_NO_ARENA: jemalloc has no more arenas; -ENOMEM.
 */
int je_arena_new(struct je_hooks *hooks, bool purges_at_once, unsigned *arena)
    DK_MUST_CHECK;
/* Keep one for later.  REASON_NO_ARENA: jemalloc has no more. */
int je_arena_promise(void) DK_MUST_CHECK;
/* It is not wanted any more. */
void je_arena_forgo(void);
/* The same as je_arena_new(), of one that was promised, which there is; it is
 * promised still when that fails for want of memory. */
int je_arena_redeem(
    struct je_hooks *hooks, bool purges_at_once, unsigned *arena) DK_MUST_CHECK;
/* All that was allocated from it is gone; the others as it was made. */
void je_arena_free(struct je_hooks *hooks, bool purges_at_once, unsigned arena);
/* Give all pages without live objects back. */
void je_arena_purge(unsigned arena);
/* Let time pass: give back what decayed; of arenas that do not end meanwhile. */
void je_arena_decay(unsigned arena);

/* Whether jemalloc allocates for the calling thread no more: its destructors of
 * thread-specific data run.  It still frees. */
bool je_thread_is_ending(void);

/* NULL when there is no room, and in a thread that is ending.  align 0: as
 * malloc(3) aligns.  No size is 0. */
void *je_alloc(unsigned arena, size_t size, size_t align, bool zero);
/* Resize within the arena; NULL leaves the block as it was. */
void *je_resize(unsigned arena, void *ptr, size_t size);
/* In a slab, what is no block that is in use is told and left alone. */
void je_free(void *ptr);
/* Count such a free, and write an error line. */
void je_note_bad_free(struct je_hooks *hooks, const void *ptr);

/* Bytes that can be used of a block; 0 for any pointer that is not one. */
size_t je_usable(const void *ptr);
/* The arena of a block, which it must be. */
unsigned je_arena_of(const void *ptr);
/* Whether a block would better be moved: it is in a slab that is no fuller than
 * its bin's slabs are on average, about. */
bool je_is_sparse(const void *ptr);

/* The size classes that are served from slabs; 0 if jemalloc does not work. */
unsigned je_nr_bins(void);
size_t je_bin_size(unsigned bin);
size_t je_bin_slab_size(unsigned bin);

/* Bytes, as of the last je_stats_refresh(). */
struct je_stats {
	size_t allocated, active, resident;
};

int je_stats_refresh(void) DK_MUST_CHECK;
/* All of jemalloc. */
int je_stats(struct je_stats *stats) DK_MUST_CHECK;
int je_arena_stats(unsigned arena, struct je_stats *stats) DK_MUST_CHECK;
void je_stats_print(
    void (*write_cb)(void *, const char *), void *cb_arg, const char *opts);

#endif /* JE_H */
