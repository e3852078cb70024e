// SPDX-License-Identifier: BSD-2-Clause
/*
 * plot.c -- see plot.h.
 *
 * Both curves have the same scale: as many reads to a column, or to a pixel.
 */
#include "plot.h"

#include <inttypes.h>
#include <string.h>

#include "units.h"

#define MAX_PANELS 2

struct panel {
	const struct curve *curve;
	uint64_t nr_reads;
	char title[96];
};

struct panels {
	struct panel panels[MAX_PANELS];
	size_t nr;
	uint64_t nr_reads; /* of the longest */
};

static void
add_panel(
    struct panels *panels, const struct curve *curve, const char *ended_by)
{
	struct panel *panel = &panels->panels[panels->nr++];

	panel->curve = curve;
	panel->nr_reads = curve_last(curve, UINT64_MAX).nr_reads;
	snprintf(panel->title, sizeof(panel->title), "start %" PRIu64 ": %s%s",
	    curve->start, curve->nr_found > 0 ? "warm" : "cold", ended_by);
	if (panel->nr_reads > panels->nr_reads)
		panels->nr_reads = panel->nr_reads;
}

static struct panels
panels_of(const struct plot *plot)
{
	struct panels panels = {0};

	if (plot->before != NULL)
		add_panel(&panels, plot->before, plot->ended_by);
	add_panel(&panels, plot->now, "");
	return panels;
}

/* The mean of part number i of nr, of the longest curve's reads. */
static struct curve_ratio
part_of(
    const struct panels *panels, const struct panel *panel, size_t i, size_t nr)
{
	uint64_t step = panel->curve->step;
	uint64_t begin = panels->nr_reads * i / nr / step * step;
	uint64_t end = panels->nr_reads * (i + 1) / nr / step * step;

	return curve_between(
	    panel->curve, begin, end > begin ? end : begin + 1);
}

/* --- in the terminal ---------------------------------------------------------- */

#define ROWS 10
#define COLUMNS 34
#define EIGHTHS 8

