#include "http/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define BLANKS " \t"

/* How exactly a range of so many bytes names the type: 0 = not at all. */
static int
match(const char *range, size_t bytes, const char *type)
{
	size_t major = strcspn(type, "/") + 1;

	if (bytes == 3 && strncmp(range, "*/*", 3) == 0)
		return 1;
	if (bytes == major + 1 && range[major] == '*' &&
	    strncasecmp(range, type, major) == 0)
		return 2;
	return bytes == strlen(type) && strncasecmp(range, type, bytes) == 0
	           ? 3
	           : 0;
}

/* Whether the parameters of a range, up to its end, have a q of 0. */
static bool
is_refused(const char *params, const char *end)
{
	while (params < end) {
		size_t n = 0;

		params += strspn(params, BLANKS ";");
		if (strncasecmp(params, "q=", 2) == 0) {
			params += 2;
			n = strspn(params, "0.");
			return n > 0 &&
			       (params[n] == '\0' ||
			        strchr(BLANKS ";,", params[n]) != NULL);
		}
		n = strcspn(params, ";,");
		params += n > 0 ? n : 1;
	}
	return false;
}

bool
wb_http_accepts(const char *accept, const char *type)
{
	int best = 0;
	bool has_range = false, is_taken = false;

	for (; accept != NULL && *accept != '\0'; accept++) {
		const char *end = accept + strcspn(accept, ",");
		size_t n = 0;
		int how = 0;

		accept += strspn(accept, BLANKS);
		n = strcspn(accept, BLANKS ";,");
		has_range = has_range || memchr(accept, '/', n) != NULL;
		how = match(accept, n, type);
		if (how > best) {
			best = how;
			is_taken = !is_refused(accept + n, end);
		}
		accept = end;
		if (*accept == '\0')
			break;
	}
	return !has_range || is_taken;
}
