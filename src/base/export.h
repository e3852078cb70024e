/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * export.h -- attributes of functions, and compiler checks (layer 0).
 */
#ifndef EXPORT_H
#define EXPORT_H

/* An exported definition; src/daxkind.map lists it too. */
#define DK_EXPORT __attribute__((visibility("default")))
/* The result says whether the call worked; ignoring it is a bug. */
#define DK_MUST_CHECK __attribute__((warn_unused_result))
/* Formats like printf: argument number fmt, its values from number args. */
#define DK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/* A thread-local at a fixed distance from the thread pointer: the fastest, and
 * scarce; tls.h says why.  All others are found by TLS descriptors, which
 * configure asks for (-mtls-dialect=gnu2). */
#define DK_TLS_FIXED _Thread_local __attribute__((tls_model("initial-exec")))
/* A rarely called function that would bloat its caller if inlined. */
#define DK_NOINLINE __attribute__((noinline))
#define DK_LIKELY(x) __builtin_expect(!!(x), 1)
#define DK_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Tell the compiler that x holds. */
#define DK_ASSUME(x)                             \
	do {                                     \
		if (!(x))                        \
			__builtin_unreachable(); \
	} while (0)

/* 1 in a build for ThreadSanitizer. */
#if defined(__SANITIZE_THREAD__)
#define DK_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DK_THREAD_SANITIZER 1
#endif
#endif
#ifndef DK_THREAD_SANITIZER
#define DK_THREAD_SANITIZER 0
#endif

#endif /* EXPORT_H */
