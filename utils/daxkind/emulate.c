// SPDX-License-Identifier: BSD-2-Clause
/*
 * emulate.c -- daxkind emulate: persistent memory without the hardware.
 *
 * Without --apply it only prints.  With it, it turns one namespace into the
 * requested form, unless the namespace may hold data.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "base/parse.h"
#include "base/util.h"
#include "command.h"
#include "dax/dax_name.h"
#include "dax/dax_namespace.h"
#include "dax/mounts.h"
#include "inspect.h"
#include "options.h"
#include "output.h"
#include "plan.h"

const char Command_emulate_help[] =
    "  -s, --size=SIZE      how much memory to take, with K, M, G or T\n"
    "                       [a quarter of what lies above 4 GiB]\n"
    "  -m, --mode=MODE      fsdax or devdax [fsdax]\n"
    "  -t, --fs=TYPE        ext4 or xfs [ext4]\n"
    "  -d, --mount=DIR      where to mount it [/mnt/DEVICE]\n"
    "      --memory-map=PATH  read the memory map from PATH, a copy of\n"
    "                       /sys/firmware/memmap or /proc/iomem of another\n"
    "                       machine\n"
    "      --apply          run the ndctl, mkfs and mount commands for\n"
    "                       NAMESPACE, or for the first unused one that comes\n"
    "                       from memmap=, after printing them; needs root\n"
    "  -f, --force          with --apply: bytes that are not zero, but no file\n"
    "                       system or other data that is known, may go\n"
    "\n"
    "Prints the kernel parameter that reserves memory, and the commands that\n"
    "make a namespace, a file system and a mount of it.  Nothing is changed\n"
    "without --apply, and the kernel parameter is always yours to set.\n";

enum {
	MAX_STEPS = 4,
	MAX_WORDS = 12
};

/* A command and its arguments, which are constant or in the request. */
struct step {
	const char *words[MAX_WORDS]; /* NULL at the end */
};

struct request {
	const char *memory_map; /* NULL: this machine's */
	size_t size;            /* 0: choose */
	const char *mode, *fs, *mount_dir;
	const char *namespace_name; /* NULL: choose */
	bool apply, force, json;

	struct dax_namespace ns;
	bool has_ns; /* there is a namespace to use */
	struct plan_map map;
	struct plan_range place;
	int plan_rc;     /* 0: place is valid */
	char memmap[64]; /* "memmap=4G!12G" */
	char device[64]; /* the expected "/dev/pmem0" */
	char dir[4096];  /* mount point */
	struct step steps[MAX_STEPS];
	size_t nr_steps;
};

/* --- the steps -------------------------------------------------------------- */

static void
add_step(struct request *request, const struct step *step)
{
	request->steps[request->nr_steps++] = *step;
}

/* Whether the namespace has that mode and an alignment already: then it is
 * kept. */
static bool
is_made(const struct request *request)
{
	return request->has_ns && request->ns.is_active &&
	       request->ns.align != 0 &&
	       strcmp(dax_namespace_mode_name(request->ns.mode),
		   request->mode) == 0;
}

static void
set_steps(struct request *request)
{
	const char *ns = request->has_ns ? request->ns.name : "namespace0.0";
	const char *device = request->device, *dir = request->dir;

	request->nr_steps = 0;
	if (!is_made(request)) {
		struct step make = {{"ndctl", "create-namespace", "-f", "-e",
		    ns, "-m", request->mode, "-a", "2M"}};
		add_step(request, &make);
	}
	if (strcmp(request->mode, "fsdax") != 0)
		return;
	/* Extents begin at multiples of 2 MiB, for huge pages. */
	struct step ext4 = {{"mkfs.ext4", "-q", "-F", "-b", "4096", "-E",
	    "stride=512,stripe_width=512", device}};
	struct step xfs = {
	    {"mkfs.xfs", "-q", "-f", "-d", "su=2m,sw=1", device}};
	struct step mkdir = {{"mkdir", "-p", dir}};
	struct step mount = {
	    {"mount", "-t", request->fs, "-o", "dax=always", device, dir}};
	add_step(request, strcmp(request->fs, "xfs") == 0 ? &xfs : &ext4);
	add_step(request, &mkdir);
	add_step(request, &mount);
}

