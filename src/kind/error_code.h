/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error_code.h -- translates the library's results for the program (layer 5).
 *
 * No other file translates. rc is 0, a negative errno value, or an enum reason
 * (base/reason.h).
 */
#ifndef ERROR_CODE_H
#define ERROR_CODE_H

/* From rc to MEMKIND_SUCCESS or MEMKIND_ERROR_*. */
int error_code_from_errno(int rc);
/* From rc to 0 or a negative errno value, for daxkind_*. */
int error_errno_of(int rc);
/* From the MEMKIND_ERROR_* of a table's operation to an rc. */
int error_code_to_errno(int err);

#endif /* ERROR_CODE_H */
