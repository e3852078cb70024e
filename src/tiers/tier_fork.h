/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tier_fork.h -- forks of a process whose malloc is made of tiers (layer 6).
 *
 * The child needs its blocks in files, but would share them with its parent.
 * So it gets a copy of them in DRAM, while the parent waits.  In other
 * processes the child's regions are switched off, see kind_fork.c.
 */
#ifndef TIER_FORK_H
#define TIER_FORK_H

#include <stdbool.h>

struct memkind;

/* Tiers exist: register the handlers. */
void tier_fork_watch(void);

/* Whether kind is a copy in a child: its blocks can be used, but it has no new
 * ones. */
bool tier_fork_is_copy(const struct memkind *kind);

#endif /* TIER_FORK_H */
