/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plain_hooks.h -- extents of plain memory, for unit tests of what is above
 * them.
 */
#ifndef PLAIN_HOOKS_H
#define PLAIN_HOOKS_H

#include "heap/je.h"

void plain_hooks_init(struct je_hooks *hooks);

#endif /* PLAIN_HOOKS_H */
