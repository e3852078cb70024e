// SPDX-License-Identifier: BSD-2-Clause
/*
 * dax_name.c -- see dax_name.h.
 *
 *   name --> namespace --> device --> character device: the place
 *                            |
 *                            +------> block device --> its mount: the place
 *
 * Devices are identified by their number, since a node may have any name.
 */
#include "dax/dax_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "base/util.h"
#include "dax/dax_namespace.h"
#include "dax/mounts.h"

#define MKFS "mkfs.ext4 -b 4096 -E stride=512,stripe_width=512"

/* --- names ------------------------------------------------------------------ */

enum word {
	WORD_NONE,
	WORD_DAX,       /* dax0.0 */
	WORD_NAMESPACE, /* namespace0.0 */
	WORD_PMEM,      /* pmem0, pmem0.1, pmem0p1, pmem0s */
};

static bool
is_number(const char **text)
{
	size_t len = strspn(*text, "0123456789");

	*text += len;
	return len > 0;
}

/* "0.0" */
static bool
is_pair(const char *text)
{
	return is_number(&text) && *text++ == '.' && is_number(&text) &&
	       *text == '\0';
}

/* The type of the name that a word without a slash is. */
static enum word
classify(const char *word)
{
	if (strchr(word, '/') != NULL || strlen(word) > 31)
		return WORD_NONE;
	if (strncmp(word, "dax", 3) == 0 && is_pair(word + 3))
		return WORD_DAX;
	if (strncmp(word, "namespace", 9) == 0 && is_pair(word + 9))
		return WORD_NAMESPACE;
	const char *rest = word + 4;
	if (strncmp(word, "pmem", 4) == 0 && is_number(&rest) &&
	    strspn(rest, ".0123456789ps") == strlen(rest))
		return WORD_PMEM;
	return WORD_NONE;
}

/* Set the place; false if the path does not fit. */
static bool
set_place(struct dax_place *place, enum dax_place_type what, const char *path)
{
	int need = snprintf(place->path, sizeof(place->path), "%s", path);

	place->what = what;
	return need >= 0 && (size_t)need < sizeof(place->path);
}

static int
finish_place(
    struct dax_place *place, enum dax_place_type what, const char *path)
{
	if (!set_place(place, what, path))
		return error_set(-ENAMETOOLONG, "%.64s...: %s", path,
		    strerror(ENAMETOOLONG));
	return 0;
}

/* --- devdax ----------------------------------------------------------------- */

int
dax_name_check_device(const struct dax_device *device, const char *path)
{
	const char *name = device->name;

	if (device->is_system_ram)
		return error_set(-ENODEV,
		    "%s is in system-ram mode: the kernel uses it as memory; "
		    "make it a device again with: daxctl reconfigure-device "
		    "--mode=devdax --force %s",
		    path, name);
	if (!device->is_enabled)
		return error_set(-ENODEV,
		    "%s is disabled; enable it with: daxctl enable-device %s",
		    path, name);
	if (!is_power_of_two(device->align) || device->align < DK_PAGE)
		return error_set(-EINVAL, "%s has an alignment of %zu bytes",
		    path, device->align);
	return 0;
}

/* Find a node of the device in /dev, whatever its name is. */
static int
find_node(const struct dax_device *device, char *path, size_t path_size)
{
	struct os_stat st;
	char number[32];

	(void)snprintf(number, sizeof(number), "%u:%u", device->major_nr,
	    device->minor_nr);
	const char *const names[] = {device->name, number};
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, path_size, "%s%s",
		    i == 0 ? "/dev/" : "/dev/char/", names[i]);
		if (os_stat(path, &st) == 0 && st.is_char_dev &&
		    st.major_nr == device->major_nr &&
		    st.minor_nr == device->minor_nr)
			return 0;
	}
	return error_set(-ENODEV,
	    "%s has no node in /dev; make it with: mknod /dev/%s c %u %u",
	    device->name, device->name, device->major_nr, device->minor_nr);
}

