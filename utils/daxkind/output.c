// SPDX-License-Identifier: BSD-2-Clause
/*
 * output.c -- see output.h.
 */
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

void
output_text(json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key,
	    text != NULL && text[0] != '\0' ? json_object_new_string(text)
					    : NULL);
}

void
output_number(json_object *object, const char *key, long long number)
{
	json_object_object_add(
	    object, key, number < 0 ? NULL : json_object_new_int64(number));
}

void
output_bool(json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

void
output_json(json_object *object)
{
	puts(json_object_to_json_string_ext(
	    object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

int
output_end(int status)
{
	bool failed = ferror(stdout) != 0;

	if (fflush(stdout) != 0 || failed)
		return command_fail("cannot write: %s", strerror(errno));
	return status;
}

struct output_size
output_size(size_t bytes)
{
	static const char *const Units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	struct output_size out;
	double value = (double)bytes;
	size_t unit = 0;

	for (; value >= 1024 && unit + 1 < sizeof(Units) / sizeof(*Units);
	     unit++)
		value /= 1024;
	/* One decimal, if it is not 0. */
	int digits = value - (double)(size_t)value >= 0.05 ? 1 : 0;
	(void)snprintf(
	    out.text, sizeof(out.text), "%.*f %s", digits, value, Units[unit]);
	return out;
}
