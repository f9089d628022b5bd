/* i2xx inbox, i3xx saga: the consumer engine with real servers. What goes wrong
 * with servers and processes is in test_consumer_faults.c. */
#include "support/consumer_fixture.h"
#include "shop/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct wb_test_saga saga;

static int
open_group(void **state)
{
	(void)state;
	wb_test_saga_open(&saga);
	return 0;
}

static int
close_group(void **state)
{
	(void)state;
	wb_test_saga_close(&saga);
	return 0;
}

static int
reset(void **state)
{
	(void)state;
	wb_test_saga_reset(&saga);
	return 0;
}

static struct wb_uuid
place(const char *subject, const char *mode, int64_t n)
{
	return wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
	                                    .subject = subject,
	                                    .mode = mode,
	                                    .n = n });
}

/* n messages of subjects "<prefix>-<i>", i from 1. */
static void
place_many(const char *prefix, int n, const char *mode)
{
	char subject[64];

	for (int i = 1; i <= n; i++) {
		(void)snprintf(subject, sizeof subject, "%s-%04d", prefix, i);
		(void)place(subject, mode, i);
	}
}

/* Everything was acked: the queue is empty once the consumer has gone. */
static void
expect_acked(void)
{
	wb_test_consumer_drain(&saga);
	wb_test_expect_queue(&saga, 0);
}

static void
i201_a_batch_has_its_effects_and_events(void **state)
{
	(void)state;
	place_many("order", 300, "emit");
	(void)wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_stock_received,
	                                    .subject = "sku-1",
	                                    .mode = "ok" });
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga,
	               "SELECT count(*)::text || ' '"
	               " || count(DISTINCT event_id) FROM effects",
	               "301 301");
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM outbox_events o"
	               " JOIN effects e ON o.causation_id = e.event_id"
	               " AND o.aggregate_id = e.subject"
	               " AND o.sequence = e.n"
	               " WHERE o.event_type = 'stock.reserved.v1'"
	               " AND o.aggregate_type = 'order'"
	               " AND o.correlation_id = 'corr'"
	               " AND o.payload->>'answer' = '42'"
	               " AND o.payload->'order'->>'order_id' = e.subject",
	               "300");
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM inbox"
	               " WHERE consumer = '" WB_TEST_QUEUE "'",
	               "301");
	/* Batches, not one transaction per message. */
	wb_test_expect(&saga,
	               "SELECT (count(DISTINCT xid) < 150)::text FROM effects",
	               "true");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "0");
	expect_acked();
}

static void
i202_duplicates_have_one_effect(void **state)
{
	struct wb_uuid id;

	(void)state;
	id = place("twice", "emit", 1);
	for (int i = 0; i < 3; i++)
		(void)wb_test_publish(
		    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
		                                    .id = id,
		                                    .subject = "twice",
		                                    .mode = "emit",
		                                    .n = 1 });
	/* A copy under another subject must not slip by in the same batch. */
	(void)wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
	                                    .id = id,
	                                    .subject = "other",
	                                    .mode = "emit",
	                                    .n = 1 });
	place_many("order", 10, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "11");
	(void)wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
	                                    .id = id,
	                                    .subject = "twice",
	                                    .mode = "emit",
	                                    .n = 1 });
	(void)place("last", "ok", 1);
	wb_test_confirmed(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "12");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "1");
	expect_acked();
}

static void
i203_one_event_per_subject_and_transaction_in_order(void **state)
{
	(void)state;
	for (int i = 1; i <= 6; i++) {
		(void)place("busy", "ok", i);
		(void)place("busier", "ok", i);
	}
	place_many("calm", 30, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "42");
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM (SELECT 1 FROM effects"
	               " GROUP BY xid, subject HAVING count(*) > 1) AS twice",
	               "0");
	wb_test_expect(&saga,
	               "SELECT string_agg(n::text, '' ORDER BY id) FROM effects"
	               " WHERE subject = 'busy'",
	               "123456");
	expect_acked();
}

