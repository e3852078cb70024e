// SPDX-License-Identifier: BSD-2-Clause
/*
 * rangeset.c -- see rangeset.h.
 *
 * A treap: a search tree by start and a heap by random priority.  The depth is
 * logarithmic with overwhelming probability (under 60 for a million ranges),
 * so the recursion below is bounded by that.
 */
#include "space/rangeset.h"

#include <assert.h>
#include <errno.h>

#include "base/util.h"

static size_t
longest_of(const struct rangeset_node *n)
{
	return n == NULL ? 0 : n->longest;
}

static void
update(struct rangeset_node *n)
{
	n->longest = max_size(
	    n->len, max_size(longest_of(n->kid[0]), longest_of(n->kid[1])));
}

/* xorshift32 (Marsaglia 2003) is good enough to balance a tree. */
static uint32_t
next_random(struct rangeset *rs)
{
	uint32_t x = rs->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	rs->random = x;
	return x;
}

void
rangeset_init(struct rangeset *rs, struct pool *nodes)
{
	*rs = (struct rangeset){.nodes = nodes, .random = 2463534242u};
}

/* Split the tree at start: lower ranges go left, the others right. */
static void
split(struct rangeset_node *n, size_t start, struct rangeset_node **left,
    struct rangeset_node **right)
{
	if (n == NULL) {
		*left = NULL;
		*right = NULL;
	} else if (n->start < start) {
		split(n->kid[1], start, &n->kid[1], right);
		update(n);
		*left = n;
	} else {
		split(n->kid[0], start, left, &n->kid[0]);
		update(n);
		*right = n;
	}
}

/* Join two trees; all of left lies below all of right. */
static struct rangeset_node *
join(struct rangeset_node *left, struct rangeset_node *right)
{
	if (left == NULL)
		return right;
	if (right == NULL)
		return left;
	if (left->priority > right->priority) {
		left->kid[1] = join(left->kid[1], right);
		update(left);
		return left;
	}
	right->kid[0] = join(left, right->kid[0]);
	update(right);
	return right;
}

static void
insert(struct rangeset *rs, struct rangeset_node *new_node)
{
	struct rangeset_node **link = &rs->root;

	while (*link != NULL && (*link)->priority >= new_node->priority) {
		struct rangeset_node *n = *link;

		n->longest = max_size(n->longest, new_node->len);
		link = &n->kid[new_node->start > n->start];
	}
	split(*link, new_node->start, &new_node->kid[0], &new_node->kid[1]);
	update(new_node);
	*link = new_node;
}

/* The highest link below which longest depends on the node at start, which
 * exists and had that length.  Above it, another node is longer. */
static struct rangeset_node **
first_to_update(struct rangeset *rs, size_t start, size_t len)
{
	struct rangeset_node **link = &rs->root;

	for (;;) {
		struct rangeset_node *n = *link;

		assert(n != NULL); /* the node exists */
		if (n->longest == len || n->start == start)
			return link;
		link = &n->kid[start > n->start];
	}
}

/* Unlink the node at start, which exists. */
static struct rangeset_node *
erase_below(
    struct rangeset_node *n, size_t start, struct rangeset_node **erased)
{
	if (n->start == start) {
		*erased = n;
		return join(n->kid[0], n->kid[1]);
	}
	bool right = start > n->start;

	n->kid[right] = erase_below(n->kid[right], start, erased);
	update(n);
	return n;
}

static void
update_below(struct rangeset_node *n, size_t start)
{
	assert(n != NULL); /* the node exists */
	if (n->start != start)
		update_below(n->kid[start > n->start], start);
	update(n);
}

/* Shorten the node, which keeps its place in the order. */
static void
shorten(struct rangeset *rs, struct rangeset_node *n, size_t start, size_t len)
{
	size_t old_len = n->len;

	n->start = start;
	n->len = len;
	update_below(*first_to_update(rs, start, old_len), start);
}

/* Lengthen the node, which keeps its place in the order. */
static void
lengthen(
    struct rangeset *rs, struct rangeset_node *grown, size_t start, size_t len)
{
	struct rangeset_node *n = rs->root;

	grown->start = start;
	grown->len = len;
	for (; n != grown; n = n->kid[start > n->start])
		n->longest = max_size(n->longest, len);
	n->longest = max_size(n->longest, len);
}

/* The last node that starts at or before pos and the first one after it, or
 * NULL. */
