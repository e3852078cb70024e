/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h -- a cache of two tiers: a little DRAM over a lot of DAX memory.
 *
 * An object is a file's content, has its file's number, and is one block of the
 * DAX kind.  The hot ones also have a copy in DRAM, which serves them:
 *
 *	disk --insert--> DAX tier --promote (hit again)--> DRAM tier
 *	disk <--evict--- DAX tier <--demote (drop copy)--- DRAM tier
 *
 * So moving down writes nothing; and a cache whose objects are kept (kept.h)
 * finds the hot ones, too, when it starts again.
 *
 * The DRAM tier is limited to a number of bytes.  The DAX tier is limited by
 * its region alone: if an allocation fails, objects are evicted until it
 * succeeds.  Both tiers choose victims by CLOCK: a hand goes round, cools used
 * objects and takes the first cold one.
 *
 * Any thread may call any function at any time, except cache_new() and
 * cache_free().  Objects are spread over shards, each with its lock and its two
 * rings.
 */
#ifndef CACHE_H
#define CACHE_H

#include <memkind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "corpus.h"
#include "kept.h"

enum cache_tier {
	CACHE_DRAM,
	CACHE_DAX,
	CACHE_DISK, /* in no tier */
	CACHE_NR_TIERS
};

struct cache;

struct cache_config {
	memkind_t dax_kind; /* must outlive the cache, as the next two */
	struct kept *kept;  /* of its region; NULL: objects are not kept */
	const struct corpus *corpus;
	size_t dax_size;    /* of its region, in bytes */
	size_t dram_size;   /* limit of the DRAM tier, in bytes */
	unsigned nr_shards; /* 1 or more */
};

struct cache_counts {
	uint64_t promoted;    /* DAX to DRAM */
	uint64_t demoted;     /* DRAM to DAX */
	uint64_t evicted;     /* dropped to make room */
	uint64_t turned_away; /* no room, or too large to evict others */
	uint64_t out_of_room; /* failed allocations of the DAX kind */
};

/* The current content of a tier. */
struct cache_content {
	size_t nr_objects;
	size_t size; /* of the objects, in bytes */
};

/* Returns 0 or a negative errno value. */
int cache_new(const struct cache_config *config, struct cache **cache);
/* Frees every block that is not kept; no object may be held. */
void cache_free(struct cache *cache);

/* Take up the objects that an earlier start kept, once, with the corpus loaded
 * and before any other use.  Returns 0 or a negative errno value. */
int cache_find(struct cache *cache, struct kept_found *found);

struct cache_object {
	unsigned char *data;
	size_t len;
	enum cache_tier tier;
};

/* Hold an object: it stays where it is until cache_release(), which may promote
 * it.  Returns false if it is in no tier. */
bool cache_hold(struct cache *cache, size_t id, struct cache_object *object);
void cache_release(struct cache *cache, size_t id);
/* The same for an object that was found damaged: nobody can hold it any more. */
void cache_drop(struct cache *cache, size_t id);

/* Put a copy of an object into the DAX tier, unless it is in a tier already.
 * If there is no room for it, it is turned away. */
void cache_insert(struct cache *cache, size_t id, const void *data, size_t len);

struct cache_counts cache_counts(struct cache *cache);
/* tier is CACHE_DRAM or CACHE_DAX. */
struct cache_content cache_content(struct cache *cache, enum cache_tier tier);

#endif /* CACHE_H */
