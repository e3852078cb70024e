// SPDX-License-Identifier: BSD-2-Clause
/*
 * fault.c -- see fault.h.
 */
#include "restart/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

int
fault_note(const struct fault_sink *to, size_t off, const char *fmt, ...)
{
	char text[FAULT_TEXT_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (to != NULL)
		return to->note(to->arg, off, text);
	return error_set(-EUCLEAN,
	    "the durable heap is damaged: at offset %zu %s; restore it from a "
	    "copy; daxkind check lists all that is damaged",
	    off, text);
}
