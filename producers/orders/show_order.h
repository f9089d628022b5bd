/* The answer that shows one order. */
#ifndef WB_ORDERS_SHOW_ORDER_H
#define WB_ORDERS_SHOW_ORDER_H

#include "base/buf.h"
#include "http/server.h"
#include "pg/pg.h"

/* 200 with an ETag, or 304 if that is among those of If-None-Match. body: the
 * order as JSON. */
void show_order(struct wb_http_request *request, int64_t version,
                const struct wb_buf *body);

/* The same of a row with ORDER_COLUMNS. */
void show_order_row(struct wb_http_request *request,
                    const struct wb_pg_result *result, size_t row);

/* Preference-Applied: wait=N */
void show_wait_applied(struct wb_http_request *request, int64_t wait_s);

#endif
