// SPDX-License-Identifier: BSD-2-Clause
/*
 * error.c -- see error.h.
 *
 * Most texts are short and are stored in the thread itself.  A long one, which
 * contains paths, gets a mapping of its own: made when first needed, unmapped
 * when the thread ends.  If there is no mapping, the text is cut.
 */
#include "base/error.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

enum {
	SHORT_SIZE = 256,
	/* Room for a command that names a path three times, and the words
	 * around it. */
	LONG_SIZE = 4 * PATH_MAX,
	/* For keys below this, pthread_setspecific() of glibc allocates
	 * nothing. */
	MAX_KEY = 32
};

static _Thread_local struct {
	int rc;
	bool is_long;         /* the text is in long_text */
	error_render *render; /* not NULL: makes the text from short_text */
	char *long_text;      /* LONG_SIZE bytes, or NULL */
	_Alignas(max_align_t) char short_text[SHORT_SIZE];
} Last;

static pthread_key_t Key;
static bool Has_key;

static void
end_thread(void *long_text)
{
	Last.is_long = false;
	Last.long_text = NULL;
	(void)os_unmap(long_text, LONG_SIZE);
}

/* Early, so that the key has a small number. */
__attribute__((constructor(101))) static void
init(void)
{
	Has_key = pthread_key_create(&Key, end_thread) == 0;
	if (Has_key && Key >= MAX_KEY) {
		(void)pthread_key_delete(Key);
		Has_key = false;
	}
}

/* NULL: no memory, or no key, so that the mapping would leak. */
static char *
get_long(void)
{
	void *mapped;

	if (Last.long_text != NULL || !Has_key)
		return Last.long_text;
	if (os_map_anon(LONG_SIZE, &mapped) < 0)
		return NULL;
	if (pthread_setspecific(Key, mapped) != 0) {
		(void)os_unmap(mapped, LONG_SIZE);
		return NULL;
	}
	Last.long_text = mapped;
	return mapped;
}

/* Show that the text was cut. */
static void
mark_cut(char *text, size_t size)
{
	memcpy(text + size - 4, "...", 4);
}

void
error_set_text(const char *fmt, ...)
{
	int saved_errno = errno;
	va_list args, again;

	va_start(args, fmt);
	va_copy(again, args);
	Last.render = NULL;
	Last.is_long = false;
	int len = vsnprintf(Last.short_text, SHORT_SIZE, fmt, args);
	if (len >= SHORT_SIZE) {
		char *text = get_long();

		if (text != NULL) {
			Last.is_long = true;
			if (vsnprintf(text, LONG_SIZE, fmt, again) >= LONG_SIZE)
				mark_cut(text, LONG_SIZE);
		} else {
			mark_cut(Last.short_text, SHORT_SIZE);
		}
	}
	va_end(again);
	va_end(args);
	log_text(DK_LOG_ERROR, error_text());
	errno = saved_errno;
}

void
error_keep_reason(int rc)
{
	Last.rc = rc;
}

void
error_note(int rc, error_render *render, const void *data, size_t size)
{
	Last.rc = rc;
	Last.is_long = false;
	Last.render = render;
	memcpy(Last.short_text, data, min_size(size, SHORT_SIZE));
	if (log_is_wanted(DK_LOG_DEBUG))
		log_text(DK_LOG_DEBUG, error_text());
}

void
error_clear(void)
{
	Last.rc = 0;
	Last.is_long = false;
	Last.render = NULL;
	Last.short_text[0] = '\0';
}

const char *
error_text(void)
{
	if (Last.render != NULL) {
		_Alignas(max_align_t) char data[SHORT_SIZE];
		error_render *render = Last.render;

		memcpy(data, Last.short_text, sizeof(data));
		Last.render = NULL;
		render(data, Last.short_text, SHORT_SIZE);
	}
	return Last.is_long ? Last.long_text : Last.short_text;
}

int
error_reason(void)
{
	return Last.rc;
}
