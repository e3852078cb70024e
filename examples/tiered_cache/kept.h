/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kept.h -- what the region of tiered_cache --keep holds, and how the next
 * start finds it.
 *
 *	root "objects" -> chunk -> chunk -> ...	pages of slots
 *			   |
 *			  slot -> object	its file, checksum and content
 *
 * Link last: a slot leads to an object when the object is complete.  Unlink
 * first: it leads there no longer when the object is freed.  A slot is one word,
 * so a link is there or is not.  A kill between two steps leaves a block that
 * nothing links, and the next start frees it.
 *
 * Any thread may call kept_link() and kept_unlink() at any time.
 */
#ifndef KEPT_H
#define KEPT_H

#include <daxkind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block of the region. */
struct kept_object {
	uint64_t key;      /* of the file */
	uint64_t checksum; /* of data */
	size_t len;        /* of data, in bytes */
	uint64_t heat;     /* a hint, which is never flushed */
	unsigned char data[];
};

struct kept_slot {
	struct kept_object *object; /* NULL: free */
};

/* What a start found. */
struct kept_found {
	size_t nr_objects;
	size_t size;        /* of the objects' data, in bytes */
	size_t nr_unwanted; /* their files are gone, or have changed */
	size_t nr_damaged;  /* links that led to no object */
	size_t nr_unlinked; /* blocks that nothing linked */
};

struct kept;

/* Both return 0 or a negative errno value; daxkind_last_error() has a text. */
int kept_open(
    struct daxkind_region *region, memkind_t kind, struct kept **kept);
/* Call want for each object of an earlier start.  Those that it does not want,
 * and blocks that nothing links, are freed.  Call it once, before any other
 * function, while no other thread uses the kind. */
int kept_find(struct kept *kept,
    bool (*want)(void *arg, struct kept_object *object, struct kept_slot *slot),
    void *arg, struct kept_found *found);
/* Every object stays. */
void kept_close(struct kept *kept);

/* The object, which must be complete, is found by the next start once this has
 * returned a slot.  NULL: no room for slots. */
struct kept_slot *kept_link(struct kept *kept, struct kept_object *object);
/* The object may be freed when this has returned. */
void kept_unlink(struct kept *kept, struct kept_slot *slot);

/* Let the next kept_link() end the process by SIGKILL just before it links. */
void kept_kill_next(struct kept *kept);

#endif /* KEPT_H */
