/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * error_code.h -- between errno values and MEMKIND_ERROR_* (layer 4).
 */
#ifndef ERROR_CODE_H
#define ERROR_CODE_H

/* 0 or -errno to MEMKIND_SUCCESS or MEMKIND_ERROR_*. */
int error_code_from_errno(int rc);
/* The other way; what an operation of a user's table returned. */
int error_code_to_errno(int err);

#endif /* ERROR_CODE_H */
