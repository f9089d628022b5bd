/* lib/event: the envelope written and read. */
#include "event/envelope.h"

#include "base/json_scan.h"
#include "shop/events.h"

#include <json-c/json.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID    "0198f2b1-0a00-7000-8000-000000000001"
#define OTHER "0198f2b1-0a00-7000-8000-000000000002"

static enum wb_err
parse(const char *text, struct wb_note *note, struct wb_event *event)
{
	return wb_event_parse(text, strlen(text), note, event);
}

static void
test_types_have_unique_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < shop_n_events; i++) {
		assert_true(shop_events[i]->aggregate[0] != '\0');
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(shop_events[i]->name,
			                        shop_events[j]->name);
	}
	assert_string_equal(shop_stock_received.aggregate, "product");
}

static struct wb_envelope_out
minimal(void)
{
	static const char data[] = "{\"order\":{}}";
	struct wb_envelope_out out = {
		.source = "/orders",
		.type = "order.placed.v1",
		.subject = OTHER,
		.time_us = INT64_C(1795190400123456),
		.dataschema = "",
		.sequence = 7,
		.correlation_id = "",
		.causation_id = "",
		.traceparent = "",
		.data = data,
		.data_bytes = sizeof(data) - 1,
	};

	assert_true(wb_uuid_parse(ID, &out.id));
	return out;
}

static void
test_format_without_optional_attributes(void **state)
{
	struct wb_envelope_out out = minimal();
	struct wb_buf buf = { .data = NULL };

	(void)state;
	wb_envelope_format(&buf, &out);
	assert_string_equal(
	    wb_buf_text(&buf),
	    "{\"specversion\":\"1.0\",\"id\":\"" ID "\",\"source\":\"/orders\","
	    "\"type\":\"order.placed.v1\",\"subject\":\"" OTHER "\","
	    "\"time\":\"2026-11-20T16:00:00.123456Z\","
	    "\"datacontenttype\":\"application/json\","
	    "\"sequence\":\"00000000000000000007\",\"data\":{\"order\":{}}}");
	wb_buf_fini(&buf);
}

static void
test_what_is_written_is_read(void **state)
{
	struct wb_envelope_out out = minimal();
	struct wb_buf buf = { .data = NULL };
	struct wb_event event;
	struct wb_note note = { .text = "" };

	(void)state;
	out.subject = "a \"quoted\"\n\\ sübject";
	out.sequence = INT64_MAX;
	out.dataschema = "https://waybill.example/events/order.placed.v1.json";
	out.correlation_id = "correlation";
	out.causation_id = OTHER;
	out.traceparent =
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	wb_envelope_format(&buf, &out);
	assert_int_equal(wb_event_parse(buf.data, buf.len, &note, &event),
	                 WB_OK);
	assert_int_equal(wb_uuid_compare(&event.id, &out.id), 0);
	assert_string_equal(event.type, out.type);
	assert_string_equal(event.source, out.source);
	assert_string_equal(event.subject, out.subject);
	assert_true(event.time_us == out.time_us);
	assert_true(event.sequence == out.sequence);
	assert_string_equal(event.correlation_id, out.correlation_id);
	assert_string_equal(event.causation_id, out.causation_id);
	assert_string_equal(event.traceparent, out.traceparent);
	assert_non_null(json_object_object_get(event.data, "order"));
	wb_event_fini(&event);
	wb_buf_fini(&buf);
}

#define HEAD                                                                   \
	"{\"specversion\":\"1.0\",\"id\":\"" ID "\",\"source\":\"/s\","        \
	"\"subject\":\"x\",\"time\":\"2026-11-20T16:00:00Z\","                 \
	"\"sequence\":\"00000000000000000001\",\"type\":\"t\""

static void
test_what_is_unknown_is_ignored(void **state)
{
	struct wb_event event;
	struct wb_note note;

	(void)state;
	assert_int_equal(parse(HEAD ",\"unknown\":[{\"a\":1.5e3}],\"data\":{}}",
	                       &note, &event),
	                 WB_OK);
	assert_string_equal(event.type, "t");
	wb_event_fini(&event);
}

