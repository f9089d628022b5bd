#include "support/orders_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char replicas[] =
    "INSERT INTO customers VALUES"
    " ('" CUSTOMER "', 'Ada', 'ada@waybill.example');"
    "INSERT INTO products (sku, name, price_minor, currency, version) VALUES"
    " ('MUG', 'Mug, \"big\"', 1250, 'EUR', 1), ('TEA', 'Tea', 300, 'EUR', 1),"
    " ('CARD', 'Card', 0, 'EUR', 1), ('WATCH', 'Watch', 99, 'CHF', 1),"
    " ('MINE', 'Gold mine', 9000000000000000, 'EUR', 1)";

void
wb_test_orders_fill(struct wb_test_producer *p)
{
	wb_test_script(&p->db, replicas);
	assert_int_equal(p->db.end, WB_TX_COMMITTED);
}

void
wb_test_orders_open(struct wb_test_producer *p, const char *const *arguments)
{
	wb_test_producer_open(p, "orders");
	wb_test_orders_fill(p);
	wb_test_producer_start(p, "orders-api", arguments);
	wb_test_producer_until_ready(p, 200);
}

void
wb_test_orders_close(struct wb_test_producer *p)
{
	wb_test_producer_stop(p);
	wb_test_producer_close(p);
}

void
wb_test_place(struct wb_test_producer *p, char id[37])
{
	assert_int_equal(wb_test_ask(p, "POST", "/orders", NULL, GOOD_BODY),
	                 202);
	wb_test_member(p, "order_id", id, 37);
}
