// SPDX-License-Identifier: BSD-2-Clause
/*
 * cache.c -- see cache.h.
 *
 * Locks: one for each shard.  A thread that holds its home shard's lock takes a
 * second one only by trylock (to make room), so there is no lock order.  An
 * object's bytes are read without a lock: an object that is held is neither
 * moved nor freed.
 *
 * Heat is counted in DRAM, and each change is stored into the object, too,
 * where the next start finds it.  It ends at 3, so hot objects are seldom written.
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
	struct kept_object *object; /* in the region; NULL on disk */
	struct kept_slot *slot;     /* of the object, if it is kept */
	unsigned char *copy;        /* in the DRAM tier, else NULL */
	size_t len;                 /* of the object, in bytes */
	enum cache_tier tier;
	unsigned nr_holders;
	unsigned heat;   /* hits, at most HEAT_MAX, less rounds of the hand */
	bool is_damaged; /* freed when nobody holds it */
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
	memkind_t dax_kind;
	struct kept *kept; /* NULL: objects end with the process */
	const struct corpus *corpus;
	size_t largest[CACHE_DISK]; /* largest object that evicts others */
	size_t dram_size;           /* limit of the DRAM tier, in bytes */
	atomic_size_t dram_used;    /* by objects, in bytes */
	atomic_uint next_victim;    /* shard to evict from next */
	struct entry *entries;      /* by number of the object */
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

static void
set_heat(struct entry *entry, unsigned heat)
{
	entry->heat = heat;
	entry->object->heat = heat;
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
		set_heat(entry, entry->heat - 1);
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
free_copy(struct cache *cache, struct entry *entry)
{
	memkind_free(MEMKIND_DEFAULT, entry->copy);
	entry->copy = NULL;
	atomic_fetch_sub(&cache->dram_used, entry->len);
}

/* Unlink first: no start may find an object that is free. */
static void
evict(struct cache *cache, struct shard *shard, struct entry *entry)
{
	ring_remove(shard, entry);
	if (entry->copy != NULL)
		free_copy(cache, entry);
	if (entry->slot != NULL)
		kept_unlink(cache->kept, entry->slot);
	memkind_free(cache->dax_kind, entry->object);
	entry->object = NULL;
	entry->slot = NULL;
	entry->heat = 0;
	entry->is_damaged = false;
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
		while (freed < wanted) {
			victim = ring_victim(&shard->rings[CACHE_DAX]);
			if (victim == NULL)
				victim = ring_victim(&shard->rings[CACHE_DRAM]);
			if (victim == NULL)
				break;
			freed += victim->len;
			evict(cache, shard, victim);
		}
		leave_shard(home, shard);
	}
	return freed;
}

/* Allocate an object.  The region may be full or fragmented: then evict, and try
 * again, within limits.  NULL: the object is turned away. */
