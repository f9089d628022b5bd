/* Messages coming in: deliveries and returns, put together from a method, a
 * content header and body frames. */
#include "amqp/channel.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A buffer that a large body has left behind is not kept. */
#define BODY_KEEP_BYTES ((size_t)1 << 20)

void
wb_amqp_content_fini(struct wb_amqp_content *content)
{
	wb_arena_free(content->arena);
	wb_buf_fini(&content->body);
}

/* ---- copies that outlive the codec's memory ---- */

static const char *
copy_text(struct wb_arena *arena, amqp_bytes_t bytes)
{
	return bytes.len == 0 ? ""
	                      : wb_arena_strndup(arena, bytes.bytes, bytes.len);
}

/* Null pointers and tables stand for nothing that a text or number could
 * show. */
static bool
copy_value(struct wb_arena *arena, const amqp_field_value_t *value,
           struct wb_amqp_header *ret_header)
{
	ret_header->text = NULL;
	ret_header->number = 0;
	switch ((amqp_field_value_kind_t)value->kind) {
	case AMQP_FIELD_KIND_BOOLEAN:
		ret_header->number = value->value.boolean != 0;
		return true;
	case AMQP_FIELD_KIND_I8:
		ret_header->number = value->value.i8;
		return true;
	case AMQP_FIELD_KIND_U8:
		ret_header->number = value->value.u8;
		return true;
	case AMQP_FIELD_KIND_I16:
		ret_header->number = value->value.i16;
		return true;
	case AMQP_FIELD_KIND_U16:
		ret_header->number = value->value.u16;
		return true;
	case AMQP_FIELD_KIND_I32:
		ret_header->number = value->value.i32;
		return true;
	case AMQP_FIELD_KIND_U32:
		ret_header->number = value->value.u32;
		return true;
	case AMQP_FIELD_KIND_I64:
		ret_header->number = value->value.i64;
		return true;
	case AMQP_FIELD_KIND_U64:
	case AMQP_FIELD_KIND_TIMESTAMP:
		ret_header->number = (int64_t)value->value.u64;
		return true;
	case AMQP_FIELD_KIND_F32:
		ret_header->text =
		    wb_arena_printf(arena, "%.9g", (double)value->value.f32);
		return true;
	case AMQP_FIELD_KIND_F64:
		ret_header->text =
		    wb_arena_printf(arena, "%.17g", value->value.f64);
		return true;
	case AMQP_FIELD_KIND_DECIMAL:
		ret_header->text = wb_arena_printf(
		    arena, "%" PRIu32 "e-%u", value->value.decimal.value,
		    (unsigned)value->value.decimal.decimals);
		return true;
	case AMQP_FIELD_KIND_UTF8:
	case AMQP_FIELD_KIND_BYTES:
		ret_header->text = copy_text(arena, value->value.bytes);
		return true;
	case AMQP_FIELD_KIND_VOID:
		ret_header->text = "";
		return true;
	case AMQP_FIELD_KIND_ARRAY:
	case AMQP_FIELD_KIND_TABLE:
		return false;
	}
	return false;
}

static void
copy_headers(struct wb_arena *arena, const amqp_table_t *table,
             struct wb_amqp_properties *props)
{
	struct wb_amqp_header *headers;
	size_t n = 0;
	int i;

	if (table->num_entries <= 0)
		return;
	headers = wb_arena_alloc(arena,
	                         (size_t)table->num_entries * sizeof(*headers));
	for (i = 0; i < table->num_entries; i++) {
		const amqp_table_entry_t *entry = &table->entries[i];

		if (!copy_value(arena, &entry->value, &headers[n]))
			continue;
		headers[n++].name = copy_text(arena, entry->key);
	}
	props->headers = headers;
	props->n_headers = n;
}

static const char *
copy_property(struct wb_arena *arena, const amqp_basic_properties_t *from,
              amqp_flags_t flag, amqp_bytes_t bytes)
{
	return (from->_flags & flag) == 0 ? "" : copy_text(arena, bytes);
}

static void
copy_properties(struct wb_arena *arena, const amqp_basic_properties_t *from,
                struct wb_amqp_properties *to)
{
	to->content_type = copy_property(
	    arena, from, AMQP_BASIC_CONTENT_TYPE_FLAG, from->content_type);
	to->message_id = copy_property(arena, from, AMQP_BASIC_MESSAGE_ID_FLAG,
	                               from->message_id);
	to->correlation_id = copy_property(
	    arena, from, AMQP_BASIC_CORRELATION_ID_FLAG, from->correlation_id);
	to->type = copy_property(arena, from, AMQP_BASIC_TYPE_FLAG, from->type);
	to->app_id =
	    copy_property(arena, from, AMQP_BASIC_APP_ID_FLAG, from->app_id);
	if ((from->_flags & AMQP_BASIC_TIMESTAMP_FLAG) != 0)
		to->timestamp_s = (int64_t)from->timestamp;
	if ((from->_flags & AMQP_BASIC_DELIVERY_MODE_FLAG) != 0)
		to->is_persistent =
		    from->delivery_mode == AMQP_DELIVERY_PERSISTENT;
	if ((from->_flags & AMQP_BASIC_HEADERS_FLAG) != 0)
		copy_headers(arena, &from->headers, to);
}

