# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with the other parts
# SPDX-License-Identifier: BSD-2-Clause
#
# guest.sh -- the guest: its memory, QEMU's life, and the lines it sends.
#
# Memory, layout "mixed" (every physical address is a guest's one):
#
#   0      .. 2G             node 0   kernel, initramfs, programs
#   2G     .. 4G                      not RAM: q35 with 4 GiB splits at 2 GiB
#   4096M  .. +256M          node 1   memmap= devdax
#   4352M  .. +384M          node 1   memmap= ext4
#   4736M  .. +512M          node 1   memmap= xfs
#   5248M  .. +896M          node 1   memmap= kmem
#   6G     ..                         device memory: NVDIMM, virtio-pmem
#
# memmap= over addresses that are no RAM is accepted and gives a device that
# loses what is written to it, so the regions must stay inside node 1.  Node 1
# has no other memory: as system RAM, kmem's region becomes a node of its own.
# More than four memmap= would switch KASLR off.
#
# Layout "nvdimm" (eADR and power failures): 2 GiB of RAM, and one NVDIMM with
# labels that holds a namespace for each kind; the guest makes them.  All
# regions must be on it, because libpmem looks at the persistence domain of
# every region, and memmap= ones have none.
#
# Wires: ttyS0 is the console and goes to $Run_dir/console.log; ttyS1 is the
# line protocol, QEMU's standard output: lines that start with @ are for this
# script, all others are shown.

Devdax_mb=4096
Ext4_mb=4352
Xfs_mb=4736
Kmem_mb=5248
Memmap="memmap=256M!${Devdax_mb}M memmap=384M!${Ext4_mb}M"
Memmap="$Memmap memmap=512M!${Xfs_mb}M memmap=896M!${Kmem_mb}M"

# QEMU takes the label area (2 MiB) from the end of the file, and the rest
# must be a multiple of 16 MiB.  64 MiB of "mixed" stay free for tests that make
# a namespace.
Nvdimm_size_mixed=322M
Nvdimm_size_nvdimm=1282M
Virtio_size=192M

# Seconds from start to init, and from there to the last kind set up: 10 times
# what they take on an idle machine without KVM.
Boot_limit=120
Setup_limit=240

Guest_pid=
Guest_fd=
Guest_line=
Guest_partial=

