#include "rules.h"

#include <string.h>

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

static bool
is_upper(const char *text, size_t n)
{
	return strlen(text) == n && strspn(text, UPPER) == n;
}

bool
is_sku(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n <= SKU_BYTES &&
	       strspn(text, UPPER LOWER "0123456789._-") == n;
}

bool
is_currency(const char *text)
{
	return is_upper(text, 3);
}

bool
is_country(const char *text)
{
	return is_upper(text, 2);
}

bool
is_email(const char *text)
{
	const char *at = strchr(text, '@');

	for (const char *c = text; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			return false;
	return at != NULL && at != text && at[1] != '\0' &&
	       strchr(at + 1, '@') == NULL;
}
