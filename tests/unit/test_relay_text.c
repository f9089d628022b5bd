/* What the relay reads: headers of deliveries, its list of sources, the
 * broker's refusals. */
#include "capture.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "headers.h"
#include "params.h"
#include "refusal.h"
#include "source_list.h"

static struct wb_arena *arena;
static const struct wb_amqp_header *headers;
static size_t n;

static int
set_up(void **state)
{
	(void)state;
	arena = wb_arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	wb_arena_free(arena);
	return 0;
}

static enum wb_err
parse(const char *json)
{
	struct wb_note note;

	return headers_parse(json, arena, &note, &headers, &n);
}

static void
headers_are_text_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(parse("{}"), WB_OK);
	assert_int_equal(n, 0);
	assert_int_equal(parse(" { \"attempt\" : -2 , \"error\":\"no\\u0041\","
	                       "\"big\":9223372036854775808,\"f\":1.5,"
	                       "\"t\":true,\"\":\"\"} "),
	                 WB_OK);
	assert_int_equal(n, 6);
	assert_string_equal(headers[0].name, "attempt");
	assert_null(headers[0].text);
	assert_int_equal(headers[0].number, -2);
	assert_string_equal(headers[1].text, "noA");
	assert_string_equal(headers[2].text, "9223372036854775808");
	assert_string_equal(headers[3].text, "1.5");
	assert_string_equal(headers[4].text, "true");
	assert_string_equal(headers[5].name, "");
	assert_string_equal(headers[5].text, "");
}

static void
escapes_become_utf8(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
	                       "\"b\":\"\\u00e9\\u20AC\\ud83d\\uDE00\","
	                       "\"c\":\"\xc3\xa9\"}"),
	                 WB_OK);
	assert_string_equal(headers[0].text, "\"\\/\b\f\n\r\t");
	assert_string_equal(headers[1].text,
	                    "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
	assert_string_equal(headers[2].text, "\xc3\xa9");
}

static void
many_headers(void **state)
{
	struct wb_buf json = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		wb_buf_adds(&json, i == 0 ? "{\"k\":1" : ",\"k\":1");
	wb_buf_adds(&json, "}");
	assert_int_equal(parse(wb_buf_text(&json)), WB_OK);
	assert_int_equal(n, 100);
	assert_string_equal(headers[99].name, "k");
	wb_buf_fini(&json);
}

/* Each has its share of the frame, however short its texts. */
static void
too_many_headers_are_refused(void **state)
{
	struct wb_buf json = { 0 };

	(void)state;
	for (int i = 0; i < 30000; i++)
		wb_buf_adds(&json, i == 0 ? "{\"\":\"\"" : ",\"\":\"\"");
	wb_buf_adds(&json, "}");
	assert_int_equal(parse(wb_buf_text(&json)), WB_ERR_BAD_MESSAGE);
	wb_buf_fini(&json);
}

/* The broker closes the channel unless these are lists. */
static void
headers_of_the_brokers_own_are_refused(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"CC\":\"a\"}"), WB_ERR_BAD_MESSAGE);
	assert_int_equal(parse("{\"BCC\":1}"), WB_ERR_BAD_MESSAGE);
	assert_int_equal(parse("{\"cc\":\"a\"}"), WB_OK);
}

static void
anything_else_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"1",
		"{",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1",
		"{\"a\":1,}",
		"{\"a\":1}x",
		"{\"a\":[1]}",
		"{\"a\":{}}",
		"{a:1}",
		"{\"a\":\"",
		"{\"a\":\"\\",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":\"\\ud83d\"}",
		"{\"a\":\"\\ud83d\\u0041\"}",
		"{\"a\":\"\\udc00\"}",
	};
	static char large[2 * HEADERS_MAX_BYTES];
	size_t bytes = HEADERS_MAX_BYTES - HEADERS_EACH_BYTES;

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(wrong); i++)
		assert_int_equal(parse(wrong[i]), WB_ERR_BAD_MESSAGE);
	memset(large, 'x', sizeof large);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): more follows */
	memcpy(large, "{\"a\":\"", 6);
	memcpy(large + 6 + bytes, "\"}", 3);
	assert_int_equal(parse(large), WB_ERR_BAD_MESSAGE);
	memcpy(large + 5 + bytes, "\"}", 3);
	assert_int_equal(parse(large), WB_OK);
	memset(large + 2, 'n', 300);
	memcpy(large + 302, "\":1}", 5);
	assert_int_equal(parse(large), WB_ERR_BAD_MESSAGE);
}

