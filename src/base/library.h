/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * library.h -- libraries that are loaded when they are first needed (layer 0).
 *
 * libpmem, libdaxctl and libndctl bring ten others with them and look at
 * sysfs while they start, which a program that has no DAX memory is to be
 * spared.  Each has its one user, who has a table of functions to call.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct library {
	const char *soname;
	const char *const *names; /* of functions, nr of each */
	_Atomic(void *) *functions;
	size_t nr;
	_Atomic(bool) is_loaded; /* functions can be called */
};

static inline bool
library_is_loaded(const struct library *library)
{
	return atomic_load_explicit(&library->is_loaded, memory_order_acquire);
}

/*
 * Load it for good, unless it is loaded, and look up its functions.  Waits for
 * no other thread but in the loader.  Called apart (os_run_apart), as libraries
 * run code of their own then.  -ELIBACC: it is missing, or one of its functions is;
 * why has the loader's words.
 */
int library_load(struct library *library, char *why, size_t why_size)
    DK_MUST_CHECK;

/* Whether the process has a library of that name, whoever loaded it. */
bool library_is_present(const char *soname);

/*
 * For a list of functions as a macro, F(X) X(one) X(two): what enum and names
 * are made of, and how one is called once the library is loaded.
 */
#define LIBRARY_INDEX(name) AT_##name,
#define LIBRARY_NAME(name) #name,
#define LIBRARY_FUNCTION(functions, name)            \
	(*(__typeof__(&(name)))atomic_load_explicit( \
	    &(functions)[AT_##name], memory_order_relaxed))

#endif /* LIBRARY_H */
