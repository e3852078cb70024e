# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with the other parts
# SPDX-License-Identifier: BSD-2-Clause
#
# common.sh -- messages, folders, lock and packages of dax-vm; no QEMU here.

# Debian keeps depmod and mkfs.* where users have no PATH to.
PATH=$PATH:/sbin:/usr/sbin

# What the host must have; each name is a command.
Tools="qemu-system-x86_64 busybox kmod cpio ndctl daxctl mkfs.ext4 mkfs.xfs"
Packages="qemu-system-x86 busybox-static kmod cpio ndctl daxctl e2fsprogs"
Packages="$Packages xfsprogs"

Cache=${DAXKIND_VM_CACHE:-$Top/.dax-vm}
Run_dir=

note() {
	printf 'dax-vm: %s\n' "$*" >&2
}

# die STATUS MESSAGE
die() {
	local status=$1

	shift
	note "$*"
	exit "$status"
}

# is_number WORD...
is_number() {
	local word

	for word; do
		case $word in
		'' | *[!0-9]*) return 1 ;;
		esac
	done
}

# The cache ignores itself, so a checkout stays clean whatever the top
# .gitignore says.
cache_open() {
	mkdir -p "$Cache/log" 2>/dev/null ||
		die 2 "cannot make $Cache; set DAXKIND_VM_CACHE"
	[ -e "$Cache/.gitignore" ] || echo '*' >"$Cache/.gitignore"
}

# cache_locked COMMAND...: one builder at a time; others wait and find it done.
cache_locked() {
	local status

	exec {lock_fd}>"$Cache/lock"
	flock -w 2 "$lock_fd" || {
		note "waiting for another dax-vm that builds in $Cache"
		flock "$lock_fd"
	}
	"$@"
	status=$?
	exec {lock_fd}>&-
	return $status
}

# A folder for this run's logs and images; the last 20 are kept.
run_dir_new() {
	local old

	# shellcheck disable=SC2012 # our own names
	for old in $(ls -1t "$Cache/log" | tail -n +20); do
		# A folder that a live dax-vm works in has its PID in the name.
		kill -0 "${old##*-}" 2>/dev/null || rm -rf "$Cache/log/$old"
	done
	Run_dir=$Cache/log/$1-$(date +%Y%m%d-%H%M%S)-$$
	mkdir -p "$Run_dir" || die 2 "cannot make $Run_dir"
}

missing_tools() {
	local tool

	for tool in $Tools; do
		command -v "$tool" >/dev/null || echo "$tool"
	done
}

# Make the host's tools be there; the only step that may need root.
tools_ensure() {
	local missing apt

	[ -n "$(missing_tools)" ] || return 0
	apt="apt-get -y --no-install-recommends install $Packages"
	if [ -x "$Top/utils/deps" ]; then
		"$Top/utils/deps" guest >&2 || note "utils/deps guest failed"
	fi
	[ -n "$(missing_tools)" ] || return 0

	if [ "$(id -u)" -eq 0 ]; then
		apt_install env
	elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
		apt_install sudo env
	fi
	missing=$(missing_tools | tr '\n' ' ')
	[ -z "$missing" ] || die 2 "missing: $missing; as root: $apt"
}

# apt_install COMMAND-PREFIX...
apt_install() {
	local run=("$@" DEBIAN_FRONTEND=noninteractive apt-get -qq
		-o DPkg::Lock::Timeout=300)

	note "installing: $(missing_tools | tr '\n' ' ')"
	# shellcheck disable=SC2086 # a list of words
	{
		"${run[@]}" -y --no-install-recommends install $Packages ||
			{
				"${run[@]}" update &&
					"${run[@]}" -y --no-install-recommends \
						install $Packages
			}
	} >"$Cache/apt-install.log" 2>&1 ||
		note "$(tail -3 "$Cache/apt-install.log")"
}
