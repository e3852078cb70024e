// SPDX-License-Identifier: BSD-2-Clause
/*
 * kind_registry.c -- see kind_registry.h.
 */
#include "kind/kind_registry.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/lock.h"
#include "base/pool.h"
#include "kind/kind.h"

static struct lock Lock = DK_LOCK_INIT(RANK_REGISTRY); /* guards all below */
static struct pool Records = {
    .object_size = sizeof(struct memkind), .next_chunk_len = 4096};
static struct memkind *Kinds; /* linked by next and prev */

struct memkind *
kind_registry_new(void)
{
	lock_take(&Lock);
	struct memkind *kind = pool_get(&Records);
	lock_drop(&Lock);
	if (kind != NULL)
		memset(kind, 0, sizeof(*kind));
	return kind;
}

void
kind_registry_free(struct memkind *kind)
{
	lock_take(&Lock);
	pool_put(&Records, kind);
	lock_drop(&Lock);
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
	if (!kind->is_registered) {
		rc = error_set(-EINVAL,
		    "kind %p is not alive: it was destroyed already",
		    (void *)kind);
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
	lock_drop_at_fork(&Lock);
}

void
kind_registry_walk_at_fork(void (*visit)(struct memkind *kind))
{
	for (struct memkind *kind = Kinds; kind != NULL; kind = kind->next)
		visit(kind);
}
