// SPDX-License-Identifier: BSD-2-Clause
/*
 * tier_fork.c -- see tier_fork.h.
 *
 * Its handlers are the outermost: they call malloc, and work on regions.  Lock
 * is held from before a fork until the child has its copy.
 */
#include "tiers/tier_fork.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/export.h"
#include "base/kept_fd.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/os.h"
#include "kind/kind.h"
#include "kind/kind_registry.h"
#include "region/region.h"

static struct lock Lock = DK_LOCK_INIT(RANK_TIER_FORK);
/* A pipe.  The child closes the writing end once its copy is made. */
static struct kept_fd Copied[2];
static bool Has_pipe;
/* Of the current fork. */
static bool Is_malloc_ours;
/* This is a child with copies.  Its memory is private, also towards its own
 * children. */
static bool Has_copies;

bool
tier_fork_is_copy(const struct memkind *kind)
{
	return DK_UNLIKELY(Has_copies) && kind->region != NULL &&
	       region_is_off(kind->region);
}

static bool
is_malloc_ours(void)
{
	void *volatile probe = malloc(1);
	bool result = probe != NULL && kind_of(probe) != NULL;

	free(probe);
	return result;
}

static void
open_pipe(void)
{
	int fds[2];

	/* Without descriptors, the parent does not wait for the copy. */
	Has_pipe = os_pipe(fds) == 0;
	for (int end = 0; Has_pipe && end < 2; end++)
		kept_fd_init(&Copied[end], fds[end]);
}

static void
close_end(int end)
{
	if (Has_pipe)
		kept_fd_close(&Copied[end], false);
}

static void
before_fork(void)
{
	lock_take_at_fork(&Lock);
	Is_malloc_ours = !Has_copies && is_malloc_ours();
	Has_pipe = false;
	if (Is_malloc_ours)
		open_pipe();
}

static void
in_parent(void)
{
	close_end(1);
	if (Has_pipe && kept_fd_is_ours(&Copied[0]))
		os_wait_for_end(Copied[0].fd);
	close_end(0);
	lock_drop(&Lock);
}

/* If a copy is impossible, forbid access: parent and child must not write to
 * each other's blocks. */
static int
copy_region(struct memkind *kind, void *arg)
{
	struct daxkind_region *r = kind->region;
	size_t off = 0, end_off;

	(void)arg;
	if (!kind->is_tier || r == NULL || !region_is_off(r))
		return 0;
	for (; off < r->size; off = end_off) {
		if (region_run_at(r, off, &end_off) != SPACE_RUN_TAKEN)
			continue;
		int rc = os_make_private(r->base + off, end_off - off);
		if (rc < 0) {
			log_write(DK_LOG_ERROR,
			    "no memory for a child's copy of %zu bytes",
			    end_off - off);
			os_forbid(r->base + off, end_off - off);
		}
	}
	return 0;
}

static void
in_child(void)
{
	lock_drop(&Lock);
	if (Is_malloc_ours) {
		(void)kind_registry_walk(copy_region, NULL);
		Has_copies = true;
	}
	close_end(0);
	close_end(1);
}

static void
register_handlers(void)
{
	if (pthread_atfork(before_fork, in_parent, in_child) != 0)
		log_write(DK_LOG_WARNING, "no memory for fork handlers");
}

void
tier_fork_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	/* Only now, so that they are registered after those of kind_fork.c. */
	(void)pthread_once(&once, register_handlers);
}
