/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * util.h -- arithmetic with overflow checks (layer 0, no state).
 */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unit of the space map and of jemalloc's extents.  It is the only base page
 * size of x86-64; region_open() refuses others (os_check_page_size). */
#define DK_PAGE ((size_t)4096)
#define DK_PAGE_SHIFT 12
/* Regions are mapped at multiples of this, so that the kernel can use huge
 * pages (the PMD size of x86-64). */
#define DK_HUGE_PAGE ((size_t)2 << 20)

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline bool
is_power_of_two(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static inline size_t
align_down(size_t n, size_t align)
{
	return n & ~(align - 1);
}

/* Overflows to a small number if n is within align of SIZE_MAX. Callers that
 * cannot rule that out use align_up_checked(). */
static inline size_t
align_up(size_t n, size_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* False if the result overflows. */
static inline bool
align_up_checked(size_t n, size_t align, size_t *out)
{
	if (n > SIZE_MAX - (align - 1))
		return false;
	*out = align_up(n, align);
	return true;
}

/* False if the product overflows. */
static inline bool
mul_checked(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}

static inline size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t
max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif /* UTIL_H */
