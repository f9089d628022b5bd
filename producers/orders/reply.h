/* What becomes of POST /orders. Nothing is sent when the client has gone; the
 * order must be freed next, its request is answered. */
#ifndef WB_ORDERS_REPLY_H
#define WB_ORDERS_REPLY_H

#include "order.h"

#include "service/idempotency.h"

/* The answer to an order that is committed, to be stored under its key; headers
 * and body are appended to. */
struct wb_idem_answer reply_print(const struct order *order,
                                  struct wb_buf *headers, struct wb_buf *body);

/* It is committed: answers at once, or, if that is wished, when it has ended:
 * 200 and the order. Takes it. */
void reply_committed(struct order *order);

/* What its key says, which is not NEW. */
void reply_by_key(struct order *order);

/* 422 with its errors: nothing is written. */
void reply_refused(struct order *order);

/* 503: no transaction in time; or one whose end was never learnt: then the
 * answer's Location tells where the order is, if it is. */
void reply_unavailable(struct order *order);

/* 500: the database refused it, nothing is written. */
void reply_failed(struct order *order);

#endif
