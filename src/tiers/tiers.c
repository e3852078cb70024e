// SPDX-License-Identifier: BSD-2-Clause
/*
 * tiers.c -- see tiers.h.
 *
 * Nothing here takes a lock.  Records come from MEMKIND_DEFAULT and not from
 * the process's malloc, which may be built on this.
 */
#include "tiers/tiers.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/util.h"
#include "kind/kind.h"
#include "kind/kind_heap_ops.h"
#include "kind/kind_tally.h"

/* Measured with memkind 1.14. */
enum {
	THRESHOLD_STEP = 1024, /* between the thresholds of two tiers */
	DEFAULT_CHECK_CNT = 20
};
static const float Default_trigger = 0.02F;
static const float Default_degree = 0.15F;

/* --- records ------------------------------------------------------------------- */

/* Returns a zeroed array of nr + 1 elements with the content of the old one,
 * which is freed. */
static void *
grow(void *array, size_t nr, size_t size)
{
	void *grown = kind_heap_calloc(MEMKIND_DEFAULT, nr + 1, size);

	if (grown == NULL)
		return NULL;
	if (array != NULL) {
		memcpy(grown, array, nr * size);
		kind_heap_free(MEMKIND_DEFAULT, array);
	}
	return grown;
}

int
tiers_new(memtier_policy_t policy, struct tiers **out)
{
	if (policy != MEMTIER_POLICY_STATIC_RATIO &&
	    policy != MEMTIER_POLICY_DYNAMIC_THRESHOLD)
		return error_set(
		    -EINVAL, "%d is not a policy of tiers", (int)policy);
	struct tiers *tiers =
	    kind_heap_calloc(MEMKIND_DEFAULT, 1, sizeof(*tiers));
	if (tiers == NULL)
		return error_set(-ENOMEM, "no memory for tiers");
	tiers->policy = policy;
	tiers->check_cnt = DEFAULT_CHECK_CNT;
	tiers->trigger = Default_trigger;
	tiers->degree = Default_degree;
	*out = tiers;
	return 0;
}

void
tiers_free(struct tiers *tiers)
{
	if (tiers == NULL)
		return;
	if (tiers->thresholds != NULL)
		kind_heap_free(MEMKIND_DEFAULT, tiers->thresholds);
	if (tiers->tiers != NULL)
		kind_heap_free(MEMKIND_DEFAULT, tiers->tiers);
	kind_heap_free(MEMKIND_DEFAULT, tiers);
}

/* Add the threshold below a tier that is being added. */
static int
add_threshold(struct tiers *tiers)
{
	size_t index = tiers->nr - 1;
	struct tier_threshold *grown =
	    grow(tiers->thresholds, index, sizeof(*grown));

	if (grown == NULL)
		return error_set(-ENOMEM, "no memory for a threshold");
	tiers->thresholds = grown;
	atomic_init(&grown[index].val, (index + 1) * THRESHOLD_STEP);
	grown[index].min = index * THRESHOLD_STEP + THRESHOLD_STEP / 2;
	grown[index].max =
	    (index + 1) * THRESHOLD_STEP + THRESHOLD_STEP / 2 - 1;
	return 0;
}

int
tiers_add(struct tiers *tiers, struct memkind *kind, unsigned ratio)
{
	if (kind == NULL)
		return error_set(-EINVAL, "no kind was given for the tier");
	for (unsigned i = 0; i < tiers->nr; i++) {
		if (tiers->tiers[i].kind == kind)
			return error_set(
			    -EINVAL, "kind %s is already a tier", kind->name);
	}
	/* If the next step fails, an extra threshold does no harm. */
	if (tiers->nr > 0) {
		int rc = add_threshold(tiers);

		if (rc < 0)
			return rc;
	}
	struct tier *grown =
	    grow(tiers->tiers, tiers->nr, sizeof(*tiers->tiers));
	if (grown == NULL)
		return error_set(-ENOMEM, "no memory for a tier");
	grown[tiers->nr] = (struct tier){.kind = kind, .ratio = ratio};
	tiers->tiers = grown;
	tiers->nr++;
	kind->is_tier = true;
	return 0;
}

