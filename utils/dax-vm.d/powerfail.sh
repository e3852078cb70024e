# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with the other parts
# SPDX-License-Identifier: BSD-2-Clause
#
# powerfail.sh -- `powerfail`: SIGKILL of QEMU as the power failure.
#
#   boot 1   make namespaces and file systems,         write ... kill
#   boot 2   verify what round 1 acknowledged,         write ... kill
#   ...
#   boot n+1 verify what round n acknowledged
#
# The NVDIMM's image and the acknowledgements are files of the host, and what
# QEMU had written to them before it was killed stays.  QEMU has no CPU cache
# to lose: stores survive in program order whether or not they were flushed.
# So this finds wrong recovery, missing MAP_SYNC and missing fsync; it cannot
# find a missing flush or fence.

Powerfail_kinds="devdax ext4 xfs nvdimm"

# Last number that each kind's writer acknowledged in the last round.
declare -A Last_ack=()
Writer=
Deadline=
Never=9999999999999

powerfail_main() {
	local round status=0

	options_parse k:p:t:vf:e:En:D "$@"
	: "${Kinds:=devdax ext4 xfs}"
	: "${Total_limit:=$((60 + 90 * Rounds))}"
	# shellcheck disable=SC2086 # a list of words
	kinds_check $Powerfail_kinds
	[ ${#Operands[@]} -eq 2 ] || die 2 "powerfail takes WRITER VERIFIER"
	[ "$Rounds" -gt 0 ] || die 2 "-n 0 does nothing"
	Writer=${Operands[0]##*/}
	Deadline=$((EPOCHSECONDS + Total_limit))

	run_prepare powerfail
	for ((round = 1; round <= Rounds + 1; round++)); do
		powerfail_pack "$round" "${Operands[@]}"
		powerfail_boot "$round"
		status=$?
		[ $((status + Failed)) -eq 0 ] || break
		[ -n "${Kinds// /}" ] || break
	done
	if [ $((status + Failed)) -gt 0 ] || [ -n "$Keep_image" ]; then
		Keep_image=1
		note "to look at the NVDIMM: dax-vm shell -i $Image"
	fi
	run_summary "$status" 0
}

# powerfail_pack ROUND WRITER VERIFIER
powerfail_pack() {
	local kind write=${2##*/} verify=${3##*/}

	if [ "$1" -gt 1 ]; then
		pack_begin
		pack_extras
	fi
	pack_program "$2" "$write"
	[ "$verify" = "$write" ] || pack_program "$3" "$verify"
	[ "$1" -gt 1 ] || verify=
	[ "$1" -le "$Rounds" ] || write=
	pack_set MODE powerfail
	pack_set LAYOUT nvdimm
	pack_set KINDS "$Kinds"
	pack_set FRESH "$([ "$1" -gt 1 ] || echo 1)"
	pack_set TEST_LIMIT "$Test_limit"
	pack_set VERBOSE "$Verbose"
	pack_set ROUND "$1"
	pack_set WRITE "$write"
	pack_set VERIFY "$verify"
	for kind in $Kinds; do
		pack_set "ACK_$kind" "${Last_ack[$kind]:-}"
	done
	pack_finish
}

# powerfail_boot ROUND: from power-on to the kill.  Returns 0, 124 or 125; what
# failed is counted.
powerfail_boot() {
	# shellcheck disable=SC2054 # the commas are QEMU's
	local kind status args=(-device virtio-serial-pci,id=ports)

	for kind in $Kinds; do
		args+=(-chardev "file,id=$kind,path=$Run_dir/ack.$kind"
			-device "virtserialport,chardev=$kind,name=$kind")
	done
	guest_start nvdimm "${args[@]}"
	powerfail_until_writing && powerfail_until_kill "$1"
	status=$?
	guest_kill
	case $status in
	0) ;;
	124) note "time-out in boot $1" ;;
	125) note "the guest died in boot $1" ;;
	esac
	[ $status -eq 0 ] || {
		Failed=$((Failed + 1))
		guest_show_console
	}
	return $status
}

# powerfail_read SECONDS: as guest_read, but with exit statuses, and it shows
# what is to be shown.  A time-out of everything is one of this, too.
powerfail_read() {
	[ "$EPOCHSECONDS" -lt "$Deadline" ] || return 124
	guest_read "$1"
	case $? in
	1) return 125 ;;
	2)
		Guest_line=
		return 0
		;;
	esac
	printf '%s\n' "$Guest_line" >>"$Run_dir/results.log"
	case $Guest_line in
	@*) ;;
	*) result_show "$Guest_line" ;;
	esac
}