static void
set_device(struct request *request)
{
	const char *device = request->has_ns ? request->ns.device : "pmem0";
	int need;

	/* A change of mode also changes the device. */
	if (request->has_ns && strncmp(device, "pmem", 4) != 0)
		device = "pmem0";
	(void)snprintf(
	    request->device, sizeof(request->device), "/dev/%s", device);
	if (request->mount_dir != NULL)
		need = snprintf(request->dir, sizeof(request->dir), "%s",
		    request->mount_dir);
	else
		need = snprintf(
		    request->dir, sizeof(request->dir), "/mnt/%s", device);
	if (need < 0 || (size_t)need >= sizeof(request->dir))
		request->dir[0] = '\0';
}

/* Print a word as a shell reads it. */
static void
print_word(FILE *out, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=.,:/@%";

	if (word[0] != '\0' && word[strspn(word, plain)] == '\0') {
		fputs(word, out);
		return;
	}
	fputc('\'', out);
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	}
	fputc('\'', out);
}

static void
print_step(FILE *out, const char *before, const struct step *step)
{
	fputs(before, out);
	for (size_t i = 0; step->words[i] != NULL; i++) {
		if (i > 0)
			fputc(' ', out);
		print_word(out, step->words[i]);
	}
	fputc('\n', out);
}

/* --- choosing a namespace ------------------------------------------------- */

/* Not in use: no mount, no file system, not in devdax mode. */
static bool
is_unused(const struct dax_namespace *ns)
{
	char path[64], type[16];
	struct os_stat st;
	bool is_unused = false;

	(void)snprintf(path, sizeof(path), "/dev/%s", ns->device);
	if (!ns->is_active || ns->mode == DAX_NAMESPACE_DEVDAX ||
	    ns->mode == DAX_NAMESPACE_SECTOR || os_stat(path, &st) < 0)
		return false;
	struct mount *mount = os_new(sizeof(*mount));
	if (mount != NULL &&
	    mounts_find(st.major_nr, st.minor_nr, mount) == -ENOENT)
		is_unused =
		    dax_name_read_fs_type(path, type) < 0 || type[0] == '\0';
	os_delete(mount);
	return is_unused;
}

/* Without a name, use a namespace from memmap= only, never a real module. */
static int
choose(const struct dax_namespace *ns, void *arg)
{
	struct request *request = arg;

	if (strcmp(ns->provider, "e820") != 0 || !is_unused(ns))
		return 0;
	request->ns = *ns;
	request->has_ns = true;
	return 1;
}

static int
find_namespace(struct request *request)
{
	int rc;

	if (request->namespace_name == NULL) {
		rc = dax_namespace_walk(choose, request);
		return rc < 0 && rc != -EOPNOTSUPP && rc != -ELIBACC ? rc : 0;
	}
	rc = dax_namespace_find(request->namespace_name, &request->ns);
	request->has_ns = rc == 0;
	return rc;
}

/* --- permission to erase -------------------------------------------------- */

static const struct {
	size_t off;
	const char *magic;
	size_t len;
	const char *what;
} Signatures[] = {
    {1024 + 56, "\x53\xef", 2, "an ext4 file system"},
    {0, "XFSB", 4, "an XFS file system"},
    {65536 + 64, "_BHRfS_M", 8, "a btrfs file system"},
    {510, "\x55\xaa", 2, "a partition table"},
    {512, "EFI PART", 8, "a partition table"},
    {512 + 24, "LVM2 001", 8, "an LVM volume"},
    {0, "LUKS\xba\xbe", 6, "an encrypted volume"},
    {4086, "SWAPSPACE2", 10, "swap space"},
    {4096, "\xfc\x4e\x2b\xa9", 4, "a part of a RAID"},
    {4096, "NVDIMM_PFN_INFO", 15, "an fsdax namespace"},
    {4096, "NVDIMM_DAX_INFO", 15, "a devdax namespace"},
    {4096, "BTT_ARENA_INFO", 14, "a sector namespace"},
};

