# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh -- runs every line "KIND NAME" of /lab/jobs.* and reports on it: first
# those of jobs.alone one after the other, then the other files side by side.

# lane_begin NAME: a test is given a folder to write to that is its alone.
lane_begin() {
	Out=/tmp/out.$1
	Scratch=/tmp/test.$1
}

# job_path KIND NAME: what the test gets; empty when the kind is broken.
job_path() {
	path=$(kept "$1" path)
	case $path in
	/mnt/*) echo "$path/$2" ;;
	*) echo "$path" ;;
	esac
}

# job_limit: seconds that the next test may take; a few are kept to report it
# before the host loses its patience.
job_limit() {
	left=$((TOTAL_LIMIT - $(centis) / 100 - 5))
	echo $((left < TEST_LIMIT ? left : TEST_LIMIT))
}

# job_exec KIND NAME PATH LIMIT: in a session of its own, so that what it
# leaves behind can be killed.  Returns its status, 137 when it was killed.
job_exec() {
	(
		test_environment "$1" "$3" "$Scratch"
		exec setsid timeout -s KILL "$4" "/lab/bin/$2" "$3"
	) >"$Out" 2>&1 </dev/null &
	group=$!
	wait $group
	status=$?
	kill -9 -$group 2>/dev/null
	return $status
}

# job_run KIND NAME
job_run() {
	path=$(job_path "$1" "$2")
	if [ -z "$path" ]; then
		say "FAIL $1 $2 0.0 (cannot be set up: $(kept "$1" error))"
		return
	fi
	say "@start $1 $2"
	rm -rf "$Scratch"
	mkdir -p "$Scratch"
	case $path in
	/mnt/*) mkdir -p "$path" ;;
	esac
	dmesg -c >/dev/null

	begin=$(centis)
	job_exec "$1" "$2" "$path" "$limit"
	status=$?
	took=$(($(centis) - begin))
	job_report "$1" "$2" $status $took

	case $path in
	/mnt/*) rm -rf "$path" ;;
	esac
	kind_repair "$1" || {
		keep "$1" error "broken by $2: $(why)"
		rm -f "/run/dax/$1/path"
	}
}

# job_report KIND NAME STATUS CENTIS
job_report() {
	secs=$(seconds "$4")
	case $3 in
	0)
		say "PASS $1 $2 $secs"
		[ -z "$VERBOSE" ] || show_output "$Out" 1000
		return
		;;
	77)
		say "SKIP $1 $2 $secs ($(grep -a . "$Out" | tail -n 1))"
		[ -z "$VERBOSE" ] || show_output "$Out" 1000
		return
		;;
	esac
	if [ "$3" -eq 137 ] && [ "$4" -ge $((limit * 100)) ]; then
		reason="time-out"
	elif [ "$3" -gt 128 ]; then
		reason="signal $(($3 - 128))"
	else
		reason="status $3"
	fi
	say "FAIL $1 $2 $secs ($reason)"
	show_output "$Out" 60
	dmesg >"$Out"
	[ ! -s "$Out" ] || {
		say "| the kernel said:"
		show_output "$Out" 15
	}
}

# lane_run NAME: the jobs of that lane.
lane_run() {
	lane_begin "$1"
	while read -r kind name <&4; do
		limit=$(job_limit)
		if [ "$limit" -lt 1 ]; then
			say "@late"
			return
		fi
		job_run "$kind" "$name"
	done 4<"/lab/jobs.$1"
}

kinds_setup
say "# guest set up in $(uptime_now) s"
lane_run alone
lane_run 1 &
lane_run 2 &
wait
say "@done"
