/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz.h -- what the parts of the API fuzzer share.
 *
 *	fuzz_api.c     bytes to calls, and what each call must do
 *	image.c        the file of a durable heap as a kill leaves it
 *	shadow.c       what is in which live block
 *	test_corpus.c  main() that replays files, where libFuzzer is not
 *
 * Not cmocka: a finding is an abort(), which is what fuzzers look for.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether each call is printed: set by $FUZZ_VERBOSE, or by main(). */
extern bool Fuzz_is_verbose;

/* libFuzzer's, AFL++'s and our main()'s way in. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((format(printf, 1, 2))) void fuzz_say(const char *fmt, ...);
__attribute__((format(printf, 4, 5), noreturn)) void fuzz_fail(
    const char *file, int line, const char *condition, const char *fmt, ...);

/* Print only what somebody reads. */
#define say(...)                               \
	do {                                   \
		if (Fuzz_is_verbose)           \
			fuzz_say(__VA_ARGS__); \
	} while (0)
/* What follows the condition is a format and its arguments. */
#define expect(condition, ...)                                            \
	do {                                                              \
		if (__builtin_expect(!(condition), 0))                    \
			fuzz_fail(                                        \
			    __FILE__, __LINE__, #condition, __VA_ARGS__); \
	} while (0)

#endif /* FUZZ_H */
