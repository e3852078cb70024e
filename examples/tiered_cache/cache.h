/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cache.h -- a cache of two tiers: a little DRAM over a lot of DAX memory.
 *
 * Objects are numbered from 0; each is one block of its tier's kind, and in
 * one tier at a time:
 *
 *	  disk --insert--> DAX tier --promote (hit again)--> DRAM tier
 *	  disk <--evict--- DAX tier <-------demote---------- DRAM tier
 *
 * The DRAM tier is bounded by a number of bytes.  The DAX tier is bounded by
 * its region alone: when an allocation fails, objects are evicted until it
 * succeeds.  Both tiers choose their victims by CLOCK: a hand goes round, cools
 * what was used and takes the first that is cold.
 *
 * Any thread may call any function, but cache_new() and cache_free(), at any
 * time.  Objects are spread over shards; each has its lock and its two rings.
 */
#ifndef CACHE_H
#define CACHE_H

#include <memkind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cache_tier {
	CACHE_DRAM,
	CACHE_DAX,
	CACHE_DISK, /* in no tier */
	CACHE_NR_TIERS
};

struct cache;

struct cache_config {
	memkind_t dax_kind; /* must outlive the cache */
	size_t dax_size;    /* of its region, in bytes */
	size_t dram_size;   /* limit of the DRAM tier, in bytes */
	size_t nr_objects;
	unsigned nr_shards; /* 1 or more */
};

struct cache_counts {
	uint64_t promoted;    /* DAX to DRAM */
	uint64_t demoted;     /* DRAM to DAX */
	uint64_t evicted;     /* dropped to make room */
	uint64_t turned_away; /* no room, or too large to make it */
	uint64_t out_of_room; /* allocations that the DAX kind answered NULL */
};

/* What is in a tier now. */
struct cache_content {
	size_t nr_objects;
	size_t size; /* of the objects, in bytes */
};

/* Returns 0 or a negative errno value. */
int cache_new(const struct cache_config *config, struct cache **cache);
/* Frees every block; no object may be held. */
void cache_free(struct cache *cache);

struct cache_object {
	unsigned char *data;
	size_t len;
	enum cache_tier tier;
};

/*
 * Hold an object: it stays where it is until cache_release(), which may then
 * promote it.  Returns false when it is in no tier.
 */
bool cache_hold(struct cache *cache, size_t id, struct cache_object *object);
void cache_release(struct cache *cache, size_t id);

/*
 * Put a copy of an object into the DAX tier, unless it is in a tier already.
 * When there is no room for it, it is turned away.
 */
void cache_insert(struct cache *cache, size_t id, const void *data, size_t len);

struct cache_counts cache_counts(struct cache *cache);
/* tier is CACHE_DRAM or CACHE_DAX. */
struct cache_content cache_content(struct cache *cache, enum cache_tier tier);

#endif /* CACHE_H */
