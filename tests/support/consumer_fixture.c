#include "support/consumer_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "event/envelope.h"
#include "support/consumer_handlers.h"

#define DATABASE "wbtest_consumer"

/* ---- the servers ---- */

static char *
brokers(void)
{
	const char *url = getenv("WB_TEST_AMQP_URL");

	if (url == NULL || url[0] == '\0') {
		(void)fputs("skipped: WB_TEST_AMQP_URL is not set\n", stderr);
		exit(77);
	}
	return wb_strdup(url);
}

static void
fill_amqp_params(struct wb_amqp_params *params)
{
	static char none[] = "";

	*params = (struct wb_amqp_params){
		.brokers = brokers(),
		.connect_timeout_ms = 10000,
		.rpc_timeout_ms = 30000,
		.heartbeat_s = 30,
		.reconnect_cap_ms = 200,
		.tls_ca = none,
		.tls_cert = none,
		.tls_key = none,
	};
}

static void
run_schema(struct wb_test_saga *saga, const char *file)
{
	char path[256], text[16384];
	size_t bytes;
	FILE *in;

	(void)snprintf(path, sizeof path, "%s/messaging/%s", WB_TEST_SCHEMA_DIR,
	               file);
	in = fopen(path, "r");
	assert_non_null(in);
	bytes = fread(text, 1, sizeof text - 1, in);
	assert_true(bytes > 0 && bytes < sizeof text - 1);
	text[bytes] = '\0';
	(void)fclose(in);
	wb_test_script(&saga->db, text);
	assert_int_equal(saga->db.end, WB_TX_COMMITTED);
}

/* In a callback: a failed assertion would jump out of the running loop. */
static void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "%s: %s\n", what, why);
	abort();
}

static void
on_reply(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	struct wb_test_saga *saga = arg;

	(void)consumers;
	if (err != WB_OK)
		die("the broker refused a method", wb_err_name(err));
	saga->n_messages = messages;
	saga->n_replies++;
	wb_loop_stop(saga->loop);
}

static void
wait_reply(struct wb_test_saga *saga)
{
	assert_true(wb_test_run_until(saga->loop, &saga->n_replies,
	                              saga->n_replies + 1));
}

static void
on_confirm(void *arg, uint64_t tag, bool is_multiple, bool is_ack)
{
	struct wb_test_saga *saga = arg;

	(void)is_multiple;
	if (!is_ack)
		die("the test's publish", "nack");
	/* Confirms of one queue come in order. */
	if (tag > saga->n_confirmed)
		saga->n_confirmed = (size_t)tag;
	wb_loop_stop(saga->loop);
}

static void
on_closed(void *arg, uint16_t code, const char *text)
{
	(void)arg;
	(void)code;
	die("the test's channel was closed", text);
}

static void
on_amqp_ready(void *arg)
{
	static const struct wb_amqp_channel_events events = {
		.on_closed = on_closed,
		.on_confirm = on_confirm,
	};
	struct wb_test_saga *saga = arg;

	saga->channel = wb_amqp_channel_open(saga->amqp, &events, saga);
	wb_amqp_confirm_select(saga->channel, on_reply, saga);
}

static void
on_amqp_lost(void *arg, const char *why)
{
	(void)arg;
	die("the test's broker connection was lost", why);
}

void
wb_test_saga_open(struct wb_test_saga *saga)
{
	static const struct wb_amqp_events events = {
		.on_ready = on_amqp_ready,
		.on_lost = on_amqp_lost,
	};

	wb_log_setup("test", WB_LOG_ERROR);
	fill_amqp_params(&saga->amqp_params);
	saga->loop = wb_loop_new();
	wb_test_database_create(DATABASE);
	wb_test_conn_params(&saga->db, wb_test_pg_dsn_of(DATABASE));
	wb_test_conn_open(&saga->db, saga->loop, "test", NULL);
	run_schema(saga, "001_outbox.sql");
	run_schema(saga, "002_inbox.sql");
	run_schema(saga, "005_purge.sql");
	wb_test_script(&saga->db, wb_test_handlers_sql);
	assert_int_equal(saga->db.end, WB_TX_COMMITTED);
	saga->amqp =
	    wb_amqp_new(saga->loop, &saga->amqp_params, "test", &events, saga);
	wait_reply(saga);
}

