// SPDX-License-Identifier: BSD-2-Clause
/*
 * kept.c -- see kept.h.
 *
 * The order of stores is all that makes this safe: what a link leads to is
 * complete before the link, and is freed after it.  The list of free slots is in
 * DRAM, and is made anew at each start.
 */
#include "kept.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT "objects"

enum {
	NR_SLOTS = 511
}; /* a chunk is a page */

struct chunk {
	struct chunk *next;
	struct kept_slot slots[NR_SLOTS];
};

struct kept {
	memkind_t kind;
	bool is_flushed; /* false: the kernel keeps what is stored */
	atomic_bool is_killed_next;
	pthread_mutex_t lock;    /* guards all below */
	struct kept_slot **free; /* free slots; has room for every slot */
	size_t nr_free;
	size_t nr_slots;
};

/* --- stores that a later start relies on --------------------------------------- */

/* Where the granularity is a page, a flush would be a system call, and would not
 * help: such a region is refused after a reset.  A kill loses no store. */
static int
make_durable(const struct kept *kept, const void *data, size_t len)
{
	return kept->is_flushed ? daxkind_persist(kept->kind, data, len) : 0;
}

/* All stores before it are seen before it. */
static int
set_link(
    const struct kept *kept, struct kept_slot *slot, struct kept_object *object)
{
	__atomic_store_n(&slot->object, object, __ATOMIC_RELEASE);
	return make_durable(kept, slot, sizeof(*slot));
}

/* --- slots: kept->lock is held, unless it is a start ---------------------------- */

static int
add_free_slots(struct kept *kept, struct chunk *chunk)
{
	struct kept_slot **free_slots = reallocarray(
	    kept->free, kept->nr_slots + NR_SLOTS, sizeof(struct kept_slot *));
	size_t i;

	if (free_slots == NULL)
		return -ENOMEM;
	kept->free = free_slots;
	kept->nr_slots += NR_SLOTS;
	for (i = NR_SLOTS; i > 0; i--)
		if (chunk->slots[i - 1].object == NULL)
			kept->free[kept->nr_free++] = &chunk->slots[i - 1];
	return 0;
}

/* The root links it when it is complete. */
static int
add_chunk(struct kept *kept)
{
	struct chunk *chunk = memkind_calloc(kept->kind, 1, sizeof(*chunk));
	int rc;

	if (chunk == NULL)
		return -ENOMEM;
	chunk->next = daxkind_root(kept->kind, ROOT);
	rc = make_durable(kept, chunk, sizeof(*chunk));
	if (rc == 0)
		rc = daxkind_root_set(kept->kind, ROOT, chunk);
	if (rc < 0) {
		memkind_free(kept->kind, chunk);
		return rc;
	}
	return add_free_slots(kept, chunk);
}

static struct kept_slot *
take_slot(struct kept *kept)
{
	struct kept_slot *slot = NULL;

	pthread_mutex_lock(&kept->lock);
	if (kept->nr_free > 0 || add_chunk(kept) == 0)
		slot = kept->free[--kept->nr_free];
	pthread_mutex_unlock(&kept->lock);
	return slot;
}

static void
give_slot(struct kept *kept, struct kept_slot *slot)
{
	pthread_mutex_lock(&kept->lock);
	kept->free[kept->nr_free++] = slot;
	pthread_mutex_unlock(&kept->lock);
}

struct kept_slot *
kept_link(struct kept *kept, struct kept_object *object)
{
	struct kept_slot *slot = take_slot(kept);

	if (slot == NULL)
		return NULL;
	if (make_durable(kept, object, sizeof(*object) + object->len) < 0) {
		give_slot(kept, slot);
		return NULL;
	}
	if (atomic_load(&kept->is_killed_next))
		(void)kill(getpid(), SIGKILL);
	(void)set_link(kept, slot, object);
	return slot;
}

void
kept_unlink(struct kept *kept, struct kept_slot *slot)
{
	(void)set_link(kept, slot, NULL);
	give_slot(kept, slot);
}

void
kept_kill_next(struct kept *kept)
{
	atomic_store(&kept->is_killed_next, true);
}

/* --- what a start finds ---------------------------------------------------------- */

/*
 * All blocks, in the order of their addresses.  A link is followed only to the
 * beginning of one that is large enough, and to each once: whatever happened to
 * the region, a start ends, and shares no block between two users.
 */
struct block {
	char *start;
	size_t usable;
	bool is_linked;
};

struct blocks {
	struct block *list;
	size_t nr;
	size_t nr_room;
	size_t nr_unlinked;
};

static int
list_block(void *arg, void *start, size_t usable)
{
	struct blocks *blocks = arg;
	struct block *list = blocks->list;

	if (blocks->nr == blocks->nr_room) {
		blocks->nr_room =
		    blocks->nr_room == 0 ? 1024 : 2 * blocks->nr_room;
		list = reallocarray(list, blocks->nr_room, sizeof(*list));
		if (list == NULL)
			return -ENOMEM;
		blocks->list = list;
	}
	list[blocks->nr++] = (struct block){.start = start, .usable = usable};
	return DAXKIND_KEEP;
}

