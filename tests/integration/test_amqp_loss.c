/* Connections in trouble: brokers that are dead, silent, refuse the login,
 * close the connection, or talk nonsense. TLS: test_amqp_tls.c. */
#include "support/amqp_fixture.h"
#include "support/mgmt.h"
#include "support/silent_proxy.h"

#include "base/attr.h"
#include "base/clock.h"

#include <json-c/json.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VHOST "wb_test_amqp_loss"

static char *url;
static uint16_t broker_port;
static struct wb_loop *loop;
static struct wb_test_amqp amqp;
static struct wb_test_channel channel;

static int
group_set_up(void **state)
{
	(void)state;
	url = wb_test_vhost_create(VHOST);
	broker_port = wb_test_port_of(url);
	return 0;
}

static int
group_tear_down(void **state)
{
	(void)state;
	wb_test_vhost_delete(VHOST);
	free(url);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	loop = wb_loop_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	wb_test_amqp_fini(&amqp);
	wb_loop_free(loop);
	return 0;
}

/* Through a proxy. */
static const char *
url_of(const struct wb_silent_proxy *proxy)
{
	return wb_test_url_at(url, "amqp", "127.0.0.1",
	                      wb_silent_proxy_port(proxy));
}

static void
start(const char *brokers)
{
	wb_test_amqp_init(&amqp, loop, brokers);
	wb_test_amqp_start(&amqp, "waybill-loss");
}

/* ---- what can't be connected to ---- */

static void
test_wrong_password(void **state)
{
	char brokers[128];

	(void)state;
	(void)snprintf(brokers, sizeof(brokers),
	               "amqp://nobody:wrong@127.0.0.1:%u/",
	               (unsigned)broker_port);
	start(brokers);
	wb_test_amqp_until(loop, &amqp.n_lost, 3);
	assert_non_null(strstr(amqp.why, "403 ACCESS_REFUSED"));
	assert_null(strstr(amqp.why, "wrong"));
	assert_int_equal(amqp.n_ready, 0);
}

static void
test_unknown_vhost(void **state)
{
	char brokers[600];

	(void)state;
	(void)snprintf(brokers, sizeof(brokers), "%s-not", url);
	start(brokers);
	wb_test_amqp_until(loop, &amqp.n_lost, 2);
	assert_non_null(strstr(amqp.why, VHOST "-not"));
}

static void
test_wrong_list(void **state)
{
	(void)state;
	start("amqp://h:0");
	wb_test_amqp_until(loop, &amqp.n_lost, 2);
	assert_non_null(strstr(amqp.why, "the port is not"));
}

static void
test_dead_first_broker(void **state)
{
	char brokers[800];

	(void)state;
	(void)snprintf(brokers, sizeof(brokers), "amqp://127.0.0.1:1,%s", url);
	start(brokers);
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	assert_int_equal(amqp.n_lost, 1);
	assert_non_null(strstr(amqp.why, "127.0.0.1:1: Connection refused"));
}

/* "localhost" comes from /etc/hosts, perhaps ::1 first. */
static void
test_host_name(void **state)
{
	(void)state;
	start(wb_test_url_at(url, "amqp", "localhost", broker_port));
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
}

static void
test_unknown_host_name(void **state)
{
	(void)state;
	wb_test_amqp_init(&amqp, loop, "amqp://no-such-host.invalid");
	amqp.params.connect_timeout_ms = 1500;
	wb_test_amqp_start(&amqp, "waybill-loss");
	wb_test_amqp_until(loop, &amqp.n_lost, 2);
	assert_non_null(strstr(amqp.why, "no-such-host.invalid:5672: "));
}

/* Given up while the name is being looked up. */
static void
test_free_during_lookup(void **state)
{
	(void)state;
	start("amqp://no-such-host.invalid");
	wb_test_amqp_run_ms(loop, 2);
	wb_test_amqp_fini(&amqp);
	wb_test_amqp_run_ms(loop, 20);
	wb_test_amqp_init(&amqp, loop, url);
}

static void
test_connect_deadline(void **state)
{
	struct wb_silent_proxy *hole = wb_silent_proxy_new(loop, 0, NULL);
	int64_t since_us = wb_mono_us();

	(void)state;
	wb_test_amqp_init(&amqp, loop, url_of(hole));
	amqp.params.connect_timeout_ms = 300;
	wb_test_amqp_start(&amqp, "waybill-loss");
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_non_null(strstr(amqp.why, "no connection within 300 ms"));
	assert_true(wb_mono_us() - since_us >= 290000);
	wb_silent_proxy_free(hole);
}

