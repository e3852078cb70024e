// SPDX-License-Identifier: BSD-2-Clause
/*
 * size_class.c -- see size_class.h.
 */
#include "heap/size_class.h"

#include <errno.h>
#include <pthread.h>

#include "heap/je.h"

/* Columns: number, size of the previous class, its own size, pages of a slab,
 * and the last class whose blocks are at most twice as large. */
#define CLASSES(X)                 \
	X(0, 0, 8, 1, 1)           \
	X(1, 8, 16, 1, 2)          \
	X(2, 16, 32, 1, 4)         \
	X(3, 32, 48, 3, 6)         \
	X(4, 48, 64, 1, 8)         \
	X(5, 64, 80, 5, 9)         \
	X(6, 80, 96, 3, 10)        \
	X(7, 96, 112, 7, 11)       \
	X(8, 112, 128, 1, 12)      \
	X(9, 128, 160, 5, 13)      \
	X(10, 160, 192, 3, 14)     \
	X(11, 192, 224, 7, 15)     \
	X(12, 224, 256, 1, 16)     \
	X(13, 256, 320, 5, 17)     \
	X(14, 320, 384, 3, 18)     \
	X(15, 384, 448, 7, 19)     \
	X(16, 448, 512, 1, 20)     \
	X(17, 512, 640, 5, 21)     \
	X(18, 640, 768, 3, 22)     \
	X(19, 768, 896, 7, 23)     \
	X(20, 896, 1024, 1, 24)    \
	X(21, 1024, 1280, 5, 25)   \
	X(22, 1280, 1536, 3, 26)   \
	X(23, 1536, 1792, 7, 27)   \
	X(24, 1792, 2048, 1, 28)   \
	X(25, 2048, 2560, 5, 29)   \
	X(26, 2560, 3072, 3, 30)   \
	X(27, 3072, 3584, 7, 31)   \
	X(28, 3584, 4096, 1, 32)   \
	X(29, 4096, 5120, 5, 33)   \
	X(30, 5120, 6144, 3, 34)   \
	X(31, 6144, 7168, 7, 35)   \
	X(32, 7168, 8192, 2, 35)   \
	X(33, 8192, 10240, 5, 35)  \
	X(34, 10240, 12288, 3, 35) \
	X(35, 12288, 14336, 7, 35)

#define SIZE(i, before, bytes, pages, last) [i] = (bytes),
#define SLAB_SIZE(i, before, bytes, pages, last) \
	[i] = (pages) * (uint32_t)DK_PAGE,
#define LAST(i, before, bytes, pages, last) [i] = (last),
#define WORD(i, before, bytes, pages, last)                            \
	[(before) / SIZE_CLASS_UNIT...(bytes) / SIZE_CLASS_UNIT - 1] = \
	    ((i) + 1) * PAGE_SMALL,

const struct size_classes Size_classes = {
    .size = {CLASSES(SIZE)},
    .slab_size = {CLASSES(SLAB_SIZE)},
    .last_stand_in = {CLASSES(LAST)},
    .word = {CLASSES(WORD)},
};

static int Result;
static pthread_once_t Once = PTHREAD_ONCE_INIT;

static void
compare(void)
{
	Result = -ENOTSUP;
	if (je_nr_bins() != SIZE_CLASS_NR)
		return;
	for (unsigned i = 0; i < SIZE_CLASS_NR; i++) {
		if (je_bin_size(i) != Size_classes.size[i] ||
		    je_bin_slab_size(i) != Size_classes.slab_size[i])
			return;
	}
	Result = 0;
}

int
size_class_init(void)
{
	(void)pthread_once(&Once, compare);
	return Result;
}
