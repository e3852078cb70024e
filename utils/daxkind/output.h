/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * output.h -- common output of the subcommands: JSON, and numbers for people.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* Members of a JSON object.  A size or node below 0 becomes null: unknown. */
void output_text(json_object *object, const char *key, const char *text);
void output_number(json_object *object, const char *key, long long number);
void output_bool(json_object *object, const char *key, bool value);

/* Print an object and free it. */
void output_json(json_object *object);
/* Returns status, or COMMAND_FAILED if standard output could not be written. */
int output_end(int status);

/* Returned by value: output_size(n).text lives until the end of the
 * expression. */
struct output_size {
	char text[32];
};
struct output_size output_size(size_t bytes); /* "250 MiB" */

#endif /* OUTPUT_H */
