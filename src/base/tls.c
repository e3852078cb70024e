// SPDX-License-Identifier: BSD-2-Clause
/*
 * tls.c -- see tls.h.
 */
#include "base/tls.h"

_Alignas(64) DK_EXPORT char daxkind_tls_nothing[TLS_NOTHING_SIZE];

#define FOUR(x) x, x, x, x
_Static_assert(TLS_SLOTS == 16, "four times four initial values");
DK_EXPORT DK_TLS_FIXED void *daxkind_tls_slots[TLS_SLOTS] = {
    FOUR(FOUR(daxkind_tls_nothing))};
