/* The terminal as one picture that is drawn anew: the alternate screen, without
 * the cursor, with keys as they are pressed. */
#ifndef WB_CLI_TOP_SCREEN_H
#define WB_CLI_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#include "base/buf.h"

struct wb_screen {
	bool has_keys; /* stdin is a terminal too */
	struct termios before;
	struct wb_buf out;
};

/* stdout is a terminal. */
void wb_screen_enter(struct wb_screen *screen);

/* Gives the terminal back as it was. */
void wb_screen_leave(struct wb_screen *screen);

/* Lines of text with styles; what does not fit is left out. */
void wb_screen_draw(struct wb_screen *screen, const char *text);

/* The part of line that takes so many columns, styles not counted (they are
 * kept, wherever they stand), added to out. */
void wb_screen_clip(struct wb_buf *out, const char *line, size_t bytes,
                    size_t columns);

#endif
