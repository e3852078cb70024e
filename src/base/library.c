// SPDX-License-Identifier: BSD-2-Clause
/*
 * library.c -- see library.h.
 */
#include "base/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

/* The next call of dlerror() overwrites its text. */
static void
keep_reason(char *why, size_t why_size)
{
	const char *text = dlerror();

	(void)snprintf(
	    why, why_size, "%s", text != NULL ? text : "unknown reason");
}

int
library_load(struct library *library, char *why, size_t why_size)
{
	if (library_is_loaded(library))
		return 0;
	/* Never closed: its functions are called from now on. */
	void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		keep_reason(why, why_size);
		return -ELIBACC;
	}
	for (size_t i = 0; i < library->nr; i++) {
		void *function = dlsym(handle, library->names[i]);

		if (function == NULL) {
			keep_reason(why, why_size);
			(void)dlclose(handle);
			return -ELIBACC;
		}
		atomic_store_explicit(
		    &library->functions[i], function, memory_order_relaxed);
	}
	/* Other threads may have stored the same values meanwhile. */
	atomic_store_explicit(&library->is_loaded, true, memory_order_release);
	return 0;
}

struct search {
	const char *soname;
	bool found;
};

static int
compare_name(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	const char *slash = strrchr(info->dlpi_name, '/');

	(void)size;
	search->found = strcmp(slash != NULL ? slash + 1 : info->dlpi_name,
			    search->soname) == 0;
	return search->found;
}

bool
library_is_present(const char *soname)
{
	struct search search = {.soname = soname};

	(void)dl_iterate_phdr(compare_name, &search);
	return search.found;
}
