// SPDX-License-Identifier: BSD-2-Clause
/*
 * backing_anon.c -- see backing_anon.h.
 *
 *   base                                                       base + size
 *   |large blocks|............ without access ............|slabs of small|
 *
 * It reserves many more addresses than needed, and makes pages accessible when
 * the space map hands them out, so that the kernel's overcommit check sees each
 * request.  Pages that are given back stay accessible, but empty and zero.
 * Under strict overcommit they are made inaccessible again.
 */
#include "region/backing_anon.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"

/* The region index can enter a region of this alignment without tables. */
#define BEST_ALIGN (16 * GIB)

static struct backing_anon *
anon_of(struct backing *b)
{
	return (struct backing_anon *)b;
}

static int
place(const struct backing_anon *a, void *addr, size_t len)
{
	return a->place != NULL ? a->place(a->arg, addr, len) : 0;
}

static int
discard(struct backing *b, size_t off, size_t len)
{
	return anon_of(b)->is_strict ? os_decommit(b->base + off, len)
				     : os_drop_pages(b->base + off, len);
}

static int
ensure(struct backing *b, size_t off, size_t len, bool *is_zero)
{
	int rc = os_commit(b->base + off, len);

	/* A decommitted page has lost its binding. */
	if (rc == 0 && anon_of(b)->is_strict)
		rc = place(anon_of(b), b->base + off, len);
	*is_zero = rc < 0 && discard(b, off, len) == 0;
	return rc;
}

static void
close_anon(struct backing *b)
{
	(void)os_unmap(b->base, b->size);
}

static const struct backing_ops Ops = {
    .ensure = ensure,
    .discard = discard,
    .close = close_anon,
};

int
backing_anon_open(struct backing_anon *a, size_t size, size_t least)
{
	void *base;
	int rc;

	/* The cause may be a limit.  Its errno value depends on the limit, so
	 * try a smaller size after any error. */
	while ((rc = os_reserve(size, min_size(size, BEST_ALIGN), &base)) < 0 &&
	       size > least)
		size /= 2;
	if (rc < 0)
		return error_set(rc,
		    "not even %zu bytes of address space can be reserved: %s",
		    size, strerror(-rc));
	rc = place(a, base, size);
	if (rc < 0) {
		(void)os_unmap(base, size);
		return error_set(rc, "memory cannot be bound to its nodes: %s",
		    strerror(-rc));
	}
	a->is_strict = os_is_commit_strict();
	a->base = (struct backing){
	    .ops = &Ops,
	    .type = BACKING_ANON,
	    .base = base,
	    .size = size,
	    .align = DK_PAGE,
	    .granularity = FLUSH_PAGE,
	    .has_file_space = true,
	    .is_private = true,
	    .starts_as_holes = true,
	    .starts_zero = true,
	    .numa_node = -1,
	};
	return 0;
}
