/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tier_fork.h -- forks of a process whose malloc is made of tiers (layer 5).
 *
 * Such a child cannot do without the blocks that it has in files, which it
 * would share with its parent.  So it gets a copy of what is taken there, in
 * DRAM, while the parent waits.  Other processes have no use for one: their
 * child keeps off the region, as kind_fork.c says.
 */
#ifndef TIER_FORK_H
#define TIER_FORK_H

#include <stdbool.h>

struct memkind;

/* There are tiers, so that there is something to look after. */
void tier_fork_watch(void);

/* Whether kind is a copy in a child: its blocks can be used, and it gives no
 * further ones. */
bool tier_fork_is_copy(const struct memkind *kind);

#endif /* TIER_FORK_H */
