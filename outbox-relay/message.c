/* What rows look like on the wire. */
#include "message.h"

#include <string.h>

#include "event/envelope.h"
#include "headers.h"
#include "sql.h"

/* AMQP's short strings. */
#define SHORT_MAX ((size_t)255)

static const char *
keep(struct claim *claim, const struct wb_pg_result *result, size_t at,
     size_t column)
{
	return wb_arena_strndup(claim->batch->arena,
	                        wb_pg_text(result, at, column),
	                        wb_pg_bytes(result, at, column));
}

/* A property that is left out when it is empty or does not fit. */
static const char *
optional(const char *text)
{
	return text[0] != '\0' && strlen(text) <= SHORT_MAX ? text : NULL;
}

static void
check_size(struct claim *claim, struct row *row, size_t bytes)
{
	if (bytes > *claim->max_message_bytes)
		batch_fail(claim->batch, row, ROW_TOO_LARGE,
		           "TOO_LARGE: %zu bytes, the limit is %zu", bytes,
		           *claim->max_message_bytes);
}

static void
check_routing_key(struct claim *claim, struct row *row)
{
	if (strlen(row->message.routing_key) > SHORT_MAX)
		batch_fail(claim->batch, row, ROW_MALFORMED,
		           "BAD_MESSAGE: a routing key has at most %zu bytes",
		           SHORT_MAX);
}

static struct row *
add_row(struct claim *claim, const struct wb_pg_result *result, size_t at,
        size_t id_column)
{
	struct row *row = batch_add(claim->batch);
	struct wb_uuid id = wb_pg_uuid(result, at, id_column);

	row->id = wb_pg_i64(result, at, 0);
	wb_uuid_format(&id, row->message_id);
	row->message.is_mandatory = true;
	row->message.props.message_id = row->message_id;
	row->message.props.app_id = claim->name;
	row->message.props.is_persistent = true;
	row->body_at = claim->batch->bodies.len;
	return row;
}

static const char *
dataschema(struct claim *claim, const char *type)
{
	wb_buf_clear(&claim->scratch);
	if (claim->params->dataschema_prefix[0] != '\0') {
		wb_buf_adds(&claim->scratch, claim->params->dataschema_prefix);
		wb_buf_adds(&claim->scratch, type);
		wb_buf_adds(&claim->scratch, ".json");
	}
	return wb_buf_text(&claim->scratch);
}

static void
add_envelope(struct claim *claim, struct row *row,
             const struct wb_pg_result *result, size_t at)
{
	const struct wb_envelope_out out = {
		.id = wb_pg_uuid(result, at, EVENT_ID),
		.source = claim->event_source,
		.type = row->type,
		.subject = row->aggregate_id,
		.time_us = row->created_us,
		.dataschema = dataschema(claim, row->type),
		.sequence = row->sequence,
		.correlation_id = wb_pg_text(result, at, EVENT_CORRELATION_ID),
		.causation_id = wb_pg_text(result, at, EVENT_CAUSATION_ID),
		.traceparent = wb_pg_text(result, at, EVENT_TRACEPARENT),
		.data = wb_pg_text(result, at, EVENT_PAYLOAD),
		.data_bytes = wb_pg_bytes(result, at, EVENT_PAYLOAD),
	};

	wb_envelope_format(&claim->batch->bodies, &out);
	row->body_bytes = claim->batch->bodies.len - row->body_at;
	check_size(claim, row, row->body_bytes);
}

/* Those of the column, and traceparent, unless they hold one. */
static void
set_event_headers(struct claim *claim, struct row *row,
                  const struct wb_pg_result *result, size_t at)
{
	struct wb_amqp_properties *props = &row->message.props;
	const char *traceparent =
	    optional(keep(claim, result, at, EVENT_TRACEPARENT));
	struct wb_note note = { .text = "" };
	struct wb_amqp_header *headers;

	if (!wb_pg_is_null(result, at, EVENT_HEADERS) &&
	    headers_parse(wb_pg_text(result, at, EVENT_HEADERS),
	                  claim->batch->arena, &note, &props->headers,
	                  &props->n_headers) != WB_OK)
		batch_fail(claim->batch, row, ROW_MALFORMED, "BAD_MESSAGE: %s",
		           note.text);
	for (size_t i = 0; i < props->n_headers; i++)
		if (strcmp(props->headers[i].name, "traceparent") == 0)
			traceparent = NULL;
	if (traceparent == NULL)
		return;
	headers = wb_arena_alloc(claim->batch->arena,
	                         (props->n_headers + 1) * sizeof *headers);
	for (size_t i = 0; i < props->n_headers; i++)
		headers[i] = props->headers[i];
	headers[props->n_headers++] = (struct wb_amqp_header){
		.name = "traceparent",
		.text = traceparent,
	};
	props->headers = headers;
}

