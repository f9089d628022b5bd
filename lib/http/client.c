/* HTTP requests by libcurl. */
#include "http/client.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/multi.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAGIC 0x48524551u

#define DEFAULT_MAX_BODY_BYTES ((size_t)1024 * 1024)
#define MAX_SPARES             64

/* One request in flight, or a spare one whose easy handle waits for reuse. */
struct request {
	unsigned magic;
	struct wb_http_client *client;
	struct request *next; /* of the spares */
	struct wb_transfer transfer;
	struct curl_slist *headers;
	struct wb_buf body;
	size_t max_body_bytes;
	bool is_too_large;
	wb_http_response_fn fn;
	void *arg;
};

struct wb_http_client {
	struct wb_multi *multi;
	struct request *spares;
	size_t n_spares;
};

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct request *request;
	size_t bytes = size * count;

	WB_CAST(request, arg, REQUEST_MAGIC);
	if (bytes > request->max_body_bytes - request->body.len) {
		request->is_too_large = true;
		return 0;
	}
	wb_buf_add(&request->body, data, bytes);
	return bytes;
}

static struct request *
take_request(struct wb_http_client *client)
{
	struct request *request = client->spares;

	if (request != NULL) {
		client->spares = request->next;
		client->n_spares--;
		return request;
	}
	request = wb_zalloc(sizeof(*request));
	request->magic = REQUEST_MAGIC;
	request->client = client;
	wb_transfer_init(&request->transfer, request);
	return request;
}

static void
free_request(struct request *request)
{
	curl_easy_cleanup(request->transfer.easy);
	curl_slist_free_all(request->headers);
	wb_buf_fini(&request->body);
	request->magic = 0;
	free(request);
}

static void
on_drop(void *owner)
{
	struct request *request;

	WB_CAST(request, owner, REQUEST_MAGIC);
	wb_multi_remove(&request->transfer);
	free_request(request);
}

/* Keeps the handle for the next request; its connection stays with the
 * multi handle anyway. */
static void
give_request(struct request *request)
{
	struct wb_http_client *client = request->client;

	if (client->n_spares == MAX_SPARES) {
		free_request(request);
		return;
	}
	curl_easy_reset(request->transfer.easy);
	curl_slist_free_all(request->headers);
	request->headers = NULL;
	wb_buf_clear(&request->body);
	request->is_too_large = false;
	request->next = client->spares;
	client->spares = request;
	client->n_spares++;
}

static enum wb_err
translate(CURLcode code)
{
	if (code == CURLE_OK)
		return WB_OK;
	return code == CURLE_OPERATION_TIMEDOUT ? WB_ERR_TIMEOUT
	                                        : WB_ERR_HTTP_FAILED;
}

static void
on_done(void *owner, CURLcode code)
{
	struct wb_http_response response = { .err = translate(code) };
	struct request *request;
	long status = 0;

	WB_CAST(request, owner, REQUEST_MAGIC);
	wb_multi_remove(&request->transfer);
	(void)curl_easy_getinfo(request->transfer.easy, CURLINFO_RESPONSE_CODE,
	                        &status);
	response.status = (int)status;
	response.body = wb_buf_text(&request->body);
	response.body_bytes = request->body.len;
	response.error = request->is_too_large
	                     ? "the response's body is too large"
	                     : wb_transfer_why(&request->transfer, code);
	request->fn(&response, request->arg);
	give_request(request);
}

struct wb_http_client *
wb_http_client_new(struct wb_loop *loop)
{
	struct wb_http_client *client = wb_zalloc(sizeof(*client));

	client->multi = wb_multi_new(loop, on_done, on_drop);
	return client;
}

void
wb_http_client_free(struct wb_http_client *client)
{
	struct request *request, *next;

	if (client == NULL)
		return;
	for (request = client->spares; request != NULL; request = next) {
		next = request->next;
		free_request(request);
	}
	wb_multi_free(client->multi);
	free(client);
}

static void
add_header(struct request *request, const char *line)
{
	request->headers = wb_made(curl_slist_append(request->headers, line));
}

static void
set_message(struct request *request, const struct wb_http_call *call)
{
	const char *const *header;
	CURL *easy = request->transfer.easy;

	(void)curl_easy_setopt(easy, CURLOPT_URL, call->url);
	if (strcmp(call->method, "HEAD") == 0)
		(void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		(void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
		                       call->method);
	if (call->body != NULL) {
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                       (curl_off_t)call->body_bytes);
		(void)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
		                       call->body);
	}
	if (call->user != NULL) {
		(void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		(void)curl_easy_setopt(easy, CURLOPT_USERPWD, call->user);
	}
	/* A body is sent at once, not after a "100 Continue". */
	add_header(request, "Expect:");
	for (header = call->headers; header != NULL && *header != NULL;
	     header++)
		add_header(request, *header);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
}

static void
set_limits(struct request *request, const struct wb_http_call *call)
{
	CURL *easy = request->transfer.easy;

	request->max_body_bytes = call->max_body_bytes > 0
	                              ? call->max_body_bytes
	                              : DEFAULT_MAX_BODY_BYTES;
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
	                       (long)call->deadline_ms);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	                       (long)CURL_HTTP_VERSION_1_1);
}

void
wb_http_client_send(struct wb_http_client *client,
                    const struct wb_http_call *call, wb_http_response_fn fn,
                    void *arg)
{
	struct request *request = take_request(client);
	CURL *easy = request->transfer.easy;

	WB_ASSERT(call->deadline_ms > 0);
	request->fn = fn;
	request->arg = arg;
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	set_limits(request, call);
	set_message(request, call);
	wb_multi_add(client->multi, &request->transfer);
}

size_t
wb_http_client_in_flight(const struct wb_http_client *client)
{
	return wb_multi_count(client->multi);
}
