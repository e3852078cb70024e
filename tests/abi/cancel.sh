#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Cancellation points of POSIX are called by the few files that put cancellation
# off around them (src/base/cancel.h), and by no other.
set -eu
LC_ALL=C
export LC_ALL
: "${top_builddir:=.}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

# What must be one, and what may be one and is made use of by libraries.
points='accept aio_suspend clock_nanosleep close connect creat fcntl fdatasync
fsync lockf mq_receive mq_send msync nanosleep open openat pause poll ppoll
pread pselect pthread_cond_timedwait pthread_cond_wait pthread_join
pthread_testcancel pwrite read readv recv recvfrom recvmsg select sem_timedwait
sem_wait send sendmsg sendto sigsuspend sigtimedwait sigwait sigwaitinfo sleep
system tcdrain usleep wait waitid waitpid write writev
dlopen fallocate fclose fdopen fflush fgets fopen fprintf fputs fread freopen
fwrite getline glob mkostemp mkstemp opendir posix_fallocate printf puts
readdir syslog vfprintf vprintf'
# These put it off.  The library's own thread, which nobody can cancel, may wait.
# library.c is called by os_run_apart() only.
may='^(library|os|os_apart|os_file|os_maps|os_memory|os_space|os_text|lock|log):|^sigbus:sem_wait$'

find "$top_builddir/src" -name 'libdaxkind_core_la-*.o' >"$tmp/objects"
[ -s "$tmp/objects" ] || { echo "no object was found"; exit 99; }
while read -r object; do
	name=${object##*/libdaxkind_core_la-}
	nm -u "$object" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
		sed "s/^__\(.*\)_chk\$/\1/; s/64\$//; s/^/${name%.o}:/"
done <"$tmp/objects" | sort -u >"$tmp/calls"
grep -q '^os_file:open$' "$tmp/calls" || { echo "no call was found"; exit 99; }

for point in $points; do
	echo ":$point\$"
done >"$tmp/points"
if grep -f "$tmp/points" "$tmp/calls" | grep -Ev "$may"; then
	echo "these calls are cancellation points"
	exit 1
fi
echo "cancellation points are called where they are put off"