/* ---- sources ---- */

static enum wb_err
list(const char *text, struct source_list *ret_list, const char *note_has)
{
	struct wb_note note = { .text = "" };
	enum wb_err err = source_list_parse(text, &note, ret_list);

	assert_non_null(strstr(note.text, note_has));
	assert_null(strstr(note.text, "secret"));
	return err;
}

static void
sources_are_names_and_uris(void **state)
{
	struct source_list sources;

	(void)state;
	assert_int_equal(list("\n orders=postgres://u:secret@h/o?a=b\t"
	                      "shop-1=postgresql://h/s \n",
	                      &sources, ""),
	                 WB_OK);
	assert_int_equal(sources.n, 2);
	assert_string_equal(sources.items[0].name, "orders");
	assert_string_equal(sources.items[0].dsn,
	                    "postgres://u:secret@h/o?a=b");
	assert_string_equal(sources.items[1].name, "shop-1");
	assert_string_equal(sources.items[1].dsn, "postgresql://h/s");
	source_list_fini(&sources);
}

static void
wrong_sources_are_named(void **state)
{
	struct source_list sources;

	(void)state;
	assert_int_equal(list(" ", &sources, "none given"), WB_ERR_BAD_CONFIG);
	assert_int_equal(list("postgres://u:secret@h/o", &sources, "entry 1"),
	                 WB_ERR_BAD_CONFIG);
	assert_int_equal(
	    list("a=postgres://h/a B=postgres://secret", &sources, "entry 2"),
	    WB_ERR_BAD_CONFIG);
	assert_int_equal(list("a=postgres://h/a a=postgres://secret", &sources,
	                      "a is there twice"),
	                 WB_ERR_BAD_CONFIG);
	assert_int_equal(
	    list("a=host=h password=secret", &sources, "a needs a URI"),
	    WB_ERR_BAD_CONFIG);
	assert_int_equal(list("a=postgres://", &sources, "a needs a URI"),
	                 WB_ERR_BAD_CONFIG);
	assert_int_equal(list("abcdefghijklmnopqrstuvwxyz1234567=postgres://h",
	                      &sources, "32 characters"),
	                 WB_ERR_BAD_CONFIG);
}

/* ---- refusals ---- */

static void
the_broker_tells_its_limit(void **state)
{
	(void)state;
	assert_int_equal(
	    refusal_of(406, "PRECONDITION_FAILED - message size 20 is larger "
	                    "than configured max size 16")
	        .limit_bytes,
	    16);
	assert_int_equal(
	    refusal_of(406, "PRECONDITION_FAILED - message size 536870913 "
	                    "larger than max size 536870912")
	        .limit_bytes,
	    536870912);
	assert_int_equal(
	    refusal_of(406, "PRECONDITION_FAILED - no").limit_bytes, 0);
	assert_int_equal(refusal_of(404, "max size 16").limit_bytes, 0);
}

static void
the_broker_tells_which_exchange(void **state)
{
	struct refusal refusal;

	(void)state;
	refusal = refusal_of(404, "NOT_FOUND - no exchange 'a.b' in vhost '/'");
	assert_string_equal(refusal.exchange, "a.b");
	refusal = refusal_of(403, "ACCESS_REFUSED - access to exchange 'x' in "
	                          "vhost 'v' refused for user 'u'");
	assert_string_equal(refusal.exchange, "x");
	refusal = refusal_of(404, "NOT_FOUND - no exchange 'a'b' in vhost '/'");
	assert_string_equal(refusal.exchange, "a'b");
	refusal = refusal_of(404, "NOT_FOUND - no exchange 'a' in vhost 'b' in "
	                          "vhost '/'");
	assert_string_equal(refusal.exchange, "a' in vhost 'b");
	refusal = refusal_of(406, "no exchange 'x'");
	assert_string_equal(refusal.exchange, "");
	refusal = refusal_of(404, "NOT_FOUND - no queue 'q' in vhost '/'");
	assert_string_equal(refusal.exchange, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(headers_are_text_and_numbers),
		TEST(escapes_become_utf8),
		TEST(many_headers),
		TEST(too_many_headers_are_refused),
		TEST(headers_of_the_brokers_own_are_refused),
		TEST(anything_else_is_refused),
		TEST(sources_are_names_and_uris),
		TEST(wrong_sources_are_named),
		TEST(the_broker_tells_its_limit),
		TEST(the_broker_tells_which_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
