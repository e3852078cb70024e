# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
#
# shell.sh -- every kind set up, then a shell on the console.

kinds_setup
for kind in $KINDS; do
	if [ -e "/run/dax/$kind/path" ]; then
		echo "$kind: $(kept "$kind" path)"
	else
		echo "$kind: cannot be set up: $(kept "$kind" error)"
	fi
done
cd /lab/bin || exit
export LD_LIBRARY_PATH=/lab/lib DAXKIND_TEST_DAX=1
# cttyhack gives the shell a terminal, so that ctrl-c works.
setsid cttyhack sh
