# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with the other parts
# SPDX-License-Identifier: BSD-2-Clause
#
# run.sh -- `run` and `check`: many programs, many kinds, one boot.

All_kinds="devdax ext4 xfs nvdimm tmpfs nosync kmem"
Default_kinds="devdax ext4 xfs nvdimm tmpfs nosync"
Default_kinds_eadr="devdax ext4 xfs nvdimm tmpfs"

# Options, with their defaults; the subcommands read them after options_parse.
Kinds=
Test_limit=180
Total_limit=
Verbose=
Eadr=
Files=()
Exports=()
Image=
Keep_image=
Rounds=5
Operands=()

# What is to run: job i is Job_name[i] on Job_kind[i], in the lane Job_lane[i].
Job_name=()
Job_kind=()
Job_lane=()

# Set by check: a run in which everything was skipped has checked nothing.
Want_pass=

# The test that runs on a kind now.
declare -A Running=()

Passed=0
Failed=0
Skipped=0

# options_parse LETTERS ARGUMENT...
options_parse() {
	local letters=$1 letter OPTIND=1 OPTARG

	shift
	while getopts "$letters" letter; do
		case $letter in
		k) Kinds=$OPTARG ;;
		p) Test_limit=$OPTARG ;;
		t) Total_limit=$OPTARG ;;
		v) Verbose=1 ;;
		f) Files+=("$OPTARG") ;;
		e) Exports+=("$OPTARG") ;;
		E) Eadr=1 ;;
		n) Rounds=$OPTARG ;;
		i) Image=$OPTARG ;;
		D) Keep_image=1 ;;
		*) die 2 "see dax-vm help" ;;
		esac
	done
	shift $((OPTIND - 1))
	Operands=("$@")
	is_number "$Test_limit" "${Total_limit:-0}" "$Rounds" ||
		die 2 "-p, -t and -n take a number"
}

# kinds_check ALLOWED...: every word of Kinds is one of them.
kinds_check() {
	local kind

	[ -n "${Kinds// /}" ] || die 2 "no kind given"
	for kind in $Kinds; do
		case " $* " in
		*" $kind "*) ;;
		*) die 2 "kind $kind is not one of: $*" ;;
		esac
	done
}

# job_add KIND NAME: most tests use their own device and change no other, so two
# kinds of device can be tested at a time.
job_add() {
	local lane=alone

	case $2 in
	api.* | test_dax_fork | test_dax_owner | test_dax_region | \
		test_dax_tiered_cache | test_fsdax_space)
		case $1 in
		devdax | ext4) lane=1 ;;
		*) lane=2 ;;
		esac
		;;
	esac
	Job_kind+=("$1")
	Job_name+=("$2")
	Job_lane+=("$lane")
}

# jobs_add NAME KINDS ALLOWED: on each of the kinds that is allowed.
jobs_add() {
	local kind

	for kind in $2; do
		case $3 in
		*" $kind "*) job_add "$kind" "$1" ;;
		esac
	done
}

# --- run --------------------------------------------------------------------

run_main() {
	local test kind name

	options_parse k:p:t:vf:e:E "$@"
	: "${Total_limit:=300}"
	if [ -n "$Eadr" ]; then
		: "${Kinds:=$Default_kinds_eadr}"
	else
		: "${Kinds:=$Default_kinds}"
	fi
	# shellcheck disable=SC2086 # a list of words
	kinds_check $All_kinds
	[ ${#Operands[@]} -gt 0 ] || die 2 "no TEST given; see dax-vm help"

	run_prepare run
	for test in "${Operands[@]}"; do
		name=${test##*/}
		pack_program "$test" "$name"
		for kind in $Kinds; do
			job_add "$kind" "$name"
		done
	done
	run_jobs
}

# --- check ------------------------------------------------------------------

# check_kinds NAME: where a program of tests/dax runs; nothing for a name that
# says nothing.
check_kinds() {
	case $1 in
	test_devdax_*) echo devdax nvdimm ;;
	test_fsdax_*) echo ext4 xfs ;;
	test_dax_*) echo devdax ext4 xfs nvdimm ;;
	test_nosync_*) echo nosync ;;
	test_tmpfs_*) echo tmpfs ;;
	test_kmem_*) echo kmem ;;
	esac
}

