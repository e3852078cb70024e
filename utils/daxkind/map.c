// SPDX-License-Identifier: BSD-2-Clause
/*
 * map.c -- daxkind map: the space map of a region, as a picture.
 *
 * The region is cut into cells of equal length; each run of the region is
 * divided among the cells that it touches:
 *
 *	runs    |  taken  | hole |     taken      |  free  |
 *	cells   |     |     |     |     |     |     |     |
 */
#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/os.h"
#include "base/parse.h"
#include "base/util.h"
#include "command.h"
#include "dax/dax_name.h"
#include "daxkind.h"
#include "durable.h"
#include "options.h"
#include "output.h"

const char Command_map_help[] =
    "      --demo       a small heap in $TMPDIR is filled, holed and emptied,\n"
    "                   with a picture of each step\n"
    "  -s, --size=SIZE  in a directory or on a device: of the region, with K,\n"
    "                   M, G or T; else all there is\n"
    "\n"
    "Opens a region on PATH, as daxkind_region_open(3) does, and shows which of\n"
    "it is taken, free or bad.  On PATH may be a durable heap that no program has\n"
    "open.  Nothing is written; a file must exist.\n";

enum {
	NR_STATES = DAXKIND_RUN_BAD + 1,
	NR_COLUMNS = 64,
	NR_ROWS = 8,
	NR_CELLS = NR_COLUMNS * NR_ROWS,
};

/* The look of a cell; bad bytes take precedence. */
enum look {
	LOOK_TAKEN,   /* nothing but taken */
	LOOK_MOSTLY,  /* taken by half or more */
	LOOK_PARTLY,  /* taken by less than half */
	LOOK_FREE,    /* free, mostly with file space */
	LOOK_HOLE,    /* free, mostly without file space */
	LOOK_BAD,     /* holds bad bytes */
	LOOK_OUTSIDE, /* beyond the end of the region */
	NR_LOOKS
};

static const struct {
	const char *block; /* in UTF-8 */
	const char *plain;
	const char *colour; /* terminal escape sequence */
	const char *legend;
} Looks[NR_LOOKS] = {
    [LOOK_TAKEN] = {"\u2588", "#", "\033[0;32m", "taken"},
    [LOOK_MOSTLY] = {"\u2593", "*", "\033[0;32m", "half or more"},
    [LOOK_PARTLY] = {"\u2592", "+", "\033[0;32m", "less"},
    [LOOK_FREE] = {"\u2591", "-", "\033[0;33m", "free, file space held"},
    [LOOK_HOLE] = {"\u00b7", ".", "\033[0;2m", "free, none held"},
    [LOOK_BAD] = {"X", "X", "\033[0;1;31m", "bad"},
    [LOOK_OUTSIDE] = {" ", " ", "\033[0m", ""},
};

struct picture {
	size_t cell_len; /* in bytes */
	size_t cells[NR_CELLS][NR_STATES];
	json_object *runs; /* NULL: print a picture */
};

static void
begin_picture(struct picture *picture, size_t size)
{
	picture->cell_len = (size + NR_CELLS - 1) / NR_CELLS;
}

static const char *
state_name(enum daxkind_run_state state)
{
	static const char *const Names[] = {
	    [DAXKIND_RUN_TAKEN] = "taken",
	    [DAXKIND_RUN_IDLE] = "idle",
	    [DAXKIND_RUN_HOLE] = "hole",
	    [DAXKIND_RUN_BAD] = "bad",
	};

	return Names[state];
}

static int
share_out(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	struct picture *picture = arg;
	size_t cell = off / picture->cell_len;
	size_t part = picture->cell_len - off % picture->cell_len;

	if (picture->runs != NULL) {
		json_object *run = json_object_new_object();

		output_number(run, "offset", (long long)off);
		output_number(run, "size", (long long)len);
		output_text(run, "state", state_name(state));
		json_object_array_add(picture->runs, run);
		return 0;
	}
	for (; len > 0 && cell < NR_CELLS; cell++) {
		part = min_size(part, len);
		picture->cells[cell][state] += part;
		len -= part;
		part = picture->cell_len;
	}
	return 0;
}

static enum look
look_of(const size_t cell[NR_STATES])
{
	size_t taken = cell[DAXKIND_RUN_TAKEN];
	size_t idle = cell[DAXKIND_RUN_IDLE];
	size_t hole = cell[DAXKIND_RUN_HOLE];

	if (cell[DAXKIND_RUN_BAD] > 0)
		return LOOK_BAD;
	if (taken + idle + hole == 0)
		return LOOK_OUTSIDE;
	if (taken == 0)
		return idle >= hole ? LOOK_FREE : LOOK_HOLE;
	if (idle + hole == 0)
		return LOOK_TAKEN;
	return taken >= idle + hole ? LOOK_MOSTLY : LOOK_PARTLY;
}

