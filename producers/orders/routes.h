/* The routes of orders-api: one file each. arg: the struct wb_db. An {id} that
 * is no UUID is the id of no order: 404. So is, to a customer, an order of
 * another customer. */
#ifndef WB_ORDERS_ROUTES_H
#define WB_ORDERS_ROUTES_H

#include "http/server.h"

/* POST /orders {customer_id, lines, payment_method, ship_to}: 202 once the
 * order is committed; with Prefer: wait=N 200 if it ends within N seconds.
 * Prices are those of this service's replica of the catalog. */
void post_order(struct wb_http_request *request, void *arg);

/* GET /orders/{id}, with an ETag; If-None-Match gives 304; with Prefer: wait=N
 * once it has ended, or after N seconds. */
void get_order(struct wb_http_request *request, void *arg);

/* GET /orders/{id}/events: server-sent events; see docs/http.md. */
void get_order_events(struct wb_http_request *request, void *arg);

/* GET /orders?customer_id=&limit=&cursor=: pages, newest first. A customer may
 * leave customer_id out. */
void list_orders(struct wb_http_request *request, void *arg);

/* POST /orders/{id}/cancel: 202, however often; 409 for an order that ended. */
void cancel_order(struct wb_http_request *request, void *arg);

/* GET /openapi.yaml: the contract of the whole API, not of this service only.
 */
void get_contract(struct wb_http_request *request, void *arg);

/* GET /docs: the same as a page to read. */
void get_docs(struct wb_http_request *request, void *arg);

#endif