# is_program FILE: an executable that the guest can run, which has no
# interpreter but busybox: a binary or libtool's wrapper of one.
is_program() {
	[ -f "$1" ] && [ -x "$1" ] || return 1
	[ "$(head -c 4 "$1" | tr -d '\0')" = $'\x7fELF' ] ||
		program_real "$1" | grep -q '/\.libs/'
}

# check_examples BUILD ALLOWED: those that want memory which a host seldom has.
check_examples() {
	local example kinds

	for example in "$1"/examples/0[0-9]_*; do
		is_program "$example" || continue
		case $example in
		*/0?_devdax) kinds='devdax nvdimm' ;;
		*/0?_fsdax_file | */0?_pmem_kind) kinds='ext4 xfs' ;;
		*/0?_hugetlb) kinds=tmpfs ;; # on pages that init reserves
		*) continue ;;
		esac
		pack_program "$example" "example.${example##*/}"
		jobs_add "example.${example##*/}" "$kinds" "$2"
	done
}

check_main() {
	local build test name kinds only program

	options_parse k:p:t:vf:e:E "$@"
	: "${Total_limit:=360}"
	[ ${#Operands[@]} -eq 1 ] || die 2 "check takes one BUILD_DIR"
	build=${Operands[0]}
	[ -d "$build/tests" ] || die 2 "$build: no tests/ in it"
	Want_pass=1
	only=" ${Kinds:-$All_kinds} "
	Kinds=$only
	# shellcheck disable=SC2086 # a list of words
	kinds_check $All_kinds

	run_prepare check
	# What test_dax_tiered_cache runs.
	program=$build/examples/tiered_cache/tiered_cache
	[ ! -e "$program" ] || pack_program "$program" tiered_cache
	for test in "$build"/tests/dax/test_* "$build"/tests/api/test_*; do
		is_program "$test" || continue
		case $test in
		# not about the memory of a region
		*/api/test_environ | */api/test_full_fs | \
			*/api/test_preloaded_malloc) continue ;;
		*/api/test_static_kinds | */api/test_hbw | \
			*/api/test_init_once | \
			*/api/test_ops_tables) # once is enough
			name=api.${test##*/}
			kinds=tmpfs
			;;
		*/dax/test_*)
			name=${test##*/}
			kinds=$(check_kinds "$name")
			[ -n "$kinds" ] || die 2 "$test: its name must say" \
				"where it runs, as in test_devdax_*"
			;;
		*)
			name=api.${test##*/}
			kinds="devdax ext4 xfs nvdimm"
			;;
		esac
		pack_program "$test" "$name"
		jobs_add "$name" "$kinds" "$only"
	done
	check_examples "$build" "$only"
	[ ${#Job_name[@]} -gt 0 ] ||
		die 2 "$build: no DAX test is built (make check builds them)"
	[ ! -x "$build/utils/daxkind/daxkind" ] ||
		pack_program "$build/utils/daxkind/daxkind" daxkind
	run_jobs
}

# --- both -------------------------------------------------------------------

# run_prepare NAME: everything up to the point where programs can be packed.
run_prepare() {
	build_ensure
	run_dir_new "$1"
	Image=$Run_dir/nvdimm.img
	guest_trap
	pack_begin
	pack_extras
}

# What -f and -e ask for.
pack_extras() {
	local item

	for item in "${Files[@]}"; do
		pack_file "$item"
	done
	for item in "${Exports[@]}"; do
		pack_export "$item"
	done
}

run_jobs() {
	local i layout=mixed kinds args=()

	: >"$Overlay/lab/jobs.alone"
	: >"$Overlay/lab/jobs.1"
	: >"$Overlay/lab/jobs.2"
	for i in "${!Job_name[@]}"; do
		echo "${Job_kind[i]} ${Job_name[i]}" \
			>>"$Overlay/lab/jobs.${Job_lane[i]}"
	done
	# Only kinds that something runs on cost set-up time.
	kinds=$(printf '%s\n' "${Job_kind[@]}" | awk '!seen[$1]++' |
		tr '\n' ' ')
	[ -z "$Eadr" ] || layout=nvdimm
	case " $kinds " in
	*" kmem "*) [ -z "$Eadr" ] || die 2 "there is no kmem with -E" ;;
	esac
	case " $kinds " in
	*" nosync "*) mapfile -t args < <(virtio_pmem_args) ;;
	esac
	pack_set MODE run
	pack_set LAYOUT "$layout"
	pack_set KINDS "$kinds"
	pack_set FRESH 1
	pack_set TEST_LIMIT "$Test_limit"
	pack_set TOTAL_LIMIT "$Total_limit"
	pack_set VERBOSE "$Verbose"
	pack_addresses
	pack_finish
	guest_start "$layout" "${args[@]}"
	run_watch
	run_summary $? ${#Job_name[@]}
}

pack_addresses() {
	pack_set DEVDAX_MB "$Devdax_mb"
	pack_set EXT4_MB "$Ext4_mb"
	pack_set XFS_MB "$Xfs_mb"
	pack_set KMEM_MB "$Kmem_mb"
}

# Shows what the guest sends until it is done.  Returns 0, 124 or 125.
run_watch() {
	local start=$EPOCHSECONDS left limit doing='booting' why=
	local phase_limit=$Boot_limit

	while :; do
		left=$((start + Total_limit - EPOCHSECONDS))
		limit=$((phase_limit < left ? phase_limit : left))
		if [ "$left" -le 0 ]; then
			why="time-out after $Total_limit s"
			break
		fi
		guest_read $((limit > 0 ? limit : 1))
		case $? in
		1)
			guest_kill
			note "the guest died while $doing ${Running[*]}"
			jobs_lost
			guest_show_console
			return 125
			;;
		2)
			[ "$limit" -lt "$left" ] || continue
			why="the guest hangs: nothing for $limit s"
			break
			;;
		esac
		printf '%s\n' "$Guest_line" >>"$Run_dir/results.log"
		case $Guest_line in
		'@done') return 0 ;;
		'@late')
			note "time-out after $Total_limit s"
			return 124
			;;
		'@boot'*)
			phase_limit=$Setup_limit
			doing='setting up the devices'
			;;
		'@start '*)
			phase_limit=$((Test_limit + 60))
			# shellcheck disable=SC2086 # @start KIND TEST
			job_started ${Guest_line#@start }
			doing='running tests'
			;;
		'@'*) ;;
		*) result_show "$Guest_line" ;;
		esac
	done
	guest_kill
	note "$why, while $doing ${Running[*]}"
	jobs_lost
	guest_show_console
	return 124
}

