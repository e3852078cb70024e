#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Write configure and Makefile.in.
set -eu
cd "$(dirname -- "$0")"
exec autoreconf -fi "$@"
