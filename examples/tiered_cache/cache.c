// SPDX-License-Identifier: BSD-2-Clause
/*
 * cache.c -- see cache.h.
 *
 * Locks: one for each shard.  A thread that holds its home shard's lock takes a
 * second one only by trylock (to make room), so there is no lock order.  An
 * object's bytes are read without a lock: an object that is held is neither
 * moved nor freed.
 */
#include "cache.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define HEAT_MAX 3     /* rounds of the hand that an object survives */
#define HEAT_PROMOTE 2 /* hits in the DAX tier before an object moves up */

/*
 * A larger object than this part of a tier does not evict others: room for it
 * in one piece would cost too many of them.  With 32 in place of 256, half of
 * the region lay idle, in pieces, and reads from disk rose by half.
 */
#define LARGEST_IN_DRAM 8
#define LARGEST_IN_DAX 256
/* An object gives up after evicting this many times its size. */
#define EVICT_FACTOR 2

struct entry {
	struct entry *next; /* in the ring of its tier */
	struct entry *prev;
	unsigned char *block; /* of the tier's kind, NULL on disk */
	size_t len;           /* of the object, in bytes */
	enum cache_tier tier;
	unsigned nr_holders;
	unsigned heat; /* hits, at most HEAT_MAX, less rounds of the hand */
};

struct ring {
	struct entry *hand; /* next to look at; NULL when empty */
	struct cache_content content;
};

struct shard {
	pthread_mutex_t lock;          /* guards its entries, and all below */
	struct ring rings[CACHE_DISK]; /* by tier */
	struct cache_counts counts;
};

struct cache {
	memkind_t kinds[CACHE_DISK]; /* by tier */
	size_t largest[CACHE_DISK];  /* largest object that evicts others */
	size_t dram_size;            /* limit of the DRAM tier, in bytes */
	atomic_size_t dram_used;     /* by objects, in bytes */
	atomic_uint next_victim;     /* shard to evict from next */
	struct entry *entries;       /* by number of the object */
	size_t nr_entries;
	unsigned nr_shards;
	struct shard shards[]; /* an object's is its number modulo nr_shards */
};

static struct shard *
shard_of(struct cache *cache, size_t id)
{
	return &cache->shards[id % cache->nr_shards];
}

/* --- rings: everything below wants the shard's lock held ------------------- */

/* Just behind the hand, so that it is looked at last. */
static void
ring_add(struct shard *shard, enum cache_tier tier, struct entry *entry)
{
	struct ring *ring = &shard->rings[tier];

	if (ring->hand == NULL) {
		entry->next = entry;
		entry->prev = entry;
		ring->hand = entry;
	} else {
		entry->next = ring->hand;
		entry->prev = ring->hand->prev;
		entry->prev->next = entry;
		entry->next->prev = entry;
	}
	ring->content.nr_objects++;
	ring->content.size += entry->len;
	entry->tier = tier;
}

static void
ring_remove(struct shard *shard, struct entry *entry)
{
	struct ring *ring = &shard->rings[entry->tier];

	if (ring->hand == entry)
		ring->hand = entry->next == entry ? NULL : entry->next;
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	entry->next = NULL;
	entry->prev = NULL;
	ring->content.nr_objects--;
	ring->content.size -= entry->len;
	entry->tier = CACHE_DISK;
}

/* The next cold object; NULL if all are held. */
static struct entry *
ring_victim(struct ring *ring)
{
	size_t nr_steps = ring->content.nr_objects * (HEAT_MAX + 1);
	struct entry *entry;

	for (; nr_steps > 0; nr_steps--) {
		entry = ring->hand;
		ring->hand = entry->next;
		if (entry->nr_holders > 0)
			continue;
		if (entry->heat == 0)
			return entry;
		entry->heat--;
	}
	return NULL;
}

/* --- victims ------------------------------------------------------------------ */

/* Shards take turns, so that all rings age alike. */
static unsigned
choose_shard(struct cache *cache)
{
	return atomic_fetch_add(&cache->next_victim, 1) % cache->nr_shards;
}

/* Lock shard number nr, unless it is home or already locked. */
static struct shard *
visit_shard(struct cache *cache, struct shard *home, unsigned number)
{
	struct shard *shard = &cache->shards[number % cache->nr_shards];

	if (shard != home && pthread_mutex_trylock(&shard->lock) != 0)
		return NULL;
	return shard;
}

static void
leave_shard(struct shard *home, struct shard *shard)
{
	if (shard != home)
		pthread_mutex_unlock(&shard->lock);
}

