/* Channels, methods and messages against a real broker. What happens when the
 * connection is in trouble: test_amqp_loss.c. */
#include "support/amqp_fixture.h"
#include "support/mgmt.h"

#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VHOST "wb_test_amqp"

static char *url;
static struct wb_loop *loop;
static struct wb_test_amqp amqp;
static struct wb_test_channel channel;

static int
group_set_up(void **state)
{
	(void)state;
	url = wb_test_vhost_create(VHOST);
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

/* A connection with one channel. */
static int
set_up(void **state)
{
	(void)state;
	loop = wb_loop_new();
	wb_test_amqp_open(&amqp, loop, url);
	wb_test_channel_open(&channel, &amqp);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_loop_free(loop);
	return 0;
}

static void
select_confirms(void)
{
	wb_amqp_confirm_select(channel.channel, wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
}

static void
consume(struct wb_test_channel *from, const char *queue, uint16_t prefetch)
{
	wb_amqp_qos(from->channel, prefetch, NULL, NULL);
	wb_amqp_consume(from->channel, queue, "c", wb_test_on_reply, from);
	assert_int_equal(wb_test_reply(from), WB_OK);
}

static void
test_server_version(void **state)
{
	(void)state;
	assert_true(strtol(wb_amqp_server_version(amqp.conn), NULL, 10) >= 3);
	assert_true(wb_amqp_is_ready(amqp.conn));
	assert_false(wb_amqp_is_blocked(amqp.conn));
}

static void
test_many_with_confirms(void **state)
{
	const size_t n = 10000;
	size_t i;

	(void)state;
	select_confirms();
	wb_test_declare(&channel, "many");
	for (i = 1; i <= n; i++)
		assert_int_equal(wb_test_publish(&channel, "many", "x", 1), i);
	assert_true(wb_amqp_unsent_bytes(amqp.conn) > n);
	wb_test_amqp_until(loop, &channel.n_settled, n);
	assert_int_equal(channel.n_settled, n);
	assert_int_equal(channel.n_nacked, 0);
	assert_int_equal(channel.n_returned, 0);
	assert_int_equal(wb_amqp_unsent_bytes(amqp.conn), 0);
	channel.is_auto_acked = true;
	consume(&channel, "many", 500);
	wb_test_amqp_until(loop, &channel.n_delivered, n);
	assert_int_equal(channel.tag, n);
}

static void
test_body_sizes(void **state)
{
	const size_t frame = 131072 - 8;
	const size_t sizes[] = {
		0,         1,         frame - 1,      frame,
		frame + 1, 2 * frame, 5 * frame + 77, (size_t)4 << 20
	};
	char *body = malloc((size_t)4 << 20);
	size_t i;

	(void)state;
	assert_non_null(body);
	for (i = 0; i < (size_t)4 << 20; i++)
		body[i] = (char)(i * 7 + (i >> 8));
	select_confirms();
	wb_test_declare(&channel, "sizes");
	channel.is_auto_acked = true;
	consume(&channel, "sizes", 10);
	for (i = 0; i < WB_ARRAY_LEN(sizes); i++) {
		(void)wb_test_publish(&channel, "sizes", body, sizes[i]);
		wb_test_amqp_until(loop, &channel.n_delivered, i + 1);
		assert_int_equal(channel.body.len, sizes[i]);
		if (sizes[i] > 0)
			assert_memory_equal(channel.body.data, body, sizes[i]);
	}
	wb_test_amqp_until(loop, &channel.n_settled, WB_ARRAY_LEN(sizes));
	free(body);
}

static void
test_properties(void **state)
{
	static const struct wb_amqp_header headers[] = {
		{ .name = "text", .text = "caf\xc3\xa9" },
		{ .name = "number", .number = INT64_MIN },
	};
	struct wb_amqp_message message = {
		.exchange = "",
		.routing_key = "props",
		.props = { .message_id = "m-1",
		           .type = "order.placed.v1",
		           .timestamp_s = 1700000000,
		           .headers = headers,
		           .n_headers = WB_ARRAY_LEN(headers) },
		.body = "{}",
		.body_bytes = 2,
	};

	(void)state;
	wb_test_declare(&channel, "props");
	consume(&channel, "props", 10);
	assert_int_equal(wb_amqp_publish(channel.channel, &message), 0);
	wb_test_amqp_until(loop, &channel.n_delivered, 1);
	assert_string_equal(channel.message_id, "m-1");
	assert_string_equal(channel.type, "order.placed.v1");
	assert_string_equal(channel.header_text, "caf\xc3\xa9");
	assert_int_equal(channel.header_number, INT64_MIN);
	assert_int_equal(channel.n_headers, 2);
	assert_int_equal(channel.timestamp_s, 1700000000);
}

/* The broker says "returned" before it says "confirmed". */
static void
test_return_before_ack(void **state)
{
	struct wb_amqp_message message = {
		.exchange = "",
		.routing_key = "no-such-queue",
		.is_mandatory = true,
		.props = { .message_id = "m-2" },
		.body = "x",
		.body_bytes = 1,
	};

	(void)state;
	select_confirms();
	wb_test_declare(&channel, "returns");
	assert_int_equal(wb_amqp_publish(channel.channel, &message), 1);
	wb_test_amqp_until(loop, &channel.n_settled, 1);
	assert_int_equal(channel.n_returned, 1);
	assert_int_equal(channel.returned_after, 0);
	assert_int_equal(channel.return_code, 312);
	assert_string_equal(channel.return_key, "no-such-queue");
	assert_string_equal(channel.return_id, "m-2");
}

/* What can't be encoded is not sent and takes no tag. */
static void
test_not_encodable(void **state)
{
	struct wb_amqp_message message = {
		.exchange = "",
		.routing_key = "encode",
		.body = "x",
		.body_bytes = 1,
	};
	struct wb_amqp_header header = { .name = "big" };
	char name[300];
	char *big = malloc(200000);

	(void)state;
	assert_non_null(big);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(big, 'b', 199999);
	big[199999] = '\0';
	select_confirms();
	wb_test_declare(&channel, "encode");
	message.props.message_id = name;
	assert_int_equal(wb_amqp_publish(channel.channel, &message), 0);
	message.props.message_id = NULL;
	header.text = big;
	message.props.headers = &header;
	message.props.n_headers = 1;
	assert_int_equal(wb_amqp_publish(channel.channel, &message), 0);
	message.props.n_headers = 0;
	assert_int_equal(wb_amqp_publish(channel.channel, &message), 1);
	wb_test_amqp_until(loop, &channel.n_settled, 1);
	/* A method with such a name fails and closes its channel. */
	wb_amqp_inspect_queue(channel.channel, name, wb_test_on_reply,
	                      &channel);
	assert_int_equal(wb_test_reply(&channel), WB_ERR_BROKER_REFUSED);
	wb_test_amqp_until(loop, &channel.n_closed, 1);
	assert_int_equal(channel.code, 0);
	assert_non_null(strstr(channel.text, "too long"));
	free(big);
}

static void
test_channel_closed_and_reopened(void **state)
{
	struct wb_amqp_message message = { .exchange = "no-such-exchange",
		                           .routing_key = "x",
		                           .body = "x",
		                           .body_bytes = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		(void)wb_amqp_publish(channel.channel, &message);
		wb_test_amqp_until(loop, &channel.n_closed, 1);
		assert_int_equal(channel.code, 404);
		assert_non_null(strstr(channel.text, "no-such-exchange"));
		wb_test_channel_fini(&channel);
		wb_test_channel_open(&channel, &amqp);
	}
	wb_test_declare(&channel, "reopened");
	assert_int_equal(amqp.n_lost, 0);
}

/* The refused method and those behind it fail, then the channel. */
static void
test_inspect_missing_queue(void **state)
{
	(void)state;
	wb_amqp_inspect_queue(channel.channel, "missing", wb_test_on_reply,
	                      &channel);
	wb_amqp_qos(channel.channel, 1, wb_test_on_reply, &channel);
	wb_test_amqp_until(loop, &channel.n_closed, 1);
	assert_int_equal(channel.n_replies, 2);
	assert_int_equal(channel.err, WB_ERR_BROKER_REFUSED);
	assert_int_equal(channel.code, 404);
}

static void
test_inspect_counts(void **state)
{
	struct wb_test_channel other;

	(void)state;
	select_confirms();
	wb_test_declare(&channel, "counts");
	(void)wb_test_publish(&channel, "counts", "a", 1);
	(void)wb_test_publish(&channel, "counts", "b", 1);
	wb_test_amqp_until(loop, &channel.n_settled, 2);
	wb_amqp_inspect_queue(channel.channel, "counts", wb_test_on_reply,
	                      &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	assert_int_equal(channel.messages, 2);
	assert_int_equal(channel.consumers, 0);
	wb_test_channel_open(&other, &amqp);
	consume(&other, "counts", 10);
	wb_amqp_inspect_queue(channel.channel, "counts", wb_test_on_reply,
	                      &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	assert_int_equal(channel.consumers, 1);
	wb_test_channel_fini(&other);
}

static void
test_consumer_cancelled_by_broker(void **state)
{
	struct wb_test_channel other;

	(void)state;
	wb_test_declare(&channel, "doomed");
	consume(&channel, "doomed", 10);
	wb_test_channel_open(&other, &amqp);
	wb_amqp_delete_queue(other.channel, "doomed", wb_test_on_reply, &other);
	assert_int_equal(wb_test_reply(&other), WB_OK);
	wb_test_amqp_until(loop, &channel.n_cancelled, 1);
	assert_string_equal(channel.text, "c");
	assert_int_equal(channel.n_closed, 0);
	wb_test_channel_fini(&other);
}

/* Only so many unacknowledged messages come; ack multiple frees them all. */
static void
test_prefetch_and_ack_multiple(void **state)
{
	size_t i;

	(void)state;
	select_confirms();
	wb_test_declare(&channel, "prefetch");
	for (i = 0; i < 25; i++)
		(void)wb_test_publish(&channel, "prefetch", "x", 1);
	wb_test_amqp_until(loop, &channel.n_settled, 25);
	consume(&channel, "prefetch", 10);
	wb_test_amqp_until(loop, &channel.n_delivered, 10);
	wb_test_amqp_run_ms(loop, 200);
	assert_int_equal(channel.n_delivered, 10);
	wb_amqp_ack(channel.channel, 10, true);
	wb_test_amqp_until(loop, &channel.n_delivered, 20);
	wb_test_amqp_run_ms(loop, 200);
	assert_int_equal(channel.n_delivered, 20);
	wb_amqp_ack(channel.channel, 20, true);
	wb_test_amqp_until(loop, &channel.n_delivered, 25);
	wb_amqp_ack(channel.channel, 25, true);
	wb_amqp_cancel(channel.channel, "c", wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	wb_amqp_inspect_queue(channel.channel, "prefetch", wb_test_on_reply,
	                      &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	assert_int_equal(channel.messages, 0);
}

static void
test_reject(void **state)
{
	(void)state;
	wb_test_declare(&channel, "reject");
	consume(&channel, "reject", 1);
	(void)wb_test_publish(&channel, "reject", "again", 5);
	wb_test_amqp_until(loop, &channel.n_delivered, 1);
	assert_false(channel.is_redelivered);
	wb_amqp_reject(channel.channel, channel.tag, true);
	wb_test_amqp_until(loop, &channel.n_delivered, 2);
	assert_true(channel.is_redelivered);
	wb_amqp_reject(channel.channel, channel.tag, false);
	(void)wb_test_publish(&channel, "reject", "next", 4);
	wb_test_amqp_until(loop, &channel.n_delivered, 3);
	assert_int_equal(channel.body.len, 4);
}

static void
test_exchange_and_bindings(void **state)
{
	struct wb_amqp_message message = { .exchange = "ex",
		                           .routing_key = "a.v1",
		                           .is_mandatory = true,
		                           .body = "x",
		                           .body_bytes = 1 };

	(void)state;
	select_confirms();
	wb_amqp_declare_exchange(channel.channel, "ex", "direct", NULL, NULL);
	wb_test_declare(&channel, "bound");
	wb_amqp_bind_queue(channel.channel, "bound", "ex", "a.v1",
	                   wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	(void)wb_amqp_publish(channel.channel, &message);
	wb_test_amqp_until(loop, &channel.n_settled, 1);
	assert_int_equal(channel.n_returned, 0);
	wb_amqp_unbind_queue(channel.channel, "bound", "ex", "a.v1",
	                     wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_OK);
	(void)wb_amqp_publish(channel.channel, &message);
	wb_test_amqp_until(loop, &channel.n_settled, 2);
	assert_int_equal(channel.n_returned, 1);
	/* Another type for an exchange that exists. */
	wb_amqp_declare_exchange(channel.channel, "ex", "fanout",
	                         wb_test_on_reply, &channel);
	assert_int_equal(wb_test_reply(&channel), WB_ERR_BROKER_REFUSED);
	wb_test_amqp_until(loop, &channel.n_closed, 1);
	assert_int_equal(channel.code, 406);
}

/* Ids are given back: far more channels than ids, one after the other; and all
 * of them at once. */
static void
test_channel_ids(void **state)
{
	struct wb_test_channel *many = calloc(255, sizeof(*many));
	struct wb_test_channel other;
	size_t i;

	(void)state;
	assert_non_null(many);
	for (i = 0; i < 300; i++) {
		wb_test_channel_open(&other, &amqp);
		wb_test_channel_fini(&other);
	}
	wb_test_declare(&channel, "ids"); /* by now all closings are answered */
	for (i = 0; i < 254; i++)
		wb_test_channel_open(&many[i], &amqp);
	assert_null(wb_amqp_channel_open(amqp.conn, NULL, NULL));
	for (i = 0; i < 254; i++)
		wb_test_channel_fini(&many[i]);
	assert_int_equal(amqp.n_lost, 0);
	free(many);
}

/* ---- callbacks that end what they come from ---- */

static size_t n_calls;

static void
close_in_reply(void *arg, enum wb_err err, uint32_t messages,
               uint32_t consumers)
{
	struct wb_test_channel *of = arg;

	(void)messages;
	(void)consumers;
	assert_int_equal(err, WB_OK);
	n_calls++;
	wb_amqp_channel_close(of->channel);
	of->channel = NULL;
}

static void
test_close_in_callback(void **state)
{
	(void)state;
	n_calls = 0;
	wb_amqp_qos(channel.channel, 1, close_in_reply, &channel);
	wb_amqp_qos(channel.channel, 2, close_in_reply, &channel);
	wb_test_amqp_until(loop, &n_calls, 1);
	wb_test_amqp_run_ms(loop, 50);
	assert_int_equal(n_calls, 1);
	assert_int_equal(channel.n_closed, 0);
	wb_test_channel_fini(&channel);
	wb_test_channel_open(&channel, &amqp);
}

static void
free_on_delivery(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_test_channel *of = arg;

	n_calls++;
	of->channel = NULL;
	wb_amqp_free(amqp.conn);
	amqp.conn = NULL;
	/* Still readable. */
	assert_memory_equal(delivery->body, "xyz", 3);
	assert_string_equal(delivery->consumer_tag, "c");
}

static void
fail_on_closed(void *arg, uint16_t code, const char *text)
{
	(void)arg;
	fail_msg("closed with %u %s", (unsigned)code, text);
}

static void
test_free_in_callback(void **state)
{
	static const struct wb_amqp_channel_events events = {
		.on_closed = fail_on_closed,
		.on_delivery = free_on_delivery,
	};
	struct wb_test_channel other = { .amqp = &amqp };

	(void)state;
	n_calls = 0;
	wb_test_declare(&channel, "free");
	other.channel = wb_amqp_channel_open(amqp.conn, &events, &other);
	consume(&other, "free", 10);
	(void)wb_test_publish(&channel, "free", "xyz", 3);
	(void)wb_test_publish(&channel, "free", "xyz", 3);
	wb_test_amqp_until(loop, &n_calls, 1);
	channel.channel = NULL;
	wb_test_amqp_run_ms(loop, 50);
	assert_int_equal(n_calls, 1);
	assert_int_equal(channel.n_closed, 0);
	assert_int_equal(amqp.n_lost, 0);
}

static void
on_done(void *arg)
{
	struct wb_test_amqp *of = arg;

	of->n_done++;
	wb_amqp_free(of->conn);
	of->conn = NULL;
}

static void
test_close(void **state)
{
	(void)state;
	wb_test_declare(&channel, "close");
	(void)wb_test_publish(&channel, "close", "last words", 10);
	wb_amqp_close(amqp.conn, on_done, &amqp);
	wb_test_amqp_until(loop, &amqp.n_done, 1);
	channel.channel = NULL;
	assert_int_equal(channel.n_closed, 0);
	assert_int_equal(amqp.n_lost, 0);
	/* What was published before arrived. */
	wb_test_channel_fini(&channel);
	wb_test_amqp_fini(&amqp);
	wb_test_amqp_open(&amqp, loop, url);
	wb_test_channel_open(&channel, &amqp);
	consume(&channel, "close", 1);
	wb_test_amqp_until(loop, &channel.n_delivered, 1);
	assert_memory_equal(channel.body.data, "last words", 10);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_server_version),
		TEST(test_many_with_confirms),
		TEST(test_body_sizes),
		TEST(test_properties),
		TEST(test_return_before_ack),
		TEST(test_not_encodable),
		TEST(test_channel_closed_and_reopened),
		TEST(test_inspect_missing_queue),
		TEST(test_inspect_counts),
		TEST(test_consumer_cancelled_by_broker),
		TEST(test_prefetch_and_ack_multiple),
		TEST(test_reject),
		TEST(test_exchange_and_bindings),
		TEST(test_channel_ids),
		TEST(test_close_in_callback),
		TEST(test_free_in_callback),
		TEST(test_close),
	};

	(void)wb_test_need_env("WB_TEST_AMQP_URL");
	(void)wb_test_need_env("WB_TEST_MGMT_URL");
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
