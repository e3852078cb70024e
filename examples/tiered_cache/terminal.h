/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * terminal.h -- features of an output stream: colours, block characters.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

struct terminal {
	FILE *out;
	bool is_tty;
	bool has_colour; /* a terminal, and colours are not turned off */
	bool has_utf8;   /* the locale's character set is UTF-8 */
};

enum terminal_style {
	TERMINAL_PLAIN,
	TERMINAL_BOLD,
	TERMINAL_DIM,
	TERMINAL_GREEN,
	TERMINAL_CYAN,
	TERMINAL_YELLOW,
	TERMINAL_RED
};

/* Call setlocale(3) before. */
struct terminal terminal_of(FILE *out, bool want_colour);

/* The sequence that switches to the style; "" without colours. */
const char *terminal_style(
    const struct terminal *terminal, enum terminal_style style);

#endif /* TERMINAL_H */
