#include "insert.h"

#include "base/mem.h"
#include "saga/outbox.h"
#include "shop/events.h"

#include <stdlib.h>

struct insert {
	int64_t deadline_ms;
	struct wb_pg_args *args;
	struct wb_outbox *outbox;
};

/* In the order of their ids, as every lock on orders is taken. If an earlier
 * commit of the same orders had not arrived when they were looked for, this
 * fails, and so does the transaction. */
static const struct wb_pg_stmt insert_orders = {
	.name = "insert_orders",
	.sql = "INSERT INTO orders (order_id, customer_id, currency,"
	       " total_minor, snapshot, placed_at, deadline_at) "
	       "SELECT order_id, customer_id, currency, total_minor, snapshot,"
	       " placed_at, placed_at + $7::bigint * interval '1 ms' "
	       "FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[],"
	       " $5::json[], $6::timestamptz[]) AS o (order_id, customer_id,"
	       " currency, total_minor, snapshot, placed_at) "
	       "ORDER BY order_id",
};

/* Its array parameters, in their order. */
enum { ORDER_ID, CUSTOMER_ID, CURRENCY, TOTAL_MINOR, SNAPSHOT, PLACED_AT };

static const enum wb_pg_elem columns[] = {
	[ORDER_ID] = WB_PG_UUID, [CUSTOMER_ID] = WB_PG_UUID,
	[CURRENCY] = WB_PG_TEXT, [TOTAL_MINOR] = WB_PG_INT8,
	[SNAPSHOT] = WB_PG_JSON, [PLACED_AT] = WB_PG_TIMESTAMPTZ,
};

void
insert_free(struct insert *insert)
{
	if (insert == NULL)
		return;
	wb_pg_args_free(insert->args);
	wb_outbox_free(insert->outbox);
	free(insert);
}

struct insert *
insert_new(int64_t deadline_ms)
{
	struct insert *insert = wb_zalloc(sizeof(*insert));

	insert->deadline_ms = deadline_ms;
	insert->args = wb_pg_args_new();
	insert->outbox = wb_outbox_new();
	return insert;
}

void
insert_clear(struct insert *insert)
{
	wb_outbox_clear(insert->outbox);
	wb_pg_args_clear(insert->args);
	for (size_t i = 0; i < WB_ARRAY_LEN(columns); i++) {
		size_t array = wb_pg_arg_array(insert->args, columns[i]);

		WB_ASSERT(array == i);
	}
}

void
insert_add(struct insert *insert, const struct order *order)
{
	struct wb_pg_args *args = insert->args;
	size_t bytes = 0;
	const char *snapshot = order_snapshot(order, &bytes);

	wb_pg_elem_uuid(args, ORDER_ID, &order->id);
	wb_pg_elem_uuid(args, CUSTOMER_ID, &order->customer_id);
	wb_pg_elem_text(args, CURRENCY, order->currency);
	wb_pg_elem_i64(args, TOTAL_MINOR, order->total_minor);
	wb_pg_elem_text_n(args, SNAPSHOT, snapshot, bytes);
	wb_pg_elem_time(args, PLACED_AT, order->placed_us);
	wb_outbox_add(insert->outbox, &(struct wb_outbox_event){
	                                  .id = order->event_id,
	                                  .type = &shop_order_placed,
	                                  .aggregate_id = order->id_text,
	                                  .sequence = 1,
	                                  .correlation_id = order->id_text,
	                                  .causation_id = "",
	                                  .traceparent = order->traceparent,
	                                  .data = order->data.data,
	                                  .data_bytes = order->data.len,
	                              });
}

bool
insert_send(struct insert *insert, struct wb_tx *tx)
{
	if (wb_outbox_count(insert->outbox) == 0)
		return false;
	wb_pg_arg_i64(insert->args, insert->deadline_ms);
	wb_tx_query(tx, &insert_orders, insert->args, NULL, NULL);
	wb_outbox_write(insert->outbox, tx);
	return true;
}
