# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables shared with the other parts
# SPDX-License-Identifier: BSD-2-Clause
#
# build.sh -- the guest's kernel and its base initramfs, kept in the cache.
#
#   $Cache/kernel/NAME.deb      as downloaded; never installed
#   $Cache/kernel/version       which of them is in use
#   $Cache/kernel/vmlinux       its uncompressed image (vmlinuz if that fails)
#   $Cache/base.cpio.gz         busybox, kmod, ndctl, daxctl, mkfs.*, modules
#   $Cache/base.list            the files in it, for pack.sh
#   $Cache/base.stamp           what it was made of
#
# The guest's own scripts are not in it: they go with each run, so that
# editing one never needs a build.

# busybox is the guest's shell; the optional ones are for `dax-vm shell`.
Guest_tools="kmod ndctl daxctl mkfs.ext4 mkfs.xfs xfs_io"
Guest_tools_optional="strace numactl filefrag e2fsck xfs_repair gdbserver"

# What is loaded by name; what they depend on is added.  crc32c is only a soft
# dependency of ext4 and libcrc32c, by an alias.
Guest_modules="nd_e820 nfit nd_pmem dax_pmem device_dax kmem
ext4 xfs crc32c_generic crc32c_intel
virtio_pci virtio_pmem virtio_console
mce-inject hwpoison-inject loop"

build_main() {
	[ $# -eq 0 ] || die 2 "build takes no argument"
	cache_open
	tools_ensure
	cache_locked kernel_fetch || die 2 "no kernel"
	cache_locked base_build || die 2 "cannot build the base initramfs"
	note "kernel $(cat "$Cache/kernel/version"), ready in $Cache"
}

# What every command that boots calls first.  A kernel that is there is used
# as it is: a test run must neither need the network nor change its kernel.
build_ensure() {
	cache_open
	tools_ensure
	if [ ! -s "$Cache/kernel/version" ]; then
		cache_locked kernel_fetch || die 2 "no kernel"
	fi
	cache_locked base_build || die 2 "cannot build the base initramfs"
}

# --- kernel -----------------------------------------------------------------

# apt as any user: downloads need no root, and as root the _apt user could not
# write into our folder.
apt_plain() {
	"$1" -q -o APT::Sandbox::User=root "${@:2}"
}

# The same with lists of our own, for a machine where `apt-get update` was
# never run, or long ago; the system's lists stay as they are.
apt_own() {
	local dir=$Cache/apt

	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	"$1" -q -o APT::Sandbox::User=root -o Dir::State::Lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" "${@:2}"
}

# kernel_name APT: the package behind the meta package, e.g.
# linux-image-6.1.0-56-amd64.
kernel_name() {
	"$1" apt-cache depends linux-image-amd64 2>/dev/null |
		awk '/Depends: linux-image-[0-9]/ { print $2; exit }'
}

# kernel_download APT: into $Cache/kernel, unless it is there.
kernel_download() {
	local name

	name=$(kernel_name "$1")
	[ -n "$name" ] || return 1
	if ! kernel_deb "$name" >/dev/null; then
		note "downloading $name"
		(cd "$Cache/kernel" && "$1" apt-get -qq download "$name") \
			>"$Cache/apt-download.log" 2>&1 || return 1
	fi
	kernel_use "$name"
}

# kernel_deb NAME: the newest file of that package.
kernel_deb() {
	local deb

	# shellcheck disable=SC2012 # names made by apt: no odd characters
	deb=$(ls -t "$Cache/kernel/$1"_*.deb 2>/dev/null | head -1)
	[ -n "$deb" ] && echo "$deb"
}

kernel_fetch() {
	[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
		note "this needs a Debian or Ubuntu system on amd64"
		return 1
	}
	mkdir -p "$Cache/kernel"
	kernel_download apt_plain && return 0
	note "apt-get update (into $Cache/apt)"
	apt_own apt-get -qq update >"$Cache/apt-update.log" 2>&1
	if kernel_download apt_own; then
		rm -rf "$Cache/apt"
		return 0
	fi
	if [ -s "$Cache/kernel/version" ]; then
		note "no newer kernel can be had; using the one in the cache"
		return 0
	fi
	cat "$Cache/apt-update.log" "$Cache/apt-download.log" 2>/dev/null |
		tail -3 >&2
	return 1
}

# kernel_use NAME: make it the one in use; the version file comes last.
kernel_use() {
	local version=${1#linux-image-} tree deb

	[ "$(cat "$Cache/kernel/version" 2>/dev/null)" != "$version" ] ||
		return 0
	deb=$(kernel_deb "$1") || return 1
	tree=$Cache/kernel/tree
	rm -rf "$tree" "$Cache/kernel/vmlinux" "$Cache/kernel/vmlinuz"
	mkdir -p "$tree" && dpkg-deb -x "$deb" "$tree" || return 1
	cp "$tree/boot/vmlinuz-$version" "$Cache/kernel/vmlinuz" || return 1
	kernel_uncompress "$Cache/kernel/vmlinuz" "$Cache/kernel/vmlinux"
	rm -rf "$tree"
	echo "$version" >"$Cache/kernel/version"
}

# kernel_uncompress VMLINUZ VMLINUX: QEMU boots the ELF image by its PVH entry,
# which halves the time to init: without KVM the kernel takes two seconds to
# unpack itself.  Without xz, or with another compression, vmlinuz does.
kernel_uncompress() {
	local start

	start=$(LC_ALL=C grep -abo $'\xfd7zXZ' "$1" | head -1 | cut -d: -f1)
	[ -n "$start" ] || return 0
	# The image is followed by other bytes, so xz ends with an error.
	tail -c "+$((start + 1))" "$1" | xz -dcq --single-stream \
		>"$2.new" 2>/dev/null
	if [ "$(LC_ALL=C head -c 4 "$2.new")" = $'\x7fELF' ]; then
		mv "$2.new" "$2"
	else
		rm -f "$2.new"
	fi
}

kernel_image() {
	if [ -s "$Cache/kernel/vmlinux" ]; then
		echo "$Cache/kernel/vmlinux"
	else
		echo "$Cache/kernel/vmlinuz"
	fi
}

# --- base initramfs ---------------------------------------------------------

tool_paths() {
	local tool

	for tool in busybox $Guest_tools $Guest_tools_optional; do
		command -v "$tool"
	done
}

# elf_libraries FILE...: the shared libraries as absolute paths, the dynamic
# linker included; nothing for a static program.
elf_libraries() {
	ldd "$@" 2>/dev/null | grep -oE '(=> )?/[^ :]+ \(' |
		sed -e 's/^=> //' -e 's/ ($//' | sort -u
}

# The base is made again when the kernel, a tool, a library or this recipe
# changes.
base_stamp() {
	local tools

	mapfile -t tools < <(tool_paths)
	cat "$Cache/kernel/version"
	sha256sum <"$Lib/build.sh"
	elf_libraries "${tools[@]}" | xargs stat -L -c '%n %s %Y' \
		"${tools[@]}"
}

base_build() {
	local stamp root tool

	stamp=$(base_stamp)
	[ -s "$Cache/base.cpio.gz" ] &&
		[ "$(cat "$Cache/base.stamp" 2>/dev/null)" = "$stamp" ] &&
		return 0
	note "building the base initramfs"
	rm -f "$Cache/base.stamp"
	root=$Cache/root
	rm -rf "$root"
	mkdir -p "$root"/{bin,sbin,usr/bin,lib,lib64,proc,sys,dev,mnt,tmp,run} \
		"$root"/{etc/ndctl,etc/daxctl.conf.d,var/lib,lab/bin,lab/lib}

	base_copy_tool busybox "$root/bin" || return 1
	# kmod instead of busybox's applets, which ignore soft dependencies;
	# /sbin/modprobe is what the kernel itself calls.
	for tool in $(busybox --list); do
		case $tool in
		busybox | modprobe | insmod | rmmod | lsmod | depmod | modinfo)
			;;
		*) ln -s busybox "$root/bin/$tool" ;;
		esac
	done
	for tool in $Guest_tools; do
		base_copy_tool "$tool" "$root/usr/bin" || return 1
	done
	for tool in $Guest_tools_optional; do
		! command -v "$tool" >/dev/null ||
			base_copy_tool "$tool" "$root/usr/bin" || return 1
	done
	for tool in modprobe insmod rmmod lsmod depmod modinfo; do
		ln -s ../usr/bin/kmod "$root/sbin/$tool"
	done
	[ ! -e /etc/mke2fs.conf ] || cp /etc/mke2fs.conf "$root/etc/"
	base_copy_modules "$root" || return 1

	pack_cpio "$root" >"$Cache/base.cpio.gz.new" || return 1
	(cd "$root" && find . ! -type d | sed 's/^\.//') >"$Cache/base.list"
	rm -rf "$root"
	mv "$Cache/base.cpio.gz.new" "$Cache/base.cpio.gz" || return 1
	echo "$stamp" >"$Cache/base.stamp"
}

