// SPDX-License-Identifier: BSD-2-Clause
/*
 * size_class.c -- see size_class.h.
 */
#include "heap/size_class.h"

#include <errno.h>
#include <pthread.h>

#include "heap/je.h"

struct size_classes Size_classes;

static int Result;
static pthread_once_t Once = PTHREAD_ONCE_INIT;

static void
init(void)
{
	unsigned nr = je_nr_bins();
	size_t at = 0;

	Result = -ENOTSUP;
	if (nr == 0 || nr > SIZE_CLASS_MAX)
		return;
	for (unsigned i = 0; i < nr; i++) {
		size_t size = je_bin_size(i);

		if (size > SIZE_CLASS_LARGEST || size % SIZE_CLASS_UNIT != 0)
			return;
		Size_classes.size[i] = (uint32_t)size;
		Size_classes.slab_size[i] = (uint32_t)je_bin_slab_size(i);
		for (; at < size / SIZE_CLASS_UNIT; at++)
			Size_classes.word[at] = (uint8_t)page_word_of_small(i);
	}
	Size_classes.nr = nr;
	for (unsigned i = 0, last = 0; i < nr; i++) {
		while (last + 1 < nr &&
		       Size_classes.size[last + 1] <= 2 * Size_classes.size[i])
			last++;
		Size_classes.last_stand_in[i] = (uint8_t)last;
	}
	if (Size_classes.size[nr - 1] != SIZE_CLASS_LARGEST)
		return;
	Result = 0;
}

int
size_class_init(void)
{
	(void)pthread_once(&Once, init);
	return Result;
}