static int
find_dax(const char *name, struct dax_place *place)
{
	struct dax_device device;
	char path[64];
	int rc = dax_device_find(name, &device);

	if (rc == -ENODEV)
		return error_set(-ENOENT,
		    "there is no DAX device %s; list the devices with: "
		    "daxctl list; and disabled namespaces with: ndctl list "
		    "-N -i",
		    name);
	if (rc < 0)
		return error_set(rc, "DAX device %s cannot be queried: %s",
		    name, strerror(-rc));
	rc = dax_name_check_device(&device, name);
	if (rc == 0)
		rc = find_node(&device, path, sizeof(path));
	return rc < 0 ? rc : finish_place(place, DAX_PLACE_DEVDAX, path);
}

/* --- fsdax ------------------------------------------------------------------ */

int
dax_name_read_fs_type(const char *path, char *type)
{
	static const struct {
		size_t off;
		const char *magic;
		size_t len;
		const char *type;
	} Types[] = {
	    {1024 + 56, "\x53\xef", 2, "ext4"},
	    {0, "XFSB", 4, "xfs"},
	    {65536 + 64, "_BHRfS_M", 8, "btrfs"},
	};
	char found[8];

	type[0] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(Types); i++) {
		int rc = os_read_at(path, Types[i].off, found, Types[i].len);

		if (rc < 0 && rc != -ENODATA)
			return rc;
		if (rc == 0 && memcmp(found, Types[i].magic, Types[i].len) == 0)
			(void)snprintf(type, 16, "%s", Types[i].type);
	}
	return 0;
}

/* os_walk_dir() looks for a name that begins with begin, and sets name. */
struct entry {
	const char *begin; /* of the name, "" for any */
	char name[64];
};

static int
take_entry(const char *name, void *arg)
{
	struct entry *entry = arg;
	size_t len = strlen(entry->begin);

	if (strncmp(name, entry->begin, len) != 0 || name[len] == '\0')
		return 0;
	(void)snprintf(entry->name, sizeof(entry->name), "%.63s", name);
	return 1;
}

/* Refuse a device with partitions or stacked devices: it is not free. */
static int
check_parts(const char *path, const char *block)
{
	char dir[128], begin[72];
	struct entry part = {.begin = begin};
	struct entry holder = {.begin = ""};

	(void)snprintf(begin, sizeof(begin), "%sp", block);
	(void)snprintf(dir, sizeof(dir), "/sys/class/block/%s", block);
	if (os_walk_dir(dir, take_entry, &part) == 1)
		return error_set(-ENODEV,
		    "%s has partitions; use one of them, such as /dev/%s", path,
		    part.name);
	(void)snprintf(dir, sizeof(dir), "/sys/class/block/%s/holders", block);
	if (os_walk_dir(dir, take_entry, &holder) == 1)
		return error_set(-ENODEV,
		    "%s is part of /dev/%s; use a directory of the file "
		    "system on that device",
		    path, holder.name);
	return 0;
}

/* Explain why the device has no mount, and what to do about it. */
static int
explain_not_mounted(const char *path, const char *block)
{
	char type[16];
	int rc = check_parts(path, block);

	if (rc < 0)
		return rc;
	rc = dax_name_read_fs_type(path, type);
	if (rc < 0)
		return error_set(-ENODEV,
		    "%s is not mounted, and cannot be read (%s); if it holds "
		    "a file system, mount it with: mount -o dax=always %s "
		    "/mnt/%s",
		    path, strerror(-rc), path, block);
	if (type[0] == '\0')
		return error_set(-ENODEV,
		    "%s holds no file system; make one (this erases the "
		    "device) with: " MKFS
		    " %s && mount -o dax=always %s /mnt/%s",
		    path, path, path, block);
	return error_set(-ENODEV,
	    "%s holds a file system (%s) that is not mounted; mount it with: "
	    "mount -o dax=always %s /mnt/%s",
	    path, type, path, block);
}

