/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * environment.h -- a variable that memkind looks at when it is loaded (layer 4).
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <stdbool.h>

#include "base/export.h"

/* REASON_ENVIRON: MEMKIND_BACKGROUND_THREAD_LIMIT makes no sense. */
int environment_check_thread_limit(void) DK_MUST_CHECK;

#endif /* ENVIRONMENT_H */
