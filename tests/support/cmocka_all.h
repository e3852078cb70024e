/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmocka_all.h -- cmocka.h with the headers that it needs before it, and a
 * few words that all tests use.  The only includer of cmocka.h.
 *
 * cmocka's assertions leave the test by longjmp: use them in the thread that
 * runs the test only.  Other threads report by what they return.
 */
#ifndef CMOCKA_ALL_H
#define CMOCKA_ALL_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#ifndef ARRAY_LEN
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#endif

#include "test_cases.h"

/*
 * Tables of inputs: rows[] with a member "why" that says what a row is about.
 * dk_row() is printed before the row runs, so that a failure has its name.
 */
#define dk_row(why) print_message("row: %s\n", why)

/* Whether a sanitizer is compiled in, with its own malloc and mappings. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DK_SANITIZED 1
#endif
#endif
#ifndef DK_SANITIZED
#define DK_SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__)
#define DK_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DK_TSAN 1
#endif
#endif
#ifndef DK_TSAN
#define DK_TSAN 0
#endif

#endif /* CMOCKA_ALL_H */
