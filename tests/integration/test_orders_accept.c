/* orders-api under load and with a failing database: an order that a client was
 * promised exists, once, with one event; one that was not, disturbs no
 * other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/clock.h"
#include "support/order_load.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct wb_test_producer api;

static const char unknown_sku[] =
    BODY("\"" CUSTOMER "\"", "[{\"sku\":\"NONE\",\"quantity\":1}]", "\"pm_ok\"",
         ADDRESS);
static const char two_currencies[] = BODY("\"" CUSTOMER "\"",
                                          "[{\"sku\":\"MUG\",\"quantity\":1},"
                                          "{\"sku\":\"WATCH\",\"quantity\":1}]",
                                          "\"pm_ok\"", ADDRESS);
static const char poison[] =
    BODY("\"" CUSTOMER "\"", LINES, "\"poison\"", ADDRESS);
static const char of_stranger[] =
    BODY("\"" STRANGER "\"", LINES, "\"pm_ok\"", ADDRESS);

static const char *
good_body(size_t n)
{
	(void)n;
	return GOOD_BODY;
}

static double
metric_at(uint16_t admin_port, const char *name)
{
	static const char text[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n"
	                           "Connection: close\r\n\r\n";
	char line[80];
	const char *at = NULL;

	(void)snprintf(line, sizeof(line), "\n%s ", name);
	wb_test_http_ask(admin_port, text, &api.reply);
	at = strstr(api.reply.body, line);
	return at != NULL ? strtod(at + strlen(line), NULL) : 0;
}

static double
metric(const char *name)
{
	return metric_at(api.admin_port, name);
}

/* ---- load ---- */

static void
stores_concurrent_orders_once_each(void **state)
{
	struct wb_test_load load = {
		.api = &api, .n_total = 1000, .n_at_once = 64, .body = good_body
	};
	double batches = metric("wb_order_batches_total");

	(void)state;
	wb_test_load_run(&load);
	assert_int_equal(load.n_accepted, 1000);
	wb_test_load_check(&load);
	/* They came in batches: what had gathered went together. */
	batches = metric("wb_order_batches_total") - batches;
	assert_true(batches >= 1 && batches < 500);
	wb_test_load_fini(&load);
}

static const char *
some_bad_bodies(size_t n)
{
	switch (n % 8) {
	case 3:
		return unknown_sku;
	case 5:
		return two_currencies;
	case 7:
		return "{";
	default:
		return GOOD_BODY;
	}
}

static void
bad_orders_leave_their_batch_alone(void **state)
{
	struct wb_test_load load = { .api = &api,
		                     .n_total = 400,
		                     .n_at_once = 64,
		                     .body = some_bad_bodies };

	(void)state;
	wb_test_load_run(&load);
	assert_int_equal(load.n_accepted, 400 / 8 * 5);
	assert_int_equal(load.n_refused, 400 / 8 * 2);
	assert_int_equal(load.n_failed, 400 / 8); /* 400 */
	wb_test_load_check(&load);
	wb_test_sql_is(&api, COUNTS, "250,250");
	wb_test_load_fini(&load);
}

static const char *
poison_once(size_t n)
{
	return n == 40 ? poison : GOOD_BODY;
}

/* What only the database finds: the batch fails, its members run one by one. */
static void
a_failed_batch_runs_one_by_one(void **state)
{
	struct wb_test_load load = { .api = &api,
		                     .n_total = 200,
		                     .n_at_once = 64,
		                     .body = poison_once };

	(void)state;
	wb_test_script(&api.db, "ALTER TABLE orders ADD CONSTRAINT edible CHECK"
	                        " (snapshot ->> 'payment_method' <> 'poison')");
	wb_test_load_run(&load);
	wb_test_script(&api.db, "ALTER TABLE orders DROP CONSTRAINT edible");
	assert_int_equal(load.n_accepted, 199);
	assert_int_equal(load.n_failed, 1);
	wb_test_load_check(&load);
	wb_test_sql_is(&api, COUNTS, "199,199");
	wb_test_load_fini(&load);
}

/* ---- what has not arrived yet ---- */

static void
register_stranger(void *arg)
{
	(void)arg;
	wb_pg_script(api.db.pg,
	             "INSERT INTO customers VALUES ('" STRANGER
	             "', 'Bob', 'bob@waybill.example')",
	             wb_test_on_done, &api.db);
}