/* Set *what to the content of a device, or NULL; -errno if it cannot be
 * read. */
static int
find_data(const char *path, const char **what)
{
	static char Buffer[MIB];

	*what = NULL;
	int rc = os_read_at(path, 0, Buffer, sizeof(Buffer));
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(Signatures); i++) {
		if (memcmp(Buffer + Signatures[i].off, Signatures[i].magic,
			Signatures[i].len) == 0) {
			*what = Signatures[i].what;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(Buffer); i++) {
		if (Buffer[i] != 0) {
			*what = "";
			return 0;
		}
	}
	return 0;
}

static int
check_block(const struct request *request, const char *path)
{
	const char *name = request->ns.name, *what;
	struct os_stat st;
	int rc = os_stat(path, &st);

	if (rc < 0)
		return command_fail("%s: %s", path, strerror(-rc));
	struct mount *mount = os_new(sizeof(*mount));
	if (mount == NULL)
		return command_fail("no memory");
	rc = mounts_find(st.major_nr, st.minor_nr, mount);
	if (rc == 0)
		(void)command_fail("%s (%s) is mounted on %s; if it is not "
				   "needed: umount %s",
		    name, path, mount->point, mount->point);
	os_delete(mount);
	if (rc == 0)
		return COMMAND_FAILED;
	rc = find_data(path, &what);
	if (rc < 0)
		return command_fail(
		    "%s cannot be read: %s", path, strerror(-rc));
	if (what != NULL && what[0] != '\0')
		return command_fail(
		    "%s (%s) holds data: %s; if it is not needed, erase it "
		    "by: dd if=/dev/zero of=%s bs=1M count=1",
		    name, path, what, path);
	if (what != NULL && !request->force)
		return command_fail(
		    "%s (%s) holds data of an unknown kind, maybe what the "
		    "memory held before the last boot; --force overwrites it",
		    name, path);
	return COMMAND_OK;
}

static int
check_apply(const struct request *request)
{
	char path[64];

	if (geteuid() != 0)
		return command_fail("--apply needs root");
	if (!request->has_ns)
		return command_fail(
		    "no unused namespace that comes from memmap=; name one "
		    "if another is meant: ndctl list -N -i");
	const struct dax_namespace *ns = &request->ns;
	if (!ns->is_active)
		return command_fail("%s is disabled; enable it with: ndctl "
				    "enable-namespace %s",
		    ns->name, ns->name);
	if (ns->mode == DAX_NAMESPACE_DEVDAX ||
	    ns->mode == DAX_NAMESPACE_SECTOR)
		return command_fail(
		    "%s is in %s mode and may hold data; if it is not needed: "
		    "ndctl destroy-namespace -f %s",
		    ns->name, dax_namespace_mode_name(ns->mode), ns->name);
	if (request->dir[0] == '\0')
		return command_fail("the name of the directory is too long");
	(void)snprintf(path, sizeof(path), "/dev/%s", ns->device);
	return check_block(request, path);
}

/* --- applying ------------------------------------------------------------- */

static int
run_step(const struct step *step)
{
	char *argv[MAX_WORDS];

	/* execvp() does not write to them, despite its prototype. */
	for (size_t i = 0; i < MAX_WORDS; i++)
		argv[i] = (char *)(uintptr_t)step->words[i];
	print_step(stderr, "+ ", step);
	(void)fflush(stdout);
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		/* Keep standard output for this command's output, which may be
		 * JSON. */
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], argv);
		fprintf(stderr, "daxkind: %s: %s\n", step->words[0],
		    strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return command_fail(
		    "%s cannot be run: %s", step->words[0], strerror(errno));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return command_fail(
		    "%s failed; the earlier steps were not undone",
		    step->words[0]);
	return COMMAND_OK;
}

