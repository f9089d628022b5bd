/* Where a request ends and what its headers are must be beyond doubt: somebody
 * in front may read it otherwise than libevent, and then one request becomes
 * two. libevent 2.1 takes blanks before the colon, folded lines, empty names
 * and signs in a length; it takes the first of two lengths, and reads no body
 * in another coding than chunked. */
#include "http/internal.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <string.h>
#include <strings.h>
#include <sys/queue.h>

/* RFC 9110: tchar. */
static bool
is_token(const char *text)
{
	static const char others[] = "!#$%&'*+-.^_`|~";
	const char *c;

	for (c = text; *c != '\0'; c++) {
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') &&
		    !(*c >= '0' && *c <= '9') && strchr(others, *c) == NULL)
			return false;
	}
	return c != text;
}

static bool
has_controls(const char *text)
{
	for (; *text != '\0'; text++) {
		if (((unsigned char)*text < 0x20 && *text != '\t') ||
		    *text == 0x7F)
			return true;
	}
	return false;
}

static bool
is_length(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && text[n] == '\0';
}

/* What is wrong with one header, or NULL. */
static const char *
find_header_fault(const struct evkeyval *header)
{
	if (!is_token(header->key))
		return "A header's name is malformed.";
	if (has_controls(header->value))
		return "A header holds control characters.";
	if (strcasecmp(header->key, "Content-Length") == 0 &&
	    !is_length(header->value))
		return "Content-Length must be a number.";
	return NULL;
}

static const char *
find_fault(const struct wb_http_request *request)
{
	const struct evkeyvalq *headers =
	    evhttp_request_get_input_headers(request->req);
	const struct evkeyval *header;
	const char *fault = NULL;

	if (request->conn->head.has_nul)
		return "The head is malformed: it holds a NUL byte.";
	if (request->conn->head.has_fold)
		return "A header is folded over several lines.";
	TAILQ_FOREACH(header, headers, next)
	{
		fault = find_header_fault(header);
		if (fault != NULL)
			return fault;
	}
	if (wb_http_header_count(request, "Content-Length") > 1)
		return "There is more than one Content-Length.";
	if (wb_http_header(request, "Content-Length") != NULL &&
	    wb_http_header(request, "Transfer-Encoding") != NULL)
		return "There are both Content-Length and Transfer-Encoding.";
	return NULL;
}

/* After it nothing more is read from the connection. */
static void
refuse(struct wb_http_request *request, int status, const char *detail)
{
	request->conn->is_last = true;
	request->conn->has_unread = true;
	wb_http_problem(request, status, NULL, detail);
}

bool
wb_http_refuse_framing(struct wb_http_request *request)
{
	const char *coding = wb_http_header(request, "Transfer-Encoding");
	const char *fault = find_fault(request);

	if (fault != NULL) {
		refuse(request, 400, fault);
		return true;
	}
	if (wb_http_header_count(request, "Transfer-Encoding") > 1 ||
	    (coding != NULL && strcasecmp(coding, "chunked") != 0)) {
		refuse(request, 501,
		       "Of transfer codings, only chunked is understood.");
		return true;
	}
	/* libevent takes sizes of chunks that others refuse or read in another
	 * way ("0x5", "+5"): so nothing behind the last one is a request. */
	if (coding != NULL) {
		request->conn->is_last = true;
		request->conn->has_unread = true;
	}
	return false;
}
