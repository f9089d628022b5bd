/* HTTP requests by libcurl's multi interface: libcurl says which sockets and
 * which timer it waits for, the loop waits for them and tells it. */
#include "http/client.h"

#include "base/buf.h"
#include "base/mem.h"

#include <curl/curl.h>
#include <event2/event.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_MAGIC   0x48434C49u
#define TRANSFER_MAGIC 0x48545246u

#define DEFAULT_MAX_BODY_BYTES ((size_t)1024 * 1024)
#define MAX_SPARES             64

/* One request in flight, or a spare one whose easy handle waits for reuse. */
struct transfer {
	unsigned magic;
	struct wb_http_client *client;
	struct transfer *prev, *next;
	CURL *easy;
	struct curl_slist *headers;
	struct wb_buf body;
	size_t max_body_bytes;
	bool is_too_large;
	char error[CURL_ERROR_SIZE];
	wb_http_response_fn fn;
	void *arg;
};

struct wb_http_client {
	unsigned magic;
	struct wb_loop *loop;
	CURLM *multi;
	struct wb_timer timer;
	struct transfer *active, *spares;
	size_t n_active, n_spares;
};

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *transfer;
	size_t bytes = size * count;

	WB_CAST(transfer, arg, TRANSFER_MAGIC);
	if (bytes > transfer->max_body_bytes - transfer->body.len) {
		transfer->is_too_large = true;
		return 0;
	}
	wb_buf_add(&transfer->body, data, bytes);
	return bytes;
}

static struct transfer *
take_transfer(struct wb_http_client *client)
{
	struct transfer *transfer = client->spares;

	if (transfer != NULL) {
		client->spares = transfer->next;
		client->n_spares--;
	} else {
		transfer = wb_zalloc(sizeof(*transfer));
		transfer->magic = TRANSFER_MAGIC;
		transfer->client = client;
		transfer->easy = wb_made(curl_easy_init());
	}
	transfer->prev = NULL;
	transfer->next = client->active;
	if (transfer->next != NULL)
		transfer->next->prev = transfer;
	client->active = transfer;
	client->n_active++;
	return transfer;
}

static void
free_transfer(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	wb_buf_fini(&transfer->body);
	transfer->magic = 0;
	free(transfer);
}

static void
unlink_transfer(struct transfer *transfer)
{
	struct wb_http_client *client = transfer->client;

	(void)curl_multi_remove_handle(client->multi, transfer->easy);
	if (transfer->prev != NULL)
		transfer->prev->next = transfer->next;
	else
		client->active = transfer->next;
	if (transfer->next != NULL)
		transfer->next->prev = transfer->prev;
	client->n_active--;
}

/* Keeps the handle for the next request; its connection stays with the
 * multi handle anyway. */
static void
give_transfer(struct transfer *transfer)
{
	struct wb_http_client *client = transfer->client;

	if (client->n_spares == MAX_SPARES) {
		free_transfer(transfer);
		return;
	}
	curl_easy_reset(transfer->easy);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	wb_buf_clear(&transfer->body);
	transfer->is_too_large = false;
	transfer->error[0] = '\0';
	transfer->next = client->spares;
	client->spares = transfer;
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
finish(struct transfer *transfer, CURLcode code)
{
	struct wb_http_response response = { .err = translate(code) };
	long status = 0;

	(void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
	                        &status);
	response.status = (int)status;
	response.body = wb_buf_text(&transfer->body);
	response.body_bytes = transfer->body.len;
	response.error = transfer->error;
	if (transfer->is_too_large)
		response.error = "the response's body is too large";
	else if (code != CURLE_OK && transfer->error[0] == '\0')
		response.error = curl_easy_strerror(code);
	unlink_transfer(transfer);
	transfer->fn(&response, transfer->arg);
	give_transfer(transfer);
}

static void
reap(struct wb_http_client *client)
{
	struct transfer *transfer;
	CURLMsg *message;
	char *private = NULL;
	int n_left;

	while ((message = curl_multi_info_read(client->multi, &n_left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
		                        &private);
		WB_CAST(transfer, (void *)private, TRANSFER_MAGIC);
		finish(transfer, message->data.result);
	}
}

static void
on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct wb_http_client *client;
	int mask = 0, n_running;

	WB_CAST(client, arg, CLIENT_MAGIC);
	if ((what & EV_READ) != 0)
		mask |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		mask |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(client->multi, fd, mask, &n_running);
	reap(client);
}

static void
on_timer(void *arg)
{
	struct wb_http_client *client;
	int n_running;

	WB_CAST(client, arg, CLIENT_MAGIC);
	(void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0,
	                               &n_running);
	reap(client);
}

/* libcurl: wait for this socket. event is what was assigned to it. */
static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *event)
{
	struct wb_http_client *client;
	struct event *wait = event;
	short events = EV_PERSIST;

	(void)easy;
	WB_CAST(client, arg, CLIENT_MAGIC);
	if (wait != NULL)
		event_free(wait);
	wait = NULL;
	if (what != CURL_POLL_REMOVE) {
		if (what != CURL_POLL_OUT)
			events |= EV_READ;
		if (what != CURL_POLL_IN)
			events |= EV_WRITE;
		wait = wb_made(event_new(wb_loop_base(client->loop), fd, events,
		                         on_socket_ready, client));
		(void)event_add(wait, NULL);
	}
	(void)curl_multi_assign(client->multi, fd, wait);
	return 0;
}

