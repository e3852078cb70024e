// SPDX-License-Identifier: BSD-2-Clause
/*
 * progress.c -- see progress.h.
 */
#include "progress.h"

#include <stdarg.h>

#include "units.h"

#define BAR_WIDTH 40
#define DRAW_EVERY_NS 100000000

void
progress_init(struct progress *progress, const struct terminal *terminal,
    const char *what, uint64_t total)
{
	progress->terminal = *terminal;
	progress->what = what;
	progress->total = total;
	progress->start_ns = units_now_ns();
	progress->next_ns = progress->start_ns;
}

void
progress_show(struct progress *progress, uint64_t done)
{
	const struct terminal *terminal = &progress->terminal;
	uint64_t now_ns;
	double share;
	int filled;
	int i;

	if (!terminal->is_tty)
		return;
	now_ns = units_now_ns();
	if (now_ns < progress->next_ns)
		return;
	progress->next_ns = now_ns + DRAW_EVERY_NS;

	share =
	    progress->total == 0 ? 1 : (double)done / (double)progress->total;
	filled = share >= 1 ? BAR_WIDTH : (int)(share * BAR_WIDTH);
	fprintf(terminal->out, "\r%-8s %s", progress->what,
	    terminal_style(terminal, TERMINAL_CYAN));
	for (i = 0; i < BAR_WIDTH; i++)
		fputs(i < filled ? (terminal->has_utf8 ? "█" : "#")
				 : (terminal->has_utf8 ? "░" : "."),
		    terminal->out);
	fprintf(terminal->out, "%s %3.0f %% ",
	    terminal_style(terminal, TERMINAL_PLAIN), 100 * share);
	fflush(terminal->out);
}

void
progress_end(struct progress *progress, const char *format, ...)
{
	FILE *out = progress->terminal.out;
	va_list args;

	if (progress->terminal.is_tty)
		fputs("\r\033[K", out);
	fprintf(out, "%s: ", progress->what);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fprintf(out, " (%s)\n",
	    units_time(units_now_ns() - progress->start_ns).text);
}
