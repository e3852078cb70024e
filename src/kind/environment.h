/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * environment.h -- a variable that is checked when the library is loaded, as in
 * memkind (layer 5).
 */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include <stdbool.h>

#include "base/export.h"

/* REASON_ENVIRON: MEMKIND_BACKGROUND_THREAD_LIMIT is not a valid number. */
int environment_check_thread_limit(void) DK_MUST_CHECK;

#endif /* ENVIRONMENT_H */
