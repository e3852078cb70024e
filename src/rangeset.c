// SPDX-License-Identifier: BSD-2-Clause
/*
 * rangeset.c -- see rangeset.h.
 *
 * A treap: a search tree by start and a heap by random priority.  The depth is
 * logarithmic with overwhelming probability (under 60 for a million ranges),
 * so the recursion below is bounded by that.
 */
#include "rangeset.h"

#include <assert.h>
#include <errno.h>

#include "util.h"

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

/* xorshift32 (Marsaglia 2003): balance is all that it is for. */
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

/* Split the tree at start: what lies below goes left, the rest right. */
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

/* Join two trees, all of left being below all of right. */
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

static struct rangeset_node *
insert(struct rangeset_node *n, struct rangeset_node *new_node)
{
	if (n == NULL)
		return new_node;
	if (new_node->priority > n->priority) {
		split(n, new_node->start, &new_node->kid[0], &new_node->kid[1]);
		update(new_node);
		return new_node;
	}
	bool right = new_node->start > n->start;

	n->kid[right] = insert(n->kid[right], new_node);
	update(n);
	return n;
}

/* Take the node at start, which is there, out of the tree. */
static struct rangeset_node *
erase(struct rangeset_node *n, size_t start, struct rangeset_node **erased)
{
	if (n->start == start) {
		*erased = n;
		return join(n->kid[0], n->kid[1]);
	}
	bool right = start > n->start;

	n->kid[right] = erase(n->kid[right], start, erased);
	update(n);
	return n;
}

/* The length of the node at start changed: put the sums above it right. */
static void
refresh(struct rangeset_node *n, size_t start)
{
	assert(n != NULL); /* it is there */
	if (n->start != start)
		refresh(n->kid[start > n->start], start);
	update(n);
}

/* The last node that starts at or before pos, or NULL. */
static struct rangeset_node *
at_or_before(const struct rangeset *rs, size_t pos)
{
	struct rangeset_node *found = NULL;

	for (struct rangeset_node *n = rs->root; n != NULL;) {
		if (n->start <= pos) {
			found = n;
			n = n->kid[1];
		} else {
			n = n->kid[0];
		}
	}
	return found;
}

/* The first node that starts after pos, or NULL. */
static struct rangeset_node *
after(const struct rangeset *rs, size_t pos)
{
	struct rangeset_node *found = NULL;

	for (struct rangeset_node *n = rs->root; n != NULL;) {
		if (n->start > pos) {
			found = n;
			n = n->kid[0];
		} else {
			n = n->kid[1];
		}
	}
	return found;
}

static void
drop_node(struct rangeset *rs, size_t start)
{
	struct rangeset_node *erased;

	rs->root = erase(rs->root, start, &erased);
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
	rs->root = insert(rs->root, n);
	rs->nr++;
	return 0;
}

int
rangeset_add(struct rangeset *rs, size_t start, size_t len)
{
	struct rangeset_node *prev = at_or_before(rs, start);
	struct rangeset_node *next = after(rs, start);
	bool joins_prev = prev != NULL && prev->start + prev->len == start;
	bool joins_next = next != NULL && start + len == next->start;

	if (joins_prev) {
		if (joins_next) {
			size_t next_len = next->len;

			drop_node(rs, next->start);
			prev->len += next_len;
		}
		prev->len += len;
		refresh(rs->root, prev->start);
	} else if (joins_next) {
		/* It stays the first node after prev: the order holds. */
		next->start = start;
		next->len += len;
		refresh(rs->root, start);
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
		n->len = from - n_start;
		refresh(rs->root, n_start);
	} else if (from > n_start) {
		n->len = from - n_start;
		refresh(rs->root, n_start);
	} else if (to < n_end) {
		n->start = to;
		n->len = n_end - to;
		refresh(rs->root, to);
	} else {
		drop_node(rs, n_start);
	}
	rs->total -= to - from;
	return 0;
}

int
rangeset_remove(struct rangeset *rs, size_t start, size_t len)
{
	size_t end = start + len;
	struct rangeset_node *n = at_or_before(rs, start);

	/* Only the first node can need a split, and then it is the only one:
	 * so either nothing was changed or nothing can fail any more. */
	if (n != NULL && n->start + n->len > start) {
		int rc = cut(rs, n, start, end);

		if (rc < 0)
			return rc;
	}
	while ((n = after(rs, start)) != NULL && n->start < end) {
		int rc = cut(rs, n, start, end);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool
place_in(const struct rangeset_node *n, size_t len, size_t align,
    enum rangeset_end end, size_t *start)
{
	size_t pos;

	if (n->len < len)
		return false;
	if (end == RANGESET_LOW) {
		if (!align_up_checked(n->start, align, &pos))
			return false;
		if (pos - n->start > n->len - len)
			return false;
	} else {
		pos = align_down(n->start + n->len - len, align);
		if (pos < n->start)
			return false;
	}
	*start = pos;
	return true;
}

static bool
fit_below(const struct rangeset_node *n, size_t len, size_t align,
    enum rangeset_end end, size_t *start)
{
	bool first = end == RANGESET_HIGH;

	if (longest_of(n) < len)
		return false;
	return fit_below(n->kid[first], len, align, end, start) ||
	       place_in(n, len, align, end, start) ||
	       fit_below(n->kid[!first], len, align, end, start);
}

bool
rangeset_fit(const struct rangeset *rs, size_t len, size_t align, size_t unit,
    enum rangeset_end end, size_t *start)
{
	size_t pos;

	if (align <= unit)
		return fit_below(rs->root, len, align, end, start);
	/* A range that is longer by align - unit has room whatever its start
	 * is: that is found without trying others in vain. */
	if (len <= SIZE_MAX - align &&
	    fit_below(rs->root, len + align - unit, unit, end, &pos)) {
		*start = end == RANGESET_LOW
			     ? align_up(pos, align)
			     : align_down(pos + align - unit, align);
		return true;
	}
	return fit_below(rs->root, len, align, end, start);
}

bool
rangeset_next(const struct rangeset *rs, size_t pos, size_t *start, size_t *len)
{
	const struct rangeset_node *n = at_or_before(rs, pos);

	if (n == NULL || n->start + n->len <= pos)
		n = after(rs, pos);
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
	size_t last_end; /* of the node before, in order */
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
