/* The routes of customers-api: one file each. arg: the struct wb_db. */
#ifndef WB_CUSTOMERS_ROUTES_H
#define WB_CUSTOMERS_ROUTES_H

#include "http/server.h"

/* POST /customers {name, email} → 201. With a customer_id of the client's
 * choice: 200 when the customer is there already as asked, 409 when as
 * something else. A customer (by token) can only register under the token's own
 * subject, which is also what customer_id is when left out. */
void post_customer(struct wb_http_request *request, void *arg);

/* GET /customers/{id}; what is no UUID is 404, too. */
void get_customer(struct wb_http_request *request, void *arg);

#endif