static void
evict(struct cache *cache, struct shard *shard, struct entry *entry)
{
	enum cache_tier tier = entry->tier;

	if (tier == CACHE_DRAM)
		atomic_fetch_sub(&cache->dram_used, entry->len);
	ring_remove(shard, entry);
	memkind_free(cache->kinds[tier], entry->block);
	entry->block = NULL;
	entry->heat = 0;
	shard->counts.evicted++;
}

/* --- room in the DAX tier --------------------------------------------------- */

/* Evict objects of wanted bytes, or all; returns the bytes evicted. */
static size_t
evict_size(struct cache *cache, struct shard *home, size_t wanted)
{
	unsigned first = choose_shard(cache);
	struct entry *victim;
	struct shard *shard;
	size_t freed = 0;
	unsigned i;

	for (i = 0; i < cache->nr_shards && freed < wanted; i++) {
		shard = visit_shard(cache, home, first + i);
		if (shard == NULL)
			continue;
		while (
		    freed < wanted &&
		    (victim = ring_victim(&shard->rings[CACHE_DAX])) != NULL) {
			freed += victim->len;
			evict(cache, shard, victim);
		}
		leave_shard(home, shard);
	}
	return freed;
}

/* Allocate a block of the DAX kind.  Its region may be full or fragmented: then
 * evict, and try again, within limits.  NULL: the object is turned away. */
static unsigned char *
take_dax_block(struct cache *cache, struct shard *home, size_t len)
{
	size_t to_evict = len * EVICT_FACTOR;
	unsigned char *block;
	size_t freed;

	for (;;) {
		block = memkind_malloc(cache->kinds[CACHE_DAX], len);
		if (block != NULL)
			return block;
		home->counts.out_of_room++;
		if (len > cache->largest[CACHE_DAX] || to_evict == 0)
			break;
		freed = evict_size(cache, home, len);
		if (freed == 0)
			break;
		to_evict -= freed < to_evict ? freed : to_evict;
	}
	home->counts.turned_away++;
	return NULL;
}

/* --- moves between the tiers ------------------------------------------------ */

static void
move(struct cache *cache, struct shard *shard, struct entry *entry,
    enum cache_tier tier, unsigned char *block)
{
	unsigned char *old_block = entry->block;
	enum cache_tier old_tier = entry->tier;

	memcpy(block, old_block, entry->len);
	ring_remove(shard, entry);
	entry->block = block;
	ring_add(shard, tier, entry);
	memkind_free(cache->kinds[old_tier], old_block);
	if (tier == CACHE_DRAM)
		atomic_fetch_add(&cache->dram_used, entry->len);
	else
		atomic_fetch_sub(&cache->dram_used, entry->len);
}

/* Move the shard's coldest object down; returns whether there was one. */
static bool
demote_one(struct cache *cache, struct shard *shard)
{
	struct entry *victim = ring_victim(&shard->rings[CACHE_DRAM]);
	unsigned char *block;

	if (victim == NULL)
		return false;
	block = take_dax_block(cache, shard, victim->len);
	if (block == NULL) {
		evict(cache, shard, victim);
	} else {
		move(cache, shard, victim, CACHE_DAX, block);
		shard->counts.demoted++;
	}
	return true;
}

static void
demote_until_it_fits(struct cache *cache, struct shard *home)
{
	unsigned nr_left = cache->nr_shards; /* attempts left */
	struct shard *shard;

	while (
	    nr_left > 0 && atomic_load(&cache->dram_used) > cache->dram_size) {
		nr_left--;
		shard = visit_shard(cache, home, choose_shard(cache));
		if (shard == NULL)
			continue;
		if (demote_one(cache, shard))
			nr_left = cache->nr_shards;
		leave_shard(home, shard);
	}
}

static void
promote(struct cache *cache, struct shard *shard, struct entry *entry)
{
	unsigned char *block;

	if (entry->len > cache->largest[CACHE_DRAM])
		return;
	block = memkind_malloc(cache->kinds[CACHE_DRAM], entry->len);
	if (block == NULL)
		return;
	/* Move up first: that frees room in the DAX tier for the object that
	 * moves down. */
	move(cache, shard, entry, CACHE_DRAM, block);
	shard->counts.promoted++;
	demote_until_it_fits(cache, shard);
}

/* --- interface ------------------------------------------------------------ */

