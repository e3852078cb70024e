/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls.h -- the thread-local that the hot paths read (layer 0, a library of its
 * own).
 *
 * The fastest thread-local is one of the initial-exec model, at a fixed distance
 * from the thread pointer.  A library that is dlopen'ed gets such only out of a
 * small reserve (glibc: 1,664 bytes), and jemalloc's thread data, which is in
 * libdaxkind.so, is larger than that.  So the few bytes that matter are in
 * libdaxkind-tls.so, which holds nothing else.
 */
#ifndef TLS_H
#define TLS_H

#include "base/export.h"

enum {
	TLS_SLOTS = 16,
	TLS_NOTHING_SIZE = 4096
};

/* Each never NULL: a struct thread_cache, or daxkind_tls_nothing. */
extern DK_TLS_FIXED void *daxkind_tls_slots[TLS_SLOTS];
/* As good as a struct thread_cache that belongs to nobody: all zeroes but for
 * marks that say that somebody is inside. */
extern char daxkind_tls_nothing[TLS_NOTHING_SIZE];

#endif /* TLS_H */