static struct kept_object *
take_object(struct cache *cache, struct shard *home, size_t len)
{
	size_t to_evict = len * EVICT_FACTOR;
	struct kept_object *object;
	size_t freed;

	for (;;) {
		object = memkind_malloc(cache->dax_kind, sizeof(*object) + len);
		if (object != NULL)
			return object;
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
move(struct shard *shard, struct entry *entry, enum cache_tier tier)
{
	ring_remove(shard, entry);
	ring_add(shard, tier, entry);
}

/* Move the shard's coldest object down; returns whether there was one. */
static bool
demote_one(struct cache *cache, struct shard *shard)
{
	struct entry *victim = ring_victim(&shard->rings[CACHE_DRAM]);

	if (victim == NULL)
		return false;
	free_copy(cache, victim);
	move(shard, victim, CACHE_DAX);
	shard->counts.demoted++;
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
	if (entry->len > cache->largest[CACHE_DRAM])
		return;
	entry->copy = memkind_malloc(MEMKIND_DEFAULT, entry->len);
	if (entry->copy == NULL)
		return;
	memcpy(entry->copy, entry->object->data, entry->len);
	atomic_fetch_add(&cache->dram_used, entry->len);
	move(shard, entry, CACHE_DRAM);
	shard->counts.promoted++;
	demote_until_it_fits(cache, shard);
}

/* --- objects ---------------------------------------------------------------- */

/* In the DAX tier; it is complete, and linked if it is to be kept. */
static void
add_object(struct shard *shard, struct entry *entry, struct kept_object *object,
    struct kept_slot *slot)
{
	entry->object = object;
	entry->slot = slot;
	entry->len = object->len;
	entry->heat = (unsigned)object->heat;
	ring_add(shard, CACHE_DAX, entry);
}

/* Fill, then link. */
static void
fill_object(struct cache *cache, size_t id, struct kept_object *object,
    const void *data, size_t len)
{
	const struct corpus_file *file = &cache->corpus->files[id];
	struct shard *shard = shard_of(cache, id);
	struct kept_slot *slot = NULL;

	object->key = file->key;
	object->checksum = file->checksum;
	object->len = len;
	object->heat = 0;
	memcpy(object->data, data, len);
	if (cache->kept != NULL) {
		slot = kept_link(cache->kept, object);
		if (slot == NULL) {
			memkind_free(cache->dax_kind, object);
			shard->counts.turned_away++;
			return;
		}
	}
	add_object(shard, &cache->entries[id], object, slot);
}

/* Whether an object of an earlier start is what its file has now.  That its data
 * have this checksum is seen when it is served. */
static bool
want_object(void *arg, struct kept_object *object, struct kept_slot *slot)
{
	struct cache *cache = arg;
	const struct corpus_file *file =
	    corpus_find(cache->corpus, object->key);
	struct entry *entry;
	size_t id;

	if (file == NULL || object->len != file->size ||
	    object->checksum != file->checksum)
		return false;
	id = (size_t)(file - cache->corpus->files);
	entry = &cache->entries[id];
	if (entry->tier != CACHE_DISK)
		return false;
	if (object->heat > HEAT_MAX)
		object->heat = 0;
	add_object(shard_of(cache, id), entry, object, slot);
	return true;
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
	made->entries =
	    calloc(config->corpus->nr_files, sizeof(*made->entries));
	if (made->entries == NULL) {
		free(made);
		return -ENOMEM;
	}
	made->dax_kind = config->dax_kind;
	made->kept = config->kept;
	made->corpus = config->corpus;
	made->largest[CACHE_DRAM] = config->dram_size / LARGEST_IN_DRAM;
	made->largest[CACHE_DAX] = config->dax_size / LARGEST_IN_DAX;
	made->dram_size = config->dram_size;
	made->nr_shards = config->nr_shards;
	for (i = 0; i < made->nr_shards; i++)
		pthread_mutex_init(&made->shards[i].lock, NULL);
	for (i = 0; i < made->corpus->nr_files; i++)
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
	for (i = 0; i < cache->corpus->nr_files; i++) {
		entry = &cache->entries[i];
		assert(entry->nr_holders == 0);
		if (entry->copy != NULL)
			free_copy(cache, entry);
		if (cache->kept == NULL)
			memkind_free(cache->dax_kind, entry->object);
	}
	for (i = 0; i < cache->nr_shards; i++)
		pthread_mutex_destroy(&cache->shards[i].lock);
	free(cache->entries);
	free(cache);
}

int
cache_find(struct cache *cache, struct kept_found *found)
{
	return kept_find(cache->kept, want_object, cache, found);
}

bool
cache_hold(struct cache *cache, size_t id, struct cache_object *object)
{
	struct shard *shard = shard_of(cache, id);
	struct entry *entry = &cache->entries[id];
	bool is_there;

	pthread_mutex_lock(&shard->lock);
	is_there = entry->tier != CACHE_DISK && !entry->is_damaged;
	if (is_there) {
		entry->nr_holders++;
		if (entry->heat < HEAT_MAX)
			set_heat(entry, entry->heat + 1);
		object->data =
		    entry->copy != NULL ? entry->copy : entry->object->data;
		object->len = entry->len;
		object->tier = entry->tier;
	}
	pthread_mutex_unlock(&shard->lock);
	return is_there;
}

static void
release(struct cache *cache, size_t id, bool is_damaged)
{
	struct shard *shard = shard_of(cache, id);
	struct entry *entry = &cache->entries[id];

	pthread_mutex_lock(&shard->lock);
	assert(entry->nr_holders > 0);
	entry->nr_holders--;
	entry->is_damaged |= is_damaged;
	if (entry->nr_holders == 0) {
		if (entry->is_damaged)
			evict(cache, shard, entry);
		else if (entry->tier == CACHE_DAX &&
			 entry->heat >= HEAT_PROMOTE)
			promote(cache, shard, entry);
	}
	pthread_mutex_unlock(&shard->lock);
}

void
cache_release(struct cache *cache, size_t id)
{
	release(cache, id, false);
}

void
cache_drop(struct cache *cache, size_t id)
{
	release(cache, id, true);
}

void
cache_insert(struct cache *cache, size_t id, const void *data, size_t len)
{
	struct shard *shard = shard_of(cache, id);
	struct kept_object *object;

	pthread_mutex_lock(&shard->lock);
	if (cache->entries[id].tier == CACHE_DISK) {
		object = take_object(cache, shard, len);
		if (object != NULL)
			fill_object(cache, id, object, data, len);
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
