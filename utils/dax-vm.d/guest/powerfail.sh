# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
#
# powerfail.sh -- one boot of a power-failure run: first the verifiers look at
# what the former boot left, then the writers write until the host kills us.
#
# From the host: VERIFY and WRITE (names in /lab/bin, or empty), ROUND, and
# ACK_<kind>, the last number that the kind's writer acknowledged.  A writer's
# standard output is a virtio port, which is a file of the host's.  What is in
# the file was done; the last ones may still be on their way when we are killed.

# path_of KIND: what the programs get; a folder that stays, or the device.
path_of() {
	path=$(kept "$1" path)
	case $path in
	/mnt/*) echo "$path/powerfail" ;;
	*) echo "$path" ;;
	esac
}

# paths_make: the folders are there before the first power failure can come.
paths_make() {
	for kind in $KINDS; do
		path=$(path_of "$kind")
		case $path in
		/mnt/*) [ -d "$path" ] || mkdir "$path" ;;
		esac
	done
	sync
}

# verify KIND: a kind whose writer acknowledged nothing has no ACK.
verify() {
	export DAX_ROUND="$((ROUND - 1))"
	eval "ack=\${ACK_$1}"
	[ -n "$ack" ] || return 0
	say "@verify $1"
	path=$(path_of "$1")
	begin=$(centis)
	(
		test_environment "$1" "$path" /tmp/test
		exec timeout -s KILL "$TEST_LIMIT" \
			"/lab/bin/$VERIFY" "$path" "$ack"
	) >/tmp/verify 2>&1 </dev/null
	status=$?
	secs=$(seconds $(($(centis) - begin)))
	detail="round $DAX_ROUND, last ACK $ack"
	if [ $status -ne 0 ]; then
		say "FAIL $1 $VERIFY $secs ($detail, status $status)"
		show_output /tmp/verify 60
		return 1
	fi
	say "PASS $1 $VERIFY $secs ($detail)"
	[ -z "$VERBOSE" ] || show_output /tmp/verify 60
}

# port_of KIND: the virtio port of that name.
port_of() {
	for port in /sys/class/virtio-ports/*; do
		if [ "$(cat "$port/name")" = "$1" ]; then
			echo "/dev/${port##*/}"
			return 0
		fi
	done
	return 1
}

# write_kind KIND: in the background; tells the host if the writer ends.
write_kind() {
	export DAX_ROUND="$ROUND"
	path=$(path_of "$1")
	port=$(port_of "$1")
	(
		(
			test_environment "$1" "$path" /tmp/test
			exec "/lab/bin/$WRITE" "$path"
		) >"$port" 2>"/tmp/writer.$1" </dev/null
		status=$?
		case $status in
		0 | 77) ;;
		*) show_output "/tmp/writer.$1" 40 ;;
		esac
		say "@exit $1 $status"
	) &
}

# ports_open: virtio-serial makes its ports in the background.
ports_open() {
	quiet modprobe virtio_pci && quiet modprobe virtio_console || return 1
	for kind in $KINDS; do
		tries=50
		until port_of "$kind" >/tmp/port && [ -e "$(cat /tmp/port)" ]
		do
			tries=$((tries - 1))
			[ $tries -gt 0 ] || return 1
			sleep 0.1
		done
	done
}

failed=
kinds_setup
for kind in $KINDS; do
	[ -e "/run/dax/$kind/path" ] || {
		say "FAIL $kind setup - ($(kept "$kind" error))"
		failed=1
	}
done
if [ -n "$VERIFY" ]; then
	for kind in $KINDS; do
		[ ! -e "/run/dax/$kind/path" ] || verify "$kind" || failed=1
	done
fi
if [ -n "$WRITE" ] && [ -z "$failed" ]; then
	paths_make
	ports_open || say "FAIL - ports -"
	say "@writing"
	for kind in $KINDS; do
		write_kind "$kind"
	done
	wait
	say "@written"
	sleep 600
fi
say "@done"