/* ---- assembling ---- */

static bool
begin(struct wb_amqp_channel *channel, enum wb_amqp_content_kind kind)
{
	struct wb_amqp_content *content = &channel->content;

	if (content->kind != WB_AMQP_CONTENT_NONE) {
		wb_amqp_refuse(channel->conn, AMQP_UNEXPECTED_FRAME,
		               "a method within the content of channel %u",
		               (unsigned)channel->id);
		return false;
	}
	content->kind = kind;
	content->has_header = false;
	content->delivery = (struct wb_amqp_delivery){ 0 };
	wb_arena_reset(content->arena);
	wb_buf_clear(&content->body);
	return true;
}

void
wb_amqp_content_on_deliver(struct wb_amqp_channel *channel,
                           const amqp_basic_deliver_t *deliver)
{
	struct wb_amqp_content *content = &channel->content;
	struct wb_amqp_delivery *to = &content->delivery;

	if (!begin(channel, WB_AMQP_CONTENT_DELIVERY))
		return;
	to->tag = deliver->delivery_tag;
	to->is_redelivered = deliver->redelivered != 0;
	to->consumer_tag = copy_text(content->arena, deliver->consumer_tag);
	to->exchange = copy_text(content->arena, deliver->exchange);
	to->routing_key = copy_text(content->arena, deliver->routing_key);
}

void
wb_amqp_content_on_return(struct wb_amqp_channel *channel,
                          const amqp_basic_return_t *returned)
{
	struct wb_amqp_content *content = &channel->content;
	struct wb_amqp_delivery *to = &content->delivery;

	if (!begin(channel, WB_AMQP_CONTENT_RETURN))
		return;
	content->return_code = returned->reply_code;
	content->return_text = copy_text(content->arena, returned->reply_text);
	to->exchange = copy_text(content->arena, returned->exchange);
	to->routing_key = copy_text(content->arena, returned->routing_key);
}

/* The callback may do anything to the channel except free its memory. */
static void
complete(struct wb_amqp_channel *channel, const void *body)
{
	struct wb_amqp_content *content = &channel->content;
	const struct wb_amqp_channel_events *events = channel->events;
	enum wb_amqp_content_kind kind = content->kind;
	struct wb_amqp_delivery *delivery = &content->delivery;
	struct wb_amqp_return returned = {
		.code = content->return_code,
		.text = content->return_text,
		.exchange = delivery->exchange,
		.routing_key = delivery->routing_key,
		.message_id = delivery->props.message_id,
	};

	content->kind = WB_AMQP_CONTENT_NONE;
	delivery->body = body;
	delivery->body_bytes = (size_t)content->want_bytes;
	if (events != NULL && kind == WB_AMQP_CONTENT_DELIVERY &&
	    events->on_delivery != NULL)
		events->on_delivery(channel->arg, delivery);
	if (events != NULL && kind == WB_AMQP_CONTENT_RETURN &&
	    events->on_return != NULL)
		events->on_return(channel->arg, &returned);
	if (content->body.cap > BODY_KEEP_BYTES)
		wb_buf_fini(&content->body);
}

static void
on_header(struct wb_amqp_channel *channel, const amqp_frame_t *frame)
{
	struct wb_amqp_content *content = &channel->content;
	uint64_t body_bytes = frame->payload.properties.body_size;

	if (body_bytes > WB_AMQP_BODY_MAX) {
		wb_amqp_refuse(channel->conn, AMQP_RESOURCE_ERROR,
		               "a message of %" PRIu64
		               " bytes, more than 64 MiB",
		               body_bytes);
		return;
	}
	content->has_header = true;
	content->want_bytes = body_bytes;
	copy_properties(content->arena, frame->payload.properties.decoded,
	                &content->delivery.props);
	if (body_bytes == 0)
		complete(channel, "");
}

/* A body that comes in one frame is handed on as it lies in the codec. */
static void
on_body(struct wb_amqp_channel *channel, amqp_bytes_t part)
{
	struct wb_amqp_content *content = &channel->content;
	uint64_t missing = content->want_bytes - content->body.len;

	if (part.len > missing) {
		wb_amqp_refuse(channel->conn, AMQP_FRAME_ERROR,
		               "a body longer than its header said");
	} else if (part.len == content->want_bytes) {
		complete(channel, part.bytes);
	} else {
		wb_buf_add(&content->body, part.bytes, part.len);
		if (part.len == missing)
			complete(channel, content->body.data);
	}
}

void
wb_amqp_content_on_frame(struct wb_amqp_channel *channel,
                         const amqp_frame_t *frame)
{
	struct wb_amqp_content *content = &channel->content;
	bool is_header = frame->frame_type == AMQP_FRAME_HEADER;

	if (content->kind == WB_AMQP_CONTENT_NONE ||
	    is_header == content->has_header ||
	    (is_header &&
	     frame->payload.properties.class_id != AMQP_BASIC_CLASS))
		wb_amqp_refuse(channel->conn, AMQP_UNEXPECTED_FRAME,
		               "a content frame of type %u out of place",
		               (unsigned)frame->frame_type);
	else if (is_header)
		on_header(channel, frame);
	else
		on_body(channel, frame->payload.body_fragment);
}