/* Ask a file of the file system: the mount options say only what was
 * requested. */
static int
check_dax(const char *path, const struct mount *mount)
{
	int fd;
	int rc = os_open_unlinked(mount->point, &fd);

	if (rc < 0)
		return error_set(rc,
		    "%s is mounted on %s, where no file can be created: %s",
		    path, mount->point, strerror(-rc));
	bool is_dax = os_is_dax(fd);
	os_close(fd);
	if (is_dax)
		return 0;
	return error_set(-EOPNOTSUPP,
	    "%s is mounted on %s without dax; mount it again with: umount %s "
	    "&& mount -o dax=always %s %s",
	    path, mount->point, mount->point, path, mount->point);
}

static int
refuse_mode(const char *name, const struct dax_namespace *ns)
{
	return error_set(-ENODEV,
	    "%s is in %s mode, which has no DAX; make it an fsdax or devdax "
	    "namespace (this erases it) with: ndctl create-namespace -f -e "
	    "%s --mode=fsdax",
	    name, dax_namespace_mode_name(ns->mode), ns->name);
}

static int
find_block(const char *path, const struct os_stat *st, struct dax_place *place)
{
	struct dax_namespace ns;
	char link[64], block[64];

	(void)snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", st->major_nr,
	    st->minor_nr);
	if (os_read_link_name(link, block, sizeof(block)) < 0 ||
	    strncmp(block, "pmem", 4) != 0)
		return error_set(-ENODEV,
		    "%s is a block device without DAX; use a directory on "
		    "its file system, or a namespace; list those with: ndctl "
		    "list -N",
		    path);
	if (dax_namespace_find_device(block, &ns) == 0 &&
	    (ns.mode == DAX_NAMESPACE_RAW || ns.mode == DAX_NAMESPACE_SECTOR))
		return refuse_mode(path, &ns);

	struct mount *mount = os_new(sizeof(*mount));
	if (mount == NULL)
		return error_set(-ENOMEM, "out of memory while looking for "
					  "mounts");
	int rc = mounts_find(st->major_nr, st->minor_nr, mount);
	if (rc == -ENOENT)
		rc = explain_not_mounted(path, block);
	else if (rc < 0)
		rc = error_set(
		    rc, "the list of mounts cannot be read: %s", strerror(-rc));
	else
		rc = check_dax(path, mount);
	if (rc == 0)
		rc = finish_place(place, DAX_PLACE_DIR, mount->point);
	os_delete(mount);
	return rc;
}

/* --- namespaces ------------------------------------------------------------- */

static int
refuse_disabled(const char *name, const struct dax_namespace *ns)
{
	return error_set(-ENODEV,
	    "%s is disabled; enable it with: ndctl enable-namespace %s", name,
	    ns->name);
}

/* pmem1.2 is of region 1, namespace 2. */
static int
explain_no_pmem(const char *name)
{
	struct dax_namespace ns;
	unsigned region = 0, nr = 0;
	char want[48];

	/* The word was checked, so both numbers are there. */
	(void)sscanf(name, "pmem%u.%u", &region, &nr); // NOLINT(cert-err34-c)
	(void)snprintf(want, sizeof(want), "namespace%u.%u", region, nr);
	if (dax_namespace_find(want, &ns) == 0) {
		if (!ns.is_active)
			return refuse_disabled(want, &ns);
		if (ns.device[0] != '\0')
			return error_set(-ENOENT,
			    "there is no block device %s; %s is in %s mode, "
			    "and its device is /dev/%s",
			    name, ns.name, dax_namespace_mode_name(ns.mode),
			    ns.device);
	}
	return error_set(-ENOENT,
	    "there is no block device %s; list all namespaces, disabled ones "
	    "too, with: ndctl list -N -i",
	    name);
}