/* ---- the engine ---- */

static void
fill_consumer(struct wb_test_saga *saga)
{
	saga->config = (struct wb_consumer_config){
		.name = WB_TEST_QUEUE,
		.instance = WB_TEST_QUEUE "@test",
		.handlers = wb_test_handlers,
	};
	saga->params = (struct wb_consumer_params){
		.prefetch = 500,
		.batch_messages = 200,
		.batch_bytes = 1 << 20,
		.max_attempts = 3,
		.retry_base_ms = 1000,
		.retry_factor = 4,
		.retry_cap_ms = 60000,
		.max_starts = 3,
		.inbox_keep_days = 30,
		.purge_interval_ms = 600000,
	};
	saga->pg_params = saga->db.params;
	saga->engine_amqp_params = saga->amqp_params;
}

static void
free_engine(struct wb_test_saga *saga)
{
	wb_consumer_free(saga->consumer);
	saga->consumer = NULL;
	wb_cut_proxy_free(saga->pg_proxy);
	saga->pg_proxy = NULL;
	wb_cut_proxy_free(saga->amqp_proxy);
	saga->amqp_proxy = NULL;
	free(saga->proxy_dsn);
	saga->proxy_dsn = NULL;
	free(saga->proxy_brokers);
	saga->proxy_brokers = NULL;
}

void
wb_test_saga_reset(struct wb_test_saga *saga)
{
	free_engine(saga);
	wb_test_queue_delete(saga);
	wb_test_queue_declare(saga);
	wb_test_script(&saga->db,
	               "TRUNCATE effects, arrived, inbox, inbox_starts,"
	               " outbox_events, outbox_deliveries;"
	               "ALTER SEQUENCE tries RESTART");
	assert_int_equal(saga->db.end, WB_TX_COMMITTED);
	fill_consumer(saga);
}

void
wb_test_saga_close(struct wb_test_saga *saga)
{
	free_engine(saga);
	wb_test_queue_delete(saga);
	wb_amqp_free(saga->amqp);
	free(saga->amqp_params.brokers);
	wb_test_conn_close(&saga->db);
	free(saga->db.params.dsn);
	wb_loop_free(saga->loop);
	wb_test_database_drop(DATABASE);
}

void
wb_test_consumer_start(struct wb_test_saga *saga)
{
	saga->consumer =
	    wb_consumer_new(saga->loop, &saga->config, &saga->params,
	                    &saga->pg_params, &saga->engine_amqp_params);
}

void
wb_test_proxy_pg(struct wb_test_saga *saga)
{
	const char *dsn = saga->db.params.dsn;
	const char *before = strstr(dsn, "://") == NULL ? " "
	                     : strchr(dsn, '?') == NULL ? "?"
	                                                : "&";
	const char *between = *before == ' ' ? " " : "&";
	struct wb_buf through = { 0 };
	char host[64];
	const char *port;

	(void)snprintf(
	    host, sizeof(host), "%s",
	    wb_test_select(&saga->db, "SELECT host(inet_server_addr())"));
	port = wb_test_select(&saga->db, "SELECT inet_server_port()");
	saga->pg_proxy = wb_cut_proxy_new(saga->loop, host,
	                                  (uint16_t)strtoul(port, NULL, 10));
	/* What stands last in a DSN wins. */
	wb_buf_printf(&through, "%s%shost=127.0.0.1%sport=%u%ssslmode=disable",
	              dsn, before, between,
	              (unsigned)wb_cut_proxy_port(saga->pg_proxy), between);
	saga->proxy_dsn = through.data;
	saga->pg_params.dsn = through.data;
}

