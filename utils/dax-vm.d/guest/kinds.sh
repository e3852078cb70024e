# shellcheck shell=sh
# SPDX-License-Identifier: BSD-2-Clause
#
# kinds.sh -- makes the devices of every kind in KINDS.
#
# For each kind there is a folder /run/dax/KIND with one-line files:
#   path     what a test gets: device, mount point or node number
#   block    block device below a file system
#   region   name of its region in /sys/bus/nd/devices
#   error    why the kind could not be set up (then there is no path)

Devices=/sys/bus/nd/devices

# keep KIND FILE VALUE
keep() {
	echo "$3" >"/run/dax/$1/$2"
}

# kept KIND FILE
kept() {
	cat "/run/dax/$1/$2" 2>/dev/null
}

# --- regions ----------------------------------------------------------------

# region_at MEGABYTE: number of the region that starts there.
region_at() {
	start=$(printf '0x%x' $(($1 * 1048576)))
	for region in "$Devices"/region*; do
		if [ "$(cat "$region/resource")" = "$start" ]; then
			echo "${region##*region}"
			return 0
		fi
	done
	echo "no region at $start" >/tmp/step
	return 1
}

# region_of PROVIDER: number of the first region on that bus.
region_of() {
	for region in "$Devices"/region*; do
		if grep -q "$1" "$region/../provider" 2>/dev/null; then
			echo "${region##*region}"
			return 0
		fi
	done
	echo "no region of $1" >/tmp/step
	return 1
}

# regions_wait COUNT: modules make them in the background.
regions_wait() {
	tries=100
	while [ "$(find "$Devices" -name 'region*' | wc -l)" -lt "$1" ]; do
		tries=$((tries - 1))
		if [ $tries -eq 0 ]; then
			echo "fewer than $1 regions" >/tmp/step
			return 1
		fi
		sleep 0.1
	done
}

# --- namespaces -------------------------------------------------------------

# The device that ndctl's listing in /tmp/step names: /dev/dax0.0, /dev/pmem1.
step_device() {
	sed -n -E 's/.*"(chardev|blockdev)":"([^"]+)".*/\/dev\/\2/p' /tmp/step |
		head -n 1
}

# namespace_make KIND MODE MEGABYTE: on the memmap region that starts there.
# It is active in raw mode already, and has no labels to divide it.
namespace_make() {
	n=$(region_at "$3") || return 1
	keep "$1" region "region$n"
	wait_for "/dev/pmem$n" || return 1
	if [ "$1" = devdax ]; then
		quiet dirty "/dev/pmem$n" || return 1
	fi
	quiet ndctl create-namespace -f -e "namespace$n.0" -m "$2" -a 2M
}

