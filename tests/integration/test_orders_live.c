/* orders-api for those who wait: Prefer: wait=N, and server-sent events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "support/orders_case.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct wb_test_producer api;

#define WAIT(n) "Content-Type: application/json\r\nPrefer: wait=" n "\r\n"

/* The status and version of all orders rise. */
#define MOVE_ON(what)                                                          \
	"UPDATE orders SET version = version + 1, " what                       \
	", updated_at = clock_timestamp()"
#define CONFIRM MOVE_ON("status = 'CONFIRMED'")

/* ---- by hand ---- */

static int
send_request(const char *method, const char *path, const char *headers,
             const char *body)
{
	int fd = wb_test_http_connect(api.port);
	char text[4096];

	(void)snprintf(text, sizeof(text),
	               "%s %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n"
	               "\r\n%s",
	               method, path, headers, strlen(body), body);
	assert_true(wb_test_http_send(fd, text));
	return fd;
}

static void
until_sql_is(const char *sql, const char *text)
{
	while (strcmp(wb_test_select(&api.db, sql), text) != 0)
		wb_test_run_for(api.loop, 5);
}

static void
until_orders(const char *n)
{
	until_sql_is("SELECT count(*) FROM orders", n);
}

static double
waiting_requests(void)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n"
	                           "Connection: close\r\n\r\n";
	static const char name[] = "\nwb_orders_waiting_requests ";
	const char *at = NULL;

	wb_test_http_ask(api.admin_port, text, &api.reply);
	at = strstr(api.reply.body, name);
	assert_non_null(at);
	return strtod(at + strlen(name), NULL);
}

static void
until_waiting(double n)
{
	while (waiting_requests() < n || waiting_requests() > n)
		wb_test_run_for(api.loop, 5);
}

/* What a stream has said. */
struct heard {
	int fd;
	char text[16384];
	size_t bytes;
};

/* Reads on until it holds the text. */
static void
hear(struct heard *heard, const char *text)
{
	while (strstr(heard->text, text) == NULL) {
		ssize_t n = recv(heard->fd, heard->text + heard->bytes,
		                 sizeof(heard->text) - 1 - heard->bytes, 0);

		if (n <= 0)
			fail_msg("no \"%s\" in: %s", text, heard->text);
		heard->bytes += (size_t)n;
		heard->text[heard->bytes] = '\0';
	}
}

static void
listen_to(struct heard *heard, const char *id, const char *headers)
{
	char path[80];

	memset(heard, 0, sizeof(*heard));
	(void)snprintf(path, sizeof(path), "/orders/%s/events", id);
	heard->fd = send_request("GET", path, headers, "");
	hear(heard, "\r\n\r\n");
}

/* ---- Prefer: wait=N ---- */

static void
a_post_waits_for_the_end(void **state)
{
	int fd = send_request("POST", "/orders", WAIT("20"), GOOD_BODY);
	/* More than there is. */
	int other = send_request("POST", "/orders", WAIT("999"), GOOD_BODY);

	(void)state;
	until_orders("2");
	wb_test_script(&api.db, CONFIRM);
	wb_test_http_read(fd, &api.reply, true);
	assert_int_equal(api.reply.status, 200);
	wb_test_has(&api, "\"status\":\"CONFIRMED\"");
	assert_true(wb_test_http_has_line(&api.reply, "ETag: \"v2\""));
	assert_true(
	    wb_test_http_has_line(&api.reply, "Preference-Applied: wait=20"));
	assert_string_not_equal(wb_test_http_value(&api.reply, "Location"), "");
	wb_test_http_read(other, &api.reply, true);
	assert_int_equal(api.reply.status, 200);
	assert_true(
	    wb_test_http_has_line(&api.reply, "Preference-Applied: wait=30"));
	(void)close(fd);
	(void)close(other);
}

static void
a_wait_runs_out(void **state)
{
	(void)state;
	assert_int_equal(
	    wb_test_ask(&api, "POST", "/orders", WAIT("1"), GOOD_BODY), 202);
	wb_test_has(&api, "\"status\":\"PENDING\"");
	assert_true(
	    wb_test_http_has_line(&api.reply, "Preference-Applied: wait=1"));
}

static void
other_preferences_are_passed_over(void **state)
{
	static const char *const others[] = { WAIT("soon"), WAIT("-1"),
		                              WAIT("0"), WAIT("5x"),
		                              WAIT("99999999999999999999") };

	(void)state;
	for (size_t i = 0; i < WB_ARRAY_LEN(others); i++) {
		assert_int_equal(
		    wb_test_ask(&api, "POST", "/orders", others[i], GOOD_BODY),
		    202);
		assert_string_equal(
		    wb_test_http_value(&api.reply, "Preference-Applied"), "");
	}
}

