/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * autohbw_api.h -- switch what libautohbw.so does off and on.
 *
 * For programs that run with it preloaded; libautohbw(7) describes it.
 */
#ifndef AUTOHBW_API_H
#define AUTOHBW_API_H

#ifdef __cplusplus
extern "C" {
#endif

/* Blocks are placed by their size; so it begins. */
void enableAutoHBW(void);
/* All blocks are of the usual memory, from now on. */
void disableAutoHBW(void);

#ifdef __cplusplus
}
#endif

#endif /* AUTOHBW_API_H */
