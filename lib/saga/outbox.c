/* The outbox's two INSERTs. What is added goes straight into the columns of
 * their arguments. */
#include "saga/outbox.h"

#include "base/mem.h"

#include <stdlib.h>

struct wb_outbox {
	struct wb_pg_args *events, *deliveries;
	size_t n_events, n_deliveries;
};

/* One name per column, in the order of the statement's parameters. */
enum {
	EVENT_ID,
	AGGREGATE_TYPE,
	AGGREGATE_ID,
	SEQUENCE,
	EVENT_TYPE,
	PAYLOAD,
	CORRELATION_ID,
	CAUSATION_ID,
	TRACEPARENT,
};

static const enum wb_pg_elem event_columns[] = {
	[EVENT_ID] = WB_PG_UUID,       [AGGREGATE_TYPE] = WB_PG_TEXT,
	[AGGREGATE_ID] = WB_PG_TEXT,   [SEQUENCE] = WB_PG_INT8,
	[EVENT_TYPE] = WB_PG_TEXT,     [PAYLOAD] = WB_PG_JSON,
	[CORRELATION_ID] = WB_PG_TEXT, [CAUSATION_ID] = WB_PG_TEXT,
	[TRACEPARENT] = WB_PG_TEXT,
};

/* Sorted, since counters of the outbox are locked as they are drawn from; an
 * aggregate's events stay in the order in which they were added. */
static const struct wb_pg_stmt insert_events = {
	.name = "outbox_events",
	.sql =
	    "INSERT INTO outbox_events (event_id, aggregate_type, aggregate_id,"
	    " sequence, event_type, payload, correlation_id, causation_id,"
	    " traceparent) "
	    "SELECT event_id, aggregate_type, aggregate_id, sequence,"
	    " event_type, payload, correlation_id, causation_id::uuid,"
	    " traceparent "
	    "FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[],"
	    " $5::text[], $6::json[], $7::text[], $8::text[], $9::text[])"
	    " WITH ORDINALITY AS e (event_id, aggregate_type, aggregate_id,"
	    " sequence, event_type, payload, correlation_id, causation_id,"
	    " traceparent, position) "
	    "ORDER BY aggregate_type, aggregate_id, position",
};

enum {
	CONSUMER,
	QUEUE,
	ROUTING_KEY,
	DELIVERED_ID,
	REPLAY,
	ATTEMPT,
	CONTENT_TYPE,
	HEADERS,
	BODY,
	DELAY_MS,
};

static const enum wb_pg_elem delivery_columns[] = {
	[CONSUMER] = WB_PG_TEXT,     [QUEUE] = WB_PG_TEXT,
	[ROUTING_KEY] = WB_PG_TEXT,  [DELIVERED_ID] = WB_PG_UUID,
	[REPLAY] = WB_PG_TEXT,       [ATTEMPT] = WB_PG_INT4,
	[CONTENT_TYPE] = WB_PG_TEXT, [HEADERS] = WB_PG_JSON,
	[BODY] = WB_PG_BYTEA,        [DELAY_MS] = WB_PG_INT8,
};

/* Sorted: two transactions that insert the same keys in opposite order would
 * deadlock on the unique index. */
static const struct wb_pg_stmt insert_deliveries = {
	.name = "outbox_deliveries",
	.sql =
	    "INSERT INTO outbox_deliveries (consumer, queue, routing_key,"
	    " event_id, replay, attempt, content_type, headers, body, due_at) "
	    "SELECT consumer, queue, routing_key, event_id, replay, attempt,"
	    " content_type, headers, body,"
	    " clock_timestamp() + delay_ms * interval '1 millisecond' "
	    "FROM unnest($1::text[], $2::text[], $3::text[], $4::uuid[],"
	    " $5::text[], $6::int[], $7::text[], $8::json[], $9::bytea[],"
	    " $10::bigint[]) AS d (consumer, queue, routing_key, event_id,"
	    " replay, attempt, content_type, headers, body, delay_ms) "
	    "ORDER BY consumer, event_id, replay, attempt "
	    "ON CONFLICT (consumer, event_id, replay, attempt) DO NOTHING",
};

