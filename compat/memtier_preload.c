// SPDX-License-Identifier: BSD-2-Clause
/*
 * memtier_preload.c -- libmemtier.so.0: malloc() and its relatives over tiers.
 *
 * The library is preloaded, so malloc() is called before the library is set up.
 * Until then, and for records of libdaxkind, blocks come from MEMKIND_DEFAULT.
 * All blocks are counted, because all are freed in the same way.
 * src/tiers/tier_fork.h describes forks.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daxkind.h>
#include <memkind_memtier.h>

#include "base/export.h"
#include "base/parse.h"
#include "base/util.h"
#include "preload.h"
#include "tier_config.h"

static struct memtier_memory *Memory; /* NULL: not set up yet */

/* Whether the tiers may be used. */
static bool
has_tiers(void)
{
	return DK_LIKELY(Memory != NULL) && !preload_is_nested();
}

void *
preload_malloc(size_t size)
{
	return has_tiers() ? memtier_malloc(Memory, size)
			   : memtier_kind_malloc(MEMKIND_DEFAULT, size);
}

void *
preload_calloc(size_t num, size_t size)
{
	return has_tiers() ? memtier_calloc(Memory, num, size)
			   : memtier_kind_calloc(MEMKIND_DEFAULT, num, size);
}

void
preload_free(void *ptr)
{
	memtier_free(ptr);
}

void *
preload_realloc(void *ptr, size_t size)
{
	return has_tiers() ? memtier_realloc(Memory, ptr, size)
			   : memtier_kind_realloc(NULL, ptr, size);
}

int
preload_memalign(void **memptr, size_t alignment, size_t size)
{
	return has_tiers()
		   ? memtier_posix_memalign(Memory, memptr, alignment, size)
		   : memtier_kind_posix_memalign(
			 MEMKIND_DEFAULT, memptr, alignment, size);
}

size_t
preload_usable_size(void *ptr)
{
	return memtier_usable_size(ptr);
}

void
preload_note(const char *function, size_t size, const void *ptr)
{
	const void *kind = memkind_detect_kind((void *)(uintptr_t)ptr);

	preload_say("libmemtier: %s of %zu bytes: %p, %s", function, size, ptr,
	    kind == NULL               ? "no room"
	    : kind == MEMKIND_DEFAULT  ? "DRAM"
	    : kind == MEMKIND_DAX_KMEM ? "KMEM_DAX"
				       : "FS_DAX");
}

/* --- set-up --------------------------------------------------------- */

/* The program cannot run on tiers as requested: end it, as memkind's library
 * does. */
static _Noreturn void
give_up(const char *why)
{
	preload_say("libmemtier: %s", why);
	abort();
}

/* Levels of MEMKIND_MEM_TIERING_LOG_LEVEL.  Errors that end the program are
 * always printed. */
enum log_level {
	LOG_ERRORS,
	LOG_TIERS, /* the tiers made from the environment */
	LOG_BLOCKS /* a line for each block */
};

static enum log_level
read_level(const char *text)
{
	char why[TIER_CONFIG_WHY_SIZE];
	size_t level = LOG_ERRORS;

	if (text != NULL &&
	    (!parse_number(text, &level) || level > LOG_BLOCKS)) {
		(void)snprintf(why, sizeof(why),
		    "MEMKIND_MEM_TIERING_LOG_LEVEL=%s is not 0, 1 or 2", text);
		give_up(why);
	}
	return (enum log_level)level;
}

static void
say_note(const char *text)
{
	preload_say("libmemtier: %s", text);
}

static void
be_silent(const char *text)
{
	(void)text;
}

__attribute__((constructor)) static void
set_up(void)
{
	enum log_level level =
	    read_level(secure_getenv("MEMKIND_MEM_TIERING_LOG_LEVEL"));
	const char *tiers = secure_getenv("MEMKIND_MEM_TIERS");
	const char *thresholds = secure_getenv("MEMKIND_MEM_THRESHOLDS");
	char why[TIER_CONFIG_WHY_SIZE];

	if (tiers == NULL)
		give_up("MEMKIND_MEM_TIERS is not set");
	struct memtier_memory *memory = tier_config_parse(
	    tiers, thresholds, level >= LOG_TIERS ? say_note : be_silent, why);
	if (memory == NULL)
		give_up(why);
	if (level >= LOG_TIERS)
		preload_say("libmemtier: the tiers are %s%s%s", tiers,
		    thresholds != NULL ? ", the thresholds " : "",
		    thresholds != NULL ? thresholds : "");
	Preload_has_notes = level >= LOG_BLOCKS;
	Memory = memory;
}
