/* An order on its way in: from the request's body to its rows. */
#ifndef WB_ORDERS_ORDER_H
#define WB_ORDERS_ORDER_H

#include "base/buf.h"
#include "base/uuid.h"
#include "http/server.h"
#include "service/idempotency.h"

#define LINES_MAX       100
#define QUANTITY_MAX    1000000
#define TRACEPARENT_MAX 64

/* The largest integer that every JSON reader takes exactly: 2^53 - 1. */
#define TOTAL_MAX_MINOR INT64_C(9007199254740991)

struct order_line {
	const char *sku; /* borrowed from the order's body */
	int64_t quantity;
};

/* Borrowed from the order's body. */
struct order_address {
	const char *name, *line1, *city, *postal_code, *country;
};

/* Owned by accept.c, in exactly one list at a time. The ids are made once, so
 * that an order that runs again is the same one. */
struct order {
	struct order *prev, *next;
	struct order_list *list;
	struct wb_http_request *request; /* NULL: the client has gone */
	struct json_object *body;        /* owned */
	size_t body_bytes;
	struct wb_idem *key; /* owned; NULL: none was given */
	int64_t wait_s;      /* Prefer: wait=N; 0 = answer at once */

	struct wb_uuid id, event_id, customer_id;
	char id_text[WB_UUID_TEXT_BYTES];
	char traceparent[TRACEPARENT_MAX];
	const char *payment_method; /* borrowed from body */
	struct order_address ship_to;
	struct order_line *lines;
	size_t n_lines;
	int64_t placed_us; /* wall clock */

	/* Why it can't be accepted; owned. NULL: nothing is known against it.
	 */
	struct wb_http_errors *errors;

	/* Once it is priced, it keeps its price. */
	struct wb_buf data; /* {"order":snapshot}; empty before */
	char *currency;
	int64_t total_minor;

	/* Monotonic: until when an unknown customer or SKU is looked up again,
	 * and until when it waits for a transaction. */
	int64_t lookup_until_us, wait_until_us;
	bool has_run;    /* in a transaction, which may still have its key */
	bool is_alone;   /* was in a batch that failed: runs by itself */
	bool is_unknown; /* a commit with it ended unknown */
	bool is_stored;  /* such a commit was found to have happened */
};

void order_free(struct order *order);

/* Reads the body and the key: NULL when it has been answered, 400, 409, 415 or
 * 422. */
struct order *order_read(struct wb_http_request *request)
    WB_OWNED_BY(order_free);

/* Fills order->data; the order has been priced. unit_prices and names: one per
 * line. */
void order_print_data(struct order *order, const int64_t *unit_prices,
                      const char *const *names);

/* The snapshot within order->data: the value of "order". */
const char *order_snapshot(const struct order *order, size_t *ret_bytes);

/* ---- lists ---- */

struct order_list {
	struct order *first, *last;
	size_t n;
};

void order_list_push(struct order_list *list, struct order *order);
void order_list_remove(struct order *order); /* from its list */

/* Moves all of `from` before the first of `list`, in their order. */
void order_list_prepend(struct order_list *list, struct order_list *from);

#endif