static void
a_get_waits_for_the_end(void **state)
{
	char id[37], path[64];
	int fd = -1;

	(void)state;
	wb_test_place(&api, id);
	(void)snprintf(path, sizeof(path), "/orders/%s", id);
	fd = send_request("GET", path,
	                  "Prefer: respond-async, wait=30; x=y, z\r\n", "");
	until_waiting(1);
	/* News, but not the end. */
	wb_test_script(&api.db, MOVE_ON("cancel_requested_at = now()"));
	wb_test_run_for(api.loop, 50);
	assert_true(waiting_requests() > 0);
	wb_test_script(&api.db, CONFIRM);
	wb_test_http_read(fd, &api.reply, true);
	assert_int_equal(api.reply.status, 200);
	wb_test_has(&api, "\"status\":\"CONFIRMED\"");
	assert_true(wb_test_http_has_line(&api.reply, "ETag: \"v3\""));
	(void)close(fd);
	/* One that has ended is there at once; one that has not, in time. */
	assert_int_equal(
	    wb_test_ask(&api, "GET", path, "Prefer: wait=30\r\n", NULL), 200);
	wb_test_script(&api.db, MOVE_ON("status = 'PENDING'"));
	assert_int_equal(
	    wb_test_ask(&api, "GET", path, "Prefer: wait=1\r\n", NULL), 200);
	wb_test_has(&api, "\"status\":\"PENDING\"");
}

static void
one_who_waits_may_go(void **state)
{
	int fd = send_request("POST", "/orders", WAIT("99999"), GOOD_BODY);

	(void)state;
	until_waiting(1);
	(void)close(fd);
	until_waiting(0);
}

/* ---- server-sent events ---- */

static void
a_stream_tells_each_state(void **state)
{
	struct heard heard;
	char id[37];

	(void)state;
	wb_test_place(&api, id);
	listen_to(&heard, id, "Accept: text/event-stream\r\n");
	hear(&heard, "HTTP/1.1 200 OK\r\n");
	hear(&heard, "Content-Type: text/event-stream\r\n");
	hear(&heard, "Cache-Control: no-store\r\n");
	hear(&heard, "X-Accel-Buffering: no\r\n");
	hear(&heard, "retry: 2000\nid: 1\nevent: order\ndata: {\"order_id\":");
	hear(&heard, "\"status\":\"PENDING\"");
	wb_test_script(&api.db, MOVE_ON("cancel_requested_at = now()"));
	hear(&heard, "\nid: 2\nevent: order\ndata: ");
	hear(&heard, "\"cancel_requested\":true");
	wb_test_script(&api.db, MOVE_ON("status = 'CANCELLED', cause ="
	                                " E'{\"code\":\\n\"X\"}'"));
	hear(&heard, "\nid: 3\nevent: order\ndata: ");
	/* A line end in the JSON would end the event. */
	hear(&heard, "\"cause\":{\"code\": \"X\"}");
	hear(&heard, "\r\n0\r\n\r\n");
	assert_true(wb_test_http_is_closed(heard.fd));
	(void)close(heard.fd);
}

static void
a_stream_goes_on_where_it_was(void **state)
{
	struct heard heard;
	char id[37], path[80];

	(void)state;
	wb_test_place(&api, id);
	listen_to(&heard, id, "Last-Event-ID: 1\r\n");
	hear(&heard, "retry: 2000\n\n");
	hear(&heard, "\n:\n\n"); /* a heartbeat instead */
	assert_null(strstr(heard.text, "id: "));
	wb_test_script(&api.db, CONFIRM);
	hear(&heard, "\nid: 2\n");
	hear(&heard, "\r\n0\r\n\r\n");
	(void)close(heard.fd);
	/* It has ended: an EventSource must not come again. */
	(void)snprintf(path, sizeof(path), "/orders/%s/events", id);
	assert_int_equal(
	    wb_test_ask(&api, "GET", path, "Last-Event-ID: 2\r\n", NULL), 204);
	/* Another id than ours has seen nothing. */
	listen_to(&heard, id, "Last-Event-ID: x\r\n");
	hear(&heard, "id: 2\n");
	hear(&heard, "\r\n0\r\n\r\n");
	(void)close(heard.fd);
}

static void
a_stream_is_of_one_order(void **state)
{
	struct heard heard;
	char id[37], other[37], sql[256], path[80];

	(void)state;
	wb_test_place(&api, id);
	wb_test_place(&api, other);
	listen_to(&heard, id, "");
	hear(&heard, "id: 1\n");
	(void)snprintf(sql, sizeof(sql), CONFIRM " WHERE order_id = '%s'",
	               other);
	wb_test_script(&api.db, sql);
	(void)snprintf(path, sizeof(path), "/orders/%s", other);
	until_sql_is("SELECT count(*) FROM orders WHERE version = 2", "1");
	wb_test_run_for(api.loop, 50);
	wb_test_script(&api.db, MOVE_ON("cancel_requested_at = now()"));
	hear(&heard, "id: 2\n");
	assert_null(strstr(heard.text, "CONFIRMED"));
	assert_null(strstr(heard.text, other));
	(void)close(heard.fd);
	until_waiting(0);
}