/* The device's node may appear a moment after the namespace. */
static bool
wait_for_node(const char *path)
{
	struct os_stat st;

	for (int i = 0; i < 100; i++) {
		if (os_stat(path, &st) == 0)
			return true;
		(void)usleep(50000);
	}
	return false;
}

/* The new namespace may have a different device. */
static int
follow_device(struct request *request)
{
	char path[64];
	char name[sizeof(request->ns.name)];

	memcpy(name, request->ns.name, sizeof(name));
	if (dax_namespace_find(name, &request->ns) < 0 ||
	    request->ns.device[0] == '\0')
		return command_fail("%s has no device now", name);
	(void)snprintf(path, sizeof(path), "/dev/%s", request->ns.device);
	if (!wait_for_node(path))
		return command_fail("there is no %s", path);
	if (strncmp(request->ns.device, "pmem", 4) == 0)
		memcpy(request->device, path, sizeof(path));
	else
		(void)snprintf(
		    request->device, sizeof(request->device), "%s", path);
	return COMMAND_OK;
}

static int
apply(struct request *request)
{
	int status = check_apply(request);

	for (size_t i = 0; status == COMMAND_OK && i < request->nr_steps; i++) {
		status = run_step(&request->steps[i]);
		if (status == COMMAND_OK &&
		    strcmp(request->steps[i].words[0], "ndctl") == 0)
			status = follow_device(request);
	}
	return status;
}

/* --- output --------------------------------------------------------------- */

/* Use the largest unit that gives a whole number. */
static void
print_bytes(char *text, size_t text_size, uint64_t bytes)
{
	if (bytes % GIB == 0)
		(void)snprintf(text, text_size, "%" PRIu64 "G", bytes / GIB);
	else
		(void)snprintf(text, text_size, "%" PRIu64 "M", bytes / MIB);
}

static void
set_plan(struct request *request)
{
	char size[24], start[24];

	request->plan_rc = plan_read(request->memory_map, &request->map);
	if (request->plan_rc == 0)
		request->plan_rc =
		    plan_choose(&request->map, request->size, &request->place);
	if (request->plan_rc < 0)
		return;
	print_bytes(
	    size, sizeof(size), request->place.end - request->place.start);
	print_bytes(start, sizeof(start), request->place.start);
	(void)snprintf(request->memmap, sizeof(request->memmap), "memmap=%s!%s",
	    size, start);
}

static void
explain_plan(const struct request *request, char *text, size_t text_size)
{
	size_t high = (size_t)plan_longest_high(&request->map);

	switch (request->plan_rc) {
	case -ENOSPC:
		if (high == 0)
			(void)snprintf(text, text_size,
			    "no memory above 4 GiB is free for it, and below "
			    "it is not safe: the kernel, the initrd and the "
			    "firmware are there");
		else
			(void)snprintf(text, text_size,
			    "the longest range above 4 GiB has %s: ask for "
			    "less by --size",
			    output_size(high).text);
		break;
	case -ERANGE:
		(void)snprintf(text, text_size,
		    "less than 1 GiB would be left for the machine itself: "
		    "ask for less by --size");
		break;
	case -ENOMSG:
		(void)snprintf(
		    text, text_size, "the memory map has no System RAM");
		break;
	case -ENODATA:
		(void)snprintf(text, text_size,
		    "the memory map shows no addresses; run it as root");
		break;
	default:
		(void)snprintf(text, text_size,
		    "the memory map cannot be read: %s",
		    strerror(-request->plan_rc));
	}
}

