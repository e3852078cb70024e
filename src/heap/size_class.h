/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size_class.h -- jemalloc's size classes that are served from slabs (layer 4).
 */
#ifndef SIZE_CLASS_H
#define SIZE_CLASS_H

#include <stddef.h>
#include <stdint.h>

#include "base/export.h"
#include "heap/page_map.h"

/* Those of jemalloc 5.3 with pages of 4 KiB. */
enum {
	SIZE_CLASS_NR = 36,
	SIZE_CLASS_UNIT = 8,           /* bytes; every class is a multiple */
	SIZE_CLASS_LARGEST = 14 * 1024 /* sizes up to this are small */
};

struct size_classes {
	uint32_t size[SIZE_CLASS_NR];      /* bytes */
	uint32_t slab_size[SIZE_CLASS_NR]; /* bytes of a slab of that class */
	/* The largest class whose blocks are at most twice as large. */
	uint8_t last_stand_in[SIZE_CLASS_NR];
	/* [i]: the page word for sizes i * 8 + 1 to (i + 1) * 8. */
	uint8_t word[SIZE_CLASS_LARGEST / SIZE_CLASS_UNIT];
};
_Static_assert(SIZE_CLASS_NR *PAGE_SMALL <= UINT8_MAX,
    "a page word fits into size_classes.word");

/* Constant data, since memkind_malloc() reads it before any heap is made. */
extern const struct size_classes Size_classes;

/* Compare the table with jemalloc's classes, once.  -ENOTSUP: they differ. */
int size_class_init(void) DK_MUST_CHECK;

/* size is 1 to SIZE_CLASS_LARGEST. */
static inline uint32_t
size_class_word(size_t size)
{
	return Size_classes.word[(size - 1) / SIZE_CLASS_UNIT];
}

static inline unsigned
size_class_of(size_t size)
{
	return page_size_class(size_class_word(size));
}

#endif /* SIZE_CLASS_H */
