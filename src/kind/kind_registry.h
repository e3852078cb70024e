/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_registry.h -- the live kinds (layer 5).
 */
#ifndef KIND_REGISTRY_H
#define KIND_REGISTRY_H

#include <stdbool.h>

#include "base/export.h"

struct memkind;

/* The record of a kind, zeroed.  These records are never returned to the kernel
 * and not reused until RECORDS_REST other kinds were destroyed: until then the use
 * of a destroyed kind is detected. */
struct memkind *kind_registry_new(void);
void kind_registry_free(struct memkind *kind);
/* Whether it was a kind until kind_registry_free(). */
bool kind_registry_is_dead(const struct memkind *kind);

void kind_registry_add(struct memkind *kind);
/* Accepts any pointer; -EINVAL: it is not registered. */
int kind_registry_remove(struct memkind *kind) DK_MUST_CHECK;
/* Call visit for each live kind, none of which is destroyed meanwhile, until it
 * returns a value other than 0, which is then returned. */
int kind_registry_walk(
    int (*visit)(struct memkind *kind, void *arg), void *arg);
/* Call visit for one kind, which is not destroyed meanwhile; -EINVAL: it is not
 * registered. */
int kind_registry_visit(struct memkind *kind,
    int (*visit)(struct memkind *kind, void *arg), void *arg);

/* Around a fork: lock the list, and call visit for each live kind. */
void kind_registry_lock_at_fork(void);
void kind_registry_unlock_at_fork(void);
void kind_registry_walk_at_fork(
    void (*visit)(struct memkind *kind, void *arg), void *arg);

#endif /* KIND_REGISTRY_H */