static void
set_event_properties(struct claim *claim, struct row *row,
                     const struct wb_pg_result *result, size_t at)
{
	struct wb_amqp_properties *props = &row->message.props;

	props->content_type = WB_CLOUDEVENTS_JSON;
	props->type = row->type;
	props->timestamp_s = row->created_us / 1000000;
	props->correlation_id =
	    optional(keep(claim, result, at, EVENT_CORRELATION_ID));
	set_event_headers(claim, row, result, at);
}

static void
set_route(struct claim *claim, struct row *row,
          const struct wb_pg_result *result, size_t at)
{
	row->type = keep(claim, result, at, EVENT_TYPE);
	row->message.exchange = wb_pg_is_null(result, at, EVENT_EXCHANGE)
	                            ? claim->params->exchange
	                            : keep(claim, result, at, EVENT_EXCHANGE);
	row->message.routing_key =
	    wb_pg_is_null(result, at, EVENT_ROUTING_KEY)
	        ? row->type
	        : keep(claim, result, at, EVENT_ROUTING_KEY);
	check_routing_key(claim, row);
}

static void
set_place(struct row *row, const struct wb_pg_result *result, size_t at)
{
	row->lane = (int32_t)wb_pg_i64(result, at, EVENT_LANE);
	row->slot = (int32_t)wb_pg_i64(result, at, EVENT_SLOT);
	row->xid = (uint64_t)wb_pg_i64(result, at, EVENT_XID);
	row->is_held = wb_pg_i64(result, at, EVENT_KIND) == KIND_HELD;
}

void
message_of_event(struct claim *claim, const struct wb_pg_result *result,
                 size_t at)
{
	struct row *row = add_row(claim, result, at, EVENT_ID);

	row->aggregate_type = keep(claim, result, at, EVENT_AGGREGATE_TYPE);
	row->aggregate_id = keep(claim, result, at, EVENT_AGGREGATE_ID);
	row->sequence = wb_pg_i64(result, at, EVENT_SEQUENCE);
	row->attempts = (int32_t)wb_pg_i64(result, at, EVENT_ATTEMPTS);
	row->created_us = wb_pg_i64(result, at, EVENT_CREATED_US);
	set_place(row, result, at);
	set_route(claim, row, result, at);
	if (wb_pg_is_null(result, at, EVENT_PAYLOAD)) {
		check_size(claim, row,
		           (size_t)wb_pg_i64(result, at, EVENT_PAYLOAD_BYTES));
		return;
	}
	set_event_properties(claim, row, result, at);
	add_envelope(claim, row, result, at);
}

static void
add_body(struct claim *claim, struct row *row,
         const struct wb_pg_result *result, size_t at)
{
	const void *body =
	    wb_pg_bytea(result, at, DELIVERY_BODY, &row->body_bytes);

	wb_buf_add(&claim->batch->bodies, body, row->body_bytes);
}

void
message_of_delivery(struct claim *claim, const struct wb_pg_result *result,
                    size_t at)
{
	struct row *row = add_row(claim, result, at, DELIVERY_EVENT_ID);
	struct wb_amqp_properties *props = &row->message.props;
	struct wb_note note = { .text = "" };

	row->attempts = (int32_t)wb_pg_i64(result, at, DELIVERY_ATTEMPTS);
	row->created_us = wb_pg_i64(result, at, DELIVERY_CREATED_US);
	row->message.exchange = "";
	row->message.routing_key = keep(claim, result, at, DELIVERY_QUEUE);
	props->type = optional(keep(claim, result, at, DELIVERY_ROUTING_KEY));
	props->content_type =
	    optional(keep(claim, result, at, DELIVERY_CONTENT_TYPE));
	check_routing_key(claim, row);
	if (wb_pg_is_null(result, at, DELIVERY_BODY)) {
		check_size(claim, row,
		           (size_t)wb_pg_i64(result, at, DELIVERY_BODY_BYTES));
		return;
	}
	if (headers_parse(wb_pg_text(result, at, DELIVERY_HEADERS),
	                  claim->batch->arena, &note, &props->headers,
	                  &props->n_headers) != WB_OK)
		batch_fail(claim->batch, row, ROW_MALFORMED, "BAD_MESSAGE: %s",
		           note.text);
	add_body(claim, row, result, at);
}
