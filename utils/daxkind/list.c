// SPDX-License-Identifier: BSD-2-Clause
/*
 * list.c -- daxkind list: namespaces, devices without one, and DAX mounts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "command.h"
#include "dax/dax_name.h"
#include "dax/dax_namespace.h"
#include "dax/mounts.h"
#include "inspect.h"
#include "options.h"
#include "output.h"

const char Command_list_help[] =
    "Prints each namespace, DAX device and DAX mount: its mode, "
    "size,\nalignment (of mappings), NUMA node (of the memory), and whether "
    "a region\ncan be opened on it, or why not and how to fix that.\n";

/* A line of the list. */
struct entry {
	char name[64];    /* the name to open a region with */
	char mode[16];    /* "devdax", "system-ram", "fsdax", "mount" ... */
	char device[64];  /* path in /dev, or "" */
	char mount[256];  /* mount point of its file system, or "" */
	char fs[32];      /* type of that file system */
	size_t size;      /* 0: unknown */
	size_t align;     /* 0: unknown */
	int numa_node;    /* -1: unknown */
	size_t bad_len;   /* bytes in bad blocks */
	bool is_usable;   /* a region can be opened on it */
	char reason[256]; /* why not */
};

struct list {
	struct entry *entries;
	size_t nr;
	bool has_ndctl;
	bool is_out_of_memory;
};

static struct entry *
add_entry(struct list *list)
{
	struct entry *more =
	    realloc(list->entries, (list->nr + 1) * sizeof(*list->entries));

	if (more == NULL) {
		list->is_out_of_memory = true;
		return NULL;
	}
	list->entries = more;
	struct entry *entry = &more[list->nr++];
	memset(entry, 0, sizeof(*entry));
	entry->numa_node = -1;
	return entry;
}

static const struct entry *
find_device(const struct list *list, const char *device)
{
	for (size_t i = 0; i < list->nr; i++) {
		if (strcmp(list->entries[i].device, device) == 0)
			return &list->entries[i];
	}
	return NULL;
}

/* Find out whether a region can be opened there, without opening anything, so
 * that no other process is locked out. */
static void
judge(struct entry *entry)
{
	struct dax_place place;

	entry->is_usable = dax_name_find(entry->name, &place) == 0;
	if (!entry->is_usable) {
		(void)snprintf(
		    entry->reason, sizeof(entry->reason), "%s", error_text());
	} else if (place.what == DAX_PLACE_DIR) {
		(void)snprintf(
		    entry->mount, sizeof(entry->mount), "%.255s", place.path);
	} else if (inspect_is_locked(place.path)) {
		entry->is_usable = false;
		(void)snprintf(entry->reason, sizeof(entry->reason),
		    "%s is already open as a region; find the process with: "
		    "lslocks",
		    entry->name);
	}
}

static int
add_namespace(const struct dax_namespace *ns, void *arg)
{
	struct entry *entry = add_entry(arg);
	struct dax_device device;

	if (entry == NULL)
		return -ENOMEM;
	(void)snprintf(entry->name, sizeof(entry->name), "%s", ns->name);
	(void)snprintf(entry->mode, sizeof(entry->mode), "%s",
	    ns->is_active ? dax_namespace_mode_name(ns->mode) : "disabled");
	if (ns->device[0] != '\0')
		(void)snprintf(entry->device, sizeof(entry->device), "/dev/%s",
		    ns->device);
	entry->size = ns->size;
	entry->align = ns->align;
	entry->numa_node = ns->numa_node;
	entry->bad_len = ns->bad_len;
	if (ns->mode == DAX_NAMESPACE_DEVDAX &&
	    dax_device_find(ns->device, &device) == 0) {
		entry->size = device.size;
		if (device.is_system_ram)
			(void)snprintf(
			    entry->mode, sizeof(entry->mode), "system-ram");
	}
	judge(entry);
	return 0;
}

/* A device of CXL or soft-reserved memory; in a build without libndctl, any
 * device. */
static int
add_device(const struct dax_device *device, void *arg)
{
	struct list *list = arg;
	char path[64];

	(void)snprintf(path, sizeof(path), "/dev/%s", device->name);
	if (find_device(list, path) != NULL)
		return 0;
	struct entry *entry = add_entry(list);
	if (entry == NULL)
		return -ENOMEM;
	(void)snprintf(entry->name, sizeof(entry->name), "%s", device->name);
	(void)snprintf(entry->mode, sizeof(entry->mode), "%s",
	    device->is_system_ram ? "system-ram" : "devdax");
	(void)snprintf(entry->device, sizeof(entry->device), "%s", path);
	entry->size = device->size;
	entry->align = device->align;
	entry->numa_node = device->numa_node;
	judge(entry);
	return 0;
}

static int
add_block(const char *name, void *arg)
{
	struct list *list = arg;
	char path[64];

	if (strncmp(name, "pmem", 4) != 0 || strlen(name) > 31)
		return 0;
	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	if (find_device(list, path) != NULL)
		return 0;
	struct entry *entry = add_entry(list);
	if (entry == NULL)
		return -ENOMEM;
	(void)snprintf(entry->name, sizeof(entry->name), "%s", path);
	(void)snprintf(entry->device, sizeof(entry->device), "%s", path);
	(void)snprintf(entry->mode, sizeof(entry->mode), "%s",
	    inspect_block_has_dax(name) ? "fsdax" : "raw");
	entry->size = inspect_block_size(name);
	entry->bad_len = inspect_block_bad(name);
	judge(entry);
	return 0;
}

