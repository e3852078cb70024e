/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_map.h -- the block that begins in each page of a region's heap
 * (layer 4).
 *
 * One word for each page.  The table has memory of its own, reserved for the
 * whole region and present only where it was written: 4 bytes of DRAM for each
 * 4 KiB in use.
 *
 * Words are read and written without a lock: a thread changes the word of a
 * page only while it owns the page, or stores the same value again.
 */
#ifndef PAGE_MAP_H
#define PAGE_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "base/os.h"
#include "base/util.h"

/* A word is 0 if no block begins in the page, PAGE_SMALL * (1 + size class) if
 * blocks of a jemalloc slab begin there, or PAGE_LARGE + the number of pages of
 * a large block. */
#define PAGE_SMALL ((uint32_t)4) /* thread_cache.h gives the reason */
/* In a word that is not large: blocks that begin in the page may be bad. */
#define PAGE_NEAR_BAD ((uint32_t)1 << 30)
#define PAGE_LARGE ((uint32_t)1 << 31)
/* Bytes of the largest block that a word can express: 8 TiB. */
#define PAGE_LARGE_MAX (((size_t)PAGE_LARGE - 1) * DK_PAGE)

struct page_map {
	_Atomic(uint32_t) *words;
	uintptr_t base; /* address of the first page */
	size_t nr_pages;
};

static inline int
page_map_init(struct page_map *map, const void *base, size_t size)
{
	void *words = NULL;
	int rc = 0;

	if (size >= DK_PAGE)
		rc = os_map_anon(size / DK_PAGE * sizeof(uint32_t), &words);
	*map = (struct page_map){
	    .words = words,
	    .base = (uintptr_t)base,
	    .nr_pages = size / DK_PAGE,
	};
	return rc;
}

static inline void
page_map_fini(struct page_map *map)
{
	if (map->words != NULL)
		(void)os_unmap((void *)(uintptr_t)map->words,
		    map->nr_pages * sizeof(uint32_t));
}

static inline _Atomic(uint32_t) *
page_map_word(const struct page_map *map, const void *addr)
{
	return &map->words[((uintptr_t)addr - map->base) >> DK_PAGE_SHIFT];
}

/* addr must be inside the region. */
static inline uint32_t
page_map_get(const struct page_map *map, const void *addr)
{
	return atomic_load_explicit(
	    page_map_word(map, addr), memory_order_relaxed);
}

static inline void
page_map_set(const struct page_map *map, const void *addr, uint32_t word)
{
	_Atomic(uint32_t) *at = page_map_word(map, addr);

	/* Usually it is set already: reading first keeps the cache line
	 * shared. */
	if (atomic_load_explicit(at, memory_order_relaxed) != word)
		atomic_store_explicit(at, word, memory_order_relaxed);
}

static inline bool
page_is_large(uint32_t word)
{
	return (word & PAGE_LARGE) != 0;
}

static inline bool
page_is_small(uint32_t word)
{
	return word != 0 && !page_is_large(word);
}

static inline uint32_t
page_word_of_small(unsigned size_class)
{
	return (size_class + 1) * PAGE_SMALL;
}

/* word must be small and not near bad pages. */
static inline unsigned
page_size_class(uint32_t word)
{
	return word / PAGE_SMALL - 1;
}

/* The word without the mark for bad pages. */
static inline uint32_t
page_plain_word(uint32_t word)
{
	return page_is_large(word) ? word : word & ~PAGE_NEAR_BAD;
}

static inline size_t
page_large_len(uint32_t word)
{
	return (size_t)(word & ~PAGE_LARGE) * DK_PAGE;
}

/* len is a multiple of DK_PAGE, at most PAGE_LARGE_MAX. */
static inline uint32_t
page_word_of_large(size_t len)
{
	return PAGE_LARGE | (uint32_t)(len / DK_PAGE);
}

#endif /* PAGE_MAP_H */