static int
compare_start(const void *key, const void *element)
{
	const char *start = key;
	const struct block *block = element;

	return start < block->start ? -1 : start > block->start;
}

/* The block that begins there, unless it is linked already. */
static struct block *
find_block(const struct blocks *blocks, const void *start, size_t size)
{
	struct block *block;

	if (blocks->nr == 0)
		return NULL;
	block = bsearch(start, blocks->list, blocks->nr, sizeof(*blocks->list),
	    compare_start);
	if (block == NULL || block->is_linked || block->usable < size)
		return NULL;
	return block;
}

static bool
is_object(const struct blocks *blocks, const struct kept_object *object)
{
	const struct block *block = find_block(blocks, object, sizeof(*object));

	return block != NULL && object->len <= block->usable - sizeof(*object);
}

struct search {
	struct kept *kept;
	struct blocks blocks;
	bool (*want)(
	    void *arg, struct kept_object *object, struct kept_slot *slot);
	void *arg;
	struct kept_found *found;
};

static int
find_object(struct search *search, struct kept_slot *slot)
{
	struct kept_object *object = slot->object;
	struct kept_found *found = search->found;

	if (object == NULL)
		return 0;
	if (!is_object(&search->blocks, object)) {
		found->nr_damaged++;
		return set_link(search->kept, slot, NULL);
	}
	find_block(&search->blocks, object, 0)->is_linked = true;
	if (search->want(search->arg, object, slot)) {
		found->nr_objects++;
		found->size += object->len;
		return 0;
	}
	found->nr_unwanted++;
	if (set_link(search->kept, slot, NULL) < 0)
		return -EIO;
	memkind_free(search->kept->kind, object);
	return 0;
}

/* End the list of chunks behind that one; NULL: before the first. */
static int
cut(struct kept *kept, struct chunk *chunk)
{
	if (chunk == NULL)
		return daxkind_root_set(kept->kind, ROOT, NULL);
	chunk->next = NULL;
	return make_durable(kept, chunk, sizeof(struct chunk *));
}

static int
find_objects(struct search *search)
{
	struct kept *kept = search->kept;
	struct chunk *chunk = daxkind_root(kept->kind, ROOT);
	struct chunk *before = NULL;
	struct block *block;
	size_t i;
	int rc = 0;

	for (; rc == 0 && chunk != NULL; before = chunk, chunk = chunk->next) {
		block = find_block(&search->blocks, chunk, sizeof(*chunk));
		if (block == NULL) {
			search->found->nr_damaged++;
			return cut(kept, before);
		}
		block->is_linked = true;
		for (i = 0; rc == 0 && i < NR_SLOTS; i++)
			rc = find_object(search, &chunk->slots[i]);
		if (rc == 0)
			rc = add_free_slots(kept, chunk);
	}
	return rc;
}

/* What other roots lead to stays, too. */
static int
mark_root(void *arg, const char *name, void *start)
{
	struct block *block = find_block(arg, start, 0);

	if (block != NULL && strcmp(name, ROOT) != 0)
		block->is_linked = true;
	return 0;
}

static int
drop_unlinked(void *arg, void *start, size_t usable)
{
	struct blocks *blocks = arg;

	(void)usable;
	if (find_block(blocks, start, 0) == NULL)
		return DAXKIND_KEEP;
	blocks->nr_unlinked++;
	return DAXKIND_DROP;
}

int
kept_find(struct kept *kept,
    bool (*want)(void *arg, struct kept_object *object, struct kept_slot *slot),
    void *arg, struct kept_found *found)
{
	struct search search = {
	    .kept = kept, .want = want, .arg = arg, .found = found};
	struct blocks *blocks = &search.blocks;
	int rc;

	memset(found, 0, sizeof(*found));
	rc = daxkind_walk(kept->kind, list_block, blocks);
	if (rc == 0)
		rc = daxkind_root_walk(kept->kind, mark_root, blocks);
	if (rc == 0)
		rc = find_objects(&search);
	if (rc == 0)
		rc = daxkind_walk(kept->kind, drop_unlinked, blocks);
	found->nr_unlinked = blocks->nr_unlinked;
	free(blocks->list);
	return rc;
}

/* --- opening --------------------------------------------------------------------- */

int
kept_open(struct daxkind_region *region, memkind_t kind, struct kept **kept)
{
	struct daxkind_region_info info;
	struct kept *made;
	int rc = daxkind_region_info(region, &info, sizeof(info));

	if (rc < 0)
		return rc;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	made->kind = kind;
	made->is_flushed = info.granularity != DAXKIND_GRANULARITY_PAGE;
	pthread_mutex_init(&made->lock, NULL);
	*kept = made;
	return 0;
}

void
kept_close(struct kept *kept)
{
	if (kept == NULL)
		return;
	pthread_mutex_destroy(&kept->lock);
	free(kept->free);
	free(kept);
}
