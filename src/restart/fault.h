/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault.h -- what is damaged in a durable heap (layer 3).
 *
 * The rules of the medium are checked in one place each.  Opening a heap ends at
 * the first fault; a check goes on, and collects all of them.
 */
#ifndef FAULT_H
#define FAULT_H

#include <stddef.h>

#include "base/export.h"

enum {
	FAULT_TEXT_SIZE = 256 /* of a text, with its end; longer ones are cut */
};

struct fault_sink {
	/*
	 * off is where on the medium the damaged record is, in bytes from the
	 * region's base.  0: go on; another value ends the reading, whose result
	 * it is.
	 */
	int (*note)(void *arg, size_t off, const char *text);
	void *arg;
};

/* A fault was found.  to NULL: sets the error's text, and returns -EUCLEAN. */
int fault_note(const struct fault_sink *to, size_t off, const char *fmt, ...)
    DK_PRINTF(3, 4);

#endif /* FAULT_H */
