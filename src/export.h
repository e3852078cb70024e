/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export.h -- marks of functions (layer 0).
 */
#ifndef EXPORT_H
#define EXPORT_H

/* A definition that is part of the ABI; src/daxkind.map has its name too. */
#define DK_EXPORT __attribute__((visibility("default")))
/* The result says whether the call worked; ignoring it is a bug. */
#define DK_MUST_CHECK __attribute__((warn_unused_result))
/* Formats like printf: argument number fmt, its values from number args. */
#define DK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* A thread-local that is read on hot paths.  Not initial-exec, which would be
 * the fastest: jemalloc's thread data is in the same TLS segment, and a library
 * with so large a static one can not be dlopen'ed.  configure asks for TLS
 * descriptors (-mtls-dialect=gnu2), which cost next to nothing more. */
#define DK_TLS_HOT _Thread_local
/* A function that would only make its caller larger. */
#define DK_NOINLINE __attribute__((noinline))
#define DK_LIKELY(x) __builtin_expect(!!(x), 1)
#define DK_UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif /* EXPORT_H */
