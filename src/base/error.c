// SPDX-License-Identifier: BSD-2-Clause
/*
 * error.c -- see error.h.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

static _Thread_local char Error_text[256];
static _Thread_local int Error_reason;

void
error_set_text(const char *fmt, ...)
{
	int saved_errno = errno;
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(Error_text, sizeof(Error_text), fmt, args);
	va_end(args);
	log_write(DK_LOG_ERROR, "%s", Error_text);
	errno = saved_errno;
}

void
error_clear(void)
{
	Error_text[0] = '\0';
	Error_reason = 0;
}

int
error_keep(int rc)
{
	Error_reason = rc;
	return rc;
}

int
error_reason(void)
{
	return Error_reason;
}

const char *
error_text(void)
{
	return Error_text;
}
