/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_registry.h -- the live kinds (layer 4).
 */
#ifndef KIND_REGISTRY_H
#define KIND_REGISTRY_H

#include <stdbool.h>

#include "base/export.h"

struct memkind;

/* The record of a kind, zeroed.  Such records are never given back to the
 * system, and not used again soon: a kind that is destroyed twice, or used
 * after that, is found out, not followed, until POOL_REST others have ended. */
struct memkind *kind_registry_new(void);
void kind_registry_free(struct memkind *kind);
/* Whether it was a kind until kind_registry_free(). */
bool kind_registry_is_dead(const struct memkind *kind);

void kind_registry_add(struct memkind *kind);
/* -EINVAL: it is not there (any more); any pointer may be given. */
int kind_registry_remove(struct memkind *kind) DK_MUST_CHECK;
/* Call visit for each live kind, none of which ends meanwhile, until it
 * returns other than 0, which is returned then. */
int kind_registry_walk(
    int (*visit)(struct memkind *kind, void *arg), void *arg);
/* Call visit for one kind that does not end meanwhile; -EINVAL: not there. */
int kind_registry_visit(struct memkind *kind,
    int (*visit)(struct memkind *kind, void *arg), void *arg);

/* Around a fork: keep the list still, and call visit for each live kind. */
void kind_registry_lock_at_fork(void);
void kind_registry_unlock_at_fork(void);
void kind_registry_walk_at_fork(void (*visit)(struct memkind *kind));

#endif /* KIND_REGISTRY_H */