# dirty DEVICE: its first 32 MiB; fresh memory would hide that somebody takes
# a device for zeroed.  The host has done the same to the NVDIMM.
dirty() {
	text='#dirty#.'
	while [ ${#text} -lt 65536 ]; do
		text=$text$text
	done
	left=512
	while [ $left -gt 0 ]; do
		printf %s "$text"
		left=$((left - 1))
	done >"$1"
}

# Labels for a new NVDIMM; one that has some is left alone unless FRESH.
nvdimm_init() {
	n=$(region_of ACPI.NFIT) || return 1
	[ -n "$FRESH" ] || return 0
	quiet ndctl disable-region "region$n" &&
		quiet ndctl init-labels -f nmem0 &&
		quiet ndctl enable-region "region$n"
}

# nvdimm_namespace KIND MODE [SIZE]: makes it, or finds the one that a former
# boot made under the kind's name.
nvdimm_namespace() {
	n=$(region_of ACPI.NFIT) || return 1
	keep "$1" region "region$n"
	if [ -n "$FRESH" ]; then
		quiet ndctl create-namespace -m "$2" -a 2M -r "region$n" \
			-n "$1" ${3:+-s "$3"}
		return
	fi
	for namespace in "$Devices/namespace$n".*; do
		[ "$(cat "$namespace/alt_name")" = "$1" ] || continue
		quiet ndctl list -N -n "${namespace##*/}"
		return
	done
	echo "namespace $1 is gone" >/tmp/step
	return 1
}

# --- kinds ------------------------------------------------------------------

# devdax_take KIND: the device that was just made.
devdax_take() {
	device=$(step_device)
	wait_for "$device" || return 1
	keep "$1" path "$device"
}

setup_devdax() {
	if [ "$LAYOUT" = nvdimm ]; then
		nvdimm_namespace devdax devdax 256M
	else
		namespace_make devdax devdax "$DEVDAX_MB"
	fi && devdax_take devdax
}

setup_nvdimm() {
	if [ "$LAYOUT" = nvdimm ]; then
		nvdimm_namespace nvdimm devdax 128M
	else
		nvdimm_namespace nvdimm devdax 256M
	fi && devdax_take nvdimm
}

setup_ext4() {
	if [ "$LAYOUT" = nvdimm ]; then
		nvdimm_namespace ext4 fsdax 384M
	else
		namespace_make ext4 fsdax "$EXT4_MB"
	fi && fs_take ext4
}

setup_xfs() {
	if [ "$LAYOUT" = nvdimm ]; then
		nvdimm_namespace xfs fsdax 512M
	else
		namespace_make xfs fsdax "$XFS_MB"
	fi && fs_take xfs
}

# fs_take KIND: the block device that was just made or found.
fs_take() {
	device=$(step_device)
	wait_for "$device" || return 1
	keep "$1" block "$device"
	[ -z "$FRESH" ] || fs_make "$1" || return 1
	fs_mount "$1"
}

# fs_make KIND: 2 MiB-aligned extents, or nothing is mapped by huge pages.
# mkfs.xfs refuses less than 300 MB unless it believes to run under fstests.
fs_make() {
	device=$(kept "$1" block)
	case $1 in
	xfs)
		TEST_DIR=/ TEST_DEV=/ QA_CHECK_FS=1 \
			quiet mkfs.xfs -q -f -d su=2m,sw=1 "$device"
		;;
	*)
		quiet mkfs.ext4 -q -F -b 4096 \
			-E stride=512,stripe_width=512 "$device"
		;;
	esac
}

# fs_mount KIND: ext4 commits by itself only every five minutes, so that a
# missing fsync is seen after a power failure.
fs_mount() {
	mkdir -p "/mnt/$1"
	case $1 in
	xfs) set -- xfs xfs dax=always ;;
	*) set -- "$1" ext4 dax=always,commit=300 ;;
	esac
	quiet mount -t "$2" -o "$3" "$(kept "$1" block)" "/mnt/$1" || return 1
	grep -q " /mnt/$1 .*dax=always" /proc/mounts || {
		echo "/mnt/$1 is mounted without dax=always" >/tmp/step
		return 1
	}
	keep "$1" path "/mnt/$1"
}

setup_tmpfs() {
	mkdir -p /mnt/tmpfs
	quiet mount -t tmpfs -o size=384M tmpfs /mnt/tmpfs &&
		keep tmpfs path /mnt/tmpfs
}

setup_nosync() {
	n=$(region_of virtio) || return 1
	wait_for "/dev/pmem$n" || return 1
	keep nosync region "region$n"
	keep nosync block "/dev/pmem$n"
	fs_make nosync && fs_mount nosync
}

