/* What becomes of POST /orders. Nothing is sent when the client has gone; the
 * order must be freed next, its request is answered. */
#ifndef WB_ORDERS_REPLY_H
#define WB_ORDERS_REPLY_H

#include "order.h"

/* 202: it is committed. */
void reply_accepted(struct order *order);

/* 422: nothing is written. */
void reply_refused(struct order *order, const struct wb_http_errors *errors);

/* 503: no transaction in time; or one whose end was never learnt: then the
 * answer's Location tells where the order is, if it is. */
void reply_unavailable(struct order *order);

/* 500: the database refused it, nothing is written. */
void reply_failed(struct order *order);

#endif
