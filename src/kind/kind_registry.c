// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_registry.c -- see kind_registry.h.
 */
#include "kind/kind_registry.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/records.h"
#include "kind/kind_record.h"

/* --- operations of a kind that was destroyed -------------------------------------- */

static void *
dead(void)
{
	errno = EINVAL;
	return NULL;
}

static int
dead_create(struct memkind *kind, struct memkind_ops *ops, const char *name)
{
	(void)kind;
	(void)ops;
	(void)name;
	return MEMKIND_ERROR_INVALID;
}

static int
dead_destroy(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_ERROR_INVALID;
}

static void *
dead_malloc(struct memkind *kind, size_t size)
{
	(void)kind;
	(void)size;
	return dead();
}

static void *
dead_calloc(struct memkind *kind, size_t num, size_t size)
{
	(void)kind;
	(void)num;
	(void)size;
	return dead();
}

static int
dead_posix_memalign(
    struct memkind *kind, void **memptr, size_t alignment, size_t size)
{
	(void)kind;
	(void)memptr;
	(void)alignment;
	(void)size;
	return EINVAL;
}

static void *
dead_realloc(struct memkind *kind, void *ptr, size_t size)
{
	(void)kind;
	(void)ptr;
	(void)size;
	return dead();
}

static void
dead_free(struct memkind *kind, void *ptr)
{
	(void)kind;
	(void)ptr;
}

static size_t
dead_usable_size(struct memkind *kind, void *ptr)
{
	(void)kind;
	(void)ptr;
	return 0;
}

static int
dead_check_available(struct memkind *kind)
{
	(void)kind;
	return MEMKIND_ERROR_UNAVAILABLE;
}

static struct memkind_ops Dead_ops = {
    .create = dead_create,
    .destroy = dead_destroy,
    .malloc = dead_malloc,
    .calloc = dead_calloc,
    .posix_memalign = dead_posix_memalign,
    .realloc = dead_realloc,
    .free = dead_free,
    .check_available = dead_check_available,
    .malloc_usable_size = dead_usable_size,
};

/* --- the records ------------------------------------------------------------------ */

static struct lock Lock = DK_LOCK_INIT(RANK_REGISTRY); /* guards all below */
/* A stale handle has to find its kind's Dead_ops. */
static struct records Records =
    RECORDS_INIT(sizeof(struct memkind), RECORDS_KEEP_ALL);
static struct memkind *Kinds; /* linked by next and prev */

struct memkind *
kind_registry_new(void)
{
	lock_take(&Lock);
	struct memkind *kind = records_get(&Records);
	lock_drop(&Lock);
	if (kind != NULL)
		memset(kind, 0, sizeof(*kind));
	return kind;
}

void
kind_registry_free(struct memkind *kind)
{
	/* For stale handles: no blocks, no region, nothing to end. */
	memset(kind, 0, sizeof(*kind));
	kind->ops = &Dead_ops;
	lock_take(&Lock);
	records_retire(&Records, kind);
	lock_drop(&Lock);
}

bool
kind_registry_is_dead(const struct memkind *kind)
{
	return kind->ops == &Dead_ops;
}

void
kind_registry_add(struct memkind *kind)
{
	lock_take(&Lock);
	kind->next = Kinds;
	if (Kinds != NULL)
		Kinds->prev = kind;
	Kinds = kind;
	kind->is_registered = true;
	lock_drop(&Lock);
}

int
kind_registry_remove(struct memkind *kind)
{
	int rc = 0;

	lock_take(&Lock);
	if (!records_has(&Records, kind)) {
		rc = error_set(-EINVAL, "%p is not a kind", (void *)kind);
	} else if (!kind->is_registered) {
		rc = error_set(
		    -EINVAL, "kind %p was already destroyed", (void *)kind);
	} else {
		if (kind->prev != NULL)
			kind->prev->next = kind->next;
		else
			Kinds = kind->next;
		if (kind->next != NULL)
			kind->next->prev = kind->prev;
		kind->next = NULL;
		kind->prev = NULL;
		kind->is_registered = false;
	}
	lock_drop(&Lock);
	return rc;
}

int
kind_registry_walk(int (*visit)(struct memkind *kind, void *arg), void *arg)
{
	int rc = 0;

	lock_take(&Lock);
	for (struct memkind *kind = Kinds; rc == 0 && kind != NULL;
	     kind = kind->next)
		rc = visit(kind, arg);
	lock_drop(&Lock);
	return rc;
}

int
kind_registry_visit(struct memkind *kind,
    int (*visit)(struct memkind *kind, void *arg), void *arg)
{
	int rc = -EINVAL;

	lock_take(&Lock);
	if (kind->is_registered)
		rc = visit(kind, arg);
	lock_drop(&Lock);
	return rc;
}

void
kind_registry_lock_at_fork(void)
{
	lock_take_at_fork(&Lock);
}

void
kind_registry_unlock_at_fork(void)
{
	lock_drop(&Lock);
}

void
kind_registry_walk_at_fork(
    void (*visit)(struct memkind *kind, void *arg), void *arg)
{
	for (struct memkind *kind = Kinds; kind != NULL; kind = kind->next)
		visit(kind, arg);
}