static void
neighbours(const struct rangeset *rs, size_t pos, struct rangeset_node **before,
    struct rangeset_node **after)
{
	*before = NULL;
	*after = NULL;
	for (struct rangeset_node *n = rs->root; n != NULL;) {
		if (n->start <= pos) {
			*before = n;
			n = n->kid[1];
		} else {
			*after = n;
			n = n->kid[0];
		}
	}
}

/* The last node that starts at or before pos, or NULL. */
static struct rangeset_node *
at_or_before(const struct rangeset *rs, size_t pos)
{
	struct rangeset_node *before, *after;

	neighbours(rs, pos, &before, &after);
	return before;
}

static void
drop_node(struct rangeset *rs, struct rangeset_node *n)
{
	struct rangeset_node **link = first_to_update(rs, n->start, n->len);
	struct rangeset_node *erased;

	*link = erase_below(*link, n->start, &erased);
	pool_put(rs->nodes, erased);
	rs->nr--;
}

static int
new_node(struct rangeset *rs, size_t start, size_t len)
{
	struct rangeset_node *n = pool_get(rs->nodes);

	if (n == NULL)
		return -ENOMEM;
	*n = (struct rangeset_node){.start = start,
	    .len = len,
	    .longest = len,
	    .priority = next_random(rs)};
	insert(rs, n);
	rs->nr++;
	return 0;
}

int
rangeset_add(struct rangeset *rs, size_t start, size_t len)
{
	struct rangeset_node *prev, *next;

	neighbours(rs, start, &prev, &next);
	bool joins_prev = prev != NULL && prev->start + prev->len == start;
	bool joins_next = next != NULL && start + len == next->start;

	if (joins_prev) {
		size_t grown = prev->len + len;

		if (joins_next) {
			grown += next->len;
			drop_node(rs, next);
		}
		lengthen(rs, prev, prev->start, grown);
	} else if (joins_next) {
		/* It stays the first node after prev, so the order holds. */
		lengthen(rs, next, start, next->len + len);
	} else {
		int rc = new_node(rs, start, len);

		if (rc < 0)
			return rc;
	}
	rs->total += len;
	return 0;
}

/* Cut [start, end), which overlaps n, out of n. */
static int
cut(struct rangeset *rs, struct rangeset_node *n, size_t start, size_t end)
{
	size_t n_start = n->start;
	size_t n_end = n->start + n->len;
	size_t from = max_size(start, n_start);
	size_t to = min_size(end, n_end);

	if (from > n_start && to < n_end) {
		int rc = new_node(rs, to, n_end - to);

		if (rc < 0)
			return rc;
		shorten(rs, n, n_start, from - n_start);
	} else if (from > n_start) {
		shorten(rs, n, n_start, from - n_start);
	} else if (to < n_end) {
		shorten(rs, n, to, n_end - to);
	} else {
		drop_node(rs, n);
	}
	rs->total -= to - from;
	return 0;
}

int
rangeset_remove(struct rangeset *rs, size_t start, size_t len)
{
	size_t end = start + len;
	struct rangeset_node *n, *next;
	int rc = 0;

	/* Only the first node can need a split, and then it is the only one.
	 * So either nothing changed yet, or nothing can fail any more. */
	neighbours(rs, start, &n, &next);
	if (n != NULL && n->start + n->len > start) {
		if (n->start + n->len >= end)
			return cut(rs, n, start, end);
		rc = cut(rs, n, start, end);
	}
	while (rc == 0 && next != NULL && next->start < end) {
		rc = cut(rs, next, start, end);
		neighbours(rs, start, &n, &next);
	}
	return rc;
}

/* Every range that is long enough contains an aligned place. */
static bool
fit_any(const struct rangeset *rs, size_t len, size_t align,
    enum rangeset_end end, size_t *start)
{
	const struct rangeset_node *n = rs->root;
	bool first = end == RANGESET_HIGH;

	if (longest_of(n) < len)
		return false;
	for (;;) {
		if (longest_of(n->kid[first]) >= len)
			n = n->kid[first];
		else if (n->len >= len)
			break;
		else
			n = n->kid[!first];
	}
	*start = end == RANGESET_LOW
		     ? n->start
		     : align_down(n->start + n->len - len, align);
	return true;
}

/* The first (RANGESET_LOW) range of at least len that ends after pos, or the
 * last one that starts at or before pos; NULL: none. */
static const struct rangeset_node *
find_long(const struct rangeset_node *n, size_t pos, size_t len,
    enum rangeset_end end)
{
	bool first = end == RANGESET_HIGH;

