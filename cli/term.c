#include "term.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
wb_term_has_colour(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no_color == NULL || no_color[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0 && isatty(fileno(stream)) != 0;
}

const char *
wb_term_style(enum wb_style style)
{
	static const char *const sequences[] = {
		[WB_STYLE_NONE] = "\033[0m",  [WB_STYLE_GOOD] = "\033[32m",
		[WB_STYLE_WARN] = "\033[33m", [WB_STYLE_BAD] = "\033[31m",
		[WB_STYLE_DIM] = "\033[2m",   [WB_STYLE_BOLD] = "\033[1m",
	};

	return sequences[style];
}

size_t
wb_term_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		if (((unsigned char)*text & 0xC0) != 0x80)
			width++;
	return width;
}

char *
wb_term_age(int64_t age_ms, char text[WB_TERM_AGE_BYTES])
{
	static const struct {
		int64_t below_s, unit_s, part_s;
		char unit, part;
	} scales[] = {
		{ 3600, 60, 1, 'm', 's' },
		{ 86400, 3600, 60, 'h', 'm' },
		{ INT64_MAX, 86400, 3600, 'd', 'h' },
	};
	int64_t s = age_ms > 0 ? age_ms / 1000 : 0;
	size_t i = 0;

	if (s < 10) {
		(void)snprintf(text, WB_TERM_AGE_BYTES, "%.1fs",
		               age_ms > 0 ? (double)age_ms / 1000 : 0.0);
		return text;
	}
	if (s < 60) {
		(void)snprintf(text, WB_TERM_AGE_BYTES, "%" PRId64 "s", s);
		return text;
	}
	while (s >= scales[i].below_s)
		i++;
	(void)snprintf(text, WB_TERM_AGE_BYTES, "%" PRId64 "%c%02" PRId64 "%c",
	               s / scales[i].unit_s, scales[i].unit,
	               s % scales[i].unit_s / scales[i].part_s, scales[i].part);
	return text;
}
