// SPDX-License-Identifier: BSD-2-Clause
/*
 * flush.c -- see flush.h.
 *
 * libpmem is loaded when a region that needs it is opened, not together with
 * this library.  Its start-up code and pmem_has_auto_flush() walk sysfs with
 * fts(3), which changes the working directory of the process for a moment.  So
 * both run through os_run_apart().
 *
 * A heap needs libpmem for durable stores only.  So if it cannot be loaded,
 * regions still open, and flushing fails.
 */
#include "region/flush.h"

#include <errno.h>
#include <libpmem.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/library.h"
#include "base/log.h"
#include "base/os.h"
#include "base/util.h"

/* --- libpmem ------------------------------------------------------------------ */

#define PMEM_FUNCTIONS(X) \
	X(pmem_flush)     \
	X(pmem_drain)     \
	X(pmem_memcpy)    \
	X(pmem_memset)    \
	X(pmem_is_pmem)   \
	X(pmem_has_auto_flush)

enum {
	PMEM_FUNCTIONS(LIBRARY_INDEX) NR_PMEM_FUNCTIONS
};
static const char *const Pmem_names[] = {PMEM_FUNCTIONS(LIBRARY_NAME)};
static _Atomic(void *) Pmem_functions[NR_PMEM_FUNCTIONS];
static struct library Pmem = {
    .soname = PMEM_SONAME,
    .names = Pmem_names,
    .functions = Pmem_functions,
    .nr = NR_PMEM_FUNCTIONS,
};
#define PMEM(name) LIBRARY_FUNCTION(Pmem_functions, name)

static _Atomic(bool) Has_auto_flush; /* valid once Is_ready is set */
static _Atomic(bool) Is_ready;

struct start {
	int rc;
	char why[160];
};

static void
start_apart(void *arg)
{
	struct start *start = arg;

	start->rc = library_load(&Pmem, start->why, sizeof(start->why));
	if (start->rc < 0)
		return;
	atomic_store(&Has_auto_flush, PMEM(pmem_has_auto_flush)() == 1);
	atomic_store(&Is_ready, true);
}

/* Any number of threads may call this at once. */
static int
start_libpmem(struct start *start)
{
	if (atomic_load_explicit(&Is_ready, memory_order_acquire))
		return 0;
	os_run_apart(start_apart, start);
	return start->rc;
}

/* --- cache lines ---------------------------------------------------- */

static int
line_flush(const void *addr, size_t len)
{
	PMEM(pmem_flush)(addr, len);
	return 0;
}

static void
line_drain(void)
{
	PMEM(pmem_drain)();
}

static int
line_copy(void *dst, const void *src, size_t len)
{
	(void)PMEM(pmem_memcpy)(dst, src, len, PMEM_F_MEM_NODRAIN);
	return 0;
}

static int
line_set(void *dst, int c, size_t len)
{
	(void)PMEM(pmem_memset)(dst, c, len, PMEM_F_MEM_NODRAIN);
	return 0;
}

static int
byte_flush(const void *addr, size_t len)
{
	(void)addr;
	(void)len;
	return 0;
}

static int
byte_copy(void *dst, const void *src, size_t len)
{
	(void)PMEM(pmem_memcpy)(
	    dst, src, len, PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH);
	return 0;
}

static int
byte_set(void *dst, int c, size_t len)
{
	(void)PMEM(pmem_memset)(
	    dst, c, len, PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH);
	return 0;
}

/* --- pages --------------------------------------------------------------------- */

static int
page_flush(const void *addr, size_t len)
{
	if (len == 0)
		return 0;
	uintptr_t start = align_down((uintptr_t)addr, DK_PAGE);

	return os_msync((void *)start, (uintptr_t)addr + len - start);
}

static void
page_drain(void)
{
}

static int
page_copy(void *dst, const void *src, size_t len)
{
	memcpy(dst, src, len);
	return page_flush(dst, len);
}

static int
page_set(void *dst, int c, size_t len)
{
	memset(dst, c, len);
	return page_flush(dst, len);
}

/* --- choosing ------------------------------------------------------- */

static const struct flush_ops Built_in[NR_FLUSH] = {
    [FLUSH_BYTE] = {byte_flush, line_drain, byte_copy, byte_set},
    [FLUSH_CACHE_LINE] = {line_flush, line_drain, line_copy, line_set},
    [FLUSH_PAGE] = {page_flush, page_drain, page_copy, page_set},
};

static const struct flush_ops *In_use[NR_FLUSH] = {
    [FLUSH_BYTE] = &Built_in[FLUSH_BYTE],
    [FLUSH_CACHE_LINE] = &Built_in[FLUSH_CACHE_LINE],
    [FLUSH_PAGE] = &Built_in[FLUSH_PAGE],
};

int
flush_get_ops(enum flush_granularity granularity, const struct flush_ops **ops)
{
	struct start start;
	int rc = granularity == FLUSH_PAGE ? 0 : start_libpmem(&start);

	if (rc < 0)
		return error_set(rc,
		    "stores cannot be flushed because libpmem cannot be "
		    "loaded (%s); install it (Debian: libpmem1)",
		    start.why);
	*ops = In_use[granularity];
	return 0;
}

void
flush_set_ops(enum flush_granularity granularity, const struct flush_ops *ops)
{
	In_use[granularity] = ops != NULL ? ops : &Built_in[granularity];
}

enum flush_granularity
flush_of_sync_mapping(void)
{
	struct start start;

	if (start_libpmem(&start) < 0) {
		log_write(
		    DK_LOG_WARNING, "stores cannot be flushed: %s", start.why);
		return FLUSH_CACHE_LINE;
	}
	return atomic_load(&Has_auto_flush) ? FLUSH_BYTE : FLUSH_CACHE_LINE;
}

bool
flush_is_pmem(const void *addr, size_t len)
{
	struct start start;

	DK_NO_CANCEL();
	/* A program that maps with libpmem has loaded it. */
	return library_is_present(PMEM_SONAME) && start_libpmem(&start) == 0 &&
	       PMEM(pmem_is_pmem)(addr, len) == 1;
}
