// SPDX-License-Identifier: BSD-2-Clause
/*
 * mock_library.c -- see mock_library.h.
 *
 * The names that begin with two underscores are the linker's (ld --wrap).
 */
#include "mock_library.h"

#include <string.h>

#include "base/library.h"
#include "base/log.h"

enum {
	MAX_STAND_INS = 16
};

static struct {
	const char *name;
	void *stand_in;
	void **real;
} Stand_ins[MAX_STAND_INS];
static size_t Nr_stand_ins;

int __real_library_load(struct library *library, char *why, size_t why_size);
int __wrap_library_load(struct library *library, char *why, size_t why_size);

void
mock_library_put(const char *name, void *stand_in, void **real)
{
	DK_BUG_ON(Nr_stand_ins == MAX_STAND_INS);
	Stand_ins[Nr_stand_ins].name = name;
	Stand_ins[Nr_stand_ins].stand_in = stand_in;
	Stand_ins[Nr_stand_ins].real = real;
	Nr_stand_ins++;
}

int
__wrap_library_load(struct library *library, char *why, size_t why_size)
{
	int rc = __real_library_load(library, why, why_size);

	for (size_t i = 0; rc == 0 && i < library->nr; i++) {
		for (size_t j = 0; j < Nr_stand_ins; j++) {
			if (strcmp(library->names[i], Stand_ins[j].name) != 0)
				continue;
			void *is = atomic_load(&library->functions[i]);

			if (is != Stand_ins[j].stand_in)
				*Stand_ins[j].real = is;
			atomic_store(
			    &library->functions[i], Stand_ins[j].stand_in);
		}
	}
	return rc;
}