void
wb_test_proxy_amqp(struct wb_test_saga *saga)
{
	const char *url = saga->amqp_params.brokers;
	const char *at = strchr(url, '@'), *path, *colon;
	struct wb_buf through = { 0 };
	unsigned long port = 5672;
	char host[64];

	WB_ASSERT(at != NULL);
	colon = at + strcspn(at, ":/");
	path = at + strcspn(at, "/");
	(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - at - 1),
	               at + 1);
	if (*colon == ':')
		port = strtoul(colon + 1, NULL, 10);
	saga->amqp_proxy = wb_cut_proxy_new(
	    saga->loop, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
	    (uint16_t)port);
	wb_buf_printf(&through, "%.*s@127.0.0.1:%u%s", (int)(at - url), url,
	              (unsigned)wb_cut_proxy_port(saga->amqp_proxy), path);
	saga->proxy_brokers = through.data;
	saga->engine_amqp_params.brokers = through.data;
}

static void
on_drained(void *arg)
{
	struct wb_test_saga *saga = arg;

	saga->n_drained++;
	wb_loop_stop(saga->loop);
}

void
wb_test_consumer_drain(struct wb_test_saga *saga)
{
	size_t n = saga->n_drained;

	wb_consumer_drain(saga->consumer, on_drained, saga);
	assert_true(wb_test_run_until(saga->loop, &saga->n_drained, n + 1));
	wb_consumer_free(saga->consumer);
	saga->consumer = NULL;
}

/* ---- the queue ---- */

void
wb_test_queue_declare(struct wb_test_saga *saga)
{
	/* With a limit, what comes back goes to the front on every version. */
	static const struct wb_amqp_header arguments[] = {
		{ .name = "x-queue-type", .text = "quorum" },
		{ .name = "x-delivery-limit", .number = 1000 },
	};

	wb_amqp_declare_queue(saga->channel, WB_TEST_QUEUE, arguments,
	                      WB_ARRAY_LEN(arguments), on_reply, saga);
	wait_reply(saga);
}

void
wb_test_queue_delete(struct wb_test_saga *saga)
{
	wb_amqp_delete_queue(saga->channel, WB_TEST_QUEUE, on_reply, saga);
	wait_reply(saga);
}

uint32_t
wb_test_queue_messages(struct wb_test_saga *saga)
{
	wb_amqp_inspect_queue(saga->channel, WB_TEST_QUEUE, on_reply, saga);
	wait_reply(saga);
	return saga->n_messages;
}

static void
publish(struct wb_test_saga *saga, const char *type, const char *message_id,
        const struct wb_test_event *event, const void *body, size_t bytes)
{
	const struct wb_amqp_message message = {
		.exchange = "",
		.routing_key = WB_TEST_QUEUE,
		.is_mandatory = true,
		.props = {
			.content_type = WB_CLOUDEVENTS_JSON,
			.message_id = message_id,
			.type = type,
			.is_persistent = true,
			.headers = event->headers,
			.n_headers = event->n_headers,
		},
		.body = body,
		.body_bytes = bytes,
	};

	saga->n_published = (size_t)wb_amqp_publish(saga->channel, &message);
}

struct wb_uuid
wb_test_publish(struct wb_test_saga *saga, const struct wb_test_event *event)
{
	struct wb_uuid id =
	    wb_uuid_is_nil(&event->id) ? wb_uuid_v7() : event->id;
	const char *type = event->type->name;
	struct wb_buf body = { 0 }, data = { 0 };
	char id_text[WB_UUID_TEXT_BYTES];

	wb_buf_printf(&data, "{\"order\":{\"order_id\":\"%s\"},\"n\":%lld",
	              event->subject, (long long)event->n);
	if (event->mode != NULL)
		wb_buf_printf(&data, ",\"mode\":\"%s\"", event->mode);
	wb_buf_adds(&data, "}");
	wb_envelope_format(&body, &(struct wb_envelope_out){
	                              .id = id,
	                              .source = "/test",
	                              .type = type,
	                              .subject = event->subject,
	                              .time_us = wb_wall_us(),
	                              .dataschema = "",
	                              .sequence = 1,
	                              .correlation_id = "corr",
	                              .causation_id = "",
	                              .traceparent = "",
	                              .data = data.data,
	                              .data_bytes = data.len,
	                          });
	publish(saga, type, wb_uuid_format(&id, id_text), event, body.data,
	        body.len);
	wb_buf_fini(&body);
	wb_buf_fini(&data);
	return id;
}

