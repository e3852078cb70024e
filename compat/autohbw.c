// SPDX-License-Identifier: BSD-2-Clause
/*
 * autohbw.c -- libautohbw.so: blocks of some sizes in high-bandwidth memory.
 *
 * The library is preloaded, so malloc() is called before the library is set up.
 * Until then, and for records of libdaxkind, blocks come from MEMKIND_DEFAULT.
 */
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <autohbw_api.h>
#include <memkind.h>

#include "base/cancel.h"
#include "base/export.h"
#include "base/parse.h"
#include "base/util.h"
#include "preload.h"

/* Levels of AUTO_HBW_LOG; a level below these logs nothing. */
enum {
	LOG_INFO,
	LOG_BLOCKS, /* one line for each block that is placed */
	LOG_CALLERS /* also the callers */
};

/* Constant once Is_ready is set. */
static bool Is_ready;
static int Log_level = LOG_BLOCKS;
static size_t Smallest = MIB, Largest = SIZE_MAX; /* bytes, both included */
static memkind_t Kind;

static atomic_bool Is_disabled;

#define say(level, ...)                                       \
	do {                                                  \
		if (Log_level >= (level))                     \
			preload_say("autohbw: " __VA_ARGS__); \
	} while (0)

static bool
is_placed(size_t size)
{
	return DK_LIKELY(Is_ready) && size >= Smallest && size <= Largest &&
	       !atomic_load_explicit(&Is_disabled, memory_order_relaxed);
}

static memkind_t
kind_for(size_t size)
{
	return is_placed(size) && !preload_is_nested() ? Kind : MEMKIND_DEFAULT;
}

/* Whether there is another kind to try if one is full. */
static bool
stands_in(memkind_t *kind)
{
	if (*kind == MEMKIND_DEFAULT)
		return false;
	*kind = MEMKIND_DEFAULT;
	return true;
}

void
preload_note(const char *function, size_t size, const void *ptr)
{
	void *callers[32];

	if (!is_placed(size))
		return;
	DK_NO_CANCEL(); /* in backtrace(), which may load libgcc */
	say(LOG_BLOCKS, "%s of %zu bytes: %p", function, size, ptr);
	if (Log_level >= LOG_CALLERS) {
		int saved_errno = errno;
		int nr = backtrace(callers, (int)ARRAY_LEN(callers));

		backtrace_symbols_fd(callers, nr, STDERR_FILENO);
		errno = saved_errno;
	}
}

void *
preload_malloc(size_t size)
{
	int saved_errno = errno;
	memkind_t kind = kind_for(size);
	void *ptr = memkind_malloc(kind, size);

	if (DK_UNLIKELY(ptr == NULL) && stands_in(&kind)) {
		ptr = memkind_malloc(kind, size);
		if (ptr != NULL)
			errno = saved_errno;
	}
	return ptr;
}

void *
preload_calloc(size_t num, size_t size)
{
	int saved_errno = errno;
	memkind_t kind = kind_for(num * size);
	void *ptr = memkind_calloc(kind, num, size);

	if (DK_UNLIKELY(ptr == NULL) && stands_in(&kind)) {
		ptr = memkind_calloc(kind, num, size);
		if (ptr != NULL)
			errno = saved_errno;
	}
	return ptr;
}

void
preload_free(void *ptr)
{
	memkind_free(NULL, ptr);
}

/* The block moves to the kind for its new size. */
void *
preload_realloc(void *ptr, size_t size)
{
	int saved_errno = errno;
	memkind_t kind = kind_for(size);
	void *moved = memkind_realloc(kind, ptr, size);

	if (DK_UNLIKELY(moved == NULL) && stands_in(&kind)) {
		moved = memkind_realloc(kind, ptr, size);
		if (moved != NULL)
			errno = saved_errno;
	}
	return moved;
}

int
preload_memalign(void **memptr, size_t alignment, size_t size)
{
	memkind_t kind = kind_for(size);
	int err = memkind_posix_memalign(kind, memptr, alignment, size);

	if (DK_UNLIKELY(err == ENOMEM) && stands_in(&kind))
		err = memkind_posix_memalign(kind, memptr, alignment, size);
	return err;
}

size_t
preload_usable_size(void *ptr)
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

/* --- set-up --------------------------------------------------------- */

/* Parse "SMALLEST", "SMALLEST:" or "SMALLEST:LARGEST". */
static void
read_sizes(const char *text)
{
	size_t smallest, largest = SIZE_MAX;
	const char *rest;

	if (text == NULL)
		return;
	if (!parse_size_at(text, &rest, &smallest) ||
	    (*rest != ':' && *rest != '\0')) {
		say(LOG_INFO,
		    "AUTO_HBW_SIZE=%s: \"%.*s\" is not a size such as 64K: "
		    "ignored",
		    text, (int)strcspn(text, ":"), text);
		return;
	}
	if (*rest == ':' && rest[1] != '\0' &&
	    !parse_size(rest + 1, &largest)) {
		say(LOG_INFO,
		    "AUTO_HBW_SIZE=%s: \"%s\" is not a size such as 64K: "
		    "ignored",
		    text, rest + 1);
		return;
	}
	if (smallest >= largest)
		say(LOG_INFO, "AUTO_HBW_SIZE=%s is an empty range of sizes",
		    text);
	Smallest = smallest;
	Largest = largest;
}

static void
read_level(const char *text)
{
	size_t level;

	if (text == NULL || *text == '\0')
		return;
	if (!parse_number(*text == '-' ? text + 1 : text, &level)) {
		say(LOG_INFO,
		    "AUTO_HBW_LOG=%s is not a level from -1 to 2: ignored",
		    text);
		return;
	}
	Log_level = *text == '-' ? -1 : (int)min_size(level, LOG_CALLERS);
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
	say(LOG_INFO,
	    "AUTO_HBW_MEM_TYPE=%s is not a kind that libautohbw(7) lists: "
	    "ignored",
	    name);
}

__attribute__((constructor)) static void
set_up(void)
{
	read_level(secure_getenv("AUTO_HBW_LOG"));
	if (memkind_check_available(MEMKIND_HBW) == MEMKIND_SUCCESS) {
		Kind = MEMKIND_HBW_PREFERRED;
	} else {
		Kind = MEMKIND_DEFAULT;
		say(LOG_INFO, "this machine has no high-bandwidth memory");
	}
	read_kind(secure_getenv("AUTO_HBW_MEM_TYPE"));
	read_sizes(secure_getenv("AUTO_HBW_SIZE"));
	say(LOG_INFO, "blocks from %zu to %zu bytes are placed", Smallest,
	    Largest);
	/* The memory that the user asked for is missing: end the program, as
	 * memkind's library does. */
	void *probe = memkind_malloc(Kind, 16);
	if (probe == NULL) {
		preload_say(
		    "autohbw: the memory of AUTO_HBW_MEM_TYPE is not there");
		abort();
	}
	memkind_free(Kind, probe);
	Preload_has_notes = Log_level >= LOG_BLOCKS;
	Is_ready = true;
}