static void
i204_batches_keep_to_their_limits(void **state)
{
	(void)state;
	saga.params.batch_messages = 7;
	place_many("order", 50, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "50");
	wb_test_expect(&saga,
	               "SELECT max(n)::text FROM (SELECT count(*) AS n"
	               " FROM effects GROUP BY xid) AS batches",
	               "7");
	expect_acked();

	saga.params.batch_messages = 200;
	saga.params.batch_bytes = 1;
	place_many("again", 5, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM effects"
	               " WHERE subject LIKE 'again-%'",
	               "5");
	wb_test_expect(&saga,
	               "SELECT max(n)::text FROM (SELECT count(*) AS n"
	               " FROM effects WHERE subject LIKE 'again-%'"
	               " GROUP BY xid) AS batches",
	               "1");
	expect_acked();
}

static void
i205_handlers_with_one_statement_share_its_call(void **state)
{
	char subject[64];

	(void)state;
	for (int i = 1; i <= 50; i++) {
		(void)snprintf(subject, sizeof subject, "%04d-order", i);
		(void)place(subject, "emit", i);
		(void)snprintf(subject, sizeof subject, "%04d-customer", i);
		(void)wb_test_publish(
		    &saga,
		    &(struct wb_test_event){ .type = &shop_customer_registered,
		                             .subject = subject,
		                             .mode = "ok" });
	}
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "100");
	/* Numbered through, sorted by subject over both types. */
	wb_test_expect(&saga,
	               "SELECT bool_and(ord = place)::text || ' '"
	               " || (count(DISTINCT xid) < 50)::text"
	               " FROM (SELECT *, row_number() OVER"
	               " (PARTITION BY xid ORDER BY subject COLLATE \"C\")"
	               " AS place FROM effects) AS e",
	               "true true");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "50");
	expect_acked();
}

/* After a large transaction that took long, what comes one by one within the
 * pause is handled together. */
static void
i208_messages_gather_between_transactions(void **state)
{
	static const char *const later[] = { "a", "b", "c", "d", "e", "f" };

	(void)state;
	saga.params.window_ms = 10000;
	(void)place("first", "slow", 1);
	place_many("meanwhile", 4, "slow");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "5");
	for (size_t i = 0; i < WB_ARRAY_LEN(later); i++) {
		(void)place(later[i], "ok", 1);
		wb_test_confirmed(&saga);
	}
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "11");
	wb_test_expect(&saga,
	               "SELECT count(DISTINCT xid)::text FROM effects"
	               " WHERE length(subject) = 1",
	               "1");
	expect_acked();
}

/* The first one, too, waits for what comes within the window. */
static void
i209_a_patient_consumer_lets_a_lone_message_wait(void **state)
{
	static const char *const one_by_one[] = { "a", "b", "c" };

	(void)state;
	saga.params.window_ms = 10000;
	saga.config.is_patient = true;
	wb_test_consumer_start(&saga);
	for (size_t i = 0; i < WB_ARRAY_LEN(one_by_one); i++) {
		(void)place(one_by_one[i], "ok", 1);
		wb_test_confirmed(&saga);
	}
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "3");
	wb_test_expect(&saga, "SELECT count(DISTINCT xid)::text FROM effects",
	               "1");
	expect_acked();
}

static void
i210_nothing_waits_for_what_the_broker_may_not_send(void **state)
{
	(void)state;
	saga.params.window_ms = 3600000;
	saga.params.prefetch = 2;
	saga.config.is_patient = true;
	wb_test_consumer_start(&saga);
	place_many("all", 2, "ok");
	wb_test_confirmed(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "2");
	expect_acked();
}

static void
i211_where_order_does_not_count_one_subject_shares_a_transaction(void **state)
{
	(void)state;
	saga.config.is_unordered = true;
	for (int i = 1; i <= 5; i++)
		(void)place("same", "ok", i);
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga,
	               "SELECT count(*)::text || ' '"
	               " || (count(DISTINCT xid) < 5)::text FROM effects",
	               "5 true");
	expect_acked();
}

