// SPDX-License-Identifier: BSD-2-Clause
/*
 * memkind_stats.c -- figures of kinds and of the library (layer 8).
 *
 * Figures are those of the last memkind_update_cached_stats(): each kind keeps
 * a copy, made at the first request of a round.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/export.h"
#include "heap/je.h"
#include "kind/error_code.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_registry.h"
#include "kind/kind_static.h"
#include "memkind.h"
#include "memkind/memkind_result.h"
#include "memkind/stats_report.h"

static _Atomic(unsigned) Round = 1;

static int
do_update_cached_stats(void)
{
	int rc = je_stats_refresh();

	if (rc < 0)
		return MEMKIND_ERROR_OPERATION_FAILED;
	atomic_fetch_add(&Round, 1);
	return MEMKIND_SUCCESS;
}

DK_EXPORT int
memkind_update_cached_stats(void)
{
	error_clear();
	return memkind_result(do_update_cached_stats());
}

/* Update the kind's copy to this round; the caller holds the registry's
 * lock. */
static int
refresh(struct memkind *kind, void *arg)
{
	unsigned round = atomic_load(&Round);

	(void)arg;
	if (kind->stats_round == round || kind->blocks == NULL)
		return 0;
	int rc = kind->blocks->get_stats(kind, &kind->stats);
	if (rc == 0)
		kind->stats_round = round;
	return rc;
}

struct request {
	memkind_stat_type stat;
	size_t *value;
};

static int
pick_of_kind(struct memkind *kind, void *arg)
{
	const struct request *request = arg;
	int rc = refresh(kind, NULL);

	if (rc < 0)
		return rc;
	return error_code_to_errno(
	    kind_pick_stat(&kind->stats, request->stat, request->value));
}

/* Add what jemalloc does not count. */
static int
add_own(struct memkind *kind, void *arg)
{
	struct block_figures figures;

	if (kind->blocks == NULL || kind->blocks->get_figures == NULL)
		return 0;
	kind->blocks->get_figures(kind, &figures);
	heap_stats_add(
	    arg, &(struct heap_stats){
		     .allocated = figures.large_bytes + figures.small_bytes,
		     .active = figures.large_bytes + figures.slab_bytes,
		     .resident = figures.large_bytes + figures.slab_bytes});
	return 0;
}

static int
stat_of_library(memkind_stat_type stat, size_t *value)
{
	struct heap_stats sum = {0};
	struct je_stats je;

	if (je_stats(&je) < 0)
		return MEMKIND_ERROR_OPERATION_FAILED;
	kind_static_walk(add_own, &sum);
	(void)kind_registry_walk(add_own, &sum);
	sum.allocated += je.allocated;
	sum.active += je.active;
	sum.resident += je.resident;
	return kind_pick_stat(&sum, stat, value);
}

static int
do_get_stat(memkind_t kind, memkind_stat_type stat, size_t *value)
{
	if (value == NULL)
		return error_code_from_errno(
		    error_set(-EINVAL, "the pointer to the result is NULL"));
	if ((unsigned)stat >= MEMKIND_STAT_TYPE_MAX_VALUE)
		return error_code_from_errno(error_set(
		    -EINVAL, "%d is not a memkind_stat_type", (int)stat));
	if (kind == NULL)
		return stat_of_library(stat, value);
	if (kind->ops->get_stat == NULL) {
		(void)error_set(
		    -ENOTSUP, "kind %s has no statistics", kind->name);
		return MEMKIND_ERROR_INVALID;
	}
	/* Not the figures of a heap: call the operation. */
	if (kind->ops->get_stat != kind_heap_get_stat)
		return kind->ops->get_stat(kind, stat, value);

	struct request request = {stat, value};
	return error_code_from_errno(
	    kind_registry_visit(kind, pick_of_kind, &request));
}

DK_EXPORT int
memkind_get_stat(memkind_t kind, memkind_stat_type stat, size_t *value)
{
	error_clear();
	return memkind_result(do_get_stat(kind, stat, value));
}

/* jemalloc's letters for parts to omit. */
static const struct {
	unsigned opt;
	char letter;
} Letters[] = {
    {MEMKIND_STAT_PRINT_JSON_FORMAT, 'J'},
    {MEMKIND_STAT_PRINT_OMIT_GENERAL, 'g'},
    {MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA, 'm'},
    {MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA, 'd'},
    {MEMKIND_STAT_PRINT_OMIT_PER_ARENA, 'a'},
    {MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS, 'b'},
    {MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE, 'l'},
    {MEMKIND_STAT_PRINT_OMIT_MUTEX, 'x'},
    {MEMKIND_STAT_PRINT_OMIT_EXTENT, 'e'},
};

static int
do_stats_print(void (*write_cb)(void *, const char *), void *cbopaque,
    memkind_stat_print_opt opts)
{
	char letters[sizeof(Letters) / sizeof(Letters[0]) + 1];
	unsigned known = 0;
	size_t len = 0;

	for (size_t i = 0; i < sizeof(Letters) / sizeof(Letters[0]); i++) {
		known |= Letters[i].opt;
		if (((unsigned)opts & Letters[i].opt) != 0)
			letters[len++] = Letters[i].letter;
	}
	letters[len] = '\0';
	if (((unsigned)opts & ~known) != 0) {
		(void)error_set(-EINVAL,
		    "0x%x has bits that are not a memkind_stat_print_opt",
		    (unsigned)opts);
		return MEMKIND_ERROR_INVALID;
	}
	stats_report_print(write_cb, cbopaque, (unsigned)opts, letters);
	return MEMKIND_SUCCESS;
}

DK_EXPORT int
memkind_stats_print(void (*write_cb)(void *, const char *), void *cbopaque,
    memkind_stat_print_opt opts)
{
	error_clear();
	return memkind_result(do_stats_print(write_cb, cbopaque, opts));
}
