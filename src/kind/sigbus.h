/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sigbus.h -- handling of media errors (layer 5).
 *
 * daxkind.h describes the handler.
 */
#ifndef SIGBUS_H
#define SIGBUS_H

#include <stddef.h>

#include "base/export.h"

/* -EBUSY: already installed.  -EAGAIN: its thread cannot be started. */
int sigbus_install(void (*callback)(void *arg, void *addr, size_t len),
    void *arg) DK_MUST_CHECK;
/* -EINVAL: not installed. */
int sigbus_remove(void) DK_MUST_CHECK;
/* Around a fork: no thread installs or removes the handler meanwhile. */
void sigbus_lock_at_fork(void);
void sigbus_unlock_at_fork(void);
void sigbus_after_fork_in_child(void);

#endif /* SIGBUS_H */
