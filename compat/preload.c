// SPDX-License-Identifier: BSD-2-Clause
/*
 * preload.c -- see preload.h.
 */
#include "preload.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/util.h"

bool Preload_has_notes;
_Thread_local int Preload_depth;

void
preload_say(const char *fmt, ...)
{
	DK_NO_CANCEL();
	int saved_errno = errno;
	char line[512];
	va_list args;

	va_start(args, fmt);
	int len = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	if (len >= 0) {
		size_t end = min_size((size_t)len, sizeof(line) - 2);

		line[end] = '\n';
		ssize_t done = write(STDERR_FILENO, line, end + 1);
		(void)done; /* there is nowhere to report it */
	}
	errno = saved_errno;
}

static void
enter(void)
{
	Preload_depth++;
}

static void
leave(void)
{
	Preload_depth--;
}

/* Call it before leave(), so that allocations of a note are nested. */
static void
note(const char *function, size_t size, const void *ptr)
{
	if (DK_UNLIKELY(Preload_has_notes) && !preload_is_nested())
		preload_note(function, size, ptr);
}

/* A size of 0 also gives a block. */
static size_t
at_least_one(size_t size)
{
	return size != 0 ? size : 1;
}

DK_EXPORT void *
malloc(size_t size)
{
	size = at_least_one(size);
	enter();
	void *ptr = preload_malloc(size);
	note("malloc", size, ptr);
	leave();
	return ptr;
}

DK_EXPORT void *
calloc(size_t num, size_t size)
{
	size_t total;

	if (num == 0 || size == 0)
		num = size = 1;
	if (!mul_checked(num, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	enter();
	void *ptr = preload_calloc(num, size);
	note("calloc", total, ptr);
	leave();
	return ptr;
}

DK_EXPORT void
free(void *ptr)
{
	if (ptr == NULL)
		return;
	enter();
	preload_free(ptr);
	leave();
}

DK_EXPORT void *
realloc(void *ptr, size_t size)
{
	if (ptr == NULL)
		return malloc(size);
	if (size == 0) {
		free(ptr);
		return NULL;
	}
	enter();
	void *moved = preload_realloc(ptr, size);
	note("realloc", size, moved);
	leave();
	return moved;
}

static int
align(const char *function, void **memptr, size_t alignment, size_t size)
{
	void *ptr = NULL;

	size = at_least_one(size);
	enter();
	int err = preload_memalign(&ptr, alignment, size);
	note(function, size, err == 0 ? ptr : NULL);
	leave();
	if (err == 0)
		*memptr = ptr; /* otherwise it is unchanged */
	return err;
}

DK_EXPORT int
posix_memalign(void **memptr, size_t alignment, size_t size)
{
	return align("posix_memalign", memptr, alignment, size);
}

static void *
align_or_null(const char *function, size_t alignment, size_t size)
{
	void *ptr = NULL;
	size_t rounded = sizeof(void *);

	/* up to a power of two */
	while (rounded < alignment && rounded <= SIZE_MAX / 4)
		rounded *= 2;
	int err =
	    rounded < alignment ? EINVAL : align(function, &ptr, rounded, size);
	if (err != 0)
		errno = err;
	return ptr;
}

DK_EXPORT void *
memalign(size_t alignment, size_t size)
{
	return align_or_null("memalign", alignment, size);
}

DK_EXPORT void *
aligned_alloc(size_t alignment, size_t size)
{
	return align_or_null("aligned_alloc", alignment, size);
}

DK_EXPORT void *
valloc(size_t size)
{
	return align_or_null("valloc", DK_PAGE, size);
}

DK_EXPORT void *
pvalloc(size_t size)
{
	size_t rounded;

	if (!align_up_checked(at_least_one(size), DK_PAGE, &rounded)) {
		errno = ENOMEM;
		return NULL;
	}
	return align_or_null("pvalloc", DK_PAGE, rounded);
}

DK_EXPORT size_t
malloc_usable_size(void *ptr)
{
	return ptr != NULL ? preload_usable_size(ptr) : 0;
}
