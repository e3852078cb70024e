/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tier_config.h -- MEMKIND_MEM_TIERS and MEMKIND_MEM_THRESHOLDS.
 */
#ifndef TIER_CONFIG_H
#define TIER_CONFIG_H

#include <memkind_memtier.h>
#include <stddef.h>

enum {
	TIER_CONFIG_WHY_SIZE = 384
};

/*
 * Make a memory of what the two texts say; thresholds may be NULL.  What the
 * user may not expect, but is no error, goes to note.  NULL: why, of
 * TIER_CONFIG_WHY_SIZE bytes, says which part is wrong; what was made by then
 * stays, for a process that is about to end.
 */
struct memtier_memory *tier_config_parse(const char *tiers,
    const char *thresholds, void (*note)(const char *text), char *why);

#endif /* TIER_CONFIG_H */
