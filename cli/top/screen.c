#include "screen.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ESC "\033"

#define ENTER     ESC "[?1049h" ESC "[?25l"
#define LEAVE     ESC "[?25h" ESC "[?1049l"
#define HOME      ESC "[H"
#define REST_LINE ESC "[K"
#define REST_PAGE ESC "[J"

void
wb_screen_enter(struct wb_screen *screen)
{
	struct termios now;

	screen->has_keys = tcgetattr(STDIN_FILENO, &screen->before) == 0;
	if (screen->has_keys) {
		now = screen->before;
		now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		now.c_cc[VMIN] = 1;
		now.c_cc[VTIME] = 0;
		/* Stopped by ^Z, it would leave its picture behind. */
		now.c_cc[VSUSP] = _POSIX_VDISABLE;
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &now);
	}
	(void)fputs(ENTER, stdout);
	(void)fflush(stdout);
}

void
wb_screen_leave(struct wb_screen *screen)
{
	(void)fputs(LEAVE, stdout);
	(void)fflush(stdout);
	if (screen->has_keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
	wb_buf_fini(&screen->out);
}

/* Bytes of the escape sequence at text: ESC [ … letter. */
static size_t
sequence_bytes(const char *text, size_t bytes)
{
	size_t i = 2;

	if (bytes < 2 || text[0] != '\033' || text[1] != '[')
		return 0;
	while (i < bytes && (text[i] < '@' || text[i] > '~'))
		i++;
	return i < bytes ? i + 1 : bytes;
}

void
wb_screen_clip(struct wb_buf *out, const char *line, size_t bytes,
               size_t columns)
{
	size_t width = 0;

	for (size_t i = 0; i < bytes;) {
		size_t n = sequence_bytes(line + i, bytes - i);

		if (n > 0) {
			wb_buf_add(out, line + i, n);
			i += n;
			continue;
		}
		if (((unsigned char)line[i] & 0xC0) != 0x80)
			width++;
		if (width <= columns)
			wb_buf_add(out, line + i, 1);
		i++;
	}
}

void
wb_screen_draw(struct wb_screen *screen, const char *text)
{
	struct winsize size = { .ws_row = 0 };
	size_t rows = 24, columns = 80;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
	    size.ws_col > 0) {
		rows = size.ws_row;
		columns = size.ws_col;
	}
	wb_buf_clear(&screen->out);
	wb_buf_adds(&screen->out, HOME);
	for (size_t row = 0; row < rows && *text != '\0'; row++) {
		size_t bytes = strcspn(text, "\n");

		wb_buf_adds(&screen->out, row > 0 ? "\r\n" : "");
		wb_screen_clip(&screen->out, text, bytes, columns);
		wb_buf_adds(&screen->out, REST_LINE);
		text += bytes + (text[bytes] == '\n');
	}
	wb_buf_adds(&screen->out, REST_PAGE);
	(void)fwrite(screen->out.data, 1, screen->out.len, stdout);
	(void)fflush(stdout);
}