static void
i301_poison_is_dead_lettered_and_neighbours_unharmed(void **state)
{
	static const char unknown[] =
	    "{\"specversion\":\"1.0\",\"type\":\"moon.risen.v1\","
	    "\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\","
	    "\"source\":\"/sky\",\"subject\":\"moon\",\"data\":{},"
	    "\"time\":\"2026-11-20T16:00:00Z\",\"sequence\":"
	    "\"00000000000000000001\"}";
	static const char id[] = "01890a5d-ac96-774b-bcce-000000000001";

	(void)state;
	place_many("before", 5, "ok");
	wb_test_publish_body(&saga, id, "no json", 7);
	wb_test_publish_body(&saga, "", "\xff\xfe\x00!", 4);
	wb_test_publish_body(&saga, "", "", 0);
	wb_test_publish_body(&saga, "", unknown, strlen(unknown));
	(void)place("schema", NULL, 1);
	(void)place("refused", "refuse", 1);
	place_many("after", 5, "ok");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "10");
	wb_test_expect(
	    &saga,
	    "SELECT string_agg(headers->>'waybill-error-code', ' '"
	    " ORDER BY headers->>'waybill-error-code') FROM outbox_deliveries"
	    " WHERE queue = '" WB_TEST_QUEUE ".dlq'"
	    " AND consumer = '" WB_TEST_QUEUE "'"
	    " AND headers->>'waybill-consumer' = consumer"
	    " AND headers->>'waybill-attempts' = '1'"
	    " AND headers->>'waybill-routing-key' = '" WB_TEST_QUEUE "'"
	    " AND headers->>'waybill-error' <> ''"
	    " AND (headers->>'waybill-first-failed-at')::timestamptz"
	    "   > now() - interval '1 minute'"
	    " AND (headers->>'waybill-last-failed-at')::timestamptz"
	    "   > now() - interval '1 minute'"
	    " AND due_at <= clock_timestamp()",
	    "BAD_MESSAGE BAD_MESSAGE BAD_MESSAGE SCHEMA_VIOLATION"
	    " STATE_CONFLICT UNKNOWN_TYPE");
	wb_test_expect(&saga,
	               "SELECT string_agg(encode(body, 'hex'), ' '"
	               " ORDER BY octet_length(body)) FROM outbox_deliveries"
	               " WHERE octet_length(body) < 8",
	               " fffe0021 6e6f206a736f6e");
	wb_test_expect(
	    &saga,
	    "SELECT count(*)::text FROM outbox_deliveries"
	    " WHERE event_id = '01890a5d-ac96-774b-bcce-000000000001'"
	    " AND content_type = 'application/cloudevents+json'",
	    "1");
	/* Only what was handled is in the inbox. */
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox", "10");
	expect_acked();
}

/* As the relay sends what is due: the body, the headers. */
static void
redeliver(struct wb_uuid id, const char *subject, const char *mode,
          const struct wb_amqp_header *headers, size_t n_headers)
{
	(void)wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
	                                    .id = id,
	                                    .subject = subject,
	                                    .mode = mode,
	                                    .n = 1,
	                                    .headers = headers,
	                                    .n_headers = n_headers });
	wb_test_confirmed(&saga);
}