static void
print_text(const struct request *request)
{
	char why[256];

	printf("1. Reserve memory at boot\n\n");
	if (request->plan_rc == 0) {
		printf("   %s of memory from 0x%" PRIx64
		       ", which %s calls RAM, of %s in all:\n\n"
		       "     %s\n\n"
		       "   Append it to GRUB_CMDLINE_LINUX in "
		       "/etc/default/grub, then\n\n"
		       "     update-grub && reboot\n",
		    output_size(
			(size_t)(request->place.end - request->place.start))
			.text,
		    request->place.start, request->map.source,
		    output_size((size_t)plan_total(&request->map)).text,
		    request->memmap);
		if (request->map.nr_memmap >= 4)
			printf("   More than four of them switch the "
			       "kernel's KASLR off.\n");
	} else {
		explain_plan(request, why, sizeof(why));
		printf("   Not possible here: %s.\n", why);
	}
	if (request->has_ns)
		printf("   %s is there already, and unused: this step is not "
		       "needed.\n",
		    request->ns.name);
	printf("\n2. Make %s of it%s\n\n",
	    strcmp(request->mode, "fsdax") == 0
		? "a namespace, a file system and a mount"
		: "a devdax namespace",
	    request->has_ns
		? ""
		: " (ndctl list -N -i shows the namespace's number)");
	for (size_t i = 0; i < request->nr_steps; i++)
		print_step(stdout, "     ", &request->steps[i]);
	printf("\n3. Try it\n\n     daxkind list\n     daxkind probe %s\n",
	    strcmp(request->mode, "fsdax") == 0 ? request->dir : "/dev/dax0.0");
	if (request->has_ns && !request->apply)
		printf("\ndaxkind emulate --apply runs the commands of step "
		       "2.\n");
}

static json_object *
words_to_json(const struct step *step)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; step->words[i] != NULL; i++)
		json_object_array_add(
		    array, json_object_new_string(step->words[i]));
	return array;
}

static void
print_json(const struct request *request, bool is_applied)
{
	json_object *object = json_object_new_object();
	json_object *commands = json_object_new_array();
	char why[256] = "";

	if (request->plan_rc < 0)
		explain_plan(request, why, sizeof(why));
	output_text(object, "memmap", request->memmap);
	output_number(object, "memmap_start",
	    request->plan_rc == 0 ? (long long)request->place.start : -1);
	output_number(object, "memmap_size",
	    request->plan_rc == 0
		? (long long)(request->place.end - request->place.start)
		: -1);
	output_text(object, "memmap_error", why);
	output_text(object, "memory_map", request->map.source);
	output_text(
	    object, "namespace", request->has_ns ? request->ns.name : NULL);
	output_text(object, "mode", request->mode);
	for (size_t i = 0; i < request->nr_steps; i++)
		json_object_array_add(
		    commands, words_to_json(&request->steps[i]));
	json_object_object_add(object, "commands", commands);
	output_bool(object, "applied", is_applied);
	output_json(object);
}

/* The file that the user named is not a memory map. */
static int
fail_map(const struct request *request)
{
	if (request->plan_rc == -ENOMSG)
		return command_fail(
		    "--memory-map %s is not a memory map: nothing in it is "
		    "System RAM",
		    request->memory_map);
	return command_fail("--memory-map %s cannot be read: %s",
	    request->memory_map, strerror(-request->plan_rc));
}

static int
run_emulate(struct request *request)
{
	int rc = find_namespace(request);
	int status = COMMAND_OK;

	if (rc == -ENODEV)
		return command_fail("there is no namespace %s; list them "
				    "with: ndctl list -N -i",
		    request->namespace_name);
	/* Both only where a name was given: see find_namespace(). */
	if (rc == -EOPNOTSUPP || rc == -ELIBACC)
		return command_fail("%s: namespaces are unknown because %s",
		    request->namespace_name,
		    rc == -ELIBACC ? "libndctl cannot be loaded"
				   : "this daxkind was built without libndctl");
	if (rc < 0)
		return command_fail(
		    "the namespaces cannot be listed: %s", strerror(-rc));
	set_device(request);
	set_steps(request);
	set_plan(request);
	if (request->plan_rc < 0 && request->memory_map != NULL &&
	    request->map.source[0] == '\0')
		return fail_map(request);
	if (!request->json)
		print_text(request);
	if (request->apply) {
		(void)fflush(stdout);
		status = apply(request);
	} else if (request->plan_rc < 0 && !request->has_ns) {
		status = COMMAND_FAILED;
	}
	if (request->json)
		print_json(request, request->apply && status == COMMAND_OK);
	return output_end(status);
}

