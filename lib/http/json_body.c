/* The body of a request as a JSON object, or the answer that it gets. */
#include "http/server.h"

#include "base/json_scan.h"
#include "base/mem.h"

#include <json-c/json.h>

#include <limits.h>
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

/* The text as an object, or NULL and why not. */
static struct json_object *
parse(const char *text, size_t bytes, struct wb_note *note)
{
	static const struct wb_json_rules rules = {
		.max_depth = MAX_DEPTH,
		.has_wide_integers = true, /* wb_json_need_int refuses them */
	};
	struct json_tokener *tokener;
	struct json_object *body;

	WB_ASSERT(bytes <= INT_MAX); /* so is every --max-body-bytes */
	if (wb_json_scan(text, bytes, &rules, note) != WB_OK)
		return NULL;
	tokener = wb_made(json_tokener_new_ex(MAX_DEPTH + 1));
	body = json_tokener_parse_ex(tokener, text, (int)bytes);
	if (body == NULL)
		(void)wb_fail(
		    note, WB_ERR_BAD_MESSAGE, "%s",
		    json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	return body;
}

struct json_object *
wb_http_json_body(struct wb_http_request *request)
{
	struct json_object *body;
	char detail[WB_NOTE_BYTES + 64];
	struct wb_note why;
	const char *text;
	size_t bytes;

	if (!is_json_type(wb_http_header(request, "Content-Type"))) {
		wb_http_set_header(request, "Accept", "application/json");
		wb_http_problem(request, 415, NULL,
		                "The body must be application/json.");
		return NULL;
	}
	text = wb_http_body(request, &bytes);
	body = parse(text, bytes, &why);
	if (body != NULL)
		return body;
	(void)snprintf(detail, sizeof(detail),
	               "The body is not acceptable JSON: %s.", why.text);
	wb_http_problem(request, 400, "invalid-json", detail);
	return NULL;
}
