/* What is known of the terminal. */
#ifndef WB_CLI_TERM_H
#define WB_CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli.h"

/* The stream is a terminal that knows colours, and the user has not set
 * NO_COLOR (https://no-color.org). */
bool wb_term_has_colour(FILE *stream);

/* The escape sequence that begins a style; NONE ends all of them. */
const char *wb_term_style(enum wb_style style);

/* How many columns the text takes, by counting code points: near enough where
 * no wide characters are. */
size_t wb_term_width(const char *text);

/* Seconds as people say them: "0.4s", "12s", "3m05s", "2h10m", "3d4h". Returns
 * text. */
#define WB_TERM_AGE_BYTES 48
char *wb_term_age(int64_t age_ms, char text[WB_TERM_AGE_BYTES]);

#endif
