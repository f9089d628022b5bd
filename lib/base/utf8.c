#include "base/utf8.h"

static bool
is_tail(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

/* The second byte's range excludes overlong forms, surrogates and everything
 * above U+10FFFF. */
static bool
is_second(unsigned char first, unsigned char second)
{
	unsigned char low = 0x80, high = 0xBF;

	if (first == 0xE0)
		low = 0xA0;
	else if (first == 0xED)
		high = 0x9F;
	else if (first == 0xF0)
		low = 0x90;
	else if (first == 0xF4)
		high = 0x8F;
	return second >= low && second <= high;
}

static size_t
length_by_first(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF)
		return 3;
	if (first >= 0xF0 && first <= 0xF4)
		return 4;
	return 0;
}

size_t
wb_utf8_char(const char *text, size_t bytes)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t i, length;

	if (bytes == 0)
		return 0;
	length = length_by_first(at[0]);
	if (length > bytes)
		return 0;
	if (length >= 2 && !is_second(at[0], at[1]))
		return 0;
	for (i = 2; i < length; i++) {
		if (!is_tail(at[i]))
			return 0;
	}
	return length;
}

size_t
wb_utf8_encode(uint32_t code, char ret_text[4])
{
	/* Of the first byte, by the number of bytes. */
	static const unsigned char marks[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
	size_t i, bytes = 1;

	if (code >= 0x80)
		bytes = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (i = bytes - 1; i > 0; i--, code >>= 6)
		ret_text[i] = (char)(0x80 | (code & 0x3F));
	ret_text[0] = (char)(marks[bytes] | code);
	return bytes;
}

bool
wb_utf8_is_valid(const char *text, size_t bytes)
{
	size_t at = 0, step;

	while (at < bytes) {
		step = wb_utf8_char(text + at, bytes - at);
		if (step == 0)
			return false;
		at += step;
	}
	return true;
}

size_t
wb_utf8_trim(const char *text, size_t bytes)
{
	size_t back;

	for (back = 1; back <= 3 && back <= bytes; back++) {
		unsigned char byte = (unsigned char)text[bytes - back];

		if (length_by_first(byte) > back)
			return bytes - back;
		if (!is_tail(byte))
			break;
	}
	return bytes;
}
