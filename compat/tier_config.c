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
#include "base/parse.h"
#include "base/util.h"

static const char Tiers_name[] = "MEMKIND_MEM_TIERS";
static const char Thresholds_name[] = "MEMKIND_MEM_THRESHOLDS";

/* Where errors and notes go. */
struct report {
	char *why;
	void (*note)(const char *text);
};

static DK_PRINTF(2, 3) bool fail(struct report *to, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(to->why, TIER_CONFIG_WHY_SIZE, fmt, args);
	va_end(args);
	return false;
}

/* --- texts --------------------------------------------------------------------- */

/* A part of a text, without a terminating NUL. */
struct piece {
	const char *start;
	size_t len;
};

/* Arguments for QUOTED: the invalid part, blanks included. */
#define QUOTED "\"%.*s\""
#define SHOWN(piece) (int)(piece).len, (piece).start

static bool
is_word(struct piece piece, const char *word)
{
	return piece.len == strlen(word) &&
	       memcmp(piece.start, word, piece.len) == 0;
}

/* Cut the part before the first end, or everything, off the rest.  False:
 * nothing is left.  Two ends in a row have an empty part between them. */
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
read_size(struct piece text, size_t *size)
{
	const char *end;

	return parse_size_at(text.start, &end, size) &&
	       end == text.start + text.len;
}

/* A number without a unit. */
static bool
read_ratio(struct piece text, unsigned *ratio)
{
	const char *end;
	size_t value;

	if (strspn(text.start, "0123456789") != text.len ||
	    !parse_size_at(text.start, &end, &value) || value == 0 ||
	    value > UINT32_MAX)
		return false;
	*ratio = (unsigned)value;
	return true;
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
	KIND_DRAM,
	KIND_KMEM,
	KIND_FILE,
	NR_KINDS
};
static const char *const Kinds[NR_KINDS] = {"DRAM", "KMEM_DAX", "FS_DAX"};
enum {
	PARAM_VAL,
	PARAM_MIN,
	PARAM_MAX,
	NR_THRESHOLD_PARAMS
};
static const char *const Threshold_params[NR_THRESHOLD_PARAMS] = {
    "INIT_VAL", "MIN_VAL", "MAX_VAL"};

/* Report a wrong name, and list the right ones. */
static bool
fail_names(struct report *to, const char *what, struct piece name,
    const char *const *names, size_t nr)
{
	char list[128] = "";

	for (size_t i = 0; i < nr; i++) {
		size_t len = strlen(list);

		(void)snprintf(list + len, sizeof(list) - len, "%s%s",
		    i == 0        ? ""
		    : i + 1 == nr ? " or "
				  : ", ",
		    names[i]);
	}
	return fail(to, QUOTED " is not a %s; use %s", SHOWN(name), what, list);
}

/* Find the values of the parameters of a part; start is NULL for missing
 * ones. */
static bool
parse_params(struct piece part, const char *const *names, size_t nr,
    struct piece *values, struct report *to)
{
	struct piece param, name;

	memset(values, 0, nr * sizeof(*values));
	while (cut(&part, ',', &param)) {
		size_t i = 0;

		if (!cut(&param, ':', &name) || param.start == NULL ||
		    param.len == 0)
			return fail(to,
			    QUOTED " has no value; write NAME:VALUE, "
				   "separated by commas",
			    SHOWN(name));
		while (i < nr && !is_word(name, names[i]))
			i++;
		if (i == nr)
			return fail_names(to, "parameter", name, names, nr);
		if (values[i].start != NULL)
			return fail(to, "%s is given twice", names[i]);
		values[i] = param;
	}
	return true;
}

static bool
fail_size(struct report *to, const char *name, struct piece text)
{
	return fail(
	    to, "%s " QUOTED " is not a size such as 64M", name, SHOWN(text));
}

