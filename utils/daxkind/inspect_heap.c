// SPDX-License-Identifier: BSD-2-Clause
/*
 * inspect_heap.c -- daxkind inspect: what a durable heap has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "command.h"
#include "daxkind.h"
#include "durable.h"
#include "inspect.h"
#include "output.h"
#include "region/flush.h"

const char Command_inspect_help[] =
    "Shows the durable heap on PATH, a file or a devdax device: its superblock,\n"
    "its state, its roots, what is allocated by size, and what is damaged.\n"
    "While a program has it open, only the superblock is read.  Nothing is\n"
    "written.\n"
    "Exit status: 0 sound; 1 damaged; 2 no durable heap, or it cannot be read.\n";

struct figures {
	size_t nr_slabs, slab_bytes;
	size_t nr_blocks, bytes; /* allocated, or in a thread's cache */
};

struct owner {
	int pid; /* 0: not known */
	char name[64];
};

static size_t
slab_size(uint32_t block_size)
{
	size_t size = MEDIUM_CHUNK;

	while (size % block_size != 0)
		size += MEDIUM_CHUNK;
	return size;
}

static struct figures
sum_up(const struct check_result *r)
{
	struct figures f = {
	    .nr_blocks = r->nr_extents, .bytes = r->extent_bytes};

	for (size_t i = 0; r->has_ledger && i < MEDIUM_CLASSES; i++) {
		uint32_t size = r->sb.class_size[i];

		f.nr_slabs += r->classes[i].nr_slabs;
		f.slab_bytes += r->classes[i].nr_slabs * slab_size(size);
		f.nr_blocks += r->classes[i].nr_blocks;
		f.bytes += r->classes[i].nr_blocks * size;
	}
	return f;
}

static const char *
granularity_name(uint32_t granularity)
{
	static const char *const Names[] = {
	    [FLUSH_BYTE] = "byte",
	    [FLUSH_CACHE_LINE] = "cache line",
	    [FLUSH_PAGE] = "page",
	};

	return granularity < ARRAY_LEN(Names) ? Names[granularity] : "unknown";
}

static const char *
state_name(const struct durable *d)
{
	static const char *const Names[] = {
	    [RESTART_HOW_NEW] = "unknown",
	    [RESTART_HOW_CLEAN] = "closed",
	    [RESTART_HOW_CRASH] = "crashed",
	    [RESTART_HOW_POWER] = "reset",
	};

	return d->is_open ? "open" : Names[d->result.how];
}

