// SPDX-License-Identifier: BSD-2-Clause
/*
 * autohbw.c -- libautohbw.so: blocks of some sizes in high-bandwidth memory.
 *
 * Preloaded, so it is in place before anything is set up: until then, and for
 * what the library below allocates for itself, blocks are MEMKIND_DEFAULT's.
 */
#include <errno.h>
#include <execinfo.h>
#include <limits.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <autohbw_api.h>
#include <memkind.h>

#include "base/export.h"
#include "base/util.h"

/* What AUTO_HBW_LOG asks for. */
enum {
	LOG_NOTHING = -1,
	LOG_INFO,
	LOG_BLOCKS, /* a line for each that is placed */
	LOG_CALLERS /* and where it was asked for */
};

/* Constant once Is_ready is set. */
static bool Is_ready;
static int Log_level = LOG_BLOCKS;
static size_t Smallest = MIB, Largest = SIZE_MAX; /* bytes, both included */
static memkind_t Kind;

static atomic_bool Is_disabled;
/* This thread is in here already. */
static _Thread_local int Depth __attribute__((tls_model("initial-exec")));

/* One line, without allocating. */
static DK_PRINTF(2, 3) void say(int level, const char *fmt, ...)
{
	int saved_errno = errno;
	char line[256] = "autohbw: ";
	size_t start = strlen(line);
	va_list args;

	if (Log_level < level)
		return;
	va_start(args, fmt);
	int len = vsnprintf(line + start, sizeof(line) - start, fmt, args);
	va_end(args);
	if (len < 0)
		return;
	size_t end = min_size(start + (size_t)len, sizeof(line) - 2);
	line[end] = '\n';
	ssize_t done = write(STDERR_FILENO, line, end + 1);
	(void)done; /* nobody is left to be told */
	errno = saved_errno;
}

static memkind_t
kind_for(size_t size)
{
	return DK_LIKELY(Is_ready) && size >= Smallest && size <= Largest &&
		       Depth == 0 &&
		       !atomic_load_explicit(&Is_disabled, memory_order_relaxed)
		   ? Kind
		   : MEMKIND_DEFAULT;
}

static void
note(memkind_t kind, const char *function, size_t size, const void *ptr)
{
	void *callers[32];

	if (DK_LIKELY(Log_level < LOG_BLOCKS) || !Is_ready || Depth > 0 ||
	    kind_for(size) != kind || size < Smallest || size > Largest)
		return;
	Depth++;
	say(LOG_BLOCKS, "%s of %zu bytes: %p", function, size, ptr);
	if (Log_level >= LOG_CALLERS) {
		int saved_errno = errno;
		int nr = backtrace(callers, (int)ARRAY_LEN(callers));

		backtrace_symbols_fd(callers, nr, STDERR_FILENO);
		errno = saved_errno;
	}
	Depth--;
}

/* Of 0 bytes there is a block too, as with libc. */
static size_t
at_least_one(size_t size)
{
	return size != 0 ? size : 1;
}

DK_EXPORT void *
malloc(size_t size)
{
	size = at_least_one(size);
	memkind_t kind = kind_for(size);
	void *ptr = memkind_malloc(kind, size);

	note(kind, "malloc", size, ptr);
	return ptr;
}

DK_EXPORT void *
calloc(size_t num, size_t size)
{
	size_t total;

	if (num == 0 || size == 0)
		num = size = 1;
	if (!mul_checked(num, size, &total))
		total = SIZE_MAX; /* which fails below */
	memkind_t kind = kind_for(total);
	void *ptr = memkind_calloc(kind, num, size);

	note(kind, "calloc", total, ptr);
	return ptr;
}

DK_EXPORT void
free(void *ptr)
{
	memkind_free(NULL, ptr);
}

DK_EXPORT void *
realloc(void *ptr, size_t size)
{
	if (ptr == NULL)
		return malloc(size);
	if (size == 0) {
		memkind_free(NULL, ptr);
		return NULL;
	}
	memkind_t kind = kind_for(size);
	void *moved = memkind_realloc(kind, ptr, size);

	note(kind, "realloc", size, moved);
	return moved;
}

static int
align(const char *function, void **memptr, size_t alignment, size_t size)
{
	size = at_least_one(size);
	memkind_t kind = kind_for(size);
	int err = memkind_posix_memalign(kind, memptr, alignment, size);

	note(kind, function, size, err == 0 ? *memptr : NULL);
	return err;
}

DK_EXPORT int
posix_memalign(void **memptr, size_t alignment, size_t size)
{
	void *ptr = NULL;
	int err = align("posix_memalign", &ptr, alignment, size);

	if (err == 0)
		*memptr = ptr; /* else it stays, as libc has it */
	return err;
}

