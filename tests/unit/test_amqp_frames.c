/* Frames that we encode, decoded by librabbitmq. */
#include "capture.h"

#include "amqp/frames.h"
#include "amqp/internal.h"

#include <stdlib.h>
#include <string.h>

/* What is decoded lives as long as the codec. */
static amqp_connection_state_t codec;

static int
set_up(void **state)
{
	amqp_bytes_t header = { .len = 8 };
	amqp_frame_t frame;
	static char bytes[8] = { 'A', 'M', 'Q', 'P', 0, 0, 9, 1 };

	(void)state;
	codec = amqp_new_connection();
	assert_non_null(codec);
	/* Makes the codec expect frames, and it may be tuned from then on. */
	header.bytes = bytes;
	assert_int_equal(amqp_handle_input(codec, header, &frame), 8);
	assert_int_equal(amqp_tune_connection(codec, 1, WB_AMQP_FRAME_MAX, 0),
	                 AMQP_STATUS_OK);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return amqp_destroy_connection(codec);
}

static void
decode(uint8_t *at, size_t bytes, int type, amqp_frame_t *ret_frame)
{
	amqp_bytes_t input = { .len = bytes, .bytes = at };

	assert_true(bytes > 0);
	assert_int_equal(amqp_handle_input(codec, input, ret_frame),
	                 (int)bytes);
	assert_int_equal(ret_frame->frame_type, type);
}

static void
assert_bytes(amqp_bytes_t bytes, const char *text)
{
	assert_int_equal(bytes.len, strlen(text));
	assert_memory_equal(bytes.bytes, text, bytes.len);
}

static void
test_method(void **state)
{
	uint8_t at[256];
	amqp_basic_publish_t publish = {
		.exchange = amqp_cstring_bytes("waybill.events"),
		.routing_key = amqp_cstring_bytes("order.placed.v1"),
		.mandatory = 1,
	};
	const amqp_basic_publish_t *decoded;
	amqp_frame_t frame;
	size_t bytes = wb_amqp_put_method(at, sizeof(at), 7,
	                                  AMQP_BASIC_PUBLISH_METHOD, &publish);

	(void)state;
	decode(at, bytes, AMQP_FRAME_METHOD, &frame);
	assert_int_equal(frame.channel, 7);
	assert_int_equal(frame.payload.method.id, AMQP_BASIC_PUBLISH_METHOD);
	decoded = frame.payload.method.decoded;
	assert_bytes(decoded->exchange, "waybill.events");
	assert_bytes(decoded->routing_key, "order.placed.v1");
	assert_true(decoded->mandatory);
	assert_false(decoded->immediate);
	/* Exactly enough room will do, less will not. */
	assert_int_equal(wb_amqp_put_method(
	                     at, bytes, 7, AMQP_BASIC_PUBLISH_METHOD, &publish),
	                 bytes);
	assert_int_equal(wb_amqp_put_method(at, bytes - 1, 7,
	                                    AMQP_BASIC_PUBLISH_METHOD,
	                                    &publish),
	                 0);
	assert_int_equal(
	    wb_amqp_put_method(at, 5, 7, AMQP_BASIC_PUBLISH_METHOD, &publish),
	    0);
}

static void
test_name_too_long(void **state)
{
	uint8_t at[1024];
	char name[257];
	amqp_basic_publish_t publish = { 0 };

	(void)state;
	memset(name, 'x', 256);
	name[256] = '\0';
	publish.routing_key = amqp_cstring_bytes(name);
	assert_int_equal(wb_amqp_put_method(at, sizeof(at), 1,
	                                    AMQP_BASIC_PUBLISH_METHOD,
	                                    &publish),
	                 0);
	name[255] = '\0';
	publish.routing_key = amqp_cstring_bytes(name);
	assert_true(wb_amqp_put_method(at, sizeof(at), 1,
	                               AMQP_BASIC_PUBLISH_METHOD,
	                               &publish) > 255);
}

