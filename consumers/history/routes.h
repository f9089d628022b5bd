/* The routes of the history: one file each. arg: the struct wb_db. */
#ifndef WB_HISTORY_ROUTES_H
#define WB_HISTORY_ROUTES_H

#include "http/server.h"

/* GET /orders/{id}/timeline: all events of an order as they happened; 404 for
 * an order of which nothing was heard (yet). */
void get_timeline(struct wb_http_request *request, void *arg);

/* GET /customers/{id}/orders?status=&limit=&cursor=: pages, newest first; empty
 * for a customer who has not ordered. */
void list_customer_orders(struct wb_http_request *request, void *arg);

#endif