/* libcurl: call me in so many ms; -1 = never. */
static int
on_timer_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	struct wb_http_client *client;

	(void)multi;
	WB_CAST(client, arg, CLIENT_MAGIC);
	if (timeout_ms < 0)
		wb_timer_stop(&client->timer);
	else
		wb_timer_start_ms(&client->timer, timeout_ms);
	return 0;
}

static CURLM *
new_multi(struct wb_http_client *client)
{
	CURLM *multi;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		(void)wb_made(NULL);
	multi = wb_made(curl_multi_init());
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION,
	                        on_socket_wanted);
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
	return multi;
}

struct wb_http_client *
wb_http_client_new(struct wb_loop *loop)
{
	struct wb_http_client *client = wb_zalloc(sizeof(*client));

	client->magic = CLIENT_MAGIC;
	client->loop = loop;
	wb_timer_init(&client->timer, loop, on_timer, client);
	client->multi = new_multi(client);
	return client;
}

void
wb_http_client_free(struct wb_http_client *client)
{
	struct transfer *transfer, *next;

	if (client == NULL)
		return;
	for (transfer = client->active; transfer != NULL; transfer = next) {
		next = transfer->next;
		(void)curl_multi_remove_handle(client->multi, transfer->easy);
		free_transfer(transfer);
	}
	for (transfer = client->spares; transfer != NULL; transfer = next) {
		next = transfer->next;
		free_transfer(transfer);
	}
	(void)curl_multi_cleanup(client->multi);
	wb_timer_fini(&client->timer);
	curl_global_cleanup();
	client->magic = 0;
	free(client);
}

static void
add_header(struct transfer *transfer, const char *line)
{
	transfer->headers = wb_made(curl_slist_append(transfer->headers, line));
}

static void
set_message(struct transfer *transfer, const struct wb_http_call *call)
{
	const char *const *header;
	CURL *easy = transfer->easy;

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
	add_header(transfer, "Expect:");
	for (header = call->headers; header != NULL && *header != NULL;
	     header++)
		add_header(transfer, *header);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static void
set_limits(struct transfer *transfer, const struct wb_http_call *call)
{
	CURL *easy = transfer->easy;

	transfer->max_body_bytes = call->max_body_bytes > 0
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

static void
set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
}

void
wb_http_client_send(struct wb_http_client *client,
                    const struct wb_http_call *call, wb_http_response_fn fn,
                    void *arg)
{
	struct transfer *transfer = take_transfer(client);

	WB_ASSERT(call->deadline_ms > 0);
	transfer->fn = fn;
	transfer->arg = arg;
	set_callbacks(transfer);
	set_limits(transfer, call);
	set_message(transfer, call);
	/* Starts nothing yet but the timer: even a wrong URL comes back
	 * through it. */
	(void)curl_multi_add_handle(client->multi, transfer->easy);
}

size_t
wb_http_client_in_flight(const struct wb_http_client *client)
{
	return client->n_active;
}
