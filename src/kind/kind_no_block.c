// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_no_block.c -- see kind_no_block.h.
 */
#include "kind/kind_no_block.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "kind/kind_record.h"
#include "kind/kind_registry.h"
#include "kind/kind_static.h"
#include "restart/restart.h"

/* A copy of the facts, since the kind may be gone when the text is read. */
struct no_block {
	char name[KIND_NAME_SIZE];
	size_t size;
	size_t region_size, longest_free; /* 0, 0: no region */
	int no_space; /* errno value of the file system, or 0 */
	int err;
	bool is_hit; /* the records of a durable heap, by a media error */
};

static void
render(const void *data, char *text, size_t text_size)
{
	const struct no_block *n = data;

	if (n->is_hit)
		(void)snprintf(text, text_size,
		    "kind %s: a media error has hit the records of the durable "
		    "heap, which hands out nothing more; copy what is good to a "
		    "new region",
		    n->name);
	else if (n->err != ENOMEM)
		(void)snprintf(text, text_size,
		    "kind %s has no block of %zu bytes: %s", n->name, n->size,
		    strerror(n->err));
	else if (n->region_size == 0)
		(void)snprintf(text, text_size,
		    "kind %s: there is no memory for %zu bytes", n->name,
		    n->size);
	else if (n->size > n->region_size)
		(void)snprintf(text, text_size,
		    "kind %s: %zu bytes do not fit in its region of %zu bytes",
		    n->name, n->size, n->region_size);
	else if (n->no_space != 0 && n->size <= n->longest_free)
		(void)snprintf(text, text_size,
		    "kind %s: there is no file space for %zu bytes: %s",
		    n->name, n->size, strerror(n->no_space));
	else
		(void)snprintf(text, text_size,
		    "kind %s is full: there is no room for %zu bytes; the "
		    "longest free run of its region has %zu of %zu",
		    n->name, n->size, n->longest_free, n->region_size);
}

void
kind_note_no_block(struct memkind *kind, size_t size, int err)
{
	struct no_block n = {.size = size, .err = err};

	if (kind == NULL) {
		(void)error_set(-EINVAL, "kind is NULL");
		return;
	}
	if (kind_registry_is_dead(kind)) {
		(void)error_set(
		    -EINVAL, "kind %p was already destroyed", (void *)kind);
		return;
	}
	if (kind->region != NULL && kind->region->fork.is_off) {
		(void)region_refuse_in_child();
		return;
	}
	/* check_available() sets the text if the machine lacks that memory. */
	if (kind_is_static(kind) && kind->ops->check_available(kind) != 0)
		return;
	memcpy(n.name, kind->name, sizeof(n.name));
	if (kind->region != NULL) {
		n.region_size = kind->region->size;
		n.longest_free = region_longest_free(kind->region);
		n.is_hit = kind->region->restart != NULL &&
			   ledger_is_hit(&kind->region->restart->ledger);
		n.no_space = atomic_load_explicit(
		    &kind->region->no_space, memory_order_relaxed);
	}
	error_note(-err, render, &n, sizeof(n));
}

int
kind_check_memptr(void **memptr)
{
	if (memptr == NULL)
		return -error_set(-EINVAL,
		    "the memptr argument is NULL; pass the address of a "
		    "pointer");
	*memptr = NULL;
	return 0;
}

int
kind_check_alignment(size_t alignment)
{
	if (is_power_of_two(alignment) && alignment >= sizeof(void *))
		return 0;
	return -error_set(-EINVAL,
	    "an alignment of %zu bytes is not valid; it must be a power of two "
	    "and a multiple of %zu",
	    alignment, sizeof(void *));
}
