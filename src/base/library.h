/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * library.h -- libraries that are loaded when they are first needed (layer 0).
 *
 * libpmem, libdaxctl and libndctl load ten other libraries and read sysfs when
 * they start, which programs without DAX memory should not pay for.  One file
 * uses each library, through a table of functions.
 */
#ifndef LIBRARY_H
#define LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/export.h"

struct library {
	const char *soname;
	const char *const *names; /* of the nr functions */
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
 * Load the library unless it is loaded, and look up its functions.  It is never
 * unloaded.  Waits for no other thread except in the loader.  Call it through
 * os_run_apart(), since libraries run code when they load.  -ELIBACC: the
 * library or one of its functions is missing; why gets the loader's message.
 */
int library_load(struct library *library, char *why, size_t why_size)
    DK_MUST_CHECK;

/* Whether the process has loaded a library of that name. */
bool library_is_present(const char *soname);

/* For a list of functions as a macro, F(X) X(one) X(two): build the enum and
 * the names from it, and call a function once the library is loaded. */
#define LIBRARY_INDEX(name) AT_##name,
#define LIBRARY_NAME(name) #name,
#define LIBRARY_FUNCTION(functions, name)            \
	(*(__typeof__(&(name)))atomic_load_explicit( \
	    &(functions)[AT_##name], memory_order_relaxed))

#endif /* LIBRARY_H */