static void
test_not_a_broker(void **state)
{
	struct wb_silent_proxy *hole = wb_silent_proxy_new(loop, 0, NULL);

	(void)state;
	start(url_of(hole));
	wb_test_amqp_until(loop, wb_silent_proxy_accepted(hole), 1);
	wb_silent_proxy_say(hole, "AMQP\x03\x01\x00\x00", 8);
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_non_null(strstr(amqp.why, "does not speak AMQP 0-9-1"));
	wb_test_amqp_until(loop, wb_silent_proxy_accepted(hole), 2);
	wb_silent_proxy_say(hole, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
	wb_test_amqp_until(loop, &amqp.n_lost, 2);
	assert_non_null(strstr(amqp.why, "can't be decoded"));
	wb_silent_proxy_free(hole);
}

/* ---- what is lost later ---- */

/* The name that RabbitMQ gave to the connection that calls itself so. */
static bool
find_connection(const char *our_name, char *ret_name, size_t bytes)
{
	struct wb_buf answer = { 0 };
	struct json_object *list;
	bool is_found = false;
	size_t i;

	assert_int_equal(wb_test_mgmt("GET", "/api/connections", NULL, &answer),
	                 200);
	list = json_tokener_parse(wb_buf_text(&answer));
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		const char *theirs = json_object_get_string(
		    json_object_object_get(entry, "user_provided_name"));

		if (theirs == NULL || strcmp(theirs, our_name) != 0)
			continue;
		(void)snprintf(ret_name, bytes, "%s",
		               json_object_get_string(
		                   json_object_object_get(entry, "name")));
		is_found = true;
	}
	(void)json_object_put(list);
	wb_buf_fini(&answer);
	return is_found;
}

/* Names look like "127.0.0.1:1 -> 127.0.0.1:2". */
static void
close_connection(const char *name)
{
	struct wb_buf path = { 0 };

	wb_buf_adds(&path, "/api/connections/");
	for (; *name != '\0'; name++) {
		if (*name == ' ' || *name == '>')
			wb_buf_printf(&path, "%%%02X", (unsigned)*name);
		else
			wb_buf_add(&path, name, 1);
	}
	assert_int_equal(wb_test_mgmt("DELETE", wb_buf_text(&path), NULL, NULL),
	                 204);
	wb_buf_fini(&path);
}

static void
test_closed_by_broker(void **state)
{
	char name[128], our_name[64];
	int tries;

	(void)state;
	(void)snprintf(our_name, sizeof(our_name), "waybill-loss-%d",
	               (int)getpid());
	wb_test_amqp_init(&amqp, loop, url);
	wb_test_amqp_start(&amqp, our_name);
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	wb_test_channel_open(&channel, &amqp);
	/* The API shows a new connection after some seconds. */
	for (tries = 0; !find_connection(our_name, name, sizeof(name));
	     tries++) {
		assert_true(tries < 100);
		wb_test_amqp_run_ms(loop, 100);
	}
	close_connection(name);
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_int_equal(channel.n_closed, 1);
	assert_int_equal(channel.code, 0);
	assert_non_null(strstr(amqp.why, "closed by the broker: 320 "));
	wb_test_amqp_until(loop, &amqp.n_ready, 2);
	wb_test_channel_fini(&channel);
	wb_test_channel_open(&channel, &amqp);
	wb_test_channel_fini(&channel);
}

/* Pending methods fail, then the channel, then the connection; in that
 * order. */
static void
test_cut_with_pending_methods(void **state)
{
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, NULL);

	(void)state;
	start(url_of(proxy));
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	wb_test_channel_open(&channel, &amqp);
	wb_silent_proxy_freeze(proxy, true);
	wb_amqp_qos(channel.channel, 1, wb_test_on_reply, &channel);
	wb_amqp_qos(channel.channel, 2, wb_test_on_reply, &channel);
	wb_test_amqp_run_ms(loop, 20);
	wb_silent_proxy_freeze(proxy, false);
	wb_silent_proxy_cut(proxy);
	wb_test_amqp_until(loop, &channel.n_closed, 1);
	assert_int_equal(channel.n_replies, 2);
	assert_int_equal(channel.err, WB_ERR_BROKER_LOST);
	assert_int_equal(channel.code, 0);
	wb_test_amqp_until(loop, &amqp.n_ready, 2);
	assert_int_equal(amqp.n_lost, 1);
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_test_amqp_init(&amqp, loop, url);
	wb_silent_proxy_free(proxy);
}