static void
streams_are_refused_like_others(void **state)
{
	char id[37], path[80];

	(void)state;
	wb_test_place(&api, id);
	(void)snprintf(path, sizeof(path), "/orders/%s/events", id);
	(void)wb_test_ask(&api, "GET", "/orders/" STRANGER "/events", "", NULL);
	wb_test_is_problem(&api, 404, NULL);
	(void)wb_test_ask(&api, "GET", "/orders/me/events", "", NULL);
	wb_test_is_problem(&api, 404, NULL);
	(void)wb_test_ask(&api, "GET", path, "Accept: application/json\r\n",
	                  NULL);
	wb_test_is_problem(&api, 406, NULL);
	(void)wb_test_ask(&api, "DELETE", path, "", NULL);
	wb_test_is_problem(&api, 405, NULL);
	assert_true(
	    wb_test_http_has_line(&api.reply, "Allow: GET, HEAD, OPTIONS"));
	assert_int_equal(wb_test_ask(&api, "HEAD", path, "", NULL), 200);
	assert_true(wb_test_http_has_line(&api.reply,
	                                  "Content-Type: text/event-stream"));
	until_waiting(0);
}

static void
there_is_room_for_so_many(void **state)
{
	struct heard heard[3];
	char id[37], path[80];

	(void)state;
	wb_test_place(&api, id);
	for (size_t i = 0; i < WB_ARRAY_LEN(heard); i++)
		listen_to(&heard[i], id, "");
	until_waiting(3);
	(void)snprintf(path, sizeof(path), "/orders/%s/events", id);
	(void)wb_test_ask(&api, "GET", path, "", NULL);
	wb_test_is_problem(&api, 503, NULL);
	assert_true(wb_test_http_has_line(&api.reply, "Retry-After: 1"));
	assert_int_equal(
	    wb_test_ask(&api, "POST", "/orders", WAIT("30"), GOOD_BODY), 202);
	assert_string_equal(
	    wb_test_http_value(&api.reply, "Preference-Applied"), "");
	for (size_t i = 0; i < WB_ARRAY_LEN(heard); i++)
		(void)close(heard[i].fd);
	until_waiting(0);
}

/* A database that went and came back: nothing is missed. */
static void
a_stream_outlives_its_connection(void **state)
{
	struct heard heard;
	char id[37];

	(void)state;
	wb_test_place(&api, id);
	listen_to(&heard, id, "");
	hear(&heard, "id: 1\n");
	(void)wb_test_select(&api.db,
	                     "SELECT count(pg_terminate_backend(pid))"
	                     " FROM pg_stat_activity"
	                     " WHERE datname = current_database()"
	                     " AND application_name LIKE 'orders-api@%'");
	wb_test_script(&api.db, CONFIRM);
	hear(&heard, "\nid: 2\n");
	hear(&heard, "\r\n0\r\n\r\n");
	(void)close(heard.fd);
	wb_test_producer_until_ready(&api, 200);
}

/* The last: nobody keeps it from draining. */
static void
nobody_is_waited_for(void **state)
{
	struct heard heard;
	char id[37];
	int fd = -1;

	(void)state;
	wb_test_place(&api, id);
	listen_to(&heard, id, "");
	fd = send_request("POST", "/orders", WAIT("30"), GOOD_BODY);
	until_waiting(2);
	assert_int_equal(kill(api.pid, SIGTERM), 0);
	wb_test_http_read(fd, &api.reply, true);
	assert_int_equal(api.reply.status, 202);
	hear(&heard, "\r\n0\r\n\r\n");
	wb_test_producer_wait(&api);
	(void)close(fd);
	(void)close(heard.fd);
	wb_test_producer_start(&api, "orders-api", NULL);
}

/* ---- the group ---- */

static int
open_api(void **state)
{
	static const char *const arguments[] = { "--live-heartbeat-ms=200",
		                                 "--live-waiting=3", NULL };

	(void)state;
	wb_test_orders_open(&api, arguments);
	return 0;
}

static int
empty_tables(void **state)
{
	(void)state;
	wb_test_script(&api.db, "TRUNCATE orders, outbox_events");
	return 0;
}

static int
close_api(void **state)
{
	(void)state;
	wb_test_orders_close(&api);
	return 0;
}

#define TEST(function) cmocka_unit_test_setup(function, empty_tables)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_post_waits_for_the_end),
		TEST(a_wait_runs_out),
		TEST(other_preferences_are_passed_over),
		TEST(a_get_waits_for_the_end),
		TEST(one_who_waits_may_go),
		TEST(a_stream_tells_each_state),
		TEST(a_stream_goes_on_where_it_was),
		TEST(a_stream_is_of_one_order),
		TEST(streams_are_refused_like_others),
		TEST(there_is_room_for_so_many),
		TEST(a_stream_outlives_its_connection),
		TEST(nobody_is_waited_for),
	};

	(void)wb_test_pg_dsn();
	return cmocka_run_group_tests_name("orders-api, live", tests, open_api,
	                                   close_api);
}