# guest_start LAYOUT [QEMU_ARGUMENT...]: boots $Run_dir/initrd.  Needs Image
# (the NVDIMM's file) and Eadr; Serial0 overrides where the console goes.
guest_start() {
	local layout=$1 machine args append target lb bandwidth latency
	local pdeath=()
	local size=$Nvdimm_size_mixed

	shift
	machine=q35,accel=${DAXKIND_VM_ACCEL:-tcg},nvdimm=on
	# no_timer_check: on a busy host the emulated timer may come too late
	# for the kernel's test of it, and it would panic at boot.
	append="console=ttyS0 quiet panic=-1 oops=panic no_timer_check"
	# shellcheck disable=SC2054 # the commas are QEMU's
	if [ "$layout" = mixed ]; then
		append="$append $Memmap"
		args=(-m 4G,slots=4,maxmem=8G
			-object memory-backend-ram,id=node0,size=2G
			-object memory-backend-ram,id=node1,size=2G
			-numa node,nodeid=0,cpus=0-1,memdev=node0
			-numa node,nodeid=1,memdev=node1,initiator=0)
		# What the firmware's HMAT says of the two: node 1 is slower
		# to answer (ns) and faster to transfer (bytes/s).
		machine=$machine,hmat=on
		for target in 0:80:100G 1:300:300G; do
			lb=hmat-lb,initiator=0,target=${target%%:*}
			lb=$lb,hierarchy=memory
			bandwidth=${target##*:} latency=${target#*:}
			args+=(-numa "$lb,data-type=access-latency,\
latency=${latency%:*}" -numa "$lb,data-type=access-bandwidth,\
bandwidth=$bandwidth")
		done
	else
		size=$Nvdimm_size_nvdimm
		args=(-m 2G,slots=4,maxmem=6G)
	fi
	if [ -n "$Eadr" ]; then
		machine=$machine,nvdimm-persistence=cpu
	else
		machine=$machine,nvdimm-persistence=mem-ctrl
	fi
	[ -e "$Image" ] || image_make "$layout" "$size"
	# shellcheck disable=SC2054
	args+=(-object "memory-backend-file,id=nv,share=on,size=$size,\
mem-path=$Image" -device nvdimm,id=nvdimm0,memdev=nv,label-size=2M)

	# No orphan when this script is killed with SIGKILL.
	if command -v setpriv >/dev/null; then
		pdeath=(setpriv --pdeathsig KILL --)
	fi
	# Only with Intel's vendor string does the guest turn an injected
	# machine check into a bad block.
	# shellcheck disable=SC2054
	args=("${pdeath[@]}" qemu-system-x86_64 -machine "$machine"
		-cpu max,vendor=GenuineIntel -smp 2 "${args[@]}"
		-display none -nic none -no-reboot
		-kernel "$(kernel_image)" -initrd "$Run_dir/initrd"
		-append "$append"
		-serial "${Serial0:-file:$Run_dir/console.log}" "$@")
	printf '%q ' "${args[@]}" >"$Run_dir/qemu.cmd"
	if [ -n "${Serial0:-}" ]; then
		"${args[@]}"
		return
	fi
	exec {Guest_fd}< <(exec "${args[@]}" -serial stdio \
		</dev/null 2>"$Run_dir/qemu.log")
	Guest_pid=$!
	Guest_partial=
}

# image_make LAYOUT SIZE: the NVDIMM.  What tests map is dirty, so that nobody
# can take a device for zeroed; the label area, at the end, must be zero.
image_make() {
	{
		[ "$1" = nvdimm ] ||
			yes '#dirty#' | head -c "$((${2%M} - 2))M" >"$Image"
		truncate -s "$2" "$Image"
	} || die 2 "cannot make $Image"
}

# virtio_pmem_args: the device of kind nosync.  Its flushes are fsync(2) on
# the host, so that its memory must have a descriptor.
virtio_pmem_args() {
	printf '%s\n' -object "memory-backend-memfd,id=vp,size=$Virtio_size" \
		-device virtio-pmem-pci,memdev=vp,id=vp0
}

# guest_read SECONDS: sets Guest_line.  Returns 0; 1 at the end of the guest;
# 2 when nothing came in time.
guest_read() {
	local status part

	IFS= read -r -t "$1" -u "$Guest_fd" part
	status=$?
	# A line that is cut by the time-out is read on by the next call.
	Guest_partial=$Guest_partial$part
	if [ $status -eq 0 ]; then
		Guest_line=${Guest_partial%$'\r'}
		Guest_partial=
		return 0
	fi
	[ $status -gt 128 ] && return 2
	return 1
}

# Ends the guest at once; nothing in it is worth a clean shutdown.
guest_kill() {
	[ -n "$Guest_pid" ] || return 0
	kill -9 "$Guest_pid" 2>/dev/null
	wait "$Guest_pid" 2>/dev/null
	exec {Guest_fd}<&-
	Guest_pid=
}

# guest_cleanup: for EXIT traps.
guest_cleanup() {
	guest_kill
	rm -rf "$Run_dir/overlay" "$Run_dir/initrd"
	[ -n "$Keep_image" ] || rm -f "$Image"
}

guest_trap() {
	trap guest_cleanup EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# The console's end, and QEMU's own words if it had any.
guest_show_console() {
	if [ -s "$Run_dir/qemu.log" ]; then
		echo "QEMU said:"
		tail -n 5 "$Run_dir/qemu.log" | sed 's/^/| /'
	fi
	if [ -s "$Run_dir/console.log" ]; then
		echo "The end of the guest's console ($Run_dir/console.log):"
		tail -n 40 "$Run_dir/console.log" | tr -d '\r' | sed 's/^/| /'
	else
		echo "The guest's console is empty."
	fi
}
