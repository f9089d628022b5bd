#include "amqp/frames.h"

#include "amqp/internal.h"

#include <string.h>

#define FRAME_HEADER 7u

static uint8_t *
put_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *
put_u32(uint8_t *at, uint32_t value)
{
	return put_u16(put_u16(at, (uint16_t)(value >> 16)), (uint16_t)value);
}

static uint8_t *
put_u64(uint8_t *at, uint64_t value)
{
	return put_u32(put_u32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

/* Header and end mark around a payload that is already in place. */
static size_t
close_frame(uint8_t *at, uint8_t type, uint16_t channel, size_t payload)
{
	at[0] = type;
	put_u32(put_u16(at + 1, channel), (uint32_t)payload);
	at[FRAME_HEADER + payload] = AMQP_FRAME_END;
	return payload + WB_AMQP_FRAME_OVERHEAD;
}

size_t
wb_amqp_put_method(uint8_t *at, size_t room, uint16_t channel,
                   amqp_method_number_t method, void *decoded)
{
	amqp_bytes_t args;
	int encoded;

	if (room < WB_AMQP_FRAME_OVERHEAD + 4)
		return 0;
	args.bytes = put_u32(at + FRAME_HEADER, method);
	args.len = room - WB_AMQP_FRAME_OVERHEAD - 4;
	encoded = amqp_encode_method(method, decoded, args);
	if (encoded < 0)
		return 0;
	return close_frame(at, AMQP_FRAME_METHOD, channel, 4 + (size_t)encoded);
}

size_t
wb_amqp_put_header(uint8_t *at, size_t room, uint16_t channel,
                   uint64_t body_bytes, amqp_basic_properties_t *properties)
{
	amqp_bytes_t rest;
	int encoded;

	if (room < WB_AMQP_FRAME_OVERHEAD + 12)
		return 0;
	rest.bytes =
	    put_u64(put_u16(put_u16(at + FRAME_HEADER, AMQP_BASIC_CLASS), 0),
	            body_bytes);
	rest.len = room - WB_AMQP_FRAME_OVERHEAD - 12;
	encoded = amqp_encode_properties(AMQP_BASIC_CLASS, properties, rest);
	if (encoded < 0)
		return 0;
	return close_frame(at, AMQP_FRAME_HEADER, channel,
	                   12 + (size_t)encoded);
}

size_t
wb_amqp_put_body(uint8_t *at, uint16_t channel, const void *data, size_t bytes)
{
	memcpy(at + FRAME_HEADER, data, bytes);
	return close_frame(at, AMQP_FRAME_BODY, channel, bytes);
}

size_t
wb_amqp_put_heartbeat(uint8_t *at)
{
	return close_frame(at, AMQP_FRAME_HEARTBEAT, 0, 0);
}

/* Returns the encoded length of a text, 0 if there is none. */
static size_t
fill_text(const char *text, amqp_flags_t flag,
          amqp_basic_properties_t *properties, amqp_bytes_t *ret_bytes)
{
	if (text == NULL)
		return 0;
	*ret_bytes = amqp_cstring_bytes(text);
	properties->_flags |= flag;
	return ret_bytes->len + 1;
}

size_t
wb_amqp_fill_headers(const struct wb_amqp_header *headers, size_t n,
                     amqp_table_entry_t *entries, amqp_table_t *ret_table)
{
	size_t i, bytes = 4;

	for (i = 0; i < n; i++) {
		const struct wb_amqp_header *header = &headers[i];
		amqp_field_value_t *value = &entries[i].value;

		entries[i].key = amqp_cstring_bytes(header->name);
		bytes += entries[i].key.len + 2;
		if (header->text != NULL) {
			value->kind = AMQP_FIELD_KIND_UTF8;
			value->value.bytes = amqp_cstring_bytes(header->text);
			bytes += value->value.bytes.len + 4;
		} else {
			value->kind = AMQP_FIELD_KIND_I64;
			value->value.i64 = header->number;
			bytes += 8;
		}
	}
	ret_table->num_entries = (int)n;
	ret_table->entries = entries;
	return bytes;
}

size_t
wb_amqp_fill_properties(const struct wb_amqp_properties *props,
                        amqp_table_entry_t *entries,
                        amqp_basic_properties_t *ret_properties)
{
	amqp_basic_properties_t *to = ret_properties;
	size_t bytes = 2 + 1; /* flags, delivery mode */

	to->_flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
	to->delivery_mode = props->is_persistent ? AMQP_DELIVERY_PERSISTENT
	                                         : AMQP_DELIVERY_NONPERSISTENT;
	bytes += fill_text(props->content_type, AMQP_BASIC_CONTENT_TYPE_FLAG,
	                   to, &to->content_type);
	bytes += fill_text(props->message_id, AMQP_BASIC_MESSAGE_ID_FLAG, to,
	                   &to->message_id);
	bytes +=
	    fill_text(props->correlation_id, AMQP_BASIC_CORRELATION_ID_FLAG, to,
	              &to->correlation_id);
	bytes += fill_text(props->type, AMQP_BASIC_TYPE_FLAG, to, &to->type);
	bytes +=
	    fill_text(props->app_id, AMQP_BASIC_APP_ID_FLAG, to, &to->app_id);
	if (props->timestamp_s != 0) {
		to->_flags |= AMQP_BASIC_TIMESTAMP_FLAG;
		to->timestamp = (uint64_t)props->timestamp_s;
		bytes += 8;
	}
	if (props->n_headers > 0) {
		to->_flags |= AMQP_BASIC_HEADERS_FLAG;
		bytes += wb_amqp_fill_headers(props->headers, props->n_headers,
		                              entries, &to->headers);
	}
	return bytes;
}
