// SPDX-License-Identifier: BSD-2-Clause
/*
 * check.c -- daxkind check: whether a durable heap is sound.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "daxkind.h"
#include "durable.h"
#include "output.h"

const char Command_check_help[] =
    "Checks each rule of the durable heap on PATH, a file or a devdax device that\n"
    "no program has open, and prints what is damaged.  Nothing is written.\n"
    "Exit status: 0 sound; 1 damaged; 2 no durable heap, or it cannot be read.\n";

static void
print_json(const struct durable *d, const char *error)
{
	json_object *top = json_object_new_object();

	output_text(top, "path", d->path);
	if (error == NULL) {
		output_bool(top, "sound", d->result.nr_faults == 0);
		output_number(top, "nr_faults", (long long)d->result.nr_faults);
		json_object_object_add(
		    top, "faults", json_object_get(d->faults));
	}
	output_text(top, "error", error);
	output_json(top);
}

static void
print_text(const struct durable *d)
{
	durable_print_faults(d);
	if (d->result.nr_faults == 0)
		printf("%s: sound\n", d->path);
	else
		printf("%s: damaged\n", d->path);
}

static int
run_check(const char *path, bool json)
{
	struct durable *d = calloc(1, sizeof(*d));
	int status = COMMAND_UNREADABLE;

	if (d == NULL) {
		(void)command_fail("no memory");
		return status;
	}
	d->path = path;
	if (durable_read(d) < 0) {
		if (json)
			print_json(d, daxkind_last_error());
		else
			(void)command_fail("%s", daxkind_last_error());
	} else {
		status = d->result.nr_faults == 0 ? COMMAND_OK : COMMAND_FAILED;
		if (json)
			print_json(d, NULL);
		else
			print_text(d);
		durable_close(d);
	}
	free(d);
	/* What was not printed was not found. */
	return output_end(status) == status ? status : COMMAND_UNREADABLE;
}

int
command_check(const struct command *command, int argc, char **argv)
{
	const char *path;
	bool json;
	int status;

	if (!command_take_path(command, argc, argv, &path, &json, &status))
		return status;
	return run_check(path, json);
}
