# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with the other parts
# SPDX-License-Identifier: BSD-2-Clause
#
# shell.sh -- `shell`: a guest for a person, on this terminal.

shell_main() {
	local layout=mixed file args=() own_image fresh=1

	options_parse Ek:i: "$@"
	Files=("${Operands[@]}")
	own_image=$Image
	if [ -n "$Eadr" ] || [ -n "$own_image" ]; then
		layout=nvdimm
		: "${Kinds:=devdax ext4 xfs}"
	fi
	: "${Kinds:=$Default_kinds}"
	# shellcheck disable=SC2086 # a list of words
	kinds_check $All_kinds
	[ -z "$own_image" ] || [ -f "$own_image" ] ||
		die 2 "$own_image: no such image"

	run_prepare shell
	if [ -n "$own_image" ]; then
		Image=$own_image
		Keep_image=1
		fresh=
	fi
	case " $Kinds " in
	*" nosync "*) mapfile -t args < <(virtio_pmem_args) ;;
	esac
	pack_set MODE shell
	pack_set LAYOUT "$layout"
	pack_set KINDS "$Kinds"
	pack_set FRESH "$fresh"
	pack_addresses
	pack_finish
	note "ctrl-a x ends QEMU, ctrl-a h shows more"
	Serial0=mon:stdio guest_start "$layout" "${args[@]}"
}
