/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kind_fork.h -- what happens to kinds at a fork(2) (layer 5).
 *
 * The handlers are registered when the library is loaded.
 */
#ifndef KIND_FORK_H
#define KIND_FORK_H

#include <stdbool.h>

/* False: there was no memory for the handlers, so a child must not use
 * kinds. */
bool kind_fork_is_safe(void);

#endif /* KIND_FORK_H */