static void
test_null_is_as_good_as_absent(void **state)
{
	struct wb_event event;
	struct wb_note note;

	(void)state;
	assert_int_equal(
	    parse(HEAD ",\"correlationid\":null,\"datacontenttype\":null,"
	               "\"data\":{}} \r\n",
	          &note, &event),
	    WB_OK);
	assert_string_equal(event.correlation_id, "");
	assert_string_equal(event.causation_id, "");
	assert_string_equal(event.traceparent, "");
	wb_event_fini(&event);
}

static void
assert_bad(const char *text, const char *why)
{
	struct wb_event event = { .subject = "untouched" };
	struct wb_note note = { .text = "" };

	assert_int_equal(parse(text, &note, &event), WB_ERR_BAD_MESSAGE);
	if (strstr(note.text, why) == NULL)
		fail_msg("%s gives \"%s\", not \"%s\"", text, note.text, why);
	assert_string_equal(event.subject, "untouched");
}

/* A good envelope but for this member of it. */
static void
format_with(struct wb_buf *buf, const char *name, const char *value)
{
	static const struct {
		const char *name, *value;
	} members[] = {
		{ "specversion", "\"1.0\"" },
		{ "id", "\"" ID "\"" },
		{ "source", "\"/s\"" },
		{ "type", "\"t\"" },
		{ "subject", "\"x\"" },
		{ "time", "\"2026-11-20T16:00:00Z\"" },
		{ "sequence", "\"00000000000000000001\"" },
		{ "data", "{}" },
	};

	wb_buf_printf(buf, "{\"%s\":%s", name, value);
	for (size_t i = 0; i < WB_ARRAY_LEN(members); i++) {
		if (strcmp(members[i].name, name) != 0)
			wb_buf_printf(buf, ",\"%s\":%s", members[i].name,
			              members[i].value);
	}
	wb_buf_adds(buf, "}");
}

static void
test_an_attribute_that_is_wrong(void **state)
{
	static const struct {
		const char *name, *value, *why;
	} rows[] = {
		{ "specversion", "\"0.3\"", "specversion: must be" },
		{ "specversion", "null", "specversion: missing" },
		{ "id", "\"1\"", "id: must be a UUID" },
		{ "id", "\"\"", "id: missing or empty" },
		{ "source", "null", "source: missing" },
		{ "source", "{}", "source: must be text" },
		{ "type", "7", "type: must be text" },
		{ "subject", "\"\"", "subject: missing or empty" },
		{ "subject", "\"a\\u0000b\"", "U+0000 in a string" },
		{ "time", "\"2026-02-30T16:00:00Z\"", "time: must be" },
		{ "time", "\"yesterday\"", "time: must be" },
		{ "sequence", "1", "sequence: must be text" },
		{ "sequence", "\"1\"", "sequence: must be 20 digits" },
		{ "sequence", "\"00000000000000000000\"", "sequence: must" },
		{ "sequence", "\"0000000000000000000x\"", "sequence: must" },
		{ "sequence", "\"09223372036854775808\"", "sequence: must" },
		{ "sequence", "\"99999999999999999999\"", "sequence: must" },
		{ "traceparent", "true", "traceparent: must be text" },
		{ "causationid", "[]", "causationid: must be text" },
		{ "datacontenttype", "\"text/xml\"", "datacontenttype: must" },
		{ "data", "[]", "data: must be an object" },
		{ "data", "\"{}\"", "data: must be an object" },
		{ "data", "null", "data: missing" },
	};
	struct wb_buf buf = { .data = NULL };

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(rows); i++) {
		wb_buf_clear(&buf);
		format_with(&buf, rows[i].name, rows[i].value);
		assert_bad(wb_buf_text(&buf), rows[i].why);
	}
	wb_buf_fini(&buf);
	assert_bad(HEAD ",\"data_base64\":\"e30=\"}", "data: missing");
}

