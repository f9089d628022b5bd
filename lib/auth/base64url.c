#include "auth/base64url.h"

#include <stdint.h>

static int
digit_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

bool
wb_base64url_decode(const char *text, size_t bytes, void *out,
                    size_t *ret_bytes)
{
	uint8_t *to = out;
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t i, n = 0;
	int digit;

	for (i = 0; i < bytes; i++) {
		digit = digit_of(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			to[n++] = (uint8_t)(bits >> n_bits);
			bits &= (1u << n_bits) - 1;
		}
	}
	/* Six bits left over are a lone character; others must be zero. */
	if (n_bits == 6 || bits != 0)
		return false;
	*ret_bytes = n;
	return true;
}
