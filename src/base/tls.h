/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls.h -- the thread-local that the hot paths read (layer 0, a library of its
 * own).
 *
 * The fastest thread-locals are those of the initial-exec model, at a fixed
 * distance from the thread pointer.  A library loaded by dlopen() gets them
 * from a small reserve (glibc: 1,664 bytes), and jemalloc's thread data, which
 * is in libdaxkind.so, is larger than that.  So the few hot bytes are in
 * libdaxkind-tls.so, which contains nothing else.
 */
#ifndef TLS_H
#define TLS_H

#include "base/export.h"

enum {
	TLS_SLOTS = 16,
	TLS_NOTHING_SIZE = 4096
};

/* Never NULL: each points to a struct thread_cache or to
 * daxkind_tls_nothing. */
extern DK_TLS_FIXED void *daxkind_tls_slots[TLS_SLOTS];
/* Stands in for a struct thread_cache without an owner: all zeroes, except that
 * it is marked as in use. */
extern char daxkind_tls_nothing[TLS_NOTHING_SIZE];

#endif /* TLS_H */