/* A DAX file system.  One on a namespace adds its type to that entry; others
 * (virtiofs, device mapper) get an entry. */
static int
add_mount(const struct mount *mount, void *arg)
{
	struct list *list = arg;
	const char *option = strstr(mount->options, "dax=always");

	for (size_t i = 0; i < list->nr; i++) {
		struct entry *entry = &list->entries[i];

		if (entry->device[0] == '\0' ||
		    strcmp(entry->device, mount->source) != 0)
			continue;
		(void)snprintf(entry->fs, sizeof(entry->fs), "%s", mount->type);
		(void)snprintf(
		    entry->mount, sizeof(entry->mount), "%.255s", mount->point);
		return 0;
	}
	if (option == NULL && strstr(mount->options, "dax=inode") == NULL)
		return 0;
	struct entry *entry = add_entry(list);
	if (entry == NULL)
		return -ENOMEM;
	(void)snprintf(entry->name, sizeof(entry->name), "%.63s", mount->point);
	(void)snprintf(entry->mode, sizeof(entry->mode), "mount");
	(void)snprintf(
	    entry->device, sizeof(entry->device), "%.63s", mount->source);
	(void)snprintf(
	    entry->mount, sizeof(entry->mount), "%.255s", mount->point);
	(void)snprintf(entry->fs, sizeof(entry->fs), "%s", mount->type);
	judge(entry);
	return 0;
}

static int
collect(struct list *list)
{
	int rc = dax_namespace_walk(add_namespace, list);

	list->has_ndctl = rc != -EOPNOTSUPP && rc != -ELIBACC;
	if (!list->has_ndctl)
		rc = 0;
	if (rc == 0)
		rc = dax_device_walk(add_device, list);
	if (rc == 0)
		rc = os_walk_dir("/sys/class/block", add_block, list);
	if (rc == -ENOENT)
		rc = 0;
	if (rc == 0)
		rc = mounts_walk(add_mount, list);
	return rc;
}

static void
print_text(const struct list *list)
{
	if (list->nr == 0) {
		puts("no namespace and no DAX mount on this machine; daxkind "
		     "emulate says how to have some");
		return;
	}
	printf("%-14s %-10s %-12s %9s %6s %4s  %s\n", "NAME", "MODE", "DEVICE",
	    "SIZE", "ALIGN", "NODE", "REGION");
	for (size_t i = 0; i < list->nr; i++) {
		const struct entry *entry = &list->entries[i];
		char node[16] = "-";

		if (entry->numa_node >= 0)
			(void)snprintf(
			    node, sizeof(node), "%d", entry->numa_node);
		printf("%-14s %-10s %-12s %9s %6s %4s  %s", entry->name,
		    entry->mode, entry->device[0] != '\0' ? entry->device : "-",
		    entry->size != 0 ? output_size(entry->size).text : "-",
		    entry->align != 0 ? output_size(entry->align).text : "-",
		    node, entry->is_usable ? "yes" : "no");
		if (entry->is_usable && entry->mount[0] != '\0')
			printf(", in %s (%s)", entry->mount, entry->fs);
		if (entry->bad_len != 0)
			printf(", %s bad", output_size(entry->bad_len).text);
		printf("\n");
		if (!entry->is_usable)
			printf("  %s\n", entry->reason);
	}
	if (!list->has_ndctl)
		puts("without libndctl: no names of namespaces, and "
		     "disabled ones are not seen");
}

static void
print_json(const struct list *list)
{
	json_object *top = json_object_new_object();
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < list->nr; i++) {
		const struct entry *entry = &list->entries[i];
		json_object *object = json_object_new_object();

		output_text(object, "name", entry->name);
		output_text(object, "mode", entry->mode);
		output_text(object, "device", entry->device);
		output_text(object, "mount", entry->mount);
		output_text(object, "fs", entry->fs);
		output_number(object, "size",
		    entry->size != 0 ? (long long)entry->size : -1);
		output_number(object, "align",
		    entry->align != 0 ? (long long)entry->align : -1);
		output_number(object, "numa_node", entry->numa_node);
		output_number(object, "bad", (long long)entry->bad_len);
		output_bool(object, "usable", entry->is_usable);
		output_text(object, "reason", entry->reason);
		json_object_array_add(array, object);
	}
	json_object_object_add(top, "places", array);
	output_bool(top, "libndctl", list->has_ndctl);
	output_json(top);
}

int
command_list(const struct command *command, int argc, char **argv)
{
	static const struct option Options[] = {COMMAND_LONG_OPTIONS};
	struct list list = {0};
	bool json = false;
	int option;

	while ((option = options_next(argc, argv, "hjV", Options)) != -1) {
		if (option != 'j')
			return command_other_option(command, option);
		json = true;
	}
	if (optind < argc)
		return command_usage(
		    command, "unexpected argument \"%s\"", argv[optind]);
	int rc = collect(&list);
	if (rc == 0 && json)
		print_json(&list);
	else if (rc == 0)
		print_text(&list);
	free(list.entries);
	return rc < 0 ? command_fail("cannot list: %s", strerror(-rc))
		      : output_end(COMMAND_OK);
}
