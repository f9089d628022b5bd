/* The header, the digests, and the keys that this process has in hand. */
#include "service/idempotency_key.h"

#include "base/mem.h"
#include "service/reply_headers.h"

#include <openssl/evp.h>

#include <search.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 255 };

/* A tree (tsearch) of the keys of requests that are not answered yet. */
static void *in_hand;

static int
compare(const void *a, const void *b)
{
	const struct wb_idem *left = a, *right = b;

	return wb_uuid_compare(&left->id, &right->id);
}

/* ---- the header ---- */

/* A string of RFC 8941 without its quotes and backslashes, or the same bare:
 * visible ASCII. */
static bool
read_key(const char *value, char *ret_key)
{
	bool is_quoted = value[0] == '"';
	size_t n = 0;

	for (value += is_quoted ? 1 : 0; *value != '\0'; value++) {
		if (*value == '"')
			return is_quoted && value[1] == '\0' && n > 0;
		if (is_quoted && *value == '\\')
			value++;
		if (*value < (is_quoted ? ' ' : '!') || *value > '~' ||
		    n == KEY_BYTES)
			return false;
		ret_key[n++] = *value;
		ret_key[n] = '\0';
	}
	return !is_quoted && n > 0;
}

/* ---- the digests ---- */

static void
add(EVP_MD_CTX *digest, const void *bytes, size_t n)
{
	/* Fails for want of memory only. */
	WB_ASSERT(EVP_DigestUpdate(digest, bytes, n) == 1);
}

/* With its NUL, which ends it. */
static void
add_text(EVP_MD_CTX *digest, const char *text)
{
	add(digest, text, strlen(text) + 1);
}

static struct wb_uuid
end_digest(EVP_MD_CTX *digest)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	struct wb_uuid uuid;

	WB_ASSERT(EVP_DigestFinal_ex(digest, bytes, NULL) == 1);
	memcpy(uuid.bytes, bytes, sizeof(uuid.bytes));
	return uuid;
}

static void
make_digests(const struct wb_http_request *request, const char *key,
             struct wb_idem *ret_idem)
{
	EVP_MD_CTX *digest = wb_made(EVP_MD_CTX_new());
	size_t bytes = 0;
	const void *body = wb_http_body(request, &bytes);

	WB_ASSERT(EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
	add_text(digest, wb_http_route_path(request));
	add_text(digest, wb_http_caller(request));
	add_text(digest, key);
	ret_idem->id = end_digest(digest);
	WB_ASSERT(EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1);
	add_text(digest, wb_http_path(request));
	add(digest, body, bytes);
	ret_idem->fingerprint = end_digest(digest);
	EVP_MD_CTX_free(digest);
}

/* ---- one key ---- */

static void
answer_in_flight(struct wb_http_request *request)
{
	wb_http_set_header(request, "Retry-After", "1");
	wb_http_problem(request, 409, "request-in-flight",
	                "A request with this Idempotency-Key is being "
	                "processed; ask again.");
}

void
wb_idem_reset(struct wb_idem *idem)
{
	free(idem->headers);
	free(idem->body);
	idem->headers = idem->body = NULL;
	idem->end = WB_IDEM_NEW;
}

void
wb_idem_free(struct wb_idem *idem)
{
	if (idem == NULL)
		return;
	(void)tdelete(idem, &in_hand, compare);
	wb_idem_reset(idem);
	free(idem);
}

bool
wb_idem_take(struct wb_http_request *request, struct wb_idem **ret_idem)
{
	const char *value = wb_http_header(request, "Idempotency-Key");
	struct wb_idem *idem = NULL;
	char key[KEY_BYTES + 1] = "";

	*ret_idem = NULL;
	if (value == NULL)
		return true;
	if (!read_key(value, key) ||
	    wb_http_header_count(request, "Idempotency-Key") > 1) {
		wb_http_problem(request, 400, "invalid-idempotency-key",
		                "Idempotency-Key must be one string of 1 to "
		                "255 printable ASCII characters.");
		return false;
	}
	idem = wb_zalloc(sizeof(*idem));
	make_digests(request, key, idem);
	if (*(struct wb_idem **)wb_made(tsearch(idem, &in_hand, compare)) ==
	    idem) {
		*ret_idem = idem;
		return true;
	}
	free(idem);
	answer_in_flight(request);
	return false;
}

void
wb_idem_found(struct wb_idem *idem, const struct wb_uuid *fingerprint,
              int status, const char *headers, const char *body)
{
	if (idem->end == WB_IDEM_IN_FLIGHT)
		return;
	wb_idem_reset(idem);
	if (wb_uuid_compare(&idem->fingerprint, fingerprint) != 0) {
		idem->end = WB_IDEM_MISUSED;
		return;
	}
	idem->end = WB_IDEM_REPLAY;
	idem->status = status;
	idem->headers = wb_strdup(headers);
	idem->body = wb_strdup(body);
}

enum wb_idem_end
wb_idem_end(const struct wb_idem *idem)
{
	return idem->end;
}

void
wb_idem_answer(const struct wb_idem *idem, struct wb_http_request *request)
{
	switch (idem->end) {
	case WB_IDEM_NEW:
		break;
	case WB_IDEM_REPLAY:
		wb_reply_headers(request, idem->headers);
		wb_http_set_header(request, "Idempotency-Replayed", "true");
		wb_http_reply_json(request, idem->status, idem->body,
		                   strlen(idem->body));
		break;
	case WB_IDEM_MISUSED:
		wb_http_problem(request, 422, "idempotency-key-reused",
		                "This Idempotency-Key was given for another "
		                "request.");
		break;
	case WB_IDEM_IN_FLIGHT:
		answer_in_flight(request);
		break;
	}
}
