/* libcurl's multi interface on the loop: libcurl says which sockets and which
 * timer it waits for, the loop waits for them and tells it. What the clients
 * for HTTP and SMTP share; not for other rooms. */
#ifndef WB_HTTP_MULTI_H
#define WB_HTTP_MULTI_H

#include <stddef.h>

#include <curl/curl.h>

#include "loop/loop.h"

struct wb_multi;

/* One easy handle: part of its owner, who frees easy once it is out again. */
struct wb_transfer {
	unsigned magic;
	struct wb_multi *multi; /* that it is in, or NULL */
	struct wb_transfer *prev, *next;
	CURL *easy;
	char error[CURL_ERROR_SIZE]; /* libcurl's words, "" if none */
	void *owner;
};

void wb_transfer_init(struct wb_transfer *transfer, void *owner);

/* Both find the transfer in the multi still. done: it ended with code; from the
 * loop. drop: the multi is being freed: take it out, and free the owner. */
typedef void (*wb_transfer_done_fn)(void *owner, CURLcode code);
typedef void (*wb_transfer_drop_fn)(void *owner);

void wb_multi_free(struct wb_multi *multi); /* NULL is fine */
struct wb_multi *wb_multi_new(struct wb_loop *loop, wb_transfer_done_fn done,
                              wb_transfer_drop_fn drop)
    WB_OWNED_BY(wb_multi_free);

/* Starts nothing yet but a timer: even a wrong URL comes back through it. Sets
 * CURLOPT_PRIVATE and CURLOPT_ERRORBUFFER. */
void wb_multi_add(struct wb_multi *multi, struct wb_transfer *transfer);

/* Out of the multi that it is in; aborts what is under way. */
void wb_multi_remove(struct wb_transfer *transfer);

/* Transfers that are in it. */
size_t wb_multi_count(const struct wb_multi *multi);

/* What curl says in words: transfer->error, or what code stands for. */
const char *wb_transfer_why(const struct wb_transfer *transfer, CURLcode code);

#endif
