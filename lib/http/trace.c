/* The ids that a request carries: as received, or new ones. */
#include "http/internal.h"

#include "base/backoff.h"
#include "base/uuid.h"

#include <inttypes.h>
#include <string.h>

#define MAX_REQUEST_ID_BYTES 128

/* No space, quote or control character: it goes into log lines. */
static bool
is_sane_id(const char *text)
{
	static const char punctuation[] = "-_.:=+/@";
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		char c = text[i];
		bool is_alnum = (c >= '0' && c <= '9') ||
		                (c >= 'a' && c <= 'z') ||
		                (c >= 'A' && c <= 'Z');

		if (!is_alnum && strchr(punctuation, c) == NULL)
			return false;
	}
	return i > 0 && i <= MAX_REQUEST_ID_BYTES;
}

const char *
wb_http_take_request_id(struct wb_arena *arena, const char *received)
{
	struct wb_uuid uuid;
	char text[WB_UUID_TEXT_BYTES];

	if (received != NULL && is_sane_id(received))
		return wb_arena_strdup(arena, received);
	uuid = wb_uuid_v7();
	return wb_arena_strdup(arena, wb_uuid_format(&uuid, text));
}

/* n lower-case hex digits, not all of them 0. */
static bool
is_hex_id(const char *text, size_t n)
{
	return strspn(text, "0123456789abcdef") >= n && strspn(text, "0") < n;
}

/* version-trace_id-parent_id-flags; a later version may go on after that. */
static bool
is_traceparent(const char *text)
{
	size_t n = strlen(text);

	if (n < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-')
		return false;
	if (strspn(text, "0123456789abcdef") != 2 ||
	    strncmp(text, "ff", 2) == 0)
		return false;
	if (!is_hex_id(text + 3, 32) || !is_hex_id(text + 36, 16) ||
	    strspn(text + 53, "0123456789abcdef") != 2)
		return false;
	return n == 55 || (strncmp(text, "00", 2) != 0 && text[55] == '-' &&
	                   n <= MAX_REQUEST_ID_BYTES && is_sane_id(text));
}

const char *
wb_http_take_traceparent(struct wb_arena *arena, const char *received)
{
	if (received != NULL && is_traceparent(received))
		return wb_arena_strdup(arena, received);
	/* The 1s keep both ids from being 0. */
	return wb_arena_printf(
	    arena, "00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-01",
	    wb_random_u64(), wb_random_u64() | 1, wb_random_u64() | 1);
}