/* --- properties ---------------------------------------------------------------- */

/* Whether *text begins with word; if so, moves *text past it. */
static bool
skip(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len) != 0)
		return false;
	*text += len;
	return true;
}

static bool
skip_number(const char **text, unsigned *number)
{
	const char *start = *text;
	unsigned value = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		unsigned digit = (unsigned)(**text - '0');

		if (value > (UINT_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return *text != start;
}

static bool
set_threshold(struct tiers *tiers, const char *name, const void *value)
{
	unsigned index;
	size_t bytes;

	if (!skip_number(&name, &index) || !skip(&name, "].") ||
	    tiers->nr == 0 || index >= tiers->nr - 1)
		return false;
	struct tier_threshold *threshold = &tiers->thresholds[index];
	if (strcmp(name, "val") != 0 && strcmp(name, "min") != 0 &&
	    strcmp(name, "max") != 0)
		return false;
	memcpy(&bytes, value, sizeof(bytes));
	if (*name == 'v')
		atomic_store(&threshold->val, bytes);
	else if (name[1] == 'i')
		threshold->min = bytes;
	else
		threshold->max = bytes;
	return true;
}

int
tiers_set(struct tiers *tiers, const char *name, const void *value)
{
	const char *rest = name;
	bool is_known = false;

	if (name == NULL || value == NULL)
		return error_set(-EINVAL, "no name or no value was given");
	if (tiers->policy == MEMTIER_POLICY_DYNAMIC_THRESHOLD &&
	    skip(&rest, "policy.dynamic_threshold.")) {
		is_known = true;
		if (strcmp(rest, "check_cnt") == 0)
			memcpy(
			    &tiers->check_cnt, value, sizeof(tiers->check_cnt));
		else if (strcmp(rest, "trigger") == 0)
			memcpy(&tiers->trigger, value, sizeof(tiers->trigger));
		else if (strcmp(rest, "degree") == 0)
			memcpy(&tiers->degree, value, sizeof(tiers->degree));
		else
			is_known = skip(&rest, "thresholds[") &&
				   set_threshold(tiers, rest, value);
	}
	return is_known ? 0
			: error_set(
			      -EINVAL, "these tiers have no property %s", name);
}

/* --- a memory ------------------------------------------------------------------ */

static int
check(const struct tiers *tiers)
{
	if (tiers->nr == 0)
		return error_set(-EINVAL, "no tier was added");
	if (tiers->policy == MEMTIER_POLICY_STATIC_RATIO)
		return 0;
	if (tiers->nr < 2)
		return error_set(
		    -EINVAL, "a threshold needs at least two tiers");
	for (unsigned i = 0; i < tiers->nr - 1; i++) {
		const struct tier_threshold *t = &tiers->thresholds[i];
		size_t val = atomic_load(&t->val);

		if (t->min > val || val > t->max)
			return error_set(-EINVAL,
			    "threshold %u is %zu, but must be from %zu to %zu",
			    i, val, t->min, t->max);
		if (i > 0 && t[-1].max > t->min)
			return error_set(-EINVAL,
			    "the ranges of thresholds %u and %u overlap", i - 1,
			    i);
	}
	if (!(tiers->degree >= 0) || !(tiers->trigger >= 0))
		return error_set(-EINVAL, "degree and trigger must not be "
					  "negative");
	return 0;
}

int
tiers_build(const struct tiers *from, struct tiers **out)
{
	struct tiers *built = NULL;
	int rc = check(from);

	if (rc == 0)
		rc = tiers_new(from->policy, &built);
	if (built == NULL)
		return rc;
	for (unsigned i = 0; i < from->nr; i++) {
		rc =
		    tiers_add(built, from->tiers[i].kind, from->tiers[i].ratio);
		if (rc < 0) {
			tiers_free(built);
			return rc;
		}
	}
	for (unsigned i = 0; i + 1 < from->nr; i++) {
		const struct tier_threshold *t = &from->thresholds[i];

		atomic_store(&built->thresholds[i].val, atomic_load(&t->val));
		built->thresholds[i].min = t->min;
		built->thresholds[i].max = t->max;
	}
	built->check_cnt = from->check_cnt;
	built->trigger = from->trigger;
	built->degree = from->degree;
	*out = built;
	return 0;
}

/* The tier with the fewest bytes for its share; of several, the first. */
static struct memkind *
pick_by_ratio(const struct tiers *tiers)
{
	const struct tier *best = &tiers->tiers[0];

	if (tiers->nr == 1)
		return best->kind;
	unsigned place = kind_tally_place();
	size_t best_bytes = kind_tally_about(best->kind, place);
	for (unsigned i = 1; i < tiers->nr; i++) {
		const struct tier *tier = &tiers->tiers[i];
		size_t bytes = kind_tally_about(tier->kind, place);

		if ((unsigned __int128)bytes * best->ratio <
		    (unsigned __int128)best_bytes * tier->ratio) {
			best = tier;
			best_bytes = bytes;
		}
	}
	return best->kind;
}

struct memkind *
tiers_pick(struct tiers *tiers, size_t size)
{
	unsigned i = 0;

	if (tiers->policy == MEMTIER_POLICY_STATIC_RATIO)
		return pick_by_ratio(tiers);
	while (i < tiers->nr - 1 &&
	       size >= atomic_load_explicit(
			   &tiers->thresholds[i].val, memory_order_relaxed))
		i++;
	return tiers->tiers[i].kind;
}

struct memkind *
tiers_other(const struct tiers *tiers, const struct memkind *full, unsigned nr)
{
	struct memkind *last = NULL;

	for (unsigned i = 0; i < tiers->nr; i++) {
		struct memkind *kind = tiers->tiers[i].kind;

		if (kind == full)
			continue;
		if (kind == MEMKIND_DEFAULT)
			last = kind;
		else if (nr-- == 0)
			return kind;
	}
	return nr == 0 ? last : NULL;
}

/* Move the threshold above tier i, unless the two tiers next to it have their
 * shares or have come closer to them since the last check. */
static void
adjust(struct tiers *tiers, unsigned i)
{
	const struct tier *low = &tiers->tiers[i], *high = &low[1];
	struct tier_threshold *t = &tiers->thresholds[i];
	unsigned place = kind_tally_place();
	double low_bytes = (double)kind_tally_about(low->kind, place);
	double high_bytes = (double)kind_tally_about(high->kind, place);
	bool is_to_rise = true;

	if (low_bytes > 0) {
		double wanted = (double)high->ratio / (double)low->ratio;
		double found = high_bytes / low_bytes;
		double distance =
		    found > wanted ? found - wanted : wanted - found;
		double before = t->distance;

		t->distance = distance;
		if (distance < (double)tiers->trigger || distance < before)
			return;
		is_to_rise = found > wanted;
	}
	size_t val = atomic_load_explicit(&t->val, memory_order_relaxed);
	size_t room = is_to_rise ? t->max - val : val - t->min;
	double part = (double)val * (double)tiers->degree;
	/* The largest room, as a double, is 2^64, which does not fit size_t. */
	if (!(part <= (double)room) || part >= 0x1p64)
		return;
	size_t step = (size_t)part;
	if ((double)step < part)
		step++; /* round up, so that a small threshold moves too */
	if (step > room)
		return;
	atomic_store_explicit(&t->val, is_to_rise ? val + step : val - step,
	    memory_order_relaxed);
}

void
tiers_after_alloc(struct tiers *tiers)
{
	if (tiers->policy == MEMTIER_POLICY_STATIC_RATIO)
		return;
	unsigned nr = 1 + atomic_fetch_add_explicit(
			      &tiers->nr_allocs, 1, memory_order_relaxed);
	if (tiers->check_cnt > 1 && nr % tiers->check_cnt != 0)
		return;
	if (atomic_exchange_explicit(
		&tiers->is_checking, true, memory_order_acquire))
		return;
	for (unsigned i = 0; i < tiers->nr - 1; i++)
		adjust(tiers, i);
	atomic_store_explicit(&tiers->is_checking, false, memory_order_release);
}