static const char *
stranger_body(size_t n)
{
	(void)n;
	return of_stranger;
}

static void
waits_for_a_customer_on_its_way(void **state)
{
	struct wb_test_load load = {
		.api = &api, .n_total = 1, .n_at_once = 1, .body = stranger_body
	};
	int64_t began_us = wb_mono_us(), took_ms = 0;
	struct wb_timer timer;

	(void)state;
	wb_timer_init(&timer, api.loop, register_stranger, NULL);
	wb_timer_start_ms(&timer, 300);
	wb_test_load_run(&load);
	took_ms = (wb_mono_us() - began_us) / 1000;
	wb_timer_fini(&timer);
	assert_int_equal(load.n_accepted, 1);
	assert_true(took_ms >= 300);
	wb_test_load_check(&load);
	wb_test_load_fini(&load);
}

static void
gives_up_on_a_customer_after_a_second(void **state)
{
	int64_t began_us = wb_mono_us();

	(void)state;
	(void)wb_test_ask(&api, "POST", "/orders", NULL, of_stranger);
	wb_test_is_problem(&api, 422, "/customer_id");
	assert_true(wb_mono_us() - began_us >= 1000000);
	wb_test_sql_is(&api, COUNTS, "0,0");
}

/* ---- a failing database ---- */

static void
kill_a_backend(struct wb_test_load *load)
{
	if (load->n_answered % 25 != 0 || !wb_pg_is_idle(api.db.pg))
		return;
	wb_pg_script(api.db.pg,
	             "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	             " WHERE datname = current_database() AND"
	             " application_name LIKE 'orders-api@%'"
	             " ORDER BY random() LIMIT 2",
	             wb_test_on_done, &api.db);
}

static void
keeps_its_promises_while_backends_die(void **state)
{
	struct wb_test_load load = { .api = &api,
		                     .n_total = 1500,
		                     .n_at_once = 64,
		                     .body = good_body,
		                     .on_answer = kill_a_backend };

	(void)state;
	wb_test_load_run(&load);
	while (!wb_pg_is_idle(api.db.pg))
		wb_test_run_for(api.loop, 5);
	/* Connections come back in 100 ms, and there are 5 s for that. */
	assert_int_equal(load.n_accepted, 1500);
	wb_test_load_check(&load);
	wb_test_sql_is(&api, COUNTS, "1500,1500");
	wb_test_load_fini(&load);
}

static void
terminate_once(struct wb_test_load *load)
{
	if (load->n_answered == 300)
		assert_int_equal(kill(load->api->pid, SIGTERM), 0);
}

/* What it has taken it answers; then it takes no more. */
static void
drains_what_it_has_taken(void **state)
{
	struct wb_test_load load = { .api = &api,
		                     .n_total = 600,
		                     .n_at_once = 64,
		                     .body = good_body,
		                     .on_answer = terminate_once };

	(void)state;
	wb_test_load_run(&load);
	wb_test_producer_wait(&api);
	assert_true(load.n_accepted >= 300 && load.n_lost > 0);
	assert_int_equal(load.n_accepted + load.n_lost, 600);
	wb_test_load_check(&load);
	wb_test_load_fini(&load);
	wb_test_producer_start(&api, "orders-api", NULL);
}

/* The commit happens, its answer is lost: found again, not stored twice. */
static void
finds_out_about_an_unknown_commit(void **state)
{
	struct wb_test_load load = {
		.api = &api, .n_total = 300, .n_at_once = 32, .body = good_body
	};

	(void)state;
	wb_cut_proxy_swallow_after(api.proxy, "wb_commit");
	wb_test_load_run(&load);
	assert_int_equal(wb_cut_proxy_swallowed(api.proxy), 1);
	assert_int_equal(load.n_accepted, 300);
	wb_test_load_check(&load);
	wb_test_sql_is(&api, COUNTS, "300,300");
	wb_test_load_fini(&load);
}

static const char *
metered_body(size_t n)
{
	/* Each answer lost once more: the first of many commits. */
	if (n % 10 == 0)
		wb_cut_proxy_swallow_after(api.proxy, "wb_commit");
	return GOOD_BODY;
}