# job_started KIND TEST
job_started() {
	Running[$1]="$1 $2"
}

# result_show LINE: counts it, too.
result_show() {
	local kind

	case $1 in
	'PASS '* | 'FAIL '* | 'SKIP '*)
		read -r _ kind _ <<<"$1"
		unset "Running[$kind]"
		;;
	esac
	case $1 in
	'PASS '*) Passed=$((Passed + 1)) ;;
	'FAIL '*) Failed=$((Failed + 1)) ;;
	'SKIP '*) Skipped=$((Skipped + 1)) ;;
	esac
	printf '%s\n' "$1"
}

# jobs_lost: the guest is gone, and what it ran has failed; before it ran
# anything, that has.
jobs_lost() {
	local job

	[ ${#Running[@]} -gt 0 ] || Failed=$((Failed + 1))
	for job in "${Running[@]}"; do
		result_show "FAIL $job -"
	done
}

# run_summary STATUS EXPECTED: last line and exit status.
run_summary() {
	local status=$1 not_run

	guest_kill
	not_run=$(($2 - Passed - Failed - Skipped))
	[ "$not_run" -le 0 ] || note "$not_run of $2 not run"
	[ $((status + Failed)) -eq 0 ] || note "logs in $Run_dir"
	echo "$Passed passed, $Failed failed, $Skipped skipped"
	[ "$status" -eq 0 ] || exit "$status"
	[ "$Failed" -eq 0 ] || exit 1
	[ "$Passed" -gt 0 ] || [ -z "$Want_pass" ] || exit 1
	exit 0
}