	if (longest_of(n) < len)
		return NULL;
	if (first ? n->start > pos : n->start + n->len <= pos)
		return find_long(n->kid[!first], pos, len, end);
	const struct rangeset_node *found =
	    find_long(n->kid[first], pos, len, end);
	if (found != NULL)
		return found;
	/* No limit applies below, so only the top call can fail. */
	return n->len >= len ? n : find_long(n->kid[!first], pos, len, end);
}

/* Each step is a look-up and passes a multiple of align.  So there are no more
 * steps than multiples of align, or than ranges of at least len. */
static bool
fit_low(const struct rangeset *rs, size_t len, size_t align, size_t *start)
{
	const struct rangeset_node *n;
	size_t pos = 0;

	while ((n = find_long(rs->root, pos, len, RANGESET_LOW)) != NULL) {
		size_t n_end = n->start + n->len;
		size_t place;

		if (!align_up_checked(max_size(pos, n->start), align, &place))
			return false;
		if (place <= n_end && n_end - place >= len) {
			*start = place;
			return true;
		}
		if (!align_up_checked(n_end, align, &pos))
			return false;
	}
	return false;
}

static bool
fit_high(const struct rangeset *rs, size_t len, size_t align, size_t *start)
{
	const struct rangeset_node *n;
	size_t pos = align_down(SIZE_MAX, align);

	while ((n = find_long(rs->root, pos, len, RANGESET_HIGH)) != NULL) {
		size_t place =
		    align_down(min_size(pos, n->start + n->len - len), align);

		if (place >= n->start) {
			*start = place;
			return true;
		}
		if (n->start == 0)
			return false;
		pos = align_down(n->start - 1, align);
	}
	return false;
}

bool
rangeset_fit(const struct rangeset *rs, size_t len, size_t align, size_t unit,
    enum rangeset_end end, size_t *start)
{
	if (align <= unit)
		return fit_any(rs, len, align, end, start);
	if (end == RANGESET_LOW)
		return fit_low(rs, len, align, start);
	return fit_high(rs, len, align, start);
}

bool
rangeset_next(const struct rangeset *rs, size_t pos, size_t *start, size_t *len)
{
	struct rangeset_node *n, *after;

	neighbours(rs, pos, &n, &after);
	if (n == NULL || n->start + n->len <= pos)
		n = after;
	if (n == NULL)
		return false;
	*start = n->start;
	*len = n->len;
	return true;
}

bool
rangeset_find(const struct rangeset *rs, size_t pos, size_t *start, size_t *len)
{
	const struct rangeset_node *n = at_or_before(rs, pos);

	if (n == NULL || pos - n->start >= n->len)
		return false;
	*start = n->start;
	*len = n->len;
	return true;
}

bool
rangeset_longest(const struct rangeset *rs, size_t *start, size_t *len)
{
	const struct rangeset_node *n = rs->root;

	if (n == NULL)
		return false;
	size_t want = n->longest;
	for (;;) {
		if (longest_of(n->kid[0]) == want)
			n = n->kid[0];
		else if (n->len == want)
			break;
		else
			n = n->kid[1];
	}
	*start = n->start;
	*len = n->len;
	return true;
}

size_t
rangeset_covered(const struct rangeset *rs, size_t start, size_t len)
{
	size_t end = start + len;
	size_t covered = 0;
	size_t pos = start;
	size_t n_start, n_len;

	while (pos < end && rangeset_next(rs, pos, &n_start, &n_len) &&
	       n_start < end) {
		size_t n_end = n_start + n_len;

		covered += min_size(n_end, end) - max_size(n_start, pos);
		pos = n_end;
	}
	return covered;
}

struct check {
	size_t total, nr;
	size_t last_end; /* of the previous node, in order */
};

static bool
check_below(const struct rangeset_node *n, struct check *seen)
{
	if (n == NULL)
		return true;
	for (int i = 0; i < 2; i++) {
		if (n->kid[i] != NULL && n->kid[i]->priority > n->priority)
			return false;
	}
	if (!check_below(n->kid[0], seen))
		return false;
	/* Touching neighbours should have been merged. */
	if (n->len == 0 || (seen->nr > 0 && n->start <= seen->last_end))
		return false;
	seen->total += n->len;
	seen->nr++;
	seen->last_end = n->start + n->len;
	if (!check_below(n->kid[1], seen))
		return false;
	return n->longest == max_size(n->len, max_size(longest_of(n->kid[0]),
						  longest_of(n->kid[1])));
}

bool
rangeset_check(const struct rangeset *rs)
{
	struct check seen = {0};

	return check_below(rs->root, &seen) && seen.total == rs->total &&
	       seen.nr == rs->nr;
}
