/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error_code.h -- what the library's functions return, in the terms of a program
 * (layer 4).
 *
 * The one place that translates.  rc is 0, a negative errno value, or an enum
 * reason (base/reason.h).
 */
#ifndef ERROR_CODE_H
#define ERROR_CODE_H

/* To MEMKIND_SUCCESS or MEMKIND_ERROR_*. */
int error_code_from_errno(int rc);
/* To 0 or a negative errno value, for daxkind_*. */
int error_errno_of(int rc);
/* What an operation of a table returned, MEMKIND_ERROR_*, to an rc. */
int error_code_to_errno(int err);

#endif /* ERROR_CODE_H */