static void
test_heartbeat_loss(void **state)
{
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, NULL);
	int64_t since_us;

	(void)state;
	wb_test_amqp_init(&amqp, loop, url_of(proxy));
	amqp.params.heartbeat_s = 3;
	wb_test_amqp_start(&amqp, "waybill-loss");
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	/* Idle for longer than two intervals: heartbeats keep it alive. */
	wb_test_amqp_run_ms(loop, 7000);
	assert_int_equal(amqp.n_lost, 0);
	wb_silent_proxy_freeze(proxy, true);
	since_us = wb_mono_us();
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_non_null(strstr(amqp.why, "no heartbeat"));
	assert_true(wb_mono_us() - since_us >= 4500000);
	wb_silent_proxy_freeze(proxy, false);
	wb_test_amqp_until(loop, &amqp.n_ready, 2);
	wb_test_amqp_fini(&amqp);
	wb_test_amqp_init(&amqp, loop, url);
	wb_silent_proxy_free(proxy);
}

/* The channel is given up; when not even close-ok comes, the connection. */
static void
test_rpc_deadline(void **state)
{
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, NULL);

	(void)state;
	wb_test_amqp_init(&amqp, loop, url_of(proxy));
	amqp.params.rpc_timeout_ms = 300;
	wb_test_amqp_start(&amqp, "waybill-loss");
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	wb_test_channel_open(&channel, &amqp);
	wb_silent_proxy_freeze(proxy, true);
	wb_amqp_qos(channel.channel, 1, wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_ERR_BROKER_LOST);
	wb_test_amqp_until(loop, &channel.n_closed, 1);
	assert_int_equal(channel.code, 0);
	assert_non_null(strstr(channel.text, "within 300 ms"));
	assert_int_equal(amqp.n_lost, 0);
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	assert_non_null(strstr(amqp.why, "channel.close-ok"));
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_test_amqp_init(&amqp, loop, url);
	wb_silent_proxy_free(proxy);
}

static void
on_done(void *arg)
{
	struct wb_test_amqp *of = arg;

	of->n_done++;
}

static void
test_close_deadline(void **state)
{
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, NULL);

	(void)state;
	wb_test_amqp_init(&amqp, loop, url_of(proxy));
	amqp.params.rpc_timeout_ms = 300;
	wb_test_amqp_start(&amqp, "waybill-loss");
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	wb_silent_proxy_freeze(proxy, true);
	wb_amqp_close(amqp.conn, on_done, &amqp);
	wb_test_amqp_until(loop, &amqp.n_done, 1);
	assert_int_equal(amqp.n_lost, 0);
	wb_silent_proxy_free(proxy);
}

static void
test_close_while_down(void **state)
{
	size_t n_lost;

	(void)state;
	start("amqp://127.0.0.1:1");
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	n_lost = amqp.n_lost; /* the first retry may have been at once */
	wb_amqp_close(amqp.conn, on_done, &amqp);
	wb_test_amqp_until(loop, &amqp.n_done, 1);
	wb_test_amqp_run_ms(loop, 300);
	assert_int_equal(amqp.n_lost, n_lost);
}

/* ---- frames that no broker should send ---- */

static void
assert_refused(const void *frame, size_t bytes, const char *reason)
{
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, NULL);

	start(url_of(proxy));
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	wb_test_channel_open(&channel, &amqp);
	wb_silent_proxy_say(proxy, frame, bytes);
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	if (strstr(amqp.why, reason) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", amqp.why, reason);
	assert_int_equal(channel.n_closed, 1);
	wb_test_amqp_until(loop, &amqp.n_ready, 2);
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_silent_proxy_free(proxy);
}

