#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Print MAJOR.MINOR.PATCH as held by include/daxkind_version.h.
set -eu
h=$(dirname -- "$0")/../include/daxkind_version.h
part() {
	sed -n "s/^#define DAXKIND_VERSION_$1 \([0-9][0-9]*\)$/\1/p" "$h"
}
printf '%s.%s.%s' "$(part MAJOR)" "$(part MINOR)" "$(part PATCH)"