/* --- on the terminal -------------------------------------------------------- */

static bool
wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) == 1 &&
	       (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

static void
print_cells(const struct picture *picture)
{
	bool utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	bool colour = wants_colour();

	for (size_t i = 0; i < NR_CELLS; i++) {
		enum look look = look_of(picture->cells[i]);

		if (i % NR_COLUMNS == 0)
			printf(
			    "%10s ", output_size(i * picture->cell_len).text);
		printf("%s%s%s", colour ? Looks[look].colour : "",
		    utf8 ? Looks[look].block : Looks[look].plain,
		    colour ? "\033[0m" : "");
		if (i % NR_COLUMNS == NR_COLUMNS - 1)
			putchar('\n');
	}
	printf("%10s ", "");
	for (int look = LOOK_TAKEN; look <= LOOK_BAD; look++)
		printf("%s%s%s %s%s", colour ? Looks[look].colour : "",
		    utf8 ? Looks[look].block : Looks[look].plain,
		    colour ? "\033[0m" : "", Looks[look].legend,
		    look < LOOK_BAD ? "  " : "\n");
}

static void
print_text(const struct picture *picture, const struct daxkind_space *space,
    const char *caption)
{
	printf("%s: %s, %s taken, %s free (longest run %s)", caption,
	    output_size(space->total).text, output_size(space->taken).text,
	    output_size(space->free).text,
	    output_size(space->largest_free).text);
	if (space->bad > 0)
		printf(", %s bad", output_size(space->bad).text);
	printf(", %s of file space held\n", output_size(space->held).text);
	print_cells(picture);
}

static json_object *
make_json(const struct picture *picture, const struct daxkind_space *space,
    const char *caption)
{
	json_object *object = json_object_new_object();

	output_text(object, "name", caption);
	output_number(object, "total", (long long)space->total);
	output_number(object, "taken", (long long)space->taken);
	output_number(object, "free", (long long)space->free);
	output_number(object, "bad", (long long)space->bad);
	output_number(object, "largest_free", (long long)space->largest_free);
	output_number(object, "held", (long long)space->held);
	json_object_object_add(object, "runs", picture->runs);
	return object;
}

/* As a picture or in the JSON array. */
static void
show_picture(const struct picture *picture, const struct daxkind_space *space,
    const char *caption, json_object *array)
{
	if (array != NULL)
		json_object_array_add(
		    array, make_json(picture, space, caption));
	else
		print_text(picture, space, caption);
}

static struct picture *
new_picture(const json_object *array)
{
	struct picture *picture = calloc(1, sizeof(*picture));

	if (picture != NULL && array != NULL)
		picture->runs = json_object_new_array();
	return picture;
}

/* Show the current state of the region. */
static int
show(const struct daxkind_region *region, const char *caption,
    json_object *array)
{
	struct daxkind_region_info info;
	int rc = daxkind_region_info(region, &info, sizeof(info));

	if (rc < 0)
		return rc;
	struct picture *picture = new_picture(array);
	struct daxkind_space space = {0};
	if (picture == NULL)
		return -ENOMEM;
	begin_picture(picture, info.size);
	rc = daxkind_region_walk(region, share_out, picture);
	(void)daxkind_region_space(region, &space, sizeof(space));
	show_picture(picture, &space, caption, array);
	free(picture);
	return rc;
}

/* --- a durable heap ------------------------------------------------------------- */

/* Of slabs, what is free in them is idle. */
struct heap_map {
	struct picture *picture;
	struct backing *backing; /* once it is known */
	const struct check_result *result;
	size_t nr_fixed; /* of them, those that were mapped */
	struct daxkind_space space;
	size_t end; /* of what was shared out */
};

static void
map_run(struct heap_map *map, size_t off, size_t len,
    enum daxkind_run_state state, const char *what)
{
	struct picture *picture = map->picture;

	if (len == 0)
		return;
	(void)share_out(picture, off, len, state);
	if (picture->runs != NULL && what != NULL)
		output_text(json_object_array_get_idx(picture->runs,
				json_object_array_length(picture->runs) - 1),
		    "what", what);
}

/* What no slab and no extent has, with file space or without. */
static void
map_free(struct heap_map *map, size_t to)
{
	size_t off = map->end;

	if (off >= to)
		return;
	map->space.free += to - off;
	map->space.largest_free = max_size(map->space.largest_free, to - off);
	while (off < to) {
		size_t hole_off = to, hole_len = 0;

		if (!backing_find_hole(
			map->backing, off, to - off, &hole_off, &hole_len)) {
			hole_off = to;
			hole_len = 0;
		}
		map_run(map, off, hole_off - off, DAXKIND_RUN_IDLE, NULL);
		map_run(map, hole_off, hole_len, DAXKIND_RUN_HOLE, NULL);
		off = hole_off + hole_len;
	}
	map->end = to;
}

static void
map_taken(struct heap_map *map, size_t off, size_t len, const char *what)
{
	map_free(map, off);
	map_run(map, off, len, DAXKIND_RUN_TAKEN, what);
	map->space.taken += len;
	map->end = max_size(map->end, off + len);
}

/* What of the library's comes before an offset. */
static void
map_fixed(struct heap_map *map, size_t to)
{
	const struct check_result *result = map->result;

	for (; map->nr_fixed < result->nr_fixed; map->nr_fixed++) {
		const struct check_range *range = &result->fixed[map->nr_fixed];

		if (range->off >= to)
			break;
		map_taken(map, range->off, range->len,
		    map->nr_fixed + 1 < result->nr_fixed ? "records"
							 : "superblock");
	}
}

static int
map_unit(void *arg, const struct ledger *l, const struct ledger_unit *unit)
{
	static const char *const Names[] = {
	    [LEDGER_SLAB] = "slab",
	    [LEDGER_EXTENT] = "extent",
	    [LEDGER_STACKS] = "stacks",
	    [LEDGER_LOST] = "lost",
	};
	struct heap_map *map = arg;

	map->backing = l->backing;
	if (map->picture->cell_len == 0)
		begin_picture(map->picture, map->result->sb.size);
	map_fixed(map, unit->off);
	size_t taken = unit->len;
	if (unit->type == LEDGER_SLAB && map->picture->runs == NULL)
		taken =
		    ledger_count(l, unit) * l->classes[unit->size_class].size;
	taken = min_size(taken, unit->len);
	map_taken(map, unit->off, taken, Names[unit->type]);
	map_run(
	    map, unit->off + taken, unit->len - taken, DAXKIND_RUN_IDLE, NULL);
	map->space.taken += unit->len - taken;
	map->end = max_size(map->end, unit->off + unit->len);
	return 0;
}

static void
finish_map(struct heap_map *map, const struct durable *d)
{
	const struct superblock *sb = &d->result.sb;
	struct os_stat st;

	if (map->picture->cell_len == 0) /* an empty heap */
		begin_picture(map->picture, sb->size);
	map_fixed(map, SIZE_MAX);
	map->space.total = sb->size;
	map->space.held = d->backing->size;
	if (os_stat(d->place.path, &st) == 0 && st.is_file)
		map->space.held = st.space;
}

/* -ENOENT: there is none. */
static int
map_heap(const char *path, json_object *array, int *status)
{
	struct heap_map map = {.picture = new_picture(array)};
	struct durable *d = calloc(1, sizeof(*d));
	int rc = -ENOMEM;

	if (d == NULL || map.picture == NULL)
		goto out;
	*d = (struct durable){.path = path, .visit = map_unit, .arg = &map};
	map.result = &d->result;
	rc = durable_read(d);
	if (rc < 0)
		goto out;
	map.backing = d->backing;
	if (d->result.has_ledger) {
		finish_map(&map, d);
		show_picture(map.picture, &map.space, path, array);
		map.picture->runs = NULL; /* the array's */
	}
	if (array == NULL)
		durable_print_faults(d);
	*status = d->result.nr_faults == 0 ? COMMAND_OK : COMMAND_FAILED;
	if (*status != COMMAND_OK)
		(void)command_fail(
		    "%s is damaged; daxkind check tells more", path);
	durable_close(d);
out:
	free(d);
	if (map.picture != NULL)
		json_object_put(map.picture->runs);
	free(map.picture);
	return rc;
}

/* --- the demonstration ------------------------------------------------------ */

#define DEMO_SIZE ((size_t)64 << 20)

enum {
	DEMO_NR_BLOCKS = 400
};

/* The same sequence of numbers on every machine. */
static size_t
next_random(size_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static int
run_demo(struct daxkind_region *region, json_object *array)
{
	void *blocks[DEMO_NR_BLOCKS] = {NULL};
	size_t state = 1;
	memkind_t kind;
	int rc = daxkind_kind_create(region, &kind);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < DEMO_NR_BLOCKS; i++) {
		size_t size = next_random(&state) % (160 * KIB) + 1;

		blocks[i] = memkind_malloc(kind, size);
		if (blocks[i] != NULL)
			memset(blocks[i], 0x5a, size);
	}
	rc = show(region, "400 blocks of up to 160 KiB", array);
	for (size_t i = 0; i < DEMO_NR_BLOCKS; i++) {
		if (next_random(&state) % 3 != 0) {
			memkind_free(kind, blocks[i]);
			blocks[i] = NULL;
		}
	}
	if (rc == 0)
		rc = show(region, "two thirds of them freed", array);
	void *large = memkind_malloc(kind, 20 * MIB);
	if (rc == 0)
		rc = show(region, "and a block of 20 MiB taken", array);
	memkind_free(kind, large);
	for (size_t i = 0; i < DEMO_NR_BLOCKS; i++)
		memkind_free(kind, blocks[i]);
	(void)daxkind_kind_set_policy(kind, DAXKIND_POLICY_CONSERVATIVE);
	(void)memkind_destroy_kind(kind);
	if (rc == 0)
		rc = show(region, "the heap destroyed", array);
	return rc;
}

static int
open_demo(struct daxkind_region **region)
{
	const char *dir = getenv("TMPDIR");

	return daxkind_region_open_dir(
	    dir != NULL && dir[0] != '\0' ? dir : "/tmp", DEMO_SIZE, 0, region);
}

/* --- command -------------------------------------------------------------- */

/* A file with data is only read: no heap is made on it.  No file is created,
 * and an empty one gets no size. */
static int
open_path(const char *path, size_t size, struct daxkind_region **region)
{
	struct dax_place place;
	int rc = dax_name_find(path, &place);

	if (rc < 0)
		return rc;
	if (place.what == DAX_PLACE_FILE && size != 0)
		return error_set(-EINVAL,
		    "--size applies to a directory or a device: file %s "
		    "keeps its own size",
		    path);
	return daxkind_region_open(path, size, DAXKIND_OVERWRITE, region);
}

static int
map_region(const char *path, size_t size, json_object *array)
{
	struct daxkind_region *region;
	int rc =
	    path != NULL ? open_path(path, size, &region) : open_demo(&region);

	if (rc < 0)
		return command_fail("%s", daxkind_last_error());
	rc = path != NULL ? show(region, path, array) : run_demo(region, array);
	(void)daxkind_region_close(region);
	return rc < 0 ? command_fail("%s", strerror(-rc)) : COMMAND_OK;
}

static int
run_map(const char *path, size_t size, bool json)
{
	json_object *array = json ? json_object_new_array() : NULL;
	int status = COMMAND_OK;
	int rc = path != NULL && size == 0 ? map_heap(path, array, &status)
					   : -ENOENT;

	/* What there is of another version, or cannot be read, is not taken for
	 * a region. */
	if (rc == -EPROTONOSUPPORT || rc == -EIO || rc == -ENOMEM)
		status = command_fail("%s", *daxkind_last_error() != '\0'
						? daxkind_last_error()
						: strerror(-rc));
	else if (rc < 0)
		status = map_region(path, size, array);
	if (json && json_object_array_length(array) > 0) {
		json_object *top = json_object_new_object();

		json_object_object_add(top, "maps", array);
		output_json(top);
	} else {
		json_object_put(array);
	}
	return status == COMMAND_OK ? output_end(COMMAND_OK) : status;
}

int
command_map(const struct command *command, int argc, char **argv)
{
	enum {
		DEMO = COMMAND_OPTION
	};
	static const struct option Options[] = {
	    {"demo", no_argument, NULL, DEMO},
	    {"size", required_argument, NULL, 's'}, COMMAND_LONG_OPTIONS};
	bool json = false, demo = false;
	size_t size = 0;
	int option;

	while ((option = options_next(argc, argv, "hjs:V", Options)) != -1) {
		switch (option) {
		case DEMO:
			demo = true;
			break;
		case 'j':
			json = true;
			break;
		case 's':
			if (!parse_size(optarg, &size) || size == 0)
				return command_usage(command,
				    "--size \"%s\" is not a size such as 64M",
				    optarg);
			break;
		default:
			return command_other_option(command, option);
		}
	}
	if (demo && size != 0)
		return command_usage(command, "--demo takes no --size");
	int nr_paths = demo ? 0 : 1;
	if (optind + nr_paths > argc)
		return command_usage(command, "give a PATH, or --demo");
	if (optind + nr_paths < argc)
		return command_usage(command, "unexpected argument \"%s\"",
		    argv[optind + nr_paths]);
	if (!demo && argv[optind][0] == '\0')
		return command_usage(command, "the PATH is empty");
	return run_map(demo ? NULL : argv[optind], size, json);
}
