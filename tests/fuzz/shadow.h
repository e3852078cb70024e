/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shadow.h -- what is in which live block, kept in plain memory.
 *
 * Every usable byte of a block is the block's: no two overlap, and each block
 * is filled with what no other one holds.
 */
#ifndef SHADOW_H
#define SHADOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHADOW_MAX 1024 /* blocks */

struct shadow_block {
	char *addr;
	size_t usable; /* bytes */
	uint64_t tag;
	unsigned heap; /* the user's number */
};

/* In the order in which they were added, until one is removed: the last one
 * takes its place. */
extern struct shadow_block Shadow[SHADOW_MAX];
extern unsigned Shadow_nr;

/* Forget all. */
void shadow_clear(void);
/* A new block, which must overlap none; fills it.  Not when Shadow_nr is
 * SHADOW_MAX. */
void shadow_add(unsigned heap, char *addr, size_t usable);
void shadow_remove(unsigned i);
/* The first len bytes of block i, which lie at addr now, must be as they were
 * filled. */
void shadow_expect(unsigned i, const char *addr, size_t len);
/* Bytes of the live blocks of a heap. */
size_t shadow_bytes(unsigned heap);
/* How many they are. */
unsigned shadow_count(unsigned heap);
/* Its number, or Shadow_nr: no block begins there. */
unsigned shadow_find(const char *addr);

#endif /* SHADOW_H */
