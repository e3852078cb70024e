/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tier_config.h -- parses MEMKIND_MEM_TIERS and MEMKIND_MEM_THRESHOLDS.
 */
#ifndef TIER_CONFIG_H
#define TIER_CONFIG_H

#include <memkind_memtier.h>
#include <stddef.h>

enum {
	TIER_CONFIG_WHY_SIZE = 384
};

/*
 * Make a memory from the two texts; thresholds may be NULL. note gets facts
 * that are not errors but may surprise the user.  NULL: why, of
 * TIER_CONFIG_WHY_SIZE bytes, says which part is wrong; kinds made so far stay,
 * since the process is about to end.
 */
struct memtier_memory *tier_config_parse(const char *tiers,
    const char *thresholds, void (*note)(const char *text), char *why);

#endif /* TIER_CONFIG_H */
