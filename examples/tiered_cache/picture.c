// SPDX-License-Identifier: BSD-2-Clause
/*
 * picture.c -- see picture.h.
 *
 * The region is cut into cells of equal length. daxkind_region_walk() gives its
 * runs, and each run is divided among the cells that it touches:
 *
 *	runs    |  taken  | hole |     taken      |  free  |
 *	cells   |     |     |     |     |     |     |     |
 */
#include "picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

/* What a cell looks like, from the worst and the fullest down. */
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

struct look_style {
	const char *block; /* for a terminal with UTF-8 */
	const char *plain;
	enum terminal_style style;
	const char *class_name; /* for SVG */
	const char *legend;
};

static const struct look_style Looks[NR_LOOKS] = {
    [LOOK_TAKEN] = {"█", "#", TERMINAL_GREEN, "taken", "taken"},
    [LOOK_MOSTLY] = {"▓", "*", TERMINAL_GREEN, "mostly", "half or more"},
    [LOOK_PARTLY] = {"▒", "+", TERMINAL_GREEN, "partly", "less"},
    [LOOK_FREE] = {"░", "-", TERMINAL_YELLOW, "free", "free, file space held"},
    [LOOK_HOLE] = {"·", ".", TERMINAL_DIM, "hole", "free, none held"},
    [LOOK_BAD] = {"X", "X", TERMINAL_RED, "bad", "bad"},
    [LOOK_OUTSIDE] = {" ", " ", TERMINAL_PLAIN, "outside", ""},
};

static enum look
look_of(const struct picture_cell *cell)
{
	size_t taken = cell->len[DAXKIND_RUN_TAKEN];
	size_t idle = cell->len[DAXKIND_RUN_IDLE];
	size_t hole = cell->len[DAXKIND_RUN_HOLE];

	if (cell->len[DAXKIND_RUN_BAD] > 0)
		return LOOK_BAD;
	if (taken + idle + hole == 0)
		return LOOK_OUTSIDE;
	if (taken == 0)
		return idle >= hole ? LOOK_FREE : LOOK_HOLE;
	if (idle + hole == 0)
		return LOOK_TAKEN;
	return taken >= idle + hole ? LOOK_MOSTLY : LOOK_PARTLY;
}

static int
share_out_run(void *arg, size_t off, size_t len, enum daxkind_run_state state)
{
	struct picture *picture = arg;
	size_t nr_cells = picture->nr_columns * picture->nr_rows;
	size_t cell = off / picture->cell_len;
	size_t part = picture->cell_len - off % picture->cell_len;

	for (; len > 0 && cell < nr_cells; cell++) {
		if (part > len)
			part = len;
		picture->cells[cell].len[state] += part;
		len -= part;
		part = picture->cell_len;
	}
	return len == 0 ? 0 : -ERANGE; /* a run beyond the region's end */
}

int
picture_take(struct picture *picture, const struct daxkind_region *region,
    size_t nr_rows, size_t nr_columns)
{
	struct daxkind_space space;
	size_t nr_cells = nr_rows * nr_columns;
	int rc;

	rc = daxkind_region_space(region, &space, sizeof(space));
	if (rc < 0)
		return rc;
	picture->nr_rows = nr_rows;
	picture->nr_columns = nr_columns;
	picture->cell_len = (space.total + nr_cells - 1) / nr_cells;
	picture->cells = calloc(nr_cells, sizeof(*picture->cells));
	if (picture->cells == NULL)
		return -ENOMEM;
	rc = daxkind_region_walk(region, share_out_run, picture);
	if (rc < 0)
		picture_fini(picture);
	return rc;
}

void
picture_fini(struct picture *picture)
{
	free(picture->cells);
	picture->cells = NULL;
}

/* --- in the terminal --------------------------------------------------------- */

static void
print_row(
    const struct picture *picture, size_t row, const struct terminal *terminal)
{
	const struct picture_cell *cells =
	    &picture->cells[row * picture->nr_columns];
	enum terminal_style style = TERMINAL_PLAIN;
	enum look look;
	size_t i;

	fprintf(terminal->out, "  %10s ",
	    units_bytes(row * picture->nr_columns * picture->cell_len).text);
	for (i = 0; i < picture->nr_columns; i++) {
		look = look_of(&cells[i]);
		if (Looks[look].style != style) {
			style = Looks[look].style;
			fputs(terminal_style(terminal, style), terminal->out);
		}
		fputs(
		    terminal->has_utf8 ? Looks[look].block : Looks[look].plain,
		    terminal->out);
	}
	fprintf(
	    terminal->out, "%s\n", terminal_style(terminal, TERMINAL_PLAIN));
}

