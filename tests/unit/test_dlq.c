/* What `waybill dlq` says of messages without any server: conditions, lines of
 * JSON and back, white space, and which letter is which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <string.h>

#include "base/attr.h"
#include "dlq/items.h"
#include "dlq/layout.h"
#include "dlq/letter.h"
#include "dlq/where.h"

#define MESSAGE                                                                \
	"{\"type\":\"order.placed.v1\",\"data\":{\"total\":9007199254740993,"  \
	"\"rate\":0.5,\"note\":\"a \\\"b\\\" and c\",\"none\":null,"           \
	"\"lines\":[{\"sku\":\"A\"},{\"sku\":\"B\"}]}}"

static void
conditions(void **state)
{
	static const struct {
		const char *text;
		bool is_met;
	} cases[] = {
		{ "type = order.placed.v1", true },
		{ "type != order.placed.v1", false },
		{ "data.total = 9007199254740993", true },
		{ "data.total = 9007199254740992", false },
		{ "data.total > 9007199254740992", true },
		{ "data.rate<=0.5", true },
		{ "data.rate < 0.5", false },
		{ "data.lines.1.sku = B", true },
		{ "data.lines.2.sku = B", false },
		{ "data.lines.*.sku = B", true },
		{ "data.lines.*.sku = C", false },
		{ "data.note = \"a \\\"b\\\" and c\"", true },
		{ "data.note ~ \"and\" and type ~ placed", true },
		{ "type ~ placed and data.rate > 1", false },
		{ "data.none = null", true },
		{ "data.gone != 1", false },
	};
	struct json_object *json = json_tokener_parse(MESSAGE);

	(void)state;
	assert_non_null(json);
	for (size_t i = 0; i < WB_ARRAY_LEN(cases); i++) {
		struct wb_where *where = NULL;
		struct wb_note note = { "" };

		assert_int_equal(wb_where_parse(cases[i].text, &where, &note),
		                 WB_OK);
		if (wb_where_matches(where, json) != cases[i].is_met)
			fail_msg("%s", cases[i].text);
		assert_false(wb_where_matches(where, NULL));
		wb_where_free(where);
	}
	(void)json_object_put(json);
}

static void
wrong_conditions(void **state)
{
	static const char *const texts[] = {
		"data.", ".a = 1",     "a",          "a b",
		"a =",   "a = \"open", "a = 1 and",  "a = \"1\" or b = 2",
		"= 1",   "a..b = 1",   "a = 1 and ", "a like 1",
	};

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(texts); i++) {
		struct wb_where *where = NULL;
		struct wb_note note = { "" };

		if (wb_where_parse(texts[i], &where, &note) !=
		    WB_ERR_BAD_CONFIG)
			fail_msg("%s", texts[i]);
		assert_string_not_equal(note.text, "");
	}
}

/* Every byte of a body, and the kinds of headers, survive. */
static void
lines(void **state)
{
	static const struct wb_amqp_header headers[] = {
		{ .name = "waybill-attempts", .number = 6 },
		{ .name = "waybill-error", .text = "\"quoted\"\n\xc3\xa4" },
	};
	static const char *const bodies[] = {
		"", "{\"a\": 1}\n", "x\0y", "\xff\xfe", "ab", "abc", "abcd\xff"
	};
	static const size_t bytes[] = { 0, 9, 3, 2, 2, 3, 5 };
	struct wb_arena *arena = wb_arena_new();

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(bodies); i++) {
		struct wb_amqp_delivery delivery = {
			.props = { .content_type = "application/json",
			           .message_id = "m-1",
			           .correlation_id = "",
			           .type = "t",
			           .app_id = "",
			           .timestamp_s = 5,
			           .headers = headers,
			           .n_headers = 2 },
			.body = bodies[i],
			.body_bytes = bytes[i],
		};
		struct wb_letter letter, back;
		struct wb_buf line = { 0 }, again = { 0 };
		struct wb_note note = { "" };

		wb_letter_read(&letter, &delivery, "inventory");
		wb_letter_print(&letter, &line);
		assert_int_equal(
		    wb_letter_parse(line.data, line.len, arena, &note, &back),
		    WB_OK);
		assert_int_equal(back.body_bytes, bytes[i]);
		assert_memory_equal(back.body, bodies[i], bytes[i]);
		assert_int_equal(back.attempts, 6);
		wb_letter_print(&back, &again);
		assert_string_equal(again.data, line.data);
		wb_buf_fini(&line);
		wb_buf_fini(&again);
	}
	wb_arena_free(arena);
}

static void
white_space(void **state)
{
	static const char text[] = " { \"a\" : [ 1.50 , \"x , \\\" }\" ] ,"
	                           "\"b\":{},\"c\" : [ ] } ";
	struct wb_buf shown = { 0 }, compact = { 0 }, back = { 0 };

	(void)state;
	wb_layout_compact(text, strlen(text), &compact);
	assert_string_equal(compact.data,
	                    "{\"a\":[1.50,\"x , \\\" }\"],\"b\":{},\"c\":[]}");
	wb_layout_lines(text, strlen(text), &shown);
	assert_string_equal(shown.data,
	                    "{\n  \"a\": [\n    1.50,\n    \"x , \\\" }\"\n  "
	                    "],\n  \"b\": {},\n  \"c\": []\n}\n");
	wb_layout_compact(shown.data, shown.len, &back);
	assert_string_equal(back.data, compact.data);
	wb_buf_fini(&shown);
	wb_buf_fini(&compact);
	wb_buf_fini(&back);
}

/* A letter that is back after a replay is another one. */
static void
which_is_which(void **state)
{
	static const struct wb_uuid id;
	struct wb_items items = { 0 };
	struct wb_item_key keys[3] = {
		wb_item_key("m", "", 6),
		wb_item_key("m", "job", 6),
		wb_item_key("m", "", 7),
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_null(wb_items_find(&items, &keys[i]));
		(void)wb_items_add(&items, &keys[i], &id);
	}
	for (int i = 0; i < 3000; i++) {
		struct wb_item_key key = wb_item_key("n", "", i);

		(void)wb_items_add(&items, &key, &id);
	}
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(wb_items_find(&items, &keys[i]),
		                 &items.list[i]);
	wb_items_fini(&items);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions),
		cmocka_unit_test(wrong_conditions),
		cmocka_unit_test(lines),
		cmocka_unit_test(white_space),
		cmocka_unit_test(which_is_which),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