static void
i302_what_is_not_there_yet_is_tried_again(void **state)
{
	static const struct wb_amqp_header own[] = {
		{ .name = "traceparent", .text = "00-1-2-03" },
		{ .name = "tenant", .number = 7 },
		{ .name = "x-delivery-count", .number = 3 },
	};
	static const struct wb_amqp_header second[] = {
		{ .name = "waybill-attempt", .number = 2 },
		{ .name = "waybill-routing-key", .text = "order.placed.v1" },
		{ .name = "waybill-first-failed-at",
		  .text = "2026-01-01T00:00:00.000000Z" },
	};
	struct wb_uuid id;

	(void)state;
	place_many("order", 5, "ok");
	id = wb_test_publish(
	    &saga, &(struct wb_test_event){ .type = &shop_order_placed,
	                                    .subject = "early",
	                                    .mode = "wait",
	                                    .n = 1,
	                                    .headers = own,
	                                    .n_headers = WB_ARRAY_LEN(own) });
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM outbox_deliveries"
	               " WHERE queue = '" WB_TEST_QUEUE "' AND attempt = 2"
	               " AND headers->>'waybill-attempt' = '2'"
	               " AND headers->>'waybill-error-code' = 'NOT_YET'"
	               " AND headers->>'waybill-error' = 'nothing has arrived'"
	               " AND headers->>'traceparent' = '00-1-2-03'"
	               " AND headers->>'tenant' = '7'"
	               " AND headers->'x-delivery-count' IS NULL"
	               " AND due_at >= created_at - interval '10 ms'"
	               " AND due_at <= created_at + interval '1010 ms'",
	               "1");
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "5");
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox", "5");

	redeliver(id, "early", "wait", second, WB_ARRAY_LEN(second));
	wb_test_expect(&saga,
	               "SELECT count(*)::text FROM outbox_deliveries"
	               " WHERE attempt = 3 AND routing_key = 'order.placed.v1'"
	               " AND headers->>'waybill-first-failed-at'"
	               "   = '2026-01-01T00:00:00.000000Z'"
	               " AND due_at <= created_at + interval '4010 ms'",
	               "1");
	wb_test_script(&saga.db, "INSERT INTO arrived VALUES ('it')");
	redeliver(id, "early", "wait", second, WB_ARRAY_LEN(second));
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "6");
	expect_acked();
}

static void
i303_one_bad_statement_takes_no_neighbour_with_it(void **state)
{
	static const struct wb_amqp_header last[] = {
		{ .name = "waybill-attempt", .text = "3" },
	};
	struct wb_uuid id;

	(void)state;
	place_many("order", 10, "ok");
	id = place("bad", "fail", 1);
	place_many("other", 10, "emit");
	wb_test_confirmed(&saga);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "20");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_events", "10");
	wb_test_expect(&saga,
	               "SELECT string_agg(queue || attempt"
	               " || (headers->>'waybill-error-code'), ' ')"
	               " FROM outbox_deliveries"
	               " WHERE headers->>'waybill-error' LIKE '%as asked%'"
	               " AND headers->>'waybill-error' LIKE '%test_placed%'",
	               WB_TEST_QUEUE "2DB_ERROR");
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox", "20");

	redeliver(id, "bad", "fail", last, WB_ARRAY_LEN(last));
	wb_test_expect(&saga,
	               "SELECT string_agg(headers->>'waybill-error-code', ' ')"
	               " FROM outbox_deliveries"
	               " WHERE queue = '" WB_TEST_QUEUE ".dlq'"
	               " AND headers->>'waybill-attempts' = '3'"
	               " AND headers->'waybill-attempt' IS NULL",
	               "DB_ERROR");
	expect_acked();
}

static void
i304_a_replayed_message_gets_one_attempt(void **state)
{
	static const struct wb_amqp_header replayed[] = {
		{ .name = "waybill-replay", .text = "job-7" },
	};
	/* A dead letter that someone moved back without a replay. */
	static const struct wb_amqp_header moved[] = {
		{ .name = "waybill-attempts", .number = 3 },
	};
	struct wb_uuid id;

	(void)state;
	wb_test_consumer_start(&saga);
	id = place("early", "wait", 1);
	wb_test_expect(&saga,
	               "SELECT string_agg(queue, ' ') FROM outbox_deliveries",
	               WB_TEST_QUEUE);
	redeliver(id, "early", "wait", replayed, WB_ARRAY_LEN(replayed));
	wb_test_expect(&saga,
	               "SELECT string_agg(queue || ' ' || replay || ' '"
	               " || (headers->>'waybill-replay'), ' ')"
	               " FROM outbox_deliveries WHERE replay <> ''",
	               WB_TEST_QUEUE ".dlq job-7 job-7");
	redeliver(id, "early", "wait", moved, WB_ARRAY_LEN(moved));
	wb_test_expect(&saga,
	               "SELECT queue || ' ' || attempt || ' '"
	               " || (headers->>'waybill-attempts')"
	               " FROM outbox_deliveries ORDER BY id DESC LIMIT 1",
	               WB_TEST_QUEUE ".dlq 5 4");
	expect_acked();
}

