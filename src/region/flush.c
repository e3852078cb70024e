// SPDX-License-Identifier: BSD-2-Clause
/*
 * flush.c -- see flush.h.
 *
 * libpmem is linked, never loaded late: its start-up code and
 * pmem_has_auto_flush() walk sysfs with fts(3), which changes the working
 * directory of the whole process for a moment.  So that is asked once, by a
 * constructor, while the program has one thread.
 */
#include "region/flush.h"

#include <libpmem.h>
#include <stdint.h>
#include <string.h>

#include "base/cancel.h"
#include "base/os.h"
#include "base/util.h"

static bool Has_auto_flush;

__attribute__((constructor)) static void
ask_platform(void)
{
	DK_NO_CANCEL();
	Has_auto_flush = pmem_has_auto_flush() == 1;
}

static int
line_flush(const void *addr, size_t len)
{
	pmem_flush(addr, len);
	return 0;
}

static void
line_drain(void)
{
	pmem_drain();
}

static int
line_copy(void *dst, const void *src, size_t len)
{
	(void)pmem_memcpy(dst, src, len, PMEM_F_MEM_NODRAIN);
	return 0;
}

static int
line_set(void *dst, int c, size_t len)
{
	(void)pmem_memset(dst, c, len, PMEM_F_MEM_NODRAIN);
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
	(void)pmem_memcpy(
	    dst, src, len, PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH);
	return 0;
}

static int
byte_set(void *dst, int c, size_t len)
{
	(void)pmem_memset(dst, c, len, PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NOFLUSH);
	return 0;
}

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

const struct flush_ops *
flush_get_ops(enum flush_granularity granularity)
{
	return In_use[granularity];
}

void
flush_set_ops(enum flush_granularity granularity, const struct flush_ops *ops)
{
	In_use[granularity] = ops != NULL ? ops : &Built_in[granularity];
}

enum flush_granularity
flush_of_sync_mapping(void)
{
	return Has_auto_flush ? FLUSH_BYTE : FLUSH_CACHE_LINE;
}

bool
flush_is_pmem(const void *addr, size_t len)
{
	DK_NO_CANCEL();
	return pmem_is_pmem(addr, len) == 1;
}
