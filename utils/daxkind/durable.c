// SPDX-License-Identifier: BSD-2-Clause
/*
 * durable.c -- see durable.h.
 */
#include "durable.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "command.h"
#include "heap/size_class.h"
#include "output.h"

/* --- what cannot be read --------------------------------------------------------- */

static struct {
	const char *base;
	size_t size;
	const char *path;
} Mapped;

static void
write_text(const char *text)
{
	ssize_t rc = write(STDERR_FILENO, text, strlen(text));

	(void)rc;
}

/* A page that the medium cannot give, or the end of a file that was cut. */
static void
explain_sigbus(int sig, siginfo_t *info, void *context)
{
	const char *at = info->si_addr;
	char digits[24];
	char *digit = digits + sizeof(digits) - 1;

	(void)sig;
	(void)context;
	*digit = '\0';
	if (at < Mapped.base || at >= Mapped.base + Mapped.size) {
		(void)signal(SIGBUS, SIG_DFL);
		return;
	}
	size_t off = (size_t)(at - Mapped.base);
	do {
		*--digit = (char)('0' + off % 10);
		off /= 10;
	} while (off > 0);
	write_text("daxkind: ");
	write_text(Mapped.path);
	write_text(" cannot be read at offset ");
	write_text(digit);
	write_text(": the medium is bad there, or the file was cut\n");
	_exit(COMMAND_UNREADABLE);
}

static void
catch_sigbus(const struct durable *d)
{
	struct sigaction action = {
	    .sa_sigaction = explain_sigbus, .sa_flags = SA_SIGINFO};

	Mapped.base = d->backing->base;
	Mapped.size = d->backing->size;
	Mapped.path = d->path;
	(void)sigaction(SIGBUS, &action, NULL);
}

/* --- reading ---------------------------------------------------------------------- */

static int
add_fault(void *arg, size_t off, const char *text)
{
	struct durable *d = arg;

	if (json_object_array_length(d->faults) < DURABLE_MAX_FAULTS) {
		json_object *fault = json_object_new_object();

		output_number(fault, "offset", (long long)off);
		output_text(fault, "text", text);
		json_object_array_add(d->faults, fault);
	}
	return 0;
}

static int
open_backing(struct durable *d)
{
	struct backing_request request = {
	    .path = d->place.path,
	    .flags = BACKING_READ_ONLY | BACKING_KEEP,
	};
	const struct backing_class *class = backing_class_of(d->place.what);

	if (d->place.what == DAX_PLACE_DIR)
		return error_set(-EISDIR,
		    "%s is a directory; a durable heap is in a file or on a "
		    "devdax device: give the file's name",
		    d->path);
	int rc = backing_open(class, &request, &d->backing);
	d->is_open = rc == -EBUSY;
	if (rc != -EBUSY || !d->may_be_open)
		return rc;
	request.flags |= BACKING_NO_OWNER;
	return backing_open(class, &request, &d->backing);
}

int
durable_read(struct durable *d)
{
	int rc = dax_name_find(d->path, &d->place);

	if (rc == 0)
		rc = open_backing(d);
	if (rc < 0)
		return rc;
	catch_sigbus(d);
	d->faults = json_object_new_array();
	struct check_request request = {
	    .path = d->path,
	    .class_sizes = Size_classes.size,
	    .faults = {add_fault, d},
	    .visit = d->visit,
	    .arg = d->arg,
	    .is_open_elsewhere = d->is_open,
	};
	rc = check_run(d->backing, &request, &d->result);
	if (rc < 0)
		durable_close(d);
	return rc;
}

void
durable_close(struct durable *d)
{
	(void)signal(SIGBUS, SIG_DFL);
	backing_close(d->backing);
	json_object_put(d->faults);
	d->faults = NULL;
}

void
durable_print_faults(const struct durable *d)
{
	size_t nr = json_object_array_length(d->faults);

	for (size_t i = 0; i < nr; i++) {
		json_object *fault = json_object_array_get_idx(d->faults, i);

		printf("%s: at offset %lld: %s\n", d->path,
		    (long long)json_object_get_int64(
			json_object_object_get(fault, "offset")),
		    json_object_get_string(
			json_object_object_get(fault, "text")));
	}
	if (d->result.nr_faults > nr)
		printf("%s: and %zu more\n", d->path, d->result.nr_faults - nr);
}
