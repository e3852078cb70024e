/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sigbus.h -- living on after a media error (layer 4).
 *
 * daxkind.h says what the handler does for a program.
 */
#ifndef SIGBUS_H
#define SIGBUS_H

#include <stddef.h>

#include "base/export.h"

/* -EBUSY: installed already.  -EAGAIN: no thread can be had. */
int sigbus_install(void (*callback)(void *arg, void *addr, size_t len),
    void *arg) DK_MUST_CHECK;
/* -EINVAL: not installed. */
int sigbus_remove(void) DK_MUST_CHECK;
/* Around a fork, so that nobody is installing or removing it. */
void sigbus_lock_at_fork(void);
void sigbus_unlock_at_fork(void);
void sigbus_after_fork_in_child(void);

#endif /* SIGBUS_H */
