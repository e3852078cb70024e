# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
#
# lib.sh -- the line protocol and small helpers of the guest's scripts.
#
# Lines that start with @ are for the host's script, others are shown.

# Descriptor 3 is the host; raw, or every line would end in CR LF.
if [ "$MODE" = shell ]; then
	exec 3>/dev/console
else
	stty -F /dev/ttyS1 raw
	exec 3>/dev/ttyS1
fi

say() {
	echo "$*" >&3
}

# uptime_now: seconds with two digits.
uptime_now() {
	cut -d' ' -f1 /proc/uptime
}

# centis: the same in hundredths, for arithmetic.
centis() {
	uptime_now | tr -d .
}

# seconds CENTIS: with one digit.
seconds() {
	echo "$(($1 / 100)).$(($1 % 100 / 10))"
}

# quiet COMMAND...: its output is kept in /tmp/step for why() below.
quiet() {
	"$@" >/tmp/step 2>&1 || {
		echo "$*: status $?" >>/tmp/step
		return 1
	}
}

# why: the end of what the last quiet command said, in one line.
why() {
	tail -n 5 /tmp/step | tr -s '\n\t ' '   ' | tail -c 300
}

# wait_for FILE: up to 10 seconds.
wait_for() {
	tries=100
	while [ ! -e "$1" ]; do
		tries=$((tries - 1))
		if [ $tries -eq 0 ]; then
			echo "no $1" >/tmp/step
			return 1
		fi
		sleep 0.1
	done
}

# show_output FILE LINES: its end, so that no line looks like a result.
show_output() {
	tail -n "$2" "$1" | tr -cd '\11\12\40-\176\200-\377' |
		sed 's/^/| /' >&3
}

# test_environment KIND PATH SCRATCH: what a program under test finds set.
test_environment() {
	DAX_KIND=$1
	DAX_PATH=$2
	DAX_BLOCK=$(kept "$1" block)
	DAX_REGION=$(kept "$1" region)
	[ -z "$DAX_REGION" ] || DAX_REGION=/sys/bus/nd/devices/$DAX_REGION
	export DAX_KIND DAX_PATH DAX_BLOCK DAX_REGION DAXKIND_TEST_DAX=1
	export LD_LIBRARY_PATH=/lab/lib TMPDIR="$3"
	mkdir -p "$TMPDIR"
	cd "$TMPDIR" || exit 126
	exec 3>&-
}

# wants KIND: is it among those to set up?
wants() {
	case " $KINDS " in
	*" $1 "*) return 0 ;;
	*) return 1 ;;
	esac
}