static void
print_column(
    const struct curve_ratio *ratio, int row, const struct terminal *terminal)
{
	static const char *const blocks[EIGHTHS + 1] = {
	    " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	int level =
	    (int)(curve_share(ratio) * ROWS * EIGHTHS + 0.5) - row * EIGHTHS;

	if (level < 0 || ratio->nr_reads == 0)
		level = 0;
	if (level > EIGHTHS)
		level = EIGHTHS;
	fputs(terminal->has_utf8    ? blocks[level]
	      : level > EIGHTHS / 2 ? "#"
	      : level > 0           ? "."
				    : " ",
	    terminal->out);
}

static void
print_row(const struct panels *panels, int row, const struct terminal *terminal)
{
	static const enum terminal_style styles[] = {
	    TERMINAL_YELLOW, TERMINAL_GREEN};
	struct curve_ratio ratio;
	size_t i, column;

	fprintf(terminal->out, "  %4d %% ", (row + 1) * 100 / ROWS);
	for (i = 0; i < panels->nr; i++) {
		fprintf(terminal->out, "%s%s", terminal->has_utf8 ? "│" : "|",
		    terminal_style(terminal,
			styles[panels->panels[i].curve->nr_found > 0]));
		for (column = 0; column < COLUMNS; column++) {
			ratio = part_of(
			    panels, &panels->panels[i], column, COLUMNS);
			print_column(&ratio, row, terminal);
		}
		fprintf(terminal->out, "%s  ",
		    terminal_style(terminal, TERMINAL_PLAIN));
	}
	fputc('\n', terminal->out);
}

static void
print_axis(const struct panels *panels, const struct terminal *terminal)
{
	size_t i, column;

	fprintf(terminal->out, "  %6s ", "");
	for (i = 0; i < panels->nr; i++) {
		fputs(terminal->has_utf8 ? "└" : "+", terminal->out);
		for (column = 0; column < COLUMNS; column++)
			fputs(terminal->has_utf8 ? "─" : "-", terminal->out);
		fputs("  ", terminal->out);
	}
	fprintf(terminal->out, "\n  %6s ", "");
	for (i = 0; i < panels->nr; i++)
		fprintf(terminal->out, " 0%*s reads  ", COLUMNS - 7,
		    units_count(panels->nr_reads).text);
	fputc('\n', terminal->out);
}

void
plot_print(const struct plot *plot, const struct terminal *terminal)
{
	struct panels panels = panels_of(plot);
	size_t i;
	int row;

	fprintf(terminal->out, "  %6s ", "");
	for (i = 0; i < panels.nr; i++)
		fprintf(
		    terminal->out, " %-*s  ", COLUMNS, panels.panels[i].title);
	fputc('\n', terminal->out);
	for (row = ROWS - 1; row >= 0; row--)
		print_row(&panels, row, terminal);
	print_axis(&panels, terminal);
}

/* --- as SVG ------------------------------------------------------------------- */

#define MARGIN 24
#define LABEL 48  /* left of the panels: per cent */
#define WIDTH 340 /* of a panel */
#define GAP 24    /* between panels */
#define TOP 76    /* above the panels: the caption and the titles */
#define HEIGHT 200
#define FOOT 40   /* below: reads */
#define POINTS 85 /* of a panel: one every four pixels */

static const char Svg_style[] =
    "<style>\n"
    "text{font:12px sans-serif;fill:#333}.caption{font-size:13px}\n"
    ".cold{stroke:#c77700}.warm{stroke:#1b6ca8}\n"
    ".cold,.warm{fill:none;stroke-width:2.5}\n"
    ".grid{stroke:#ddd}.page{fill:#fff}\n"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.page{fill:#1c1c1c}\n"
    ".grid{stroke:#444}.warm{stroke:#5aa9e6}.cold{stroke:#f0a030}}\n"
    "</style>\n";

static void
write_grid(FILE *out, int x, bool has_labels)
{
	int percent, y;

	for (percent = 0; percent <= 100; percent += 25) {
		y = TOP + HEIGHT - HEIGHT * percent / 100;
		fprintf(out, "<path class=\"grid\" d=\"M%d %dh%d\"/>\n", x, y,
		    WIDTH);
		if (has_labels)
			fprintf(out,
			    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">"
			    "%d %%</text>\n",
			    x - 8, y + 4, percent);
	}
}

static void
write_curve(
    FILE *out, const struct panels *panels, const struct panel *panel, int x)
{
	struct curve_ratio ratio;
	char command = 'M';
	size_t i;

	fprintf(out, "<path class=\"%s\" d=\"",
	    panel->curve->nr_found > 0 ? "warm" : "cold");
	for (i = 0; i < POINTS; i++) {
		ratio = part_of(panels, panel, i, POINTS);
		if (ratio.nr_reads == 0)
			continue;
		fprintf(out, "%c%.0f %.1f", command,
		    x + (double)WIDTH * (double)i / (POINTS - 1),
		    TOP + HEIGHT * (1 - curve_share(&ratio)));
		command = 'L';
	}
	fputs("\"/>\n", out);
}

void
plot_write_svg(const struct plot *plot, FILE *out)
{
	struct panels panels = panels_of(plot);
	int width = 2 * MARGIN + LABEL + WIDTH * MAX_PANELS + GAP;
	int x = MARGIN + LABEL;
	size_t i;

	fprintf(out,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
	    "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n"
	    "<title>%s</title>\n%s"
	    "<rect class=\"page\" width=\"100%%\" height=\"100%%\"/>\n"
	    "<text class=\"caption\" x=\"%d\" y=\"30\">%s</text>\n",
	    width, TOP + HEIGHT + FOOT, width, TOP + HEIGHT + FOOT,
	    plot->caption, Svg_style, MARGIN, plot->caption);
	for (i = 0; i < panels.nr; i++, x += WIDTH + GAP) {
		fprintf(out, "<text x=\"%d\" y=\"%d\">%s</text>\n", x, TOP - 14,
		    panels.panels[i].title);
		write_grid(out, x, i == 0);
		write_curve(out, &panels, &panels.panels[i], x);
		fprintf(out,
		    "<text x=\"%d\" y=\"%d\">0</text>\n"
		    "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">"
		    "%s reads</text>\n",
		    x, TOP + HEIGHT + 18, x + WIDTH, TOP + HEIGHT + 18,
		    units_count(panels.nr_reads).text);
	}
	fputs("</svg>\n", out);
}