static void
finds_out_about_many_unknown_commits(void **state)
{
	struct wb_test_load load = { .api = &api,
		                     .n_total = 200,
		                     .n_at_once = 16,
		                     .body = metered_body };

	(void)state;
	wb_test_load_run(&load);
	assert_true(wb_cut_proxy_swallowed(api.proxy) > 5);
	assert_int_equal(load.n_accepted, 200);
	wb_test_load_check(&load);
	wb_test_load_fini(&load);
}

static void
set_search_path(const char *how)
{
	char sql[160];

	(void)snprintf(sql, sizeof(sql), "ALTER DATABASE %s %s", api.database,
	               how);
	wb_test_script(&api.db, sql);
	assert_int_equal(api.db.end, WB_TX_COMMITTED);
}

/* New sessions find no tables, so what became of the order can't be learnt. */
static void
admits_that_it_does_not_know(void **state)
{
	struct wb_test_load load = {
		.api = &api, .n_total = 1, .n_at_once = 1, .body = good_body
	};

	(void)state;
	set_search_path("SET search_path = nowhere");
	wb_cut_proxy_swallow_after(api.proxy, "wb_commit");
	wb_test_load_run(&load);
	set_search_path("RESET search_path");
	wb_cut_proxy_cut(api.proxy);
	assert_int_equal(load.n_unavailable, 1);
	assert_int_equal(load.n_unknown, 1);
	wb_test_sql_is(&api, COUNTS, "1,1");
	wb_test_load_fini(&load);
}

static void
says_so_when_the_database_is_gone(void **state)
{
	struct wb_test_load load = {
		.api = &api, .n_total = 5, .n_at_once = 5, .body = good_body
	};

	(void)state;
	wb_cut_proxy_free(api.proxy);
	api.proxy = NULL;
	wb_test_load_run(&load);
	assert_int_equal(load.n_unavailable, 5);
	wb_test_producer_until_ready(&api, 503);
	(void)wb_test_ask(&api, "GET", "/orders/" STRANGER, NULL, NULL);
	wb_test_is_problem(&api, 503, NULL);
	assert_string_equal(wb_test_http_value(&api.reply, "Retry-After"), "1");
	wb_test_sql_is(&api, COUNTS, "0,0");
}

/* ---- too much ---- */

/* Nobody publishes here. */
static void
refuses_orders_behind_an_old_outbox(void **state)
{
	char id[37], path[64];

	(void)state;
	wb_test_place(&api, id);
	while (wb_test_ask(&api, "POST", "/orders", NULL, GOOD_BODY) == 202)
		wb_test_run_for(api.loop, 20);
	wb_test_is_problem(&api, 503, NULL);
	wb_test_has(&api, "/problems/overloaded\"");
	assert_true(wb_test_http_has_line(&api.reply, "Retry-After: 10"));
	/* The others are still served. */
	(void)snprintf(path, sizeof(path), "/orders/%s", id);
	assert_int_equal(wb_test_ask(&api, "GET", path, NULL, NULL), 200);
	wb_test_script(&api.db, "TRUNCATE outbox_events");
	while (wb_test_ask(&api, "POST", "/orders", NULL, GOOD_BODY) == 503)
		wb_test_run_for(api.loop, 20);
	assert_int_equal(api.reply.status, 202);
}

/* No more wait than may, the others are told so at once. */
static void
refuses_what_would_only_wait(void **state)
{
	struct wb_test_load load = {
		.api = &api, .n_total = 60, .n_at_once = 60, .body = good_body
	};

	(void)state;
	wb_test_script(&api.db, "TRUNCATE outbox_events");
	while (wb_test_ask(&api, "POST", "/orders", NULL, GOOD_BODY) == 503)
		wb_test_run_for(api.loop, 20);
	wb_test_load_run(&load);
	assert_true(load.n_accepted >= 2 && load.n_unavailable > 0);
	assert_int_equal(load.n_accepted + load.n_unavailable, 60);
	wb_test_load_fini(&load);
}

/* ---- two workers ---- */