int
cache_new(const struct cache_config *config, struct cache **cache)
{
	struct cache *made;
	size_t i;

	made = calloc(
	    1, sizeof(*made) + config->nr_shards * sizeof(made->shards[0]));
	if (made == NULL)
		return -ENOMEM;
	made->entries = calloc(config->nr_objects, sizeof(*made->entries));
	if (made->entries == NULL) {
		free(made);
		return -ENOMEM;
	}
	made->kinds[CACHE_DRAM] = MEMKIND_DEFAULT;
	made->kinds[CACHE_DAX] = config->dax_kind;
	made->largest[CACHE_DRAM] = config->dram_size / LARGEST_IN_DRAM;
	made->largest[CACHE_DAX] = config->dax_size / LARGEST_IN_DAX;
	made->dram_size = config->dram_size;
	made->nr_shards = config->nr_shards;
	made->nr_entries = config->nr_objects;
	for (i = 0; i < made->nr_shards; i++)
		pthread_mutex_init(&made->shards[i].lock, NULL);
	for (i = 0; i < made->nr_entries; i++)
		made->entries[i].tier = CACHE_DISK;
	*cache = made;
	return 0;
}

void
cache_free(struct cache *cache)
{
	struct entry *entry;
	size_t i;

	if (cache == NULL)
		return;
	for (i = 0; i < cache->nr_entries; i++) {
		entry = &cache->entries[i];
		assert(entry->nr_holders == 0);
		if (entry->tier != CACHE_DISK)
			memkind_free(cache->kinds[entry->tier], entry->block);
	}
	for (i = 0; i < cache->nr_shards; i++)
		pthread_mutex_destroy(&cache->shards[i].lock);
	free(cache->entries);
	free(cache);
}

bool
cache_hold(struct cache *cache, size_t id, struct cache_object *object)
{
	struct shard *shard = shard_of(cache, id);
	struct entry *entry = &cache->entries[id];
	bool is_there;

	pthread_mutex_lock(&shard->lock);
	is_there = entry->tier != CACHE_DISK;
	if (is_there) {
		entry->nr_holders++;
		if (entry->heat < HEAT_MAX)
			entry->heat++;
		object->data = entry->block;
		object->len = entry->len;
		object->tier = entry->tier;
	}
	pthread_mutex_unlock(&shard->lock);
	return is_there;
}

void
cache_release(struct cache *cache, size_t id)
{
	struct shard *shard = shard_of(cache, id);
	struct entry *entry = &cache->entries[id];

	pthread_mutex_lock(&shard->lock);
	assert(entry->nr_holders > 0);
	entry->nr_holders--;
	if (entry->tier == CACHE_DAX && entry->nr_holders == 0 &&
	    entry->heat >= HEAT_PROMOTE)
		promote(cache, shard, entry);
	pthread_mutex_unlock(&shard->lock);
}

void
cache_insert(struct cache *cache, size_t id, const void *data, size_t len)
{
	struct shard *shard = shard_of(cache, id);
	struct entry *entry = &cache->entries[id];
	unsigned char *block;

	pthread_mutex_lock(&shard->lock);
	if (entry->tier == CACHE_DISK) {
		block = take_dax_block(cache, shard, len);
		if (block != NULL) {
			memcpy(block, data, len);
			entry->block = block;
			entry->len = len;
			entry->heat = 0;
			ring_add(shard, CACHE_DAX, entry);
		}
	}
	pthread_mutex_unlock(&shard->lock);
}

struct cache_counts
cache_counts(struct cache *cache)
{
	struct cache_counts sum = {0};
	struct shard *shard;
	unsigned i;

	for (i = 0; i < cache->nr_shards; i++) {
		shard = &cache->shards[i];
		pthread_mutex_lock(&shard->lock);
		sum.promoted += shard->counts.promoted;
		sum.demoted += shard->counts.demoted;
		sum.evicted += shard->counts.evicted;
		sum.turned_away += shard->counts.turned_away;
		sum.out_of_room += shard->counts.out_of_room;
		pthread_mutex_unlock(&shard->lock);
	}
	return sum;
}

struct cache_content
cache_content(struct cache *cache, enum cache_tier tier)
{
	struct cache_content sum = {0};
	struct shard *shard;
	unsigned i;

	for (i = 0; i < cache->nr_shards; i++) {
		shard = &cache->shards[i];
		pthread_mutex_lock(&shard->lock);
		sum.nr_objects += shard->rings[tier].content.nr_objects;
		sum.size += shard->rings[tier].content.size;
		pthread_mutex_unlock(&shard->lock);
	}
	return sum;
}