# base_copy_tool TOOL FOLDER: with the libraries it needs, at the same paths.
base_copy_tool() {
	local file library

	file=$(command -v "$1") || return 1
	cp -L "$file" "$2/" || return 1
	for library in $(elf_libraries "$file"); do
		[ -e "$root$library" ] && continue
		mkdir -p "$root${library%/*}"
		cp -L "$library" "$root$library" || return 1
	done
}

# base_copy_modules ROOT: the package has no modules.dep, so depmod runs twice:
# on all modules to learn what ours need, then on those that were copied.
base_copy_modules() {
	local version tree path module

	version=$(cat "$Cache/kernel/version")
	tree=$Cache/kernel/tree
	rm -rf "$tree"
	mkdir -p "$tree"
	dpkg-deb -x "$(kernel_deb "linux-image-$version")" "$tree" || return 1
	depmod -b "$tree" "$version" || return 1
	tree=$tree/lib/modules/$version
	set -- "$1/lib/modules/$version"
	for module in $Guest_modules; do
		module_files "$tree" "$module" >"$Cache/module.list" || {
			note "the kernel has no module $module"
			return 1
		}
		while read -r path; do
			mkdir -p "$1/${path%/*}"
			cp "$tree/$path" "$1/$path" || return 1
		done <"$Cache/module.list"
	done
	cp "$tree"/modules.{order,builtin,builtin.modinfo} "$1/" || return 1
	rm -rf "$Cache/kernel/tree" "$Cache/module.list"
	depmod -b "$root" "$version"
}

# module_files FOLDER MODULE: it and all that it depends on; fails when the
# kernel has none.  Not `modprobe --show-depends`: that leaves out what the
# host's own kernel has loaded.
module_files() {
	if tr _ - <"$1/modules.builtin" | grep -q "/${2//_/-}\.ko\$"; then
		return 0
	fi
	awk -v want="${2//_/-}" -F '[: ]+' '
		{
			name = $1
			sub(/.*\//, "", name)
			sub(/\.ko.*/, "", name)
			gsub(/_/, "-", name)
		}
		name == want {
			for (i = 1; i <= NF; i++)
				if ($i != "")
					print $i
			found = 1
		}
		END { exit !found }' "$1/modules.dep"
}
