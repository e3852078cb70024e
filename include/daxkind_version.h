/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daxkind_version.h -- the one place that holds the version number.
 *
 * build-aux/version.sh reads these three lines with sed, so each macro stays
 * on its own line with a plain number.
 */
#ifndef DAXKIND_VERSION_H
#define DAXKIND_VERSION_H

#define DAXKIND_VERSION_MAJOR 0
#define DAXKIND_VERSION_MINOR 1
#define DAXKIND_VERSION_PATCH 0

#endif /* DAXKIND_VERSION_H */
