// SPDX-License-Identifier: BSD-2-Clause
/*
 * tier_config.c -- see tier_config.h.
 *
 *   KIND:FS_DAX,PATH:/mnt/pmem0,RATIO:1;KIND:DRAM,RATIO:4;POLICY:STATIC_RATIO
 *   `---------------- a part ---------' `---- a part ---' `---- the policy --'
 *        a parameter, NAME:VALUE
 */
#include "tier_config.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <daxkind.h>

#include "base/export.h"
#include "base/util.h"

static DK_PRINTF(2, 3) bool fail(char *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(why, TIER_CONFIG_WHY_SIZE, fmt, args);
	va_end(args);
	return false;
}

/* --- texts --------------------------------------------------------------------- */

/* A piece of a text, not ended by a NUL. */
struct piece {
	const char *start;
	size_t len;
};

/* For "%.*s". */
#define SHOWN(piece) (int)(piece).len, (piece).start

static bool
is_word(struct piece piece, const char *word)
{
	return piece.len == strlen(word) &&
	       memcmp(piece.start, word, piece.len) == 0;
}

/* Cut what comes before the first end, or all, off the rest; false: there is
 * nothing left.  Two ends in a row have an empty piece between them. */
static bool
cut(struct piece *rest, char end, struct piece *piece)
{
	if (rest->start == NULL)
		return false;
	const char *at = memchr(rest->start, end, rest->len);
	piece->start = rest->start;
	piece->len = at != NULL ? (size_t)(at - rest->start) : rest->len;
	if (at == NULL) {
		rest->start = NULL;
	} else {
		rest->start = at + 1;
		rest->len -= piece->len + 1;
	}
	return true;
}