/* This is good enough for a trial, but slow, so tell the user. */
static void
note_file(const struct report *to, const char *path)
{
	char text[TIER_CONFIG_WHY_SIZE];

	if (memkind_check_dax_path(path) == MEMKIND_SUCCESS)
		return;
	(void)snprintf(text, sizeof(text),
	    "FS_DAX: %s is not on a DAX file system: the tier is in the page "
	    "cache",
	    path);
	to->note(text);
}

static bool
make_pmem(const struct piece *params, memkind_t *kind, struct report *to)
{
	size_t limit = 0;

	if (params[PARAM_PATH].start == NULL)
		return fail(to, "FS_DAX needs a PATH");
	if (params[PARAM_LIMIT].start != NULL &&
	    !read_size(params[PARAM_LIMIT], &limit))
		return fail_size(to, "PMEM_SIZE_LIMIT", params[PARAM_LIMIT]);
	char *path = strndup(params[PARAM_PATH].start, params[PARAM_PATH].len);
	if (path == NULL)
		return fail(to, "no memory");
	int err = memkind_create_pmem(path, limit, kind);
	if (err == MEMKIND_SUCCESS)
		note_file(to, path);
	free(path);
	return err == MEMKIND_SUCCESS || fail(to, "%s", daxkind_last_error());
}

static bool
probe_kmem(struct report *to)
{
	void *probe = memkind_malloc(MEMKIND_DAX_KMEM, 1);

	memkind_free(MEMKIND_DAX_KMEM, probe);
	if (probe != NULL)
		return true;
	return fail(to, "KMEM_DAX: %s",
	    memkind_check_available(MEMKIND_DAX_KMEM) != MEMKIND_SUCCESS
		? daxkind_last_error()
		: "the DAX memory has no room for a block");
}

static bool
find_kind(const struct piece *params, memkind_t *kind, struct report *to)
{
	struct piece name = params[PARAM_KIND];
	size_t i = 0;

	if (name.start == NULL)
		return fail(to, "a tier has no KIND");
	while (i < NR_KINDS && !is_word(name, Kinds[i]))
		i++;
	if (i == NR_KINDS)
		return fail_names(to, "KIND", name, Kinds, NR_KINDS);
	if (i == KIND_FILE)
		return make_pmem(params, kind, to);
	if (params[PARAM_PATH].start != NULL ||
	    params[PARAM_LIMIT].start != NULL)
		return fail(to,
		    "PATH and PMEM_SIZE_LIMIT are for FS_DAX, not for %s",
		    Kinds[i]);
	*kind = i == KIND_DRAM ? MEMKIND_DEFAULT : MEMKIND_DAX_KMEM;
	return i == KIND_DRAM || probe_kmem(to);
}

static bool
add_tier(struct memtier_builder *builder, struct piece part, struct report *to)
{
	struct piece params[NR_TIER_PARAMS];
	memkind_t kind = NULL;
	unsigned ratio;

	if (!parse_params(part, Tier_params, NR_TIER_PARAMS, params, to))
		return false;
	if (params[PARAM_RATIO].start == NULL)
		return fail(to, "a tier has no RATIO");
	if (!read_ratio(params[PARAM_RATIO], &ratio))
		return fail(to, "RATIO " QUOTED " is not from 1 to %u",
		    SHOWN(params[PARAM_RATIO]), UINT32_MAX);
	if (!find_kind(params, &kind, to))
		return false;
	return memtier_builder_add_tier(builder, kind, ratio) == 0 ||
	       fail(to, "%s", daxkind_last_error());
}

/* --- thresholds ------------------------------------------------------------------ */

static bool
set_threshold(struct memtier_builder *builder, unsigned nr, struct piece part,
    struct report *to)
{
	static const char *const names[NR_THRESHOLD_PARAMS] = {
	    "val", "min", "max"};
	struct piece params[NR_THRESHOLD_PARAMS];

