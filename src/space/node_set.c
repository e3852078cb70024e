// SPDX-License-Identifier: BSD-2-Clause
/*
 * node_set.c -- see node_set.h.
 */
#include "space/node_set.h"

#include <ctype.h>
#include <errno.h>

/* Read a number, possibly with blanks before it, and move *text past it. */
static int
read_node(const char **text, unsigned *node)
{
	unsigned value = 0;
	const char *p = *text;

	while (isspace((unsigned char)*p))
		p++;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		value = value * 10 + (unsigned)(*p - '0');
		if (value >= NODE_SET_MAX)
			return -EINVAL;
	}
	*text = p;
	*node = value;
	return 0;
}

int
node_set_read(const char *text, struct node_set *set)
{
	struct node_set found = {0};
	unsigned first, last;

	while (isspace((unsigned char)*text))
		text++;
	while (*text != '\0') {
		if (read_node(&text, &first) < 0)
			return -EINVAL;
		last = first;
		if (*text == '-') {
			text++;
			if (read_node(&text, &last) < 0 || last < first)
				return -EINVAL;
		}
		for (unsigned node = first; node <= last; node++)
			node_set_add(&found, node);
		while (isspace((unsigned char)*text))
			text++;
		if (*text == ',' && text[1] != '\0')
			text++;
		else if (*text != '\0')
			return -EINVAL;
	}
	*set = found;
	return 0;
}

/* Each number n in list means the nth node of known, from 0 on. */
static int
number_among(const struct node_set *known, struct node_set *list)
{
	struct node_set found = {0};
	unsigned nr = 0;

	for (unsigned node = 0; node < NODE_SET_MAX; node++) {
		if (!node_set_has(known, node))
			continue;
		if (node_set_has(list, nr))
			node_set_add(&found, node);
		nr++;
	}
	if (node_set_count(&found) != node_set_count(list))
		return -EINVAL;
	*list = found;
	return 0;
}

int
node_set_parse(
    const char *text, const struct node_set *known, struct node_set *set)
{
	struct node_set found;
	bool is_inverted, is_relative;

	is_inverted = *text == '!';
	text += is_inverted;
	is_relative = *text == '+';
	text += is_relative;
	if (strcmp(text, "all") == 0)
		found = *known;
	else if (node_set_read(text, &found) < 0 ||
		 (is_relative && number_among(known, &found) < 0))
		return -EINVAL;
	for (unsigned i = 0; i < NODE_SET_WORDS; i++) {
		if ((found.words[i] & ~known->words[i]) != 0)
			return -EINVAL;
		if (is_inverted)
			found.words[i] = known->words[i] & ~found.words[i];
	}
	if (node_set_is_empty(&found))
		return -EINVAL;
	*set = found;
	return 0;
}