static void
i305_the_same_failure_twice_is_one_retry(void **state)
{
	struct wb_uuid id;

	(void)state;
	wb_test_consumer_start(&saga);
	id = place("early", "wait", 1);
	redeliver(id, "early", "wait", NULL, 0);
	(void)place("last", "ok", 1);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "1");
	wb_test_expect(&saga, "SELECT count(*)::text FROM outbox_deliveries",
	               "1");
	expect_acked();
}

/* Small slices: the inbox has several. */
static void
i206_the_inbox_forgets_what_is_old(void **state)
{
	(void)state;
	wb_test_script(&saga.db,
	               "INSERT INTO inbox SELECT 'other', gen_random_uuid(),"
	               " now() - n % 40 * interval '1 day'"
	               " FROM generate_series(1, 20000) AS n;"
	               "INSERT INTO inbox_starts SELECT 'other',"
	               " gen_random_uuid(), 1, now() - n * interval '1 day'"
	               " FROM generate_series(1, 40) AS n");
	assert_int_equal(saga.db.end, WB_TX_COMMITTED);
	(void)place("before", "emit", 1);
	wb_test_consumer_start(&saga);
	wb_test_expect(&saga,
	               "SELECT count(*) FILTER (WHERE handled_at"
	               " < now() - interval '30 days') || ' '"
	               " || count(*) || ' ' || (SELECT count(*)"
	               " FROM inbox_starts WHERE started_at"
	               " < now() - interval '30 days') FROM inbox",
	               "0 15001 0");
	wb_test_expect(&saga, "SELECT count(*)::text FROM inbox_starts", "29");
	(void)place("after", "emit", 1);
	wb_test_expect(&saga, "SELECT count(*)::text FROM effects", "2");
	expect_acked();
}

/* A row that was never there can't be missed, so it is the check that tells. */
static void
i207_the_inbox_outlasts_all_retries(void **state)
{
	struct wb_note note = { "" };

	(void)state;
	assert_int_equal(wb_consumer_params_check(&saga.params, &note), WB_OK);
	saga.params.inbox_keep_days = 1;
	saga.params.retry_base_ms = 3600000;
	saga.params.retry_cap_ms = 86400000;
	saga.params.max_attempts = 5; /* 1 + 4 + 16 + 24 hours */
	assert_int_equal(wb_consumer_params_check(&saga.params, &note),
	                 WB_ERR_BAD_CONFIG);
	saga.params.max_attempts = 4;
	assert_int_equal(wb_consumer_params_check(&saga.params, &note), WB_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, reset)
		T(i201_a_batch_has_its_effects_and_events),
		T(i202_duplicates_have_one_effect),
		T(i203_one_event_per_subject_and_transaction_in_order),
		T(i204_batches_keep_to_their_limits),
		T(i205_handlers_with_one_statement_share_its_call),
		T(i206_the_inbox_forgets_what_is_old),
		T(i207_the_inbox_outlasts_all_retries),
		T(i208_messages_gather_between_transactions),
		T(i209_a_patient_consumer_lets_a_lone_message_wait),
		T(i210_nothing_waits_for_what_the_broker_may_not_send),
		T(i211_where_order_does_not_count_one_subject_shares_a_transaction),
		T(i301_poison_is_dead_lettered_and_neighbours_unharmed),
		T(i302_what_is_not_there_yet_is_tried_again),
		T(i303_one_bad_statement_takes_no_neighbour_with_it),
		T(i304_a_replayed_message_gets_one_attempt),
		T(i305_the_same_failure_twice_is_one_retry),
#undef T
	};

	return cmocka_run_group_tests(tests, open_group, close_group);
}
