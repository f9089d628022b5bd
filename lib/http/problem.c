#include "http/problem.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A body with thousands of wrong members must not give an answer that is many
 * times its size. */
#define MAX_ERRORS 32

struct wb_http_errors {
	struct wb_buf text; /* JSON objects with commas between them */
	size_t count;
};

static const struct {
	int status;
	const char *phrase;
} phrases[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 402, "Payment Required" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
};

const char *
wb_http_phrase(int status)
{
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].phrase;
	}
	return "Unknown";
}

/* "unknown-sku" gives "Unknown sku". */
static void
print_title(struct wb_buf *buf, const char *slug)
{
	size_t i;
	char c;

	wb_buf_adds(buf, "\"");
	for (i = 0; slug[i] != '\0'; i++) {
		c = slug[i] == '-' ? ' ' : slug[i];
		if (i == 0)
			c = (char)toupper((unsigned char)c);
		wb_buf_add(buf, &c, 1);
	}
	wb_buf_adds(buf, "\"");
}

static void
print_member(struct wb_buf *buf, const char *name, const char *value)
{
	if (value == NULL)
		return;
	wb_buf_printf(buf, ",\"%s\":", name);
	wb_buf_add_json_string(buf, value, strlen(value));
}

void
wb_http_problem_print(struct wb_buf *buf, const struct wb_http_problem *problem)
{
	if (problem->slug == NULL) {
		wb_buf_printf(buf, "{\"type\":\"about:blank\",\"title\":\"%s\"",
		              wb_http_phrase(problem->status));
	} else {
		wb_buf_printf(
		    buf, "{\"type\":\"" WB_HTTP_PROBLEM_BASE "%s\",\"title\":",
		    problem->slug);
		print_title(buf, problem->slug);
	}
	wb_buf_printf(buf, ",\"status\":%d", problem->status);
	print_member(buf, "detail", problem->detail);
	print_member(buf, "instance", problem->instance);
	print_member(buf, "request_id", problem->request_id);
	if (problem->errors != NULL && problem->errors->count > 0)
		wb_buf_printf(buf, ",\"errors\":[%s]",
		              wb_buf_text(&problem->errors->text));
	wb_buf_adds(buf, "}");
}

struct wb_http_errors *
wb_http_errors_new(void)
{
	return wb_zalloc(sizeof(struct wb_http_errors));
}

void
wb_http_errors_free(struct wb_http_errors *errors)
{
	if (errors == NULL)
		return;
	wb_buf_fini(&errors->text);
	free(errors);
}

void
wb_http_errors_add(struct wb_http_errors *errors, const char *pointer,
                   const char *fmt, ...)
{
	struct wb_buf *text = &errors->text;
	char detail[256];
	va_list args;

	errors->count++;
	if (errors->count > MAX_ERRORS)
		return;
	wb_buf_adds(text,
	            errors->count == 1 ? "{\"detail\":" : ",{\"detail\":");
	va_start(args, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	wb_buf_add_json_string(text, detail, strlen(detail));
	print_member(text, "pointer", pointer);
	wb_buf_adds(text, "}");
}

size_t
wb_http_errors_count(const struct wb_http_errors *errors)
{
	return errors->count;
}
