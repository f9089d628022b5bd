/* The body of a request as a JSON object, or the answer that it gets. */
#include "http/server.h"

#include "http/json_text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_DEPTH 16

static const char *
skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* "application/json", with no parameter but charset=utf-8. */
static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json";
	static const char charset[] = "charset=";
	bool is_quoted;

	if (type == NULL || strncasecmp(type, json, sizeof(json) - 1) != 0)
		return false;
	type = skip_blanks(type + sizeof(json) - 1);
	if (*type == '\0')
		return true;
	if (*type != ';')
		return false;
	type = skip_blanks(type + 1);
	if (strncasecmp(type, charset, sizeof(charset) - 1) != 0)
		return false;
	type += sizeof(charset) - 1;
	is_quoted = *type == '"';
	type += is_quoted ? 1 : 0;
	if (strncasecmp(type, "utf-8", 5) != 0)
		return false;
	type += 5;
	if (is_quoted && *type++ != '"')
		return false;
	return *skip_blanks(type) == '\0';
}

struct json_object *
wb_http_json_body(struct wb_http_request *request)
{
	struct json_object *body;
	char why[128], detail[192];
	const char *text;
	size_t bytes;

	if (!is_json_type(wb_http_header(request, "Content-Type"))) {
		wb_http_set_header(request, "Accept", "application/json");
		wb_http_problem(request, 415, NULL,
		                "The body must be application/json.");
		return NULL;
	}
	text = wb_http_body(request, &bytes);
	body = wb_json_text_parse(text, bytes, MAX_DEPTH, why, sizeof(why));
	if (body != NULL)
		return body;
	(void)snprintf(detail, sizeof(detail),
	               "The body is not acceptable JSON: %s.", why);
	wb_http_problem(request, 400, "invalid-json", detail);
	return NULL;
}
