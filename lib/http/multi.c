/* libcurl's multi interface on the loop. */
#include "http/multi.h"

#include "base/attr.h"
#include "base/mem.h"

#include <event2/event.h>

#include <stdlib.h>

#define MULTI_MAGIC    0x484D554Cu
#define TRANSFER_MAGIC 0x48545246u

struct wb_multi {
	unsigned magic;
	struct wb_loop *loop;
	CURLM *curl;
	struct wb_timer timer;
	struct wb_transfer *first;
	size_t count;
	wb_transfer_done_fn done;
	wb_transfer_drop_fn drop;
};

void
wb_transfer_init(struct wb_transfer *transfer, void *owner)
{
	transfer->magic = TRANSFER_MAGIC;
	transfer->owner = owner;
	transfer->easy = wb_made(curl_easy_init());
}

void
wb_multi_remove(struct wb_transfer *transfer)
{
	struct wb_multi *multi = transfer->multi;

	(void)curl_multi_remove_handle(multi->curl, transfer->easy);
	if (transfer->prev != NULL)
		transfer->prev->next = transfer->next;
	else
		multi->first = transfer->next;
	if (transfer->next != NULL)
		transfer->next->prev = transfer->prev;
	multi->count--;
	transfer->multi = NULL;
}

static void
reap(struct wb_multi *multi)
{
	struct wb_transfer *transfer;
	CURLMsg *message;
	char *private = NULL;
	int n_left;

	while ((message = curl_multi_info_read(multi->curl, &n_left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
		                        &private);
		WB_CAST(transfer, (void *)private, TRANSFER_MAGIC);
		multi->done(transfer->owner, message->data.result);
	}
}

static void
on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
	struct wb_multi *multi;
	int mask = 0, n_running;

	WB_CAST(multi, arg, MULTI_MAGIC);
	if ((what & EV_READ) != 0)
		mask |= CURL_CSELECT_IN;
	if ((what & EV_WRITE) != 0)
		mask |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(multi->curl, fd, mask, &n_running);
	reap(multi);
}

static void
on_timer(void *arg)
{
	struct wb_multi *multi;
	int n_running;

	WB_CAST(multi, arg, MULTI_MAGIC);
	(void)curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0,
	                               &n_running);
	reap(multi);
}

/* libcurl: wait for this socket. event is what was assigned to it. */
static int
on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *event)
{
	struct wb_multi *multi;
	struct event *wait = event;
	short events = EV_PERSIST;

	(void)easy;
	WB_CAST(multi, arg, MULTI_MAGIC);
	if (wait != NULL)
		event_free(wait);
	wait = NULL;
	if (what != CURL_POLL_REMOVE) {
		if (what != CURL_POLL_OUT)
			events |= EV_READ;
		if (what != CURL_POLL_IN)
			events |= EV_WRITE;
		wait = wb_made(event_new(wb_loop_base(multi->loop), fd, events,
		                         on_socket_ready, multi));
		(void)event_add(wait, NULL);
	}
	(void)curl_multi_assign(multi->curl, fd, wait);
	return 0;
}

/* libcurl: call me in so many ms; -1 = never. */
static int
on_timer_wanted(CURLM *curl, long timeout_ms, void *arg)
{
	struct wb_multi *multi;

	(void)curl;
	WB_CAST(multi, arg, MULTI_MAGIC);
	if (timeout_ms < 0)
		wb_timer_stop(&multi->timer);
	else
		wb_timer_start_ms(&multi->timer, timeout_ms);
	return 0;
}

static CURLM *
new_curl(struct wb_multi *multi)
{
	CURLM *curl;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		(void)wb_made(NULL);
	curl = wb_made(curl_multi_init());
	(void)curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION,
	                        on_socket_wanted);
	(void)curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, multi);
	(void)curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	(void)curl_multi_setopt(curl, CURLMOPT_TIMERDATA, multi);
	return curl;
}

struct wb_multi *
wb_multi_new(struct wb_loop *loop, wb_transfer_done_fn done,
             wb_transfer_drop_fn drop)
{
	struct wb_multi *multi = wb_zalloc(sizeof(*multi));

	multi->magic = MULTI_MAGIC;
	multi->loop = loop;
	multi->done = done;
	multi->drop = drop;
	wb_timer_init(&multi->timer, loop, on_timer, multi);
	multi->curl = new_curl(multi);
	return multi;
}

void
wb_multi_free(struct wb_multi *multi)
{
	if (multi == NULL)
		return;
	while (multi->first != NULL)
		multi->drop(multi->first->owner);
	(void)curl_multi_cleanup(multi->curl);
	wb_timer_fini(&multi->timer);
	curl_global_cleanup();
	multi->magic = 0;
	free(multi);
}

void
wb_multi_add(struct wb_multi *multi, struct wb_transfer *transfer)
{
	transfer->error[0] = '\0';
	(void)curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	(void)curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER,
	                       transfer->error);
	transfer->multi = multi;
	transfer->prev = NULL;
	transfer->next = multi->first;
	if (transfer->next != NULL)
		transfer->next->prev = transfer;
	multi->first = transfer;
	multi->count++;
	(void)curl_multi_add_handle(multi->curl, transfer->easy);
}

size_t
wb_multi_count(const struct wb_multi *multi)
{
	return multi->count;
}

const char *
wb_transfer_why(const struct wb_transfer *transfer, CURLcode code)
{
	if (transfer->error[0] != '\0' || code == CURLE_OK)
		return transfer->error;
	return curl_easy_strerror(code);
}