/* What base/json_scan.h is for: each of these would get past json-c. */
static void
test_json_that_is_wrong(void **state)
{
	static const struct {
		const char *data, *why;
	} rows[] = {
		{ "NaN", "unexpected character" },
		{ "18446744073709551616", "64 bits" },
		{ "1,\"a\":1", "a name that its object has already" },
		{ "\"\xC0\xAF\"", "invalid UTF-8" },
		{ "\"\\uD800\"", "half a surrogate pair" },
		{ "\"\\u0000\"", "U+0000" },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(rows); i++) {
		int length =
		    snprintf(text, sizeof(text), HEAD ",\"data\":{\"a\":%s}}",
		             rows[i].data);

		assert_in_range(length, 1, sizeof(text) - 1);
		assert_bad(text, rows[i].why);
	}
}

/* What that lets pass, json-c takes as well. */
static void
test_json_at_the_edge(void **state)
{
	static const char *const values[] = {
		"18446744073709551615",
		"-9223372036854775808",
		"0",
		"-0",
		"0.5e-3",
		"1E5",
		"1e999",
		"123456789012345678901234567890.5",
		"\"\\u00e9\\ud83d\\ude00 \xF0\x9F\x98\x80 \\/ \\\\ \\\"\"",
		"[true,false,null,{}]",
		" \t\r\n1",
	};
	char text[512];
	struct wb_note note = { .text = "" };
	struct wb_event event;

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(values); i++) {
		int length = snprintf(text, sizeof(text),
		                      HEAD ",\"data\":{\"a\":%s}}", values[i]);

		assert_in_range(length, 1, sizeof(text) - 1);
		assert_int_equal(parse(text, &note, &event), WB_OK);
		wb_event_fini(&event);
	}
}

static void
test_a_document_that_is_wrong(void **state)
{
	struct wb_event event;
	struct wb_note note;

	(void)state;
	assert_bad("", "not a JSON object");
	assert_bad("[]", "not a JSON object");
	assert_bad("{", "ends too early");
	assert_bad("{}", "missing or empty");
	assert_bad(HEAD ",\"data\":{}}x", "unexpected character");
	/* A NUL is a byte like any other. */
	assert_int_equal(wb_event_parse("{}\0", 3, &note, &event),
	                 WB_ERR_BAD_MESSAGE);
	assert_non_null(strstr(note.text, "at byte 2"));
	assert_int_equal(wb_event_parse("{}", 2, NULL, &event),
	                 WB_ERR_BAD_MESSAGE);
}

/* Objects and arrays around a number, as many as the scan takes. */
static void
test_a_document_that_is_deep(void **state)
{
	struct wb_buf buf = { .data = NULL };
	struct wb_event event;
	struct wb_note note;
	int i;

	(void)state;
	wb_buf_adds(&buf, HEAD ",\"data\":{\"a\":");
	for (i = 2; i < WB_JSON_MAX_DEPTH; i++)
		wb_buf_adds(&buf, "[");
	wb_buf_adds(&buf, "1");
	for (i = 2; i < WB_JSON_MAX_DEPTH; i++)
		wb_buf_adds(&buf, "]");
	wb_buf_adds(&buf, "}}");
	assert_int_equal(wb_event_parse(buf.data, buf.len, &note, &event),
	                 WB_OK);
	wb_event_fini(&event);
	wb_buf_fini(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_have_unique_names),
		cmocka_unit_test(test_format_without_optional_attributes),
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_what_is_unknown_is_ignored),
		cmocka_unit_test(test_null_is_as_good_as_absent),
		cmocka_unit_test(test_an_attribute_that_is_wrong),
		cmocka_unit_test(test_json_that_is_wrong),
		cmocka_unit_test(test_json_at_the_edge),
		cmocka_unit_test(test_a_document_that_is_wrong),
		cmocka_unit_test(test_a_document_that_is_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
