/* The routes of catalog-api: one file each. arg: the struct wb_db. */
#ifndef WB_CATALOG_ROUTES_H
#define WB_CATALOG_ROUTES_H

#include "http/server.h"

/* PUT /products/{sku} {name, price_minor, currency}: 201 when it is new, else
 * 200. The same content again makes no new version and no event. */
void put_product(struct wb_http_request *request, void *arg);

/* GET /products/{sku} */
void get_product(struct wb_http_request *request, void *arg);

/* GET /products?limit=&cursor=: pages in the order of the SKUs. */
void list_products(struct wb_http_request *request, void *arg);

/* POST /products/{sku}/receipts {quantity}: 201. */
void post_receipt(struct wb_http_request *request, void *arg);

#endif