setup_kmem() {
	namespace_make kmem devdax "$KMEM_MB" || return 1
	device=$(step_device)
	wait_for "$device" || return 1
	quiet daxctl reconfigure-device --mode=system-ram "${device##*/}" ||
		return 1
	keep kmem path "$(cat "/sys/bus/dax/devices/${device##*/}/target_node")"
}

modules_load() {
	regions=0
	if [ "$LAYOUT" = mixed ]; then
		quiet modprobe nd_e820 || return 1
		regions=4
	fi
	if [ "$LAYOUT" = nvdimm ] || wants nvdimm; then
		quiet modprobe nfit || return 1
		regions=$((regions + 1))
	fi
	if wants nosync; then
		quiet modprobe virtio_pci && quiet modprobe virtio_pmem ||
			return 1
		regions=$((regions + 1))
	fi
	for module in nd_pmem dax_pmem device_dax mce-inject hwpoison-inject; do
		quiet modprobe "$module" || return 1
	done
	regions_wait $regions
}

# Sets up every kind; a failure is kept in its folder, and the jobs of that
# kind fail with it.
kinds_setup() {
	for kind in $KINDS; do
		mkdir -p "/run/dax/$kind"
	done
	broken=
	modules_load || broken=$(why)
	if [ -z "$broken" ]; then
		if [ "$LAYOUT" = nvdimm ] || wants nvdimm; then
			nvdimm_init || broken=$(why)
		fi
	fi
	for kind in $KINDS; do
		: >/tmp/step
		if [ -n "$broken" ]; then
			keep "$kind" error "$broken"
		elif ! "setup_$kind"; then
			keep "$kind" error "$(why)"
			rm -f "/run/dax/$kind/path"
		fi
		say "@kind $kind $(uptime_now)"
	done
}

# --- repair -----------------------------------------------------------------

# kind_repair KIND: after a test that unmounted the file system, or injected
# bad blocks.  Here nothing can clear those, so the device is made to forget.
kind_repair() {
	block=$(kept "$1" block)
	if [ -n "$block" ] && ! grep -q " /mnt/$1 .*dax=always" /proc/mounts
	then
		fs_make "$1" && fs_mount "$1" || return 1
	fi
	if [ -n "$block" ] &&
		has_lines "/sys/class/block/${block##*/}/badblocks"; then
		fs_renew "$1" || return 1
	fi
	region=$(kept "$1" region)
	if [ -n "$region" ] && has_lines "$Devices/$region/badblocks"; then
		nfit_reload
	fi
}

# has_lines FILE: files of sysfs all have size 4096.
has_lines() {
	grep -q . "$1" 2>/dev/null
}

# fs_renew KIND: a namespace reads its list from the region when enabled.
fs_renew() {
	umount "/mnt/$1" || return 1
	namespace=$(fs_namespace "$(kept "$1" block)") || return 1
	quiet ndctl disable-namespace "$namespace" &&
		quiet ndctl enable-namespace "$namespace" &&
		wait_for "$(kept "$1" block)" &&
		fs_make "$1" && fs_mount "$1"
}

# fs_namespace DEVICE: its namespace's name.
fs_namespace() {
	for namespace in "$Devices"/namespace*; do
		holder=$(cat "$namespace/holder" 2>/dev/null)
		for dir in "$Devices/${holder:-none}" "$namespace"; do
			if [ -e "$dir/block/${1##*/}" ]; then
				echo "${namespace##*/}"
				return 0
			fi
		done
	done
	echo "no namespace of $1" >/tmp/step
	return 1
}

# The region's list lives as long as the driver's view of the bus.  The module
# itself cannot be unloaded while a DIMM holds it.
nfit_reload() {
	for kind in ext4 xfs; do
		[ "$LAYOUT" = nvdimm ] && umount "/mnt/$kind" 2>/dev/null
	done
	for device in /sys/bus/acpi/drivers/nfit/ACPI*; do
		echo "${device##*/}" >/sys/bus/acpi/drivers/nfit/unbind
		echo "${device##*/}" >/sys/bus/acpi/drivers/nfit/bind
	done
	for kind in $KINDS; do
		case $kind in
		devdax | nvdimm) wait_for "$(kept "$kind" path)" ;;
		ext4 | xfs)
			[ "$LAYOUT" = nvdimm ] || continue
			wait_for "$(kept "$kind" block)" && fs_mount "$kind"
			;;
		esac || return 1
	done
}
