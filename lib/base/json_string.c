#include "base/json_string.h"

#include "base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The four hexadecimal digits of \uXXXX; *at is at its backslash. */
static bool
take_unit(const char **at, const char *end, uint32_t *ret_unit)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	uint32_t unit = 0;

	if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
		return false;
	for (size_t i = 2; i < 6; i++) {
		const char *digit =
		    memchr(digits, (*at)[i], sizeof(digits) - 1);
		uint32_t value;

		if (digit == NULL)
			return false;
		value = (uint32_t)(digit - digits);
		unit = unit * 16 + (value < 16 ? value : value - 6);
	}
	*at += 6;
	*ret_unit = unit;
	return true;
}

static bool
is_low_surrogate(uint32_t unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

static const char *
take_code(const char **at, const char *end, struct wb_json_char *ret_char)
{
	const char *from = *at;
	uint32_t code, low;

	if (!take_unit(&from, end, &code))
		return "an unknown escape";
	if (code == 0)
		return "U+0000 in a string";
	if (is_low_surrogate(code))
		return "half a surrogate pair";
	if (code >= 0xD800 && code <= 0xDBFF) {
		if (!take_unit(&from, end, &low) || !is_low_surrogate(low))
			return "half a surrogate pair";
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
	}
	*ret_char = (struct wb_json_char){ .bytes = 0 };
	ret_char->bytes = wb_utf8_encode(code, ret_char->utf8);
	*at = from;
	return NULL;
}

static const char *
take_escape(const char **at, const char *end, struct wb_json_char *ret_char)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *found = NULL;

	if (end - *at >= 2)
		found = memchr(escapes, (*at)[1], sizeof(escapes) - 1);
	if (found == NULL)
		return take_code(at, end, ret_char);
	*ret_char = (struct wb_json_char){
		.utf8 = { meant[found - escapes] },
		.bytes = 1,
	};
	*at += 2;
	return NULL;
}

const char *
wb_json_take_char(const char **at, const char *end,
                  struct wb_json_char *ret_char)
{
	size_t bytes;

	if (**at == '\\')
		return take_escape(at, end, ret_char);
	if ((unsigned char)**at < 0x20)
		return "a control character in a string";
	bytes = wb_utf8_char(*at, (size_t)(end - *at));
	if (bytes == 0)
		return "invalid UTF-8";
	*ret_char = (struct wb_json_char){ .bytes = bytes };
	memcpy(ret_char->utf8, *at, bytes);
	*at += bytes;
	return NULL;
}