static bool
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

/* Returns an error text, or NULL; fills in defaults. */
static const char *
check_request(struct request *request)
{
	static char text[256];
	bool is_devdax;

	if (request->mode == NULL)
		request->mode = "fsdax";
	is_devdax = strcmp(request->mode, "devdax") == 0;
	if (!is_one_of(request->mode, "fsdax", "devdax")) {
		(void)snprintf(text, sizeof(text),
		    "--mode \"%s\" is neither fsdax nor devdax", request->mode);
		return text;
	}
	if (is_devdax && (request->fs != NULL || request->mount_dir != NULL))
		return "--fs and --mount apply to fsdax only: a devdax "
		       "namespace has no file system";
	if (request->fs == NULL)
		request->fs = "ext4";
	if (!is_one_of(request->fs, "ext4", "xfs")) {
		(void)snprintf(text, sizeof(text),
		    "--fs \"%s\" is neither ext4 nor xfs", request->fs);
		return text;
	}
	if (request->mount_dir != NULL && request->mount_dir[0] != '/') {
		(void)snprintf(text, sizeof(text),
		    "--mount \"%s\" does not begin with /", request->mount_dir);
		return text;
	}
	if (request->force && !request->apply)
		return "--force needs --apply";
	if (request->apply && request->memory_map != NULL)
		return "--apply is for this machine, --memory-map for another";
	if (request->namespace_name != NULL &&
	    request->namespace_name[0] == '\0')
		return "the NAMESPACE is empty";
	return NULL;
}

int
command_emulate(const struct command *command, int argc, char **argv)
{
	enum {
		APPLY = COMMAND_OPTION,
		MEMORY_MAP
	};
	static const struct option Options[] = {
	    {"apply", no_argument, NULL, APPLY},
	    {"force", no_argument, NULL, 'f'},
	    {"fs", required_argument, NULL, 't'},
	    {"memory-map", required_argument, NULL, MEMORY_MAP},
	    {"mode", required_argument, NULL, 'm'},
	    {"mount", required_argument, NULL, 'd'},
	    {"size", required_argument, NULL, 's'}, COMMAND_LONG_OPTIONS};
	static struct request Request; /* too large for the stack */
	struct request *request = &Request;
	int option;

	while ((option = options_next(argc, argv, "d:fhjm:s:t:V", Options)) !=
	       -1) {
		switch (option) {
		case APPLY:
			request->apply = true;
			break;
		case MEMORY_MAP:
			request->memory_map = optarg;
			break;
		case 'd':
			request->mount_dir = optarg;
			break;
		case 'f':
			request->force = true;
			break;
		case 'j':
			request->json = true;
			break;
		case 'm':
			request->mode = optarg;
			break;
		case 's':
			if (!parse_size(optarg, &request->size) ||
			    request->size == 0)
				return command_usage(command,
				    "--size \"%s\" is not a size such as 4G",
				    optarg);
			break;
		case 't':
			request->fs = optarg;
			break;
		default:
			return command_other_option(command, option);
		}
	}
	if (optind + 1 < argc)
		return command_usage(
		    command, "unexpected argument \"%s\"", argv[optind + 1]);
	request->namespace_name = argv[optind];
	const char *complaint = check_request(request);
	if (complaint != NULL)
		return command_usage(command, "%s", complaint);
	return run_emulate(request);
}