static void
begin(struct wb_pg_args *args, const enum wb_pg_elem *columns, size_t n_columns)
{
	size_t i;

	wb_pg_args_clear(args);
	for (i = 0; i < n_columns; i++) {
		size_t array = wb_pg_arg_array(args, columns[i]);

		WB_ASSERT(array == i);
	}
}

void
wb_outbox_free(struct wb_outbox *outbox)
{
	if (outbox == NULL)
		return;
	wb_pg_args_free(outbox->events);
	wb_pg_args_free(outbox->deliveries);
	free(outbox);
}

struct wb_outbox *
wb_outbox_new(void)
{
	struct wb_outbox *outbox = wb_zalloc(sizeof(*outbox));

	outbox->events = wb_pg_args_new();
	outbox->deliveries = wb_pg_args_new();
	wb_outbox_clear(outbox);
	return outbox;
}

void
wb_outbox_clear(struct wb_outbox *outbox)
{
	begin(outbox->events, event_columns, WB_ARRAY_LEN(event_columns));
	begin(outbox->deliveries, delivery_columns,
	      WB_ARRAY_LEN(delivery_columns));
	outbox->n_events = 0;
	outbox->n_deliveries = 0;
}

size_t
wb_outbox_count(const struct wb_outbox *outbox)
{
	return outbox->n_events + outbox->n_deliveries;
}

static void
add_optional(struct wb_pg_args *args, size_t array, const char *text)
{
	wb_pg_elem_text(args, array, text[0] != '\0' ? text : NULL);
}

void
wb_outbox_add(struct wb_outbox *outbox, const struct wb_outbox_event *event)
{
	struct wb_pg_args *args = outbox->events;

	wb_pg_elem_uuid(args, EVENT_ID, &event->id);
	wb_pg_elem_text(args, AGGREGATE_TYPE, event->type->aggregate);
	wb_pg_elem_text(args, AGGREGATE_ID, event->aggregate_id);
	if (event->sequence == 0)
		wb_pg_elem_null(args, SEQUENCE); /* the trigger draws it */
	else
		wb_pg_elem_i64(args, SEQUENCE, event->sequence);
	wb_pg_elem_text(args, EVENT_TYPE, event->type->name);
	wb_pg_elem_text_n(args, PAYLOAD, event->data, event->data_bytes);
	add_optional(args, CORRELATION_ID, event->correlation_id);
	add_optional(args, CAUSATION_ID, event->causation_id);
	add_optional(args, TRACEPARENT, event->traceparent);
	outbox->n_events++;
}

void
wb_outbox_deliver(struct wb_outbox *outbox,
                  const struct wb_outbox_delivery *delivery)
{
	struct wb_pg_args *args = outbox->deliveries;

	wb_pg_elem_text(args, CONSUMER, delivery->consumer);
	wb_pg_elem_text(args, QUEUE, delivery->queue);
	wb_pg_elem_text(args, ROUTING_KEY, delivery->routing_key);
	wb_pg_elem_uuid(args, DELIVERED_ID, &delivery->event_id);
	wb_pg_elem_text(args, REPLAY, delivery->replay);
	wb_pg_elem_i32(args, ATTEMPT, delivery->attempt);
	wb_pg_elem_text(args, CONTENT_TYPE, delivery->content_type);
	wb_pg_elem_text(args, HEADERS, delivery->headers);
	wb_pg_elem_text_n(args, BODY,
	                  delivery->body_bytes > 0 ? delivery->body : "",
	                  delivery->body_bytes);
	wb_pg_elem_i64(args, DELAY_MS, delivery->delay_ms);
	outbox->n_deliveries++;
}

void
wb_outbox_write(const struct wb_outbox *outbox, struct wb_tx *tx)
{
	if (outbox->n_events > 0)
		wb_tx_query(tx, &insert_events, outbox->events, NULL, NULL);
	if (outbox->n_deliveries > 0)
		wb_tx_query(tx, &insert_deliveries, outbox->deliveries, NULL,
		            NULL);
}
