/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mock_library.h -- stand-ins for functions of a library that ours loads while
 * it runs, for unit tests: what arrives there is what left ours.
 */
#ifndef MOCK_LIBRARY_H
#define MOCK_LIBRARY_H

/* From the next library_load() of the library that has it on, calls of the
 * function go to stand_in; *real is its own.  At most 16, for good. */
void mock_library_put(const char *name, void *stand_in, void **real);

#endif /* MOCK_LIBRARY_H */