static void
test_bad_frames(void **state)
{
	/* basic.deliver "" 1 false "" "", then a header of 65 MiB. */
	static const char huge[] =
	    "\x01\x00\x01\x00\x00\x00\x10"
	    "\x00\x3c\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00"
	    "\xce"
	    "\x02\x00\x01\x00\x00\x00\x0e"
	    "\x00\x3c\x00\x00\x00\x00\x00\x00\x04\x10\x00\x00\x00\x00\xce";
#define CASE(bytes, reason)                                                    \
	{                                                                      \
		bytes, sizeof(bytes) - 1, reason                               \
	}
	static const struct {
		const char *frame;
		size_t bytes;
		const char *reason;
	} cases[] = {
		/* size beyond frame_max; wrong end mark; unknown method */
		CASE("\x01\x00\x00\x7f\xff\xff\xff", "can't be decoded"),
		CASE("\x08\x00\x00\x00\x00\x00\x00\x00", "can't be decoded"),
		CASE("\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\xee\xce",
		     "can't be decoded"),
		/* basic.recover-ok, which nobody asked for */
		CASE("\x01\x00\x01\x00\x00\x00\x04\x00\x3c\x00\x6f\xce",
		     "unexpected method"),
		CASE("\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x33\xce",
		     "unexpected method"),
		CASE("\x01\x00\x07\x00\x00\x00\x04\x00\x3c\x00\x6f\xce",
		     "channel 7, which is not open"),
		CASE("\x03\x00\x01\x00\x00\x00\x01x\xce", "out of place"),
		{ huge, sizeof(huge) - 1, "more than 64 MiB" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(cases); i++)
		assert_refused(cases[i].frame, cases[i].bytes, cases[i].reason);
	wb_test_amqp_init(&amqp, loop, url);
}

/* A broker in alarm says so and reads nothing until it is over, but its own
 * heartbeats go on: one that falls silent is gone. */
#define BLOCKED                                                                \
	"\x01\x00\x00\x00\x00\x00\x12\x00\x0a\x00\x3c\x0d"                     \
	"low on memory\xce"
static size_t n_blocked, n_unblocked;

static void
on_blocked(void *arg, const char *why)
{
	(void)arg;
	assert_string_equal(why, "low on memory");
	n_blocked++;
}

static void
on_unblocked(void *arg)
{
	(void)arg;
	n_unblocked++;
}

static void
count_ready(void *arg)
{
	struct wb_test_amqp *of = arg;

	of->n_ready++;
}

static void
count_lost(void *arg, const char *why)
{
	struct wb_test_amqp *of = arg;

	(void)why;
	of->n_lost++;
}

static void
test_blocked(void **state)
{
	static const struct wb_amqp_events events = {
		.on_ready = count_ready,
		.on_lost = count_lost,
		.on_blocked = on_blocked,
		.on_unblocked = on_unblocked,
	};
	struct wb_silent_proxy *proxy =
	    wb_silent_proxy_new(loop, broker_port, NULL);

	(void)state;
	wb_test_amqp_init(&amqp, loop, url_of(proxy));
	amqp.params.heartbeat_s = 1;
	amqp.params.rpc_timeout_ms = 300;
	amqp.conn = wb_amqp_new(loop, &amqp.params, "x", &events, &amqp);
	wb_test_amqp_until(loop, &amqp.n_ready, 1);
	wb_test_channel_open(&channel, &amqp);
	wb_silent_proxy_say(proxy, BLOCKED, sizeof(BLOCKED) - 1);
	wb_test_amqp_until(loop, &n_blocked, 1);
	assert_true(wb_amqp_is_blocked(amqp.conn));
	wb_silent_proxy_freeze(proxy, true);
	wb_amqp_qos(channel.channel, 1, wb_test_on_reply, &channel);
	for (int i = 0; i < 14; i++) {
		wb_silent_proxy_say(proxy, "\x08\x00\x00\x00\x00\x00\x00\xce",
		                    8);
		wb_test_amqp_run_ms(loop, 250);
	}
	assert_int_equal(amqp.n_lost + channel.n_closed, 0);
	wb_silent_proxy_say(
	    proxy, "\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x3d\xce", 12);
	wb_test_amqp_until(loop, &n_unblocked, 1);
	assert_false(wb_amqp_is_blocked(amqp.conn));
	wb_silent_proxy_say(proxy, BLOCKED, sizeof(BLOCKED) - 1);
	wb_test_amqp_until(loop, &n_blocked, 2);
	wb_test_amqp_until(loop, &amqp.n_lost, 1);
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_test_amqp_init(&amqp, loop, url);
	wb_silent_proxy_free(proxy);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_wrong_password),
		TEST(test_unknown_vhost),
		TEST(test_wrong_list),
		TEST(test_dead_first_broker),
		TEST(test_host_name),
		TEST(test_unknown_host_name),
		TEST(test_free_during_lookup),
		TEST(test_connect_deadline),
		TEST(test_not_a_broker),
		TEST(test_closed_by_broker),
		TEST(test_cut_with_pending_methods),
		TEST(test_heartbeat_loss),
		TEST(test_rpc_deadline),
		TEST(test_close_deadline),
		TEST(test_close_while_down),
		TEST(test_bad_frames),
		TEST(test_blocked),
	};

	(void)wb_test_need_env("WB_TEST_AMQP_URL");
	(void)wb_test_need_env("WB_TEST_MGMT_URL");
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
