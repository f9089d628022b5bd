/* What the tests of orders-api share: the process, a filled replica of catalog
 * and customers, and bodies of orders. */
#ifndef WB_TESTS_ORDERS_CASE_H
#define WB_TESTS_ORDERS_CASE_H

#include "support/producer_fixture.h"

/* In the replicas: this customer; MUG for 1250 EUR, TEA for 300 EUR, CARD for 0
 * EUR, WATCH for 99 CHF, MINE for 9,000,000,000,000,000 EUR. */
#define CUSTOMER "0198f2b1-0001-7001-8a01-9e3d58a665b7"
#define STRANGER "0198f2b1-0001-7001-8a01-9e3d58a665b8"

#define LINES                                                                  \
	"[{\"sku\":\"MUG\",\"quantity\":3},{\"sku\":\"TEA\",\"quantity\":1}]"
#define ADDRESS                                                                \
	"{\"name\":\"Zo\303\253\",\"line1\":\"K\\u00f6nigstr. 12 \\\"B\\\"\"," \
	"\"city\":\"Z\303\274rich\",\"postal_code\":\"8001\","                 \
	"\"country\":\"CH\"}"
#define BODY(customer, lines, method, address)                                 \
	"{\"customer_id\":" customer ",\"lines\":" lines                       \
	",\"payment_method\":" method ",\"ship_to\":" address "}"
#define GOOD_BODY BODY("\"" CUSTOMER "\"", LINES, "\"pm_ok\"", ADDRESS)

/* Fills the replicas. */
void wb_test_orders_fill(struct wb_test_producer *p);

/* All in one: opens, fills, starts orders-api with further arguments
 * (NULL-ended, or NULL). */
void wb_test_orders_open(struct wb_test_producer *p,
                         const char *const *arguments);
void wb_test_orders_close(struct wb_test_producer *p); /* it must drain */

/* "orders,outbox rows" */
#define COUNTS                                                                 \
	"SELECT (SELECT count(*) FROM orders) || ',' || "                      \
	"(SELECT count(*) FROM outbox_events)"

/* Places an order; its id goes to id. */
void wb_test_place(struct wb_test_producer *p, char id[37]);

#endif
