// SPDX-License-Identifier: BSD-2-Clause
/*
 * parse.c -- see parse.h.
 */
#include "base/parse.h"

#include <stdint.h>
#include <string.h>

#include "base/util.h"

static const char Blanks[] = " \t\n";

/* The value of a hexadecimal digit; 16 or more: not a digit. */
static unsigned
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

static bool
parse_digits(const char *text, unsigned base, const char **end, size_t *number)
{
	const char *at = text;
	size_t value = 0;

	for (; digit_of(*at) < base; at++) {
		size_t digit = digit_of(*at);

		if (value > (SIZE_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	if (at == text)
		return false;
	*end = at;
	*number = value;
	return true;
}

/* "0x" without a digit is a 0 followed by an x. */
static bool
parse_prefixed(const char *text, const char **end, size_t *number)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
	    digit_of(text[2]) < 16)
		return parse_digits(text + 2, 16, end, number);
	return parse_digits(text, 10, end, number);
}

static bool
is_blank(const char *text)
{
	return text[strspn(text, Blanks)] == '\0';
}

bool
parse_number(const char *text, size_t *number)
{
	const char *end;
	size_t value;

	text += strspn(text, Blanks);
	if (*text == '+')
		text++;
	if (!parse_digits(text, 10, &end, &value) || !is_blank(end))
		return false;
	*number = value;
	return true;
}

bool
parse_file_number(const char *text, size_t *number)
{
	const char *end;
	size_t value;

	text += strspn(text, Blanks);
	if (!parse_prefixed(text, &end, &value) || !is_blank(end))
		return false;
	*number = value;
	return true;
}

bool
parse_size_at(const char *text, const char **end, size_t *size)
{
	static const char units[] = "KMGTPEkmgtpe";
	const char *at, *unit;
	size_t value;

	if (!parse_prefixed(text, &at, &value))
		return false;
	unit = *at != '\0' ? strchr(units, *at) : NULL;
	if (unit != NULL) {
		unsigned shift = 10 * ((unsigned)(unit - units) % 6 + 1);

		if (value > SIZE_MAX >> shift)
			return false;
		value <<= shift;
		at++;
	}
	*end = at;
	*size = value;
	return true;
}

bool
parse_size(const char *text, size_t *size)
{
	const char *end;
	size_t value;

	if (!parse_size_at(text, &end, &value) || *end != '\0')
		return false;
	*size = value;
	return true;
}