static void
test_header(void **state)
{
	static const struct wb_amqp_header headers[] = {
		{ .name = "traceparent", .text = "00-ab-cd-01" },
		{ .name = "attempt", .number = -3 },
		{ .name = "empty", .text = "" },
	};
	struct wb_amqp_properties props = {
		.content_type = "application/cloudevents+json",
		.message_id = "id-1",
		.type = "order.placed.v1",
		.app_id = "",
		.timestamp_s = 1700000000,
		.is_persistent = true,
		.headers = headers,
		.n_headers = WB_ARRAY_LEN(headers),
	};
	amqp_table_entry_t entries[WB_ARRAY_LEN(headers)];
	amqp_basic_properties_t properties;
	const amqp_basic_properties_t *decoded;
	amqp_frame_t frame;
	uint8_t at[512];
	size_t bound, bytes;

	(void)state;
	bound = wb_amqp_fill_properties(&props, entries, &properties);
	bytes =
	    wb_amqp_put_header(at, sizeof(at), 3, 1234567890123u, &properties);
	assert_true(bytes - WB_AMQP_FRAME_OVERHEAD - 12 <= bound);
	decode(at, bytes, AMQP_FRAME_HEADER, &frame);
	assert_int_equal(frame.channel, 3);
	assert_int_equal(frame.payload.properties.class_id, AMQP_BASIC_CLASS);
	assert_int_equal(frame.payload.properties.body_size, 1234567890123u);
	decoded = frame.payload.properties.decoded;
	assert_bytes(decoded->content_type, props.content_type);
	assert_bytes(decoded->message_id, "id-1");
	assert_bytes(decoded->type, props.type);
	assert_int_equal(decoded->timestamp, 1700000000);
	assert_int_equal(decoded->delivery_mode, AMQP_DELIVERY_PERSISTENT);
	/* NULL is left out, "" is not. */
	assert_false(decoded->_flags & AMQP_BASIC_CORRELATION_ID_FLAG);
	assert_true(decoded->_flags & AMQP_BASIC_APP_ID_FLAG);
	assert_int_equal(decoded->headers.num_entries, 3);
	assert_bytes(decoded->headers.entries[0].key, "traceparent");
	assert_bytes(decoded->headers.entries[0].value.value.bytes,
	             "00-ab-cd-01");
	assert_int_equal(decoded->headers.entries[1].value.kind,
	                 AMQP_FIELD_KIND_I64);
	assert_int_equal(decoded->headers.entries[1].value.value.i64, -3);
	assert_int_equal(decoded->headers.entries[2].value.value.bytes.len, 0);
}

static void
test_header_without_room(void **state)
{
	struct wb_amqp_properties props = { .message_id = "0123456789" };
	amqp_basic_properties_t properties;
	uint8_t at[128];
	size_t bytes;

	(void)state;
	(void)wb_amqp_fill_properties(&props, NULL, &properties);
	bytes = wb_amqp_put_header(at, sizeof(at), 1, 0, &properties);
	assert_true(bytes > 0);
	assert_int_equal(wb_amqp_put_header(at, bytes, 1, 0, &properties),
	                 bytes);
	assert_int_equal(wb_amqp_put_header(at, bytes - 1, 1, 0, &properties),
	                 0);
	assert_int_equal(wb_amqp_put_header(at, 19, 1, 0, &properties), 0);
}

static void
test_body(void **state)
{
	const size_t most = WB_AMQP_FRAME_MAX - WB_AMQP_FRAME_OVERHEAD;
	const size_t sizes[] = { 1, 2, 4096, most };
	uint8_t *at = calloc(1, WB_AMQP_FRAME_MAX);
	char *body = malloc(most);
	size_t i;

	(void)state;
	assert_non_null(at);
	assert_non_null(body);
	for (i = 0; i < most; i++)
		body[i] = (char)(i * 31);
	for (i = 0; i < WB_ARRAY_LEN(sizes); i++) {
		amqp_frame_t frame;
		size_t bytes = wb_amqp_put_body(at, 65535, body, sizes[i]);

		assert_int_equal(bytes, sizes[i] + WB_AMQP_FRAME_OVERHEAD);
		decode(at, bytes, AMQP_FRAME_BODY, &frame);
		assert_int_equal(frame.channel, 65535);
		assert_int_equal(frame.payload.body_fragment.len, sizes[i]);
		assert_memory_equal(frame.payload.body_fragment.bytes, body,
		                    sizes[i]);
	}
	free(at);
	free(body);
}

static void
test_heartbeat(void **state)
{
	uint8_t at[WB_AMQP_FRAME_OVERHEAD];
	amqp_frame_t frame;

	(void)state;
	decode(at, wb_amqp_put_heartbeat(at), AMQP_FRAME_HEARTBEAT, &frame);
	assert_int_equal(frame.channel, 0);
}

static void
test_reply_codes(void **state)
{
	(void)state;
	assert_int_equal(wb_amqp_reply_err(0), WB_ERR_BROKER_LOST);
	assert_int_equal(wb_amqp_reply_err(AMQP_CONNECTION_FORCED),
	                 WB_ERR_BROKER_LOST);
	assert_int_equal(wb_amqp_reply_err(AMQP_NOT_FOUND),
	                 WB_ERR_BROKER_REFUSED);
	assert_int_equal(wb_amqp_reply_err(AMQP_PRECONDITION_FAILED),
	                 WB_ERR_BROKER_REFUSED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_method, set_up, tear_down),
		cmocka_unit_test(test_name_too_long),
		cmocka_unit_test_setup_teardown(test_header, set_up, tear_down),
		cmocka_unit_test(test_header_without_room),
		cmocka_unit_test_setup_teardown(test_body, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_heartbeat, set_up,
		                                tear_down),
		cmocka_unit_test(test_reply_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
