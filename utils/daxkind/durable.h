/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * durable.h -- reading a durable heap that no program uses, for check, inspect
 * and map.
 */
#ifndef DURABLE_H
#define DURABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "dax/dax_name.h"
#include "region/backing.h"
#include "restart/check.h"

enum {
	DURABLE_MAX_FAULTS = 100 /* that are shown */
};

/* One heap; zeroed before durable_read(). */
struct durable {
	/* What durable_read() is given. */
	const char *path;
	bool may_be_open; /* read the superblock of one that is in use, too */
	int (*visit)(
	    void *arg, const struct ledger *l, const struct ledger_unit *unit);
	void *arg;
	/* What it found. */
	struct dax_place place;
	struct backing *backing; /* mapped for reading */
	bool is_open;            /* by another process */
	struct check_result result;
	json_object *faults; /* an array of objects */
};

/*
 * Open the file or device and read the heap.  Writes nothing.  Keeps programs from
 * opening it until durable_close(), unless it is open.  On failure nothing is left
 * to close, and daxkind_last_error() says why.
 */
int durable_read(struct durable *d);
void durable_close(struct durable *d);

/* A line for each fault, and what is left out. */
void durable_print_faults(const struct durable *d);

#endif /* DURABLE_H */