void
wb_test_publish_body(struct wb_test_saga *saga, const char *message_id,
                     const void *body, size_t bytes)
{
	static const struct wb_test_event no_headers;

	publish(saga, "", message_id, &no_headers, body, bytes);
}

void
wb_test_confirmed(struct wb_test_saga *saga)
{
	assert_true(wb_test_run_until(saga->loop, &saga->n_confirmed,
	                              saga->n_published));
}

static void
on_held(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_test_saga *saga = arg;

	(void)delivery;
	saga->n_held++;
	wb_loop_stop(saga->loop);
}

void
wb_test_redeliver(struct wb_test_saga *saga, size_t n)
{
	static const struct wb_amqp_channel_events events = {
		.on_closed = on_closed,
		.on_delivery = on_held,
	};
	struct wb_amqp_channel *channel =
	    wb_amqp_channel_open(saga->amqp, &events, saga);

	saga->n_held = 0;
	wb_amqp_qos(channel, (uint16_t)n, NULL, NULL);
	wb_amqp_consume(channel, WB_TEST_QUEUE, "holder", NULL, NULL);
	assert_true(wb_test_run_until(saga->loop, &saga->n_held, n));
	wb_amqp_channel_close(channel);
	wb_test_expect_queue(saga, (uint32_t)n);
}

/* ---- waiting ---- */

void
wb_test_expect(struct wb_test_saga *saga, const char *sql, const char *text)
{
	int64_t until = wb_mono_us() + WB_TEST_WAIT_MS * 1000;
	const char *seen = wb_test_select(&saga->db, sql);

	while (strcmp(seen, text) != 0 && wb_mono_us() < until) {
		wb_test_run_for(saga->loop, 10);
		seen = wb_test_select(&saga->db, sql);
	}
	if (strcmp(seen, text) != 0)
		fail_msg("%s: expected %s, is %s", sql, text, seen);
}

void
wb_test_expect_queue(struct wb_test_saga *saga, uint32_t n_messages)
{
	int64_t until = wb_mono_us() + WB_TEST_WAIT_MS * 1000;

	while (wb_test_queue_messages(saga) != n_messages &&
	       wb_mono_us() < until)
		wb_test_run_for(saga->loop, 20);
	assert_int_equal(saga->n_messages, n_messages);
}

/* ---- a child process ---- */

#define CHILD_ARGUMENT "--as-consumer"

pid_t
wb_test_child_start(const char *crash_at)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	/* A test that fails leaves no process behind. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (crash_at != NULL)
		(void)setenv("WB_CRASH_AT", crash_at, 1);
	(void)execl("/proc/self/exe", "test", CHILD_ARGUMENT, (char *)NULL);
	_exit(127);
}

bool
wb_test_is_child(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], CHILD_ARGUMENT) == 0;
}

static void
on_child_drained(void *arg)
{
	wb_loop_stop(arg);
}

static void
on_term(void *arg)
{
	struct wb_test_saga *saga = arg;

	wb_consumer_drain(saga->consumer, on_child_drained, saga->loop);
}

int
wb_test_child_main(void)
{
	struct wb_test_saga saga = { 0 };

	wb_log_setup("child", WB_LOG_ERROR);
	saga.loop = wb_loop_new();
	wb_loop_on_signal(saga.loop, SIGTERM, on_term, &saga);
	fill_amqp_params(&saga.amqp_params);
	wb_test_conn_params(&saga.db, wb_test_pg_dsn_of(DATABASE));
	fill_consumer(&saga);
	wb_test_consumer_start(&saga);
	wb_loop_run(saga.loop);
	wb_consumer_free(saga.consumer);
	wb_loop_free(saga.loop);
	free(saga.db.params.dsn);
	free(saga.amqp_params.brokers);
	return 0;
}

int
wb_test_child_wait(struct wb_test_saga *saga, pid_t pid)
{
	int64_t until = wb_mono_us() + WB_TEST_WAIT_MS * 1000;
	int status = 0;
	pid_t ended = 0;

	while (ended == 0 && wb_mono_us() < until) {
		wb_test_run_for(saga->loop, 20);
		ended = waitpid(pid, &status, WNOHANG);
	}
	if (ended != pid) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		fail_msg("the consumer's process did not end");
	}
	return status;
}
