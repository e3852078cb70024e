/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * region.h -- a backing with its space map (layer 2).  Every range that it
 * hands out has file space.
 *
 * Each region has one lock (RANK_REGION), which guards the space map and is
 * never held across a system call.  A range whose file space is being changed
 * is marked taken in the map and listed in flights.  A caller that finds no
 * room waits for these before it fails.
 */
#ifndef REGION_H
#define REGION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/lock.h"
#include "region/backing.h"
#include "region/reclaimer.h"
#include "region/region_index.h"
#include "space/space.h"

struct memkind; /* of layer 5: an opaque pointer here */
struct restart; /* of layer 3, likewise */

/* When free file space goes back to the file system. */
enum region_policy {
	REGION_GIVE_LATER,   /* after a while, or if there is much */
	REGION_GIVE_SOON,    /* the same, but keep at most 4 MiB idle */
	REGION_GIVE_AT_ONCE, /* at each free, for at most a tenth of the time */
};

/* The state of a region around a fork(2). */
struct region_fork {
	/* This is a child that shares the memory with its parent: the region
	 * hands out and takes back nothing.  Set only at the fork. */
	bool is_off;
	/* Whether a child gets a copy; determined at the first fork. */
	enum {
		REGION_FORK_UNKNOWN,
		REGION_FORK_COPIES,
		REGION_FORK_SHARES
	} effect;
};

/* A range that is marked taken only while its file space changes.  The record
 * is on the stack of the thread that changes it. */
struct region_flight {
	size_t start, len;
	bool is_discard; /* gives file space back; otherwise gets it */
	struct region_flight *next;
};

struct daxkind_region {
	char *base; /* of backing, here for the hot paths */
	/* Constant while the region is open, NULL once it is closed.  Not the
	 * first member, since records.h uses that in a free record. */
	struct backing *backing;
	size_t size; /* of backing */
	/* The region has a kind, or one is being made or ended. */
	_Atomic(bool) is_claimed;
	struct region_fork fork;
	/* What a durable heap has in it; NULL: it is volatile. */
	struct restart *restart;

	/* Bytes of the longest free run, as of the last unlock; all of the
	 * region while ranges are in flight. */
	_Atomic(size_t) longest_free;
	/* Errno value of the last failure to get file space; 0 after a
	 * success. */
	_Atomic(int) no_space;
	/* When a thread next gives back idle private memory. */
	_Atomic(uint64_t) next_visit_us;

	struct lock lock; /* rank RANK_REGION; guards what follows */
	struct space space;
	pthread_cond_t settled; /* flights has become shorter */
	struct region_flight *flights;
	bool can_discard; /* the file system can punch holes, and should */
	bool is_trimming; /* one thread at a time gives space back */
	enum region_policy policy;
	uint64_t next_trim_us; /* REGION_GIVE_AT_ONCE: the earliest next time */
	size_t idle_low;       /* least idle bytes since the last visit */

	struct region_index_entry index;  /* of region_index.c */
	struct reclaimer_entry reclaimer; /* of reclaimer.c */
};

/* Open a region on b. area is the range that the caller named; -EEXIST: it
 * overlaps another region.  Takes ownership of b on success only. */
int region_open(struct backing *b, const void *area, size_t area_size,
    struct daxkind_region **region) DK_MUST_CHECK;
/* The region must have no kind, and no thread may use it. */
void region_close(struct daxkind_region *r);

/* Claim the region for a new kind; -EBUSY: it already has one. */
int region_claim(struct daxkind_region *r) DK_MUST_CHECK;
void region_unclaim(struct daxkind_region *r);
/* Set the kind that lookups find; NULL: none. */
void region_set_kind(struct daxkind_region *r, struct memkind *kind);

/* A range that a region has handed out. */
struct region_block {
	char *addr;
	size_t len;
	bool is_zero; /* every byte is known to be zero */
};

/*
 * Hand out len bytes (a multiple of DK_PAGE) at an address that is a multiple
 * of align, as close to the given end as possible, with file space behind them.
 * -ENOMEM: no room in the region or the file system.
 */
int region_take(struct daxkind_region *r, size_t len, size_t align,
    enum rangeset_end end, struct region_block *block) DK_MUST_CHECK;
/* The same for exactly [addr, addr + len), which may lie outside the region.
 * Waits for the parts that are in flight, if all others are free. */
int region_take_at(struct daxkind_region *r, void *addr, size_t len,
    struct region_block *block) DK_MUST_CHECK;
/* Take back any part of what was handed out.  -ENOMEM: no memory for the
 * records; the range stays handed out. */
int region_give(struct daxkind_region *r, void *addr, size_t len) DK_MUST_CHECK;

/* Mark [off, off + len), offsets from the base, as taken, without a look at its
 * file space: what is there was allocated in another life of the region.  Bad
 * parts of it are not handed out again. */
int region_adopt(struct daxkind_region *r, size_t off, size_t len)
    DK_MUST_CHECK;

/* The same for a caller that cannot keep it: without memory for the records it is
 * lost until the region is opened again, and the log says so. */
void region_give_or_lose(struct daxkind_region *r, void *addr, size_t len);

/* -ENOMEM, with the text that explains is_off. */
int region_refuse_in_child(void);

/* Take everything back at once, when the heap on it was destroyed. */
void region_give_all(struct daxkind_region *r);

/* The first bad range at or behind an offset from the base, handed out or not.
 * False: there is none. */
bool region_next_bad(
    struct daxkind_region *r, size_t from, size_t *off, size_t *len);
/* Do not hand out [addr, addr + len) again after it is given back. */
int region_mark_bad(struct daxkind_region *r, void *addr, size_t len)
    DK_MUST_CHECK;

void region_set_policy(struct daxkind_region *r, enum region_policy policy);
/* Give idle file space back until at most keep bytes are idle. */
void region_trim(struct daxkind_region *r, size_t keep);
/* Give back what stayed idle since the last call, as the reclaimer's visits do;
 * returns whether the next call should follow soon. */
bool region_trim_unneeded(struct daxkind_region *r);
/* Whether region_trim() could give anything back. */
bool region_has_idle(struct daxkind_region *r);

/* Counts ranges in flight as free. */
void region_get_figures(
    struct daxkind_region *r, struct space_figures *figures);
/* Whether the map is consistent; walks all of it under the lock. */
bool region_check(struct daxkind_region *r);
/* The run at off: its state and end, as offsets from the base. */
enum space_run region_run_at(
    struct daxkind_region *r, size_t off, size_t *end_off);

/* Around a fork.  A child without a copy of the memory gets the region switched
 * off. */
void region_before_fork(struct daxkind_region *r);
void region_after_fork_in_parent(struct daxkind_region *r);
void region_after_fork_in_child(struct daxkind_region *r);

/* Whether the region hands out and takes back nothing: see struct
 * region_fork. */
static inline bool
region_is_off(const struct daxkind_region *r)
{
	return r->fork.is_off;
}

/* No free run is longer than this. */
static inline size_t
region_longest_free(struct daxkind_region *r)
{
	return atomic_load_explicit(&r->longest_free, memory_order_acquire);
}

static inline bool
region_contains(const struct daxkind_region *r, const void *addr, size_t len)
{
	size_t off = (size_t)((uintptr_t)addr - (uintptr_t)r->base);

	return (uintptr_t)addr >= (uintptr_t)r->base && off <= r->size &&
	       len <= r->size - off;
}

#endif /* REGION_H */
