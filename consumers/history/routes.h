/* The routes of the history: one file each. arg: the struct wb_db. */
#ifndef WB_HISTORY_ROUTES_H
#define WB_HISTORY_ROUTES_H

#include "http/server.h"

/* GET /orders/{id}/timeline: all events of an order as they happened; 404 for
 * an order of which nothing was heard (yet). */
void get_timeline(struct wb_http_request *request, void *arg);

/* GET /orders/totals?from=2026-11-01&to=2026-11-30: per day, status and
 * currency how many orders there are and their sum. Days are those of UTC on
 * which the orders were placed, from and to included; to: today, from: 29 days
 * earlier. */
void get_totals(struct wb_http_request *request, void *arg);

/* GET /customers/{id}/orders?status=&from=&to=&limit=&cursor=: pages, newest
 * first; from <= placed_at < to; empty for a customer who has not ordered. */
void list_customer_orders(struct wb_http_request *request, void *arg);

#endif