static bool
parse_size(struct piece text, size_t *size)
{
	size_t value = 0, unit = 1;

	if (text.len > 1) {
		switch (text.start[text.len - 1]) {
		case 'K':
			unit = KIB;
			break;
		case 'M':
			unit = MIB;
			break;
		case 'G':
			unit = GIB;
			break;
		default:
			break;
		}
		if (unit != 1)
			text.len--;
	}
	if (text.len == 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		size_t digit = (size_t)(text.start[i] - '0');

		if (text.start[i] < '0' || text.start[i] > '9' ||
		    value > (SIZE_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	return mul_checked(value, unit, size);
}

/* --- one tier ------------------------------------------------------------------ */

enum {
	PARAM_KIND,
	PARAM_PATH,
	PARAM_LIMIT,
	PARAM_RATIO,
	NR_TIER_PARAMS
};
static const char *const Tier_params[NR_TIER_PARAMS] = {
    "KIND", "PATH", "PMEM_SIZE_LIMIT", "RATIO"};
enum {
	PARAM_VAL,
	PARAM_MIN,
	PARAM_MAX,
	NR_THRESHOLD_PARAMS
};
static const char *const Threshold_params[NR_THRESHOLD_PARAMS] = {
    "INIT_VAL", "MIN_VAL", "MAX_VAL"};

/* The values of the parameters of a part; start is NULL for those that are
 * not there. */
static bool
parse_params(struct piece part, const char *const *names, size_t nr,
    struct piece *values, char *why)
{
	struct piece param, name;

	memset(values, 0, nr * sizeof(*values));
	while (cut(&part, ',', &param)) {
		size_t i = 0;

		if (!cut(&param, ':', &name) || param.start == NULL ||
		    param.len == 0)
			return fail(why, "%.*s has no value", SHOWN(name));
		while (i < nr && !is_word(name, names[i]))
			i++;
		if (i == nr)
			return fail(
			    why, "there is no parameter %.*s", SHOWN(name));
		if (values[i].start != NULL)
			return fail(why, "%s is there twice", names[i]);
		values[i] = param;
	}
	return true;
}

static bool
make_pmem(const struct piece *params, memkind_t *kind, char *why)
{
	size_t limit = 0;

	if (params[PARAM_PATH].start == NULL)
		return fail(why, "FS_DAX needs a PATH");
	if (params[PARAM_LIMIT].start != NULL &&
	    !parse_size(params[PARAM_LIMIT], &limit))
		return fail(why, "%.*s is no size", SHOWN(params[PARAM_LIMIT]));
	char *path = strndup(params[PARAM_PATH].start, params[PARAM_PATH].len);
	if (path == NULL)
		return fail(why, "no memory");
	int err = memkind_create_pmem(path, limit, kind);
	free(path);
	return err == MEMKIND_SUCCESS || fail(why, "%s", daxkind_last_error());
}

static bool
find_kind(const struct piece *params, memkind_t *kind, char *why)
{
	struct piece name = params[PARAM_KIND];

	if (name.start == NULL)
		return fail(why, "a tier has no KIND");
	if (is_word(name, "FS_DAX"))
		return make_pmem(params, kind, why);
	if (params[PARAM_PATH].start != NULL ||
	    params[PARAM_LIMIT].start != NULL)
		return fail(why,
		    "PATH and PMEM_SIZE_LIMIT are for FS_DAX, not for %.*s",
		    SHOWN(name));
	if (is_word(name, "DRAM")) {
		*kind = MEMKIND_DEFAULT;
		return true;
	}
	if (!is_word(name, "KMEM_DAX"))
		return fail(why, "there is no KIND %.*s", SHOWN(name));
	*kind = MEMKIND_DAX_KMEM;
	void *probe = memkind_malloc(*kind, 1);
	memkind_free(*kind, probe);
	return probe != NULL ||
	       fail(why, "KMEM_DAX: there is no DAX memory in system-ram mode");
}

static bool
add_tier(struct memtier_builder *builder, struct piece part, char *why)
{
	struct piece params[NR_TIER_PARAMS];
	memkind_t kind = NULL;
	size_t ratio;

	if (!parse_params(part, Tier_params, NR_TIER_PARAMS, params, why))
		return false;
	if (params[PARAM_RATIO].start == NULL)
		return fail(why, "a tier has no RATIO");
	if (!parse_size(params[PARAM_RATIO], &ratio) || ratio == 0 ||
	    ratio > UINT32_MAX)
		return fail(why, "RATIO %.*s is not from 1 to %u",
		    SHOWN(params[PARAM_RATIO]), UINT32_MAX);
	if (!find_kind(params, &kind, why))
		return false;
	return memtier_builder_add_tier(builder, kind, (unsigned)ratio) == 0 ||
	       fail(why, "%s", daxkind_last_error());
}

/* --- thresholds ------------------------------------------------------------------ */

static bool
set_threshold(
    struct memtier_builder *builder, unsigned nr, struct piece part, char *why)
{
	static const char *const names[NR_THRESHOLD_PARAMS] = {
	    "val", "min", "max"};
	struct piece params[NR_THRESHOLD_PARAMS];

	if (!parse_params(
		part, Threshold_params, NR_THRESHOLD_PARAMS, params, why))
		return false;
	for (size_t i = 0; i < NR_THRESHOLD_PARAMS; i++) {
		char name[64];
		size_t value;

		if (params[i].start == NULL)
			continue;
		if (!parse_size(params[i], &value))
			return fail(why, "%.*s is no size", SHOWN(params[i]));
		(void)snprintf(name, sizeof(name),
		    "policy.dynamic_threshold.thresholds[%u].%s", nr, names[i]);
		if (memtier_ctl_set(builder, name, &value) != 0)
			return fail(why,
			    "MEMKIND_MEM_THRESHOLDS has more thresholds than "
			    "there are between the tiers, or the policy has "
			    "none");
	}
	return true;
}

static bool
set_thresholds(struct memtier_builder *builder, const char *text, char *why)
{
	struct piece part, rest = {text, strlen(text)};

	for (unsigned nr = 0; cut(&rest, ';', &part); nr++) {
		if (!set_threshold(builder, nr, part, why))
			return false;
	}
	return true;
}

/* --- both ------------------------------------------------------------------------ */

static bool
find_policy(struct piece part, memtier_policy_t *policy, char *why)
{
	static const char *const name[] = {"POLICY"};
	struct piece value;

	if (!parse_params(part, name, 1, &value, why))
		return fail(
		    why, "the last part of MEMKIND_MEM_TIERS is no POLICY");
	if (is_word(value, "STATIC_RATIO"))
		*policy = MEMTIER_POLICY_STATIC_RATIO;
	else if (is_word(value, "DYNAMIC_THRESHOLD"))
		*policy = MEMTIER_POLICY_DYNAMIC_THRESHOLD;
	else
		return fail(why, "there is no POLICY %.*s", SHOWN(value));
	return true;
}

static bool
fill(struct memtier_builder *builder, struct piece tiers,
    const char *thresholds, char *why)
{
	struct piece part;

	while (cut(&tiers, ';', &part)) {
		if (!add_tier(builder, part, why))
			return false;
	}
	return thresholds == NULL || set_thresholds(builder, thresholds, why);
}

struct memtier_memory *
tier_config_parse(const char *tiers, const char *thresholds, char *why)
{
	const char *last = strrchr(tiers, ';');
	struct memtier_memory *memory = NULL;
	memtier_policy_t policy = MEMTIER_POLICY_MAX_VALUE;

	if (last == NULL) {
		(void)fail(why, "a tier and a POLICY are wanted, with ; "
				"between them");
		return NULL;
	}
	if (!find_policy(
		(struct piece){last + 1, strlen(last + 1)}, &policy, why))
		return NULL;
	struct memtier_builder *builder = memtier_builder_new(policy);
	if (builder == NULL) {
		(void)fail(why, "%s", daxkind_last_error());
		return NULL;
	}
	if (fill(builder, (struct piece){tiers, (size_t)(last - tiers)},
		thresholds, why)) {
		memory = memtier_builder_construct_memtier_memory(builder);
		if (memory == NULL)
			(void)fail(why, "%s", daxkind_last_error());
	}
	memtier_builder_delete(builder);
	return memory;
}