static int
find_pmem(const char *name, struct dax_place *place)
{
	struct os_stat st;
	char path[64];

	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	int rc = os_stat(path, &st);
	if (rc == -ENOENT)
		return explain_no_pmem(name);
	if (rc < 0)
		return error_set(rc, "%s: %s", path, strerror(-rc));
	if (!st.is_block_dev)
		return error_set(-ENODEV, "%s is not a block device", path);
	return find_block(path, &st, place);
}

static int
find_by_namespace(const char *name, struct dax_place *place)
{
	struct dax_namespace ns;
	int rc = dax_namespace_find(name, &ns);

	if (rc == -EOPNOTSUPP)
		return error_set(rc,
		    "%s: this daxkind was built without libndctl and cannot "
		    "look up namespaces; use the device (/dev/daxX.Y, "
		    "/dev/pmemN) or the mount point, or build it "
		    "--with-daxctl",
		    name);
	if (rc == -ELIBACC)
		return error_set(rc,
		    "%s: namespaces are unknown because libndctl cannot be "
		    "loaded; install it (Debian: libndctl6), or use the "
		    "device (/dev/daxX.Y, /dev/pmemN) or the mount point",
		    name);
	if (rc == -ENODEV)
		return error_set(-ENOENT,
		    "there is no namespace %s; list them with: ndctl list -N "
		    "-i",
		    name);
	if (rc < 0)
		return error_set(rc, "namespace %s cannot be queried: %s", name,
		    strerror(-rc));
	if (!ns.is_active)
		return refuse_disabled(name, &ns);
	if (ns.mode == DAX_NAMESPACE_RAW || ns.mode == DAX_NAMESPACE_SECTOR)
		return refuse_mode(name, &ns);
	if (ns.device[0] == '\0')
		return error_set(-ENODEV,
		    "%s has no device; load its driver with: modprobe -a "
		    "nd_pmem dax_pmem device_dax",
		    name);
	if (ns.mode == DAX_NAMESPACE_DEVDAX)
		return find_dax(ns.device, place);
	return find_pmem(ns.device, place);
}

/* --- both ------------------------------------------------------------------- */

static int
find_word(enum word word, const char *name, struct dax_place *place)
{
	if (word == WORD_DAX)
		return find_dax(name, place);
	if (word == WORD_PMEM)
		return find_pmem(name, place);
	return find_by_namespace(name, place);
}

int
dax_name_find(const char *name, struct dax_place *place)
{
	bool is_in_dev = strncmp(name, "/dev/", 5) == 0;
	enum word word = classify(is_in_dev ? name + 5 : name);
	struct os_stat st;

	if (word != WORD_NONE && !is_in_dev)
		return find_word(word, name, place);
	int rc = os_stat(name, &st);
	/* The kernel removes the node together with the device. */
	if (rc == -ENOENT && (word == WORD_DAX || word == WORD_PMEM))
		return find_word(word, name + 5, place);
	/* The user means a device, not a file to be created in /dev. */
	if (rc == -ENOENT && is_in_dev && strchr(name + 5, '/') == NULL)
		return error_set(-ENOENT,
		    "there is no device %s; list them with: daxkind list",
		    name);
	if (rc == 0 && st.is_block_dev)
		return find_block(name, &st, place);
	/* The opener checks any other path, and reports errors. */
	return finish_place(place,
	    rc == 0 && st.is_dir        ? DAX_PLACE_DIR
	    : rc == 0 && st.is_char_dev ? DAX_PLACE_DEVDAX
					: DAX_PLACE_FILE,
	    name);
}

int
dax_name_find_devdax(const char *name, struct dax_place *place)
{
	int rc = dax_name_find(name, place);

	if (rc < 0 || place->what == DAX_PLACE_DEVDAX)
		return rc;
	/* The path is no device: the opener reports that. */
	if (place->what == DAX_PLACE_FILE || strcmp(place->path, name) == 0)
		return 0;
	return error_set(-ENODEV,
	    "%s is an fsdax namespace, mounted on %s, not a devdax device; "
	    "make it one (this erases it) with: ndctl create-namespace -f -e "
	    "namespaceX.Y --mode=devdax",
	    name, place->path);
}
