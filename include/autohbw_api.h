/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * autohbw_api.h -- switch libautohbw.so off and on.
 *
 * For programs that run with it preloaded; libautohbw(7) describes it.
 */
#ifndef AUTOHBW_API_H
#define AUTOHBW_API_H

#ifdef __cplusplus
extern "C" {
#endif

/* Place blocks by their size, which is the default. */
void enableAutoHBW(void);
/* Allocate all blocks from ordinary memory from now on. */
void disableAutoHBW(void);

#ifdef __cplusplus
}
#endif

#endif /* AUTOHBW_API_H */