/* The kernel spreads the connections. */
static void
two_workers_share_a_port(void **state)
{
	static const char accepted[] = "wb_orders_accepted_total";
	struct wb_test_producer second = api;
	struct wb_test_load load = {
		.api = &api, .n_total = 500, .n_at_once = 64, .body = good_body
	};
	char listen[64];
	const char *const arguments[] = { "--http-share-port=true", listen,
		                          NULL };
	double first = 0;

	(void)state;
	second.pid = 0;
	(void)snprintf(second.log, sizeof(second.log), "/tmp/%.40s-2.log",
	               api.database);
	(void)snprintf(listen, sizeof(listen), "--http-listen=127.0.0.1:%u",
	               (unsigned)api.port);
	wb_test_producer_start(&second, "orders-api", arguments);
	wb_test_producer_until_ready(&second, 200);
	first = metric(accepted);
	wb_test_load_run(&load);
	assert_int_equal(load.n_accepted, 500);
	wb_test_load_check(&load);
	first = metric(accepted) - first;
	assert_true(first > 0 && first < 500);
	assert_true(first + metric_at(second.admin_port, accepted) > 499.5);
	wb_test_load_fini(&load);
	wb_test_producer_stop(&second);
	(void)unlink(second.log);
}

/* ---- groups ---- */

static int
open_straight(void **state)
{
	(void)state;
	wb_test_orders_open(&api, NULL);
	return 0;
}

static void
open_through_proxy(const char *const *arguments)
{
	wb_test_producer_open(&api, "orders");
	wb_test_orders_fill(&api);
	wb_test_producer_proxy(&api);
	wb_test_producer_start(&api, "orders-api", arguments);
	wb_test_producer_until_ready(&api, 200);
}

static int
open_patient(void **state)
{
	(void)state;
	open_through_proxy(NULL);
	return 0;
}

static int
open_impatient(void **state)
{
	static const char *const arguments[] = { "--accept-connections=1",
		                                 "--accept-wait-ms=1000",
		                                 "--pool-wait-ms=500", NULL };

	(void)state;
	open_through_proxy(arguments);
	return 0;
}

static int
open_sharing(void **state)
{
	static const char *const arguments[] = { "--http-share-port=true",
		                                 NULL };

	(void)state;
	wb_test_orders_open(&api, arguments);
	return 0;
}

static int
open_strict(void **state)
{
	static const char *const arguments[] = {
		"--overload-outbox-age-ms=300", "--overload-check-ms=20",
		"--accept-connections=1",       "--accept-batch-orders=1",
		"--accept-waiting=5",           NULL
	};

	(void)state;
	wb_test_orders_open(&api, arguments);
	return 0;
}

static int
empty_tables(void **state)
{
	(void)state;
	wb_test_script(&api.db,
	               "TRUNCATE orders, outbox_events;"
	               "DELETE FROM customers WHERE customer_id = '" STRANGER
	               "'");
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
	const struct CMUnitTest straight[] = {
		TEST(stores_concurrent_orders_once_each),
		TEST(bad_orders_leave_their_batch_alone),
		TEST(a_failed_batch_runs_one_by_one),
		TEST(waits_for_a_customer_on_its_way),
		TEST(gives_up_on_a_customer_after_a_second),
		TEST(keeps_its_promises_while_backends_die),
		TEST(drains_what_it_has_taken),
	};
	const struct CMUnitTest lost_answers[] = {
		TEST(finds_out_about_an_unknown_commit),
		TEST(finds_out_about_many_unknown_commits),
	};
	const struct CMUnitTest no_database[] = {
		TEST(admits_that_it_does_not_know),
		TEST(says_so_when_the_database_is_gone), /* the last */
	};
	const struct CMUnitTest workers[] = {
		TEST(two_workers_share_a_port),
	};
	const struct CMUnitTest too_much[] = {
		TEST(refuses_orders_behind_an_old_outbox),
		TEST(refuses_what_would_only_wait),
	};
	int n_failed = 0;

	(void)wb_test_pg_dsn();
	n_failed += cmocka_run_group_tests_name("orders-api", straight,
	                                        open_straight, close_api);
	n_failed += cmocka_run_group_tests_name(
	    "orders-api, lost answers", lost_answers, open_patient, close_api);
	n_failed += cmocka_run_group_tests_name(
	    "orders-api, two workers", workers, open_sharing, close_api);
	n_failed += cmocka_run_group_tests_name(
	    "orders-api, too much", too_much, open_strict, close_api);
	n_failed += cmocka_run_group_tests_name(
	    "orders-api, no database", no_database, open_impatient, close_api);
	return n_failed;
}
