// SPDX-License-Identifier: BSD-2-Clause
/*
 * terminal.c -- see terminal.h.  Colours follow the NO_COLOR convention.
 */
#include "terminal.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct terminal
terminal_of(FILE *out, bool want_colour)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *name = getenv("TERM");
	struct terminal terminal = {.out = out};

	terminal.is_tty = isatty(fileno(out)) == 1;
	terminal.has_colour = terminal.is_tty && want_colour &&
			      (no_colour == NULL || no_colour[0] == '\0') &&
			      name != NULL && strcmp(name, "dumb") != 0;
	terminal.has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return terminal;
}

const char *
terminal_style(const struct terminal *terminal, enum terminal_style style)
{
	static const char *const sequences[] = {
	    [TERMINAL_PLAIN] = "\033[0m",
	    [TERMINAL_BOLD] = "\033[0;1m",
	    [TERMINAL_DIM] = "\033[0;2m",
	    [TERMINAL_GREEN] = "\033[0;32m",
	    [TERMINAL_CYAN] = "\033[0;36m",
	    [TERMINAL_YELLOW] = "\033[0;33m",
	    [TERMINAL_RED] = "\033[0;1;31m",
	};

	return terminal->has_colour ? sequences[style] : "";
}