static void
print_uuid(const uint8_t *uuid, char *text, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < MEDIUM_UUID_SIZE && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%02x",
		    i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

/* --- as text ---------------------------------------------------------------------- */

/* The state, and what the next opening does. */
static void
print_state(const struct durable *d, const struct owner *owner)
{
	const struct check_result *r = &d->result;

	printf("%s: durable heap, ", d->path);
	if (d->is_open && owner->pid > 0)
		printf("open in process %d (%s)\n", owner->pid, owner->name);
	else if (d->is_open)
		puts("open in a process that is not visible here");
	else if (r->how == RESTART_HOW_CLEAN)
		puts("closed");
	else if (r->how == RESTART_HOW_CRASH)
		puts("not closed by its process, which has ended; every block "
		     "is there");
	else if (check_lost_pages(&r->sb, r->how, r->sb.granularity))
		puts("not closed before the machine was reset; pages may be of "
		     "different times");
	else
		puts("not closed before the machine was reset; every block is "
		     "there, and what caches held has leaked");
}

static void
print_superblock(const struct durable *d)
{
	const struct check_result *r = &d->result;
	const struct superblock *sb = &r->sb;
	char uuid[64];

	print_uuid(sb->uuid, uuid, sizeof(uuid));
	printf("  layout       %s\n", sb->layout);
	printf("  uuid         %s\n", uuid);
	printf("  generation   %llu\n", (unsigned long long)sb->generation);
	printf("  size         %s", output_size(sb->size).text);
	if (d->backing->size > sb->size)
		printf(", and %s behind it are not used",
		    output_size(d->backing->size - sb->size).text);
	printf("\n  address      %#llx\n", (unsigned long long)sb->base);
	printf("  granularity  %s, when it was last opened\n",
	    granularity_name(sb->granularity));
	printf("  superblocks  ");
	for (size_t i = 0; i < ARRAY_LEN(r->copies); i++) {
		const struct check_copy *copy = &r->copies[i];

		printf("%sat %zu: ", i > 0 ? "; " : "", copy->off);
		if (copy->is == COPY_VALID)
			printf(
			    "number %llu", (unsigned long long)copy->sequence);
		else
			printf("damaged");
	}
	putchar('\n');
}

static void
print_roots(const struct check_result *r)
{
	printf("  roots        %zu\n", r->nr_roots);
	for (size_t i = 0; i < r->nr_roots; i++) {
		const struct check_root *root = &r->roots[i];

		printf("    %s  at %zu%s\n", root->name, root->off,
		    root->has_block ? "" : ", where no block is");
	}
}

static void
print_classes(const struct check_result *r)
{
	printf("  %10s %8s %9s %10s %9s %5s\n", "BLOCK", "SLABS", "SPACE",
	    "BLOCKS", "BYTES", "USED");
	for (size_t i = 0; i < MEDIUM_CLASSES; i++) {
		const struct check_class *class = &r->classes[i];
		uint32_t size = r->sb.class_size[i];
		size_t space = class->nr_slabs * slab_size(size);

		if (class->nr_slabs == 0)
			continue;
		printf("  %10u %8zu %9s %10zu %9s %4zu%%\n", size,
		    class->nr_slabs, output_size(space).text, class->nr_blocks,
		    output_size(class->nr_blocks * size).text,
		    class->nr_blocks * size * 100 / space);
	}
	if (r->nr_extents > 0)
		printf("  %10s %8s %9s %10zu %9s %4d%%\n", "larger", "-",
		    output_size(r->extent_bytes).text, r->nr_extents,
		    output_size(r->extent_bytes).text, 100);
}

static void
print_ledger(const struct check_result *r)
{
	struct figures f = sum_up(r);

	printf("  ledger       %zu lines in use, %s\n", r->nr_lines,
	    output_size(r->nr_lines * MEDIUM_LINE).text);
	printf("  blocks       %zu, %s\n", f.nr_blocks - r->nr_cached,
	    output_size(f.bytes - r->cached_bytes).text);
	if (r->nr_stacks > 0)
		printf("  caches       %zu blocks more, %s%s (stacks of %s)\n",
		    r->nr_cached, output_size(r->cached_bytes).text,
		    r->how == RESTART_HOW_POWER
			? ", which are not believed after a reset"
			: ", which the next opening frees",
		    output_size(r->stack_bytes).text);
	if (r->sb.cached_max > 0)
		printf(
		    "  leaked       at most %s, from caches at a reset, until "
		    "a trace\n",
		    output_size(r->sb.cached_max).text);
	print_roots(r);
	if (f.nr_blocks > 0 || f.nr_slabs > 0)
		print_classes(r);
}

static void
print_text(const struct durable *d, const struct owner *owner)
{
	if (d->result.superblock == COPY_VALID) {
		print_state(d, owner);
		print_superblock(d);
	}
	if (d->result.has_ledger)
		print_ledger(&d->result);
	durable_print_faults(d);
}

/* --- as JSON ------------------------------------------------------------------------ */

static void
add_superblock(json_object *top, const struct durable *d)
{
	const struct check_result *r = &d->result;
	const struct superblock *sb = &r->sb;
	json_object *copies = json_object_new_array();
	char uuid[64], address[32];

	print_uuid(sb->uuid, uuid, sizeof(uuid));
	(void)snprintf(
	    address, sizeof(address), "%#llx", (unsigned long long)sb->base);
	output_number(top, "version", sb->version);
	output_text(top, "layout", sb->layout);
	output_text(top, "uuid", uuid);
	output_number(top, "generation", (long long)sb->generation);
	output_number(top, "size", (long long)sb->size);
	output_text(top, "address", address);
	output_text(top, "granularity", granularity_name(sb->granularity));
	for (size_t i = 0; i < ARRAY_LEN(r->copies); i++) {
		json_object *copy = json_object_new_object();
		bool is_valid = r->copies[i].is == COPY_VALID;

		output_number(copy, "offset", (long long)r->copies[i].off);
		output_bool(copy, "valid", is_valid);
		output_number(copy, "sequence",
		    is_valid ? (long long)r->copies[i].sequence : -1);
		json_object_array_add(copies, copy);
	}
	json_object_object_add(top, "superblocks", copies);
}

static void
add_classes(json_object *top, const struct check_result *r)
{
	json_object *classes = json_object_new_array();

	for (size_t i = 0; i < MEDIUM_CLASSES; i++) {
		const struct check_class *class = &r->classes[i];
		uint32_t size = r->sb.class_size[i];

		size_t space = class->nr_slabs * slab_size(size);

		if (class->nr_slabs == 0)
			continue;
		json_object *object = json_object_new_object();
		output_number(object, "block_size", size);
		output_number(object, "slabs", (long long)class->nr_slabs);
		output_number(object, "space", (long long)space);
		output_number(object, "blocks", (long long)class->nr_blocks);
		json_object_array_add(classes, object);
	}
	json_object_object_add(top, "classes", classes);
}

static void
add_roots(json_object *top, const struct check_result *r)
{
	json_object *roots = json_object_new_array();

	for (size_t i = 0; i < r->nr_roots; i++) {
		json_object *root = json_object_new_object();

		output_text(root, "name", r->roots[i].name);
		output_number(root, "offset", (long long)r->roots[i].off);
		output_bool(root, "block", r->roots[i].has_block);
		json_object_array_add(roots, root);
	}
	json_object_object_add(top, "roots", roots);
}

static void
add_ledger(json_object *top, const struct check_result *r)
{
	struct figures f = sum_up(r);

	output_number(top, "ledger_lines", (long long)r->nr_lines);
	output_number(top, "blocks", (long long)(f.nr_blocks - r->nr_cached));
	output_number(top, "bytes", (long long)(f.bytes - r->cached_bytes));
	output_number(top, "cached_blocks", (long long)r->nr_cached);
	output_number(top, "cached_bytes", (long long)r->cached_bytes);
	output_number(top, "cached_max", (long long)r->sb.cached_max);
	output_number(top, "stacks", (long long)r->nr_stacks);
	output_number(top, "stack_bytes", (long long)r->stack_bytes);
	output_number(top, "extents", (long long)r->nr_extents);
	output_number(top, "extent_bytes", (long long)r->extent_bytes);
	add_classes(top, r);
	add_roots(top, r);
}

static void
print_json(const struct durable *d, const struct owner *owner)
{
	json_object *top = json_object_new_object();

	output_text(top, "path", d->path);
	output_text(top, "state", state_name(d));
	output_number(top, "pid", owner->pid > 0 ? owner->pid : -1);
	output_text(top, "process", owner->pid > 0 ? owner->name : NULL);
	if (d->result.superblock == COPY_VALID)
		add_superblock(top, d);
	if (d->result.has_ledger)
		add_ledger(top, &d->result);
	output_number(top, "nr_faults", (long long)d->result.nr_faults);
	json_object_object_add(top, "faults", json_object_get(d->faults));
	output_json(top);
}

static void
print_json_error(const char *path)
{
	json_object *top = json_object_new_object();

	output_text(top, "path", path);
	output_text(top, "error", daxkind_last_error());
	output_json(top);
}

/* --- command ------------------------------------------------------------------------- */

static int
run_inspect(const char *path, bool json)
{
	struct durable *d = calloc(1, sizeof(*d));
	struct owner owner = {0};
	int status = COMMAND_UNREADABLE;

	if (d == NULL) {
		(void)command_fail("no memory");
		return status;
	}
	d->path = path;
	d->may_be_open = true;
	if (durable_read(d) < 0) {
		if (json)
			print_json_error(path);
		else
			(void)command_fail("%s", daxkind_last_error());
	} else {
		status = d->result.nr_faults == 0 ? COMMAND_OK : COMMAND_FAILED;
		if (d->is_open && !inspect_owner(d->place.path, &owner.pid,
				      owner.name, sizeof(owner.name)))
			owner.pid = 0;
		if (json)
			print_json(d, &owner);
		else
			print_text(d, &owner);
		durable_close(d);
	}
	free(d);
	return output_end(status);
}

int
command_inspect(const struct command *command, int argc, char **argv)
{
	const char *path;
	bool json;
	int status;

	if (!command_take_path(command, argc, argv, &path, &json, &status))
		return status;
	return run_inspect(path, json);
}
