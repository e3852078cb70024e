// SPDX-License-Identifier: BSD-2-Clause
/*
 * sched_point.c -- see sched_point.h.
 */
#include "base/sched_point.h"

#ifdef DK_DEBUG
_Atomic(void (*)(const char *name)) Sched_point_hook;
#else
typedef int sched_point_is_not_built; /* a file must not be empty */
#endif