# Set-up and verifiers.  Returns 0 when the writers start or all is done.
powerfail_until_writing() {
	local limit=$Boot_limit

	while :; do
		powerfail_read "$limit" || return
		case $Guest_line in
		'') return 124 ;;
		'@boot'*) limit=$Setup_limit ;;
		'@verify'*) limit=$((Test_limit + 60)) ;;
		'@writing' | '@done') return 0 ;;
		esac
	done
}

# powerfail_until_kill ROUND: until a random moment, 1 to 6 seconds after every
# kind has acknowledged something, or until a writer asks for it.
powerfail_until_kill() {
	local start=$EPOCHSECONDS kill_at='' missing

	[ "$Guest_line" != '@done' ] || return 0
	while :; do
		powerfail_read 0.1 || return
		case $Guest_line in
		'@exit '*)
			# shellcheck disable=SC2086 # @exit KIND STATUS
			writer_ended "$1" ${Guest_line#@exit }
			[ "$Failed" -eq 0 ] || return 0
			;;
		'@written') kill_at=0 ;;
		esac
		missing=$(kinds_without_ack)
		if [ -z "$kill_at" ] && [ -z "$missing" ]; then
			kill_at=$(($(now_ms) + 1000 + RANDOM * 5000 / 32768))
		fi
		if kill_is_asked_for || [ "$(now_ms)" -ge "${kill_at:-$Never}" ]
		then
			guest_kill
			acks_collect "$1" $((EPOCHSECONDS - start))
			return 0
		fi
		if [ -n "$missing" ] &&
			[ $((EPOCHSECONDS - start)) -gt "$Test_limit" ]; then
			note "no ACK in $Test_limit s: $missing"
			return 124
		fi
	done
}

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}

# writer_ended ROUND KIND STATUS
writer_ended() {
	case $3 in
	0)
		# Nothing would be verified, and that would read as a pass.
		case " $(kinds_without_ack | tr '\n' ' ')" in
		*" $2 "*) result_show "FAIL $2 $Writer - (round $1, no ACK)" ;;
		esac
		;;
	77)
		result_show "SKIP $2 $Writer - (round $1)"
		Kinds=$(echo "$Kinds" | tr ' ' '\n' | grep -vx "$2" |
			tr '\n' ' ')
		;;
	*) result_show "FAIL $2 $Writer - (round $1, status $3)" ;;
	esac
}

kinds_without_ack() {
	local kind

	for kind in $Kinds; do
		grep -q '^ACK [0-9]' "$Run_dir/ack.$kind" || echo "$kind"
	done
}

kill_is_asked_for() {
	local kind

	for kind in $Kinds; do
		tail -n 5 "$Run_dir/ack.$kind" | grep -q '^##KILL9' && return 0
	done
	return 1
}

# acks_collect ROUND SECONDS: the last whole line counts.
acks_collect() {
	local kind all=

	Last_ack=()
	for kind in $Kinds; do
		Last_ack[$kind]=$(whole_lines "$Run_dir/ack.$kind" |
			sed -n 's/^ACK \([0-9][0-9]*\)$/\1/p' | tail -n 1)
		all="$all $kind ${Last_ack[$kind]:-none}"
	done
	echo "# round $1: killed $2 s after the writers began; last ACK:$all"
}

whole_lines() {
	if [ -n "$(tail -c 1 "$1")" ]; then
		sed '$d' "$1"
	else
		cat "$1"
	fi
}