void
picture_print(const struct picture *picture, const struct terminal *terminal)
{
	int look;
	size_t row;

	for (row = 0; row < picture->nr_rows; row++)
		print_row(picture, row, terminal);
	fprintf(terminal->out, "  %10s ", "");
	for (look = LOOK_TAKEN; look <= LOOK_BAD; look++)
		fprintf(terminal->out, "%s%s%s %s%s",
		    terminal_style(terminal, Looks[look].style),
		    terminal->has_utf8 ? Looks[look].block : Looks[look].plain,
		    terminal_style(terminal, TERMINAL_PLAIN),
		    Looks[look].legend, look < LOOK_BAD ? "  " : "\n");
}

/* --- as SVG ------------------------------------------------------------------ */

#define MARGIN 24
#define HEAD 48     /* above the cells: the caption */
#define FOOT 40     /* below: the legend */
#define LABEL 72    /* left of the cells: offsets */
#define CELL 8      /* width of a cell */
#define ROW 12      /* height of a cell */
#define ROW_STEP 14 /* from row to row */

static const char Svg_style[] =
    "<style>\n"
    "text{font:12px sans-serif;fill:#333}.caption{font-size:14px}\n"
    ".taken{fill:#1b6ca8}.mostly{fill:#5a9bc9}.partly{fill:#a3c8e1}\n"
    ".free{fill:#f0d58c}.hole{fill:#e9e9e9}.bad{fill:#c62828}\n"
    ".page{fill:#fff}\n"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#1c1c1c}\n"
    ".hole{fill:#3a3a3a}.free{fill:#a58a3a}}\n"
    "</style>\n";

static void
write_escaped(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		default:
			fputc((unsigned char)*text < ' ' ? '?' : *text, out);
		}
	}
}

/* Neighbours that look alike become one rectangle. */
static void
write_svg_row(FILE *out, const struct picture *picture, size_t row)
{
	const struct picture_cell *cells =
	    &picture->cells[row * picture->nr_columns];
	size_t y = HEAD + row * ROW_STEP;
	size_t first = 0;
	enum look look;
	size_t i;

	fprintf(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">%s</text>\n",
	    MARGIN + LABEL - 8, y + ROW - 2,
	    units_bytes(row * picture->nr_columns * picture->cell_len).text);
	for (i = 1; i <= picture->nr_columns; i++) {
		look = look_of(&cells[first]);
		if (i < picture->nr_columns && look_of(&cells[i]) == look)
			continue;
		if (look != LOOK_OUTSIDE)
			fprintf(out,
			    "<rect class=\"%s\" x=\"%zu\" y=\"%zu\" "
			    "width=\"%zu\" height=\"%d\"/>\n",
			    Looks[look].class_name,
			    MARGIN + LABEL + first * CELL, y,
			    (i - first) * CELL, ROW);
		first = i;
	}
}

static void
write_svg_legend(FILE *out, size_t y)
{
	size_t x = MARGIN + LABEL;
	int look;

	for (look = LOOK_TAKEN; look <= LOOK_BAD; look++) {
		fprintf(out,
		    "<rect class=\"%s\" x=\"%zu\" y=\"%zu\" width=\"%d\" "
		    "height=\"%d\"/>\n<text x=\"%zu\" y=\"%zu\">%s</text>\n",
		    Looks[look].class_name, x, y, ROW, ROW, x + ROW + 6,
		    y + ROW - 2, Looks[look].legend);
		x += ROW + 28 + 7 * strlen(Looks[look].legend);
	}
}

void
picture_write_svg(const struct picture *picture, FILE *out, const char *caption)
{
	size_t width = 2 * MARGIN + LABEL + picture->nr_columns * CELL;
	size_t height = HEAD + picture->nr_rows * ROW_STEP + FOOT;
	size_t row;

	fprintf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
	    "viewBox=\"0 0 %zu %zu\" width=\"%zu\" height=\"%zu\">\n<title>",
	    width, height, width, height);
	write_escaped(out, caption);
	fprintf(out,
	    "</title>\n%s<rect class=\"page\" width=\"100%%\" "
	    "height=\"100%%\"/>\n<text class=\"caption\" x=\"%d\" y=\"30\">",
	    Svg_style, MARGIN);
	write_escaped(out, caption);
	fputs("</text>\n", out);
	for (row = 0; row < picture->nr_rows; row++)
		write_svg_row(out, picture, row);
	write_svg_legend(out, HEAD + picture->nr_rows * ROW_STEP + 12);
	fputs("</svg>\n", out);
}