	if (!parse_params(
		part, Threshold_params, NR_THRESHOLD_PARAMS, params, to))
		return false;
	for (size_t i = 0; i < NR_THRESHOLD_PARAMS; i++) {
		char name[64];
		size_t value;

		if (params[i].start == NULL)
			continue;
		if (!read_size(params[i], &value))
			return fail_size(to, Threshold_params[i], params[i]);
		(void)snprintf(name, sizeof(name),
		    "policy.dynamic_threshold.thresholds[%u].%s", nr, names[i]);
		if (memtier_ctl_set(builder, name, &value) != 0)
			return fail(to,
			    "too many thresholds: there must be one fewer "
			    "than tiers");
	}
	return true;
}

/* Add the variable and the part to an error text. */
static bool
fail_in(struct report *to, const char *variable, unsigned nr)
{
	char what[TIER_CONFIG_WHY_SIZE];

	memcpy(what, to->why, sizeof(what));
	return fail(to, "%s, part %u: %.*s", variable, nr + 1,
	    TIER_CONFIG_WHY_SIZE - 64, what);
}

static bool
set_thresholds(struct memtier_builder *builder, memtier_policy_t policy,
    const char *text, struct report *to)
{
	struct piece part, rest = {text, strlen(text)};

	if (policy != MEMTIER_POLICY_DYNAMIC_THRESHOLD)
		return fail(
		    to, "%s needs POLICY:DYNAMIC_THRESHOLD", Thresholds_name);
	for (unsigned nr = 0; cut(&rest, ';', &part); nr++) {
		if (!set_threshold(builder, nr, part, to))
			return fail_in(to, Thresholds_name, nr);
	}
	return true;
}

/* --- configuration -------------------------------------------------- */

static bool
find_policy(struct piece part, memtier_policy_t *policy, struct report *to)
{
	static const char *const name[] = {"POLICY"};
	static const char *const policies[] = {
	    [MEMTIER_POLICY_STATIC_RATIO] = "STATIC_RATIO",
	    [MEMTIER_POLICY_DYNAMIC_THRESHOLD] = "DYNAMIC_THRESHOLD",
	};
	struct piece value;

	if (!parse_params(part, name, 1, &value, to) || value.start == NULL)
		return fail(to,
		    "the last part of %s, " QUOTED ", is not POLICY:NAME",
		    Tiers_name, SHOWN(part));
	for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
		if (is_word(value, policies[i])) {
			*policy = (memtier_policy_t)i;
			return true;
		}
	}
	return fail_names(to, "POLICY", value, policies, ARRAY_LEN(policies));
}

static bool
fill(struct memtier_builder *builder, memtier_policy_t policy,
    struct piece tiers, const char *thresholds, struct report *to)
{
	struct piece part;

	for (unsigned nr = 0; cut(&tiers, ';', &part); nr++) {
		if (!add_tier(builder, part, to))
			return fail_in(to, Tiers_name, nr);
	}
	return thresholds == NULL ||
	       set_thresholds(builder, policy, thresholds, to);
}

struct memtier_memory *
tier_config_parse(const char *tiers, const char *thresholds,
    void (*note)(const char *text), char *why)
{
	struct report report = {why, note};
	struct report *to = &report;
	const char *last = strrchr(tiers, ';');
	struct memtier_memory *memory = NULL;
	memtier_policy_t policy = MEMTIER_POLICY_MAX_VALUE;

	if (last == NULL) {
		(void)fail(to, "%s needs a tier and a POLICY, separated by ;",
		    Tiers_name);
		return NULL;
	}
	if (!find_policy(
		(struct piece){last + 1, strlen(last + 1)}, &policy, to))
		return NULL;
	struct memtier_builder *builder = memtier_builder_new(policy);
	if (builder == NULL) {
		(void)fail(to, "%s", daxkind_last_error());
		return NULL;
	}
	if (fill(builder, policy, (struct piece){tiers, (size_t)(last - tiers)},
		thresholds, to)) {
		memory = memtier_builder_construct_memtier_memory(builder);
		if (memory == NULL)
			(void)fail(to, "%s", daxkind_last_error());
	}
	memtier_builder_delete(builder);
	return memory;
}