static void *
align_or_null(const char *function, size_t alignment, size_t size)
{
	void *ptr = NULL;
	size_t rounded = sizeof(void *);

	/* libc rounds up to a power of two */
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
	return memkind_malloc_usable_size(NULL, ptr);
}

DK_EXPORT void
enableAutoHBW(void)
{
	atomic_store(&Is_disabled, false);
	say(LOG_INFO, "switched on by the program");
}

DK_EXPORT void
disableAutoHBW(void)
{
	atomic_store(&Is_disabled, true);
	say(LOG_INFO, "switched off by the program");
}

/* --- setting up ------------------------------------------------------------------ */

/* A number of bytes with K, M or G behind it; *text moves on. */
static bool
read_size(const char **text, size_t *size)
{
	size_t value = 0, unit = 1;
	const char *start = *text;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		if (!mul_checked(value, 10, &value))
			return false;
		value += (size_t)(**text - '0');
	}
	if (*text == start)
		return false;
	switch (**text) {
	case 'k':
	case 'K':
		unit = KIB;
		break;
	case 'm':
	case 'M':
		unit = MIB;
		break;
	case 'g':
	case 'G':
		unit = GIB;
		break;
	default:
		break;
	}
	if (unit != 1)
		(*text)++;
	if (!mul_checked(value, unit, size))
		*size = SIZE_MAX;
	return true;
}

static void
read_sizes(const char *text)
{
	const char *rest = text;
	size_t smallest, largest = SIZE_MAX;

	if (text == NULL)
		return;
	if (!read_size(&rest, &smallest) ||
	    (*rest == ':' && (rest++, *rest != '\0') &&
		!read_size(&rest, &largest)) ||
	    *rest != '\0') {
		say(LOG_INFO, "AUTO_HBW_SIZE=%s is no SIZE[:SIZE]: ignored",
		    text);
		return;
	}
	if (smallest >= largest)
		say(LOG_INFO, "AUTO_HBW_SIZE=%s leaves no size", text);
	Smallest = smallest;
	Largest = largest;
}

static void
read_kind(const char *name)
{
	static const struct {
		const char *name;
		memkind_t *kind;
	} kinds[] = {
	    {"MEMKIND_DEFAULT", &MEMKIND_DEFAULT},
	    {"MEMKIND_HUGETLB", &MEMKIND_HUGETLB},
	    {"MEMKIND_INTERLEAVE", &MEMKIND_INTERLEAVE},
	    {"MEMKIND_HBW", &MEMKIND_HBW},
	    {"MEMKIND_HBW_PREFERRED", &MEMKIND_HBW_PREFERRED},
	    {"MEMKIND_HBW_HUGETLB", &MEMKIND_HBW_HUGETLB},
	    {"MEMKIND_HBW_PREFERRED_HUGETLB", &MEMKIND_HBW_PREFERRED_HUGETLB},
	    {"MEMKIND_HBW_GBTLB", &MEMKIND_HBW_GBTLB},
	    {"MEMKIND_HBW_PREFERRED_GBTLB", &MEMKIND_HBW_PREFERRED_GBTLB},
	    {"MEMKIND_GBTLB", &MEMKIND_GBTLB},
	    {"MEMKIND_HBW_INTERLEAVE", &MEMKIND_HBW_INTERLEAVE},
	};

	if (name == NULL || *name == '\0')
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcasecmp(kinds[i].name, name) == 0) {
			Kind = *kinds[i].kind;
			return;
		}
	}
	say(LOG_INFO, "AUTO_HBW_MEM_TYPE=%s is no kind: ignored", name);
}

__attribute__((constructor)) static void
set_up(void)
{
	const char *level = secure_getenv("AUTO_HBW_LOG");

	if (level != NULL && *level != '\0')
		Log_level = (int)strtol(level, NULL, 10);
	if (memkind_check_available(MEMKIND_HBW) == MEMKIND_SUCCESS) {
		Kind = MEMKIND_HBW_PREFERRED;
	} else {
		Kind = MEMKIND_DEFAULT;
		say(LOG_INFO, "there is no high-bandwidth memory here");
	}
	read_kind(secure_getenv("AUTO_HBW_MEM_TYPE"));
	read_sizes(secure_getenv("AUTO_HBW_SIZE"));
	say(LOG_INFO, "blocks from %zu to %zu bytes are placed", Smallest,
	    Largest);
	/* The program was asked to run on memory that is not there: memkind's
	 * library ends it too. */
	void *probe = memkind_malloc(Kind, 16);
	if (probe == NULL) {
		say(INT_MIN, "the memory of AUTO_HBW_MEM_TYPE is not there");
		abort();
	}
	memkind_free(Kind, probe);
	Is_ready = true;
}
