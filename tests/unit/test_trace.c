/* What `waybill trace` makes of a story: conclusions, timeline, diagram, JSON.
 * The stories are told here; no server. */
#include "trace_case.h"

#include <json-c/json.h>
#include <string.h>

#include "base/attr.h"
#include "trace/expect.h"
#include "trace/mermaid.h"
#include "trace/tell_json.h"
#include "trace/timeline.h"

static const struct wb_cli cli; /* without colours */

static enum wb_story_fate
fate(const struct wb_story_event *event, size_t consumer)
{
	return event->deliveries[consumer].fate;
}

static struct wb_expectation
first_expected(void)
{
	struct wb_expectation *list;

	assert_true(wb_story_expect(&story, &list) > 0);
	return list[0];
}

static size_t
count_kind(enum wb_expect_kind kind)
{
	struct wb_expectation *list;
	size_t n = wb_story_expect(&story, &list), found = 0;

	for (size_t i = 0; i < n; i++)
		found += list[i].kind == kind;
	return found;
}

static const char *
timeline(bool is_brief)
{
	struct wb_buf out = { 0 };
	const char *text;

	wb_timeline_print(&cli, &story, is_brief, &out);
	text = wb_arena_strdup(story.arena, wb_buf_text(&out));
	wb_buf_fini(&out);
	return text;
}

static const char *
mermaid(void)
{
	struct wb_buf out = { 0 };
	const char *text;

	wb_mermaid_print(&story, &out);
	text = wb_arena_strdup(story.arena, wb_buf_text(&out));
	wb_buf_fini(&out);
	return text;
}

/* ---- conclusions ---- */

static void
a_finished_order_awaits_nothing(void **state)
{
	struct wb_expectation *list;

	(void)state;
	tell_confirmed();
	assert_int_equal(wb_story_expect(&story, &list), 0);
	assert_true(wb_story_is_ended(&story));
	assert_int_equal(wb_story_ended_us(&story), T0 + 40 * MS);
	assert_null(wb_story_compensation(&story).trigger);
}

static void
a_consumer_that_is_away_is_awaited(void **state)
{
	struct wb_expectation e;

	(void)state;
	add_placed();
	wb_story_end(&story);
	e = first_expected();
	assert_int_equal(e.kind, WB_EXPECT_HANDLE);
	assert_string_equal(e.who, "inventory");
	assert_int_equal(e.since_us, T0 + 2 * MS);
	assert_int_equal(e.n_answers, 3);
	assert_string_equal(e.answers[0], "stock.reserved.v1");
	assert_int_equal(count_kind(WB_EXPECT_DEADLINE), 1);
	assert_int_equal(count_kind(WB_EXPECT_NOTHING), 0);
}

static void
a_retry_is_due(void **state)
{
	struct wb_story_event *event = add_placed();
	struct wb_expectation e;

	(void)state;
	fail_at(event, WB_SERVICE_inventory, 10, false);
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_SCHEDULED);
	e = first_expected();
	assert_int_equal(e.kind, WB_EXPECT_RETRY);
	assert_int_equal(e.due_us, T0 + 90010 * MS);
	assert_string_equal(
	    e.what, "handle order.placed.v1, attempt 2 (NOT_YET: no such SKU)");
}

static void
a_retry_that_is_sent_waits(void **state)
{
	struct wb_story_event *event = add_placed();

	(void)state;
	fail_at(event, WB_SERVICE_inventory, 10, false)->sent_us = T0 + 20 * MS;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_WAITING);
	assert_int_equal(first_expected().since_us, T0 + 20 * MS);
}

static void
a_dead_letter_needs_a_hand(void **state)
{
	struct wb_story_event *event = add_placed();
	struct wb_expectation e;

	(void)state;
	fail_at(event, WB_SERVICE_inventory, 10, true)->sent_us = T0 + 20 * MS;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_DEAD);
	e = first_expected();
	assert_int_equal(e.kind, WB_EXPECT_DEAD_LETTER);
	assert_true(wb_expect_needs_hand(&e));
	assert_string_equal(e.who, "operator");
	assert_int_equal(e.since_us, T0 + 10 * MS);

	/* It was looked for, and is gone. */
	story.has_looked[WB_SERVICE_inventory] = true;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_GIVEN_UP);
	assert_int_equal(first_expected().kind, WB_EXPECT_NOTHING);
}

static void
what_operators_did_counts(void **state)
{
	struct wb_story_event *event = add_placed();
	struct wb_story_deed deed = {
		.at_us = T0 + 30 * MS,
		.kind = "replay",
		.who = "me",
		.why = "",
		.job = "inventory-1",
		.outcome = "",
	};

	(void)state;
	fail_at(event, WB_SERVICE_inventory, 10, true)->sent_us = T0 + 20 * MS;
	wb_story_add_deed(&event->deliveries[WB_SERVICE_inventory], &deed);
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_DEAD);
	deed.is_sent = true;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_WAITING);
	deed.outcome = "discarded";
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_GIVEN_UP);
	assert_contains(timeline(false),
	                "inventory: replay by me, discarded (inventory-1)");
}

/* The broker dead-letters by itself, too: without an attempt of ours, or after
 * one that was not our last. */
static void
what_the_broker_dead_lettered_can_be_given_up(void **state)
{
	struct wb_story_event *event = add_placed();
	struct wb_story_delivery *delivery =
	    &event->deliveries[WB_SERVICE_inventory];
	struct wb_story_deed deed = {
		.at_us = T0 + 30 * MS,
		.kind = "discard",
		.who = "me",
		.why = "",
		.job = "inventory-1",
		.is_sent = true,
		.outcome = "discarded",
	};
	struct wb_story_attempt *attempt;

	(void)state;
	wb_story_add_deed(delivery, &deed);
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_GIVEN_UP);
	assert_int_equal(first_expected().kind, WB_EXPECT_NOTHING);
	attempt = fail_at(event, WB_SERVICE_inventory, 10, false);
	attempt->sent_us = T0 + 20 * MS;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_GIVEN_UP);
	/* It came once more. */
	attempt->failed_us = T0 + 40 * MS;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_WAITING);
}

static void
a_parked_retry_can_be_given_up(void **state)
{
	struct wb_story_event *event = add_placed();
	struct wb_story_attempt *attempt =
	    fail_at(event, WB_SERVICE_inventory, 10, false);

	(void)state;
	attempt->discarded_us = T0 + 20 * MS;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_GIVEN_UP);
	assert_int_equal(first_expected().kind, WB_EXPECT_NOTHING);
	assert_contains(timeline(false),
	                "   20.0ms    given up on its way to inventory\n");
}

static void
the_relay_is_awaited(void **state)
{
	struct wb_story_event *event = add_placed();
	struct wb_expectation e;

	(void)state;
	event->is_published = false;
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory),
	                 WB_FATE_UNPUBLISHED);
	assert_string_equal(first_expected().what, "publish order.placed.v1");
	event->is_held = true;
	event->retry_us = T0 + 61000 * MS;
	event->held_reason = "no queue is bound";
	e = first_expected();
	assert_int_equal(e.kind, WB_EXPECT_RELAY);
	assert_int_equal(e.due_us, T0 + 61000 * MS);
	event->retry_us = 0;
	event->parked_us = T0 + 50 * MS;
	e = first_expected();
	assert_int_equal(e.kind, WB_EXPECT_PARKED);
	assert_true(wb_expect_needs_hand(&e));
	assert_contains(timeline(true),
	                "parked by the relay: no queue is bound");
}

static void
the_provider_is_awaited(void **state)
{
	struct wb_story_step *step = &story.steps[WB_SERVICE_payments];
	struct wb_expectation e;

	(void)state;
	handle(add_placed(), WB_SERVICE_inventory, 4);
	handle(add_event(WB_SERVICE_inventory, "stock.reserved.v1", 4),
	       WB_SERVICE_payments, 8);
	step->status = "ATTEMPTING";
	step->since_us = T0 + 9 * MS;
	step->due_us = T0 + 70000 * MS;
	wb_story_end(&story);
	e = first_expected();
	assert_int_equal(e.kind, WB_EXPECT_PROVIDER);
	assert_int_equal(e.due_us, T0 + 70000 * MS);
	step->status = "REFUNDING";
	step->is_parked = true;
	step->detail = "HTTP 422";
	assert_int_equal(first_expected().kind, WB_EXPECT_PARKED_PAYMENT);
	assert_contains(first_expected().what, "retry_payment('0190a000-");
}

static void
a_lost_event_leaves_nothing_under_way(void **state)
{
	(void)state;
	handle(add_placed(), WB_SERVICE_inventory, 4);
	wb_story_end(&story);
	assert_int_equal(first_expected().kind, WB_EXPECT_NOTHING);
	/* Who could not be asked may know. */
	(void)wb_fail(&story.gaps[WB_SERVICE_payments], WB_ERR_DB_LOST,
	              "payments: gone");
	wb_story_end(&story);
	assert_int_equal(count_kind(WB_EXPECT_NOTHING), 0);
	assert_contains(timeline(false), "could not be asked: payments: gone");
}

static void
what_only_history_has_is_old(void **state)
{
	struct wb_story_event *event = add_placed();

	(void)state;
	event->is_in_outbox = false;
	story.status = "";
	wb_story_end(&story);
	assert_int_equal(fate(event, WB_SERVICE_inventory), WB_FATE_UNKNOWN);
	assert_string_equal(wb_story_status(&story), "PENDING");
	(void)add_event(WB_SERVICE_orders, "order.rejected.v1", 9);
	assert_string_equal(wb_story_status(&story), "REJECTED");
}

static void
what_is_undone_is_told(void **state)
{
	struct wb_compensation c;

	(void)state;
	handle(add_placed(), WB_SERVICE_inventory, 4);
	(void)add_event(WB_SERVICE_shipping, "shipment.failed.v1", 9);
	story.steps[WB_SERVICE_payments].status = "REFUNDING";
	story.steps[WB_SERVICE_inventory].status = "RESERVED";
	story.steps[WB_SERVICE_shipping].cause_code = "UNDELIVERABLE";
	wb_story_end(&story);
	c = wb_story_compensation(&story);
	assert_string_equal(c.trigger->type, "shipment.failed.v1");
	assert_string_equal(c.cause_code, "UNDELIVERABLE");
	assert_string_equal(c.money_means, "taken, being refunded");
	assert_string_equal(c.goods_means, "reserved, to be released");
	assert_false(c.is_over);
	assert_contains(timeline(false), "Being taken back, since "
	                                 "shipment.failed.v1 at 9.0ms\n");
}

/* ---- what is printed ---- */

static void
the_timeline_is_in_order(void **state)
{
	static const char *const lines[] = {
		"Order 0190a000-0000-7000-8000-0000000000aa: CONFIRMED\n",
		"; ended after 40.0ms\n",
		"    0.0ms  order.placed.v1  orders #1\n",
		"    2.0ms    published\n",
		"    4.0ms    handled by inventory\n",
		"    8.0ms    handled by history\n",
		"   10.0ms  stock.reserved.v1  inventory #1\n",
		"   34.0ms    handled by orders\n",
		"   35.0ms    handled by inventory\n",
		"   40.0ms  order.confirmed.v1  orders #1\n",
		"   44.0ms    handled by notifications\n",
		"Where it stands\n",
	};
	const char *text, *at;

	(void)state;
	tell_confirmed();
	text = at = timeline(false);
	for (size_t i = 0; i < WB_ARRAY_LEN(lines); i++) {
		const char *found = strstr(at, lines[i]);

		if (found == NULL) {
			fail_msg("no %s in its place in %s", lines[i], text);
			return;
		}
		at = found;
	}
	assert_lacks(text, "Expected next");
	assert_lacks(timeline(true), "handled by");
	assert_contains(timeline(true), "order.confirmed.v1");
}

static void
others_words_command_nothing(void **state)
{
	struct wb_story_event *event = add_placed();

	(void)state;
	fail_at(event, WB_SERVICE_inventory, 10, false)->error =
	    "\033[2J;<b>\n#1 \"100%\"";
	wb_story_end(&story);
	assert_null(strchr(timeline(false), '\033'));
	assert_contains(timeline(false), "NOT_YET:  [2J;<b> #1 \"100%\"\n");
	assert_null(strchr(mermaid(), '\033'));
	assert_contains(mermaid(), " [2J#59;#60;b#62; #35;1 #34;100#37;#34;");
}

static void
the_diagram_is_as_mermaid_wants_it(void **state)
{
	(void)state;
	tell_confirmed();
	assert_string_equal(
	    mermaid(),
	    "sequenceDiagram\n"
	    "    title Order 0190a000-0000-7000-8000-0000000000aa: CONFIRMED\n"
	    "    participant orders\n"
	    "    participant inventory\n"
	    "    participant payments\n"
	    "    participant shipping\n"
	    "    participant notifications\n"
	    "    orders->>inventory: order.placed.v1 (4.0ms)\n"
	    "    inventory->>payments: stock.reserved.v1 (14.0ms)\n"
	    "    payments->>shipping: payment.captured.v1 (24.0ms)\n"
	    "    shipping->>orders: shipment.created.v1 (34.0ms)\n"
	    "    shipping->>inventory: shipment.created.v1 (35.0ms)\n"
	    "    orders->>notifications: order.confirmed.v1 (44.0ms)\n");
}

static void
the_diagram_shows_what_is_not_over(void **state)
{
	struct wb_story_event *event = add_placed();

	(void)state;
	event->deliveries[WB_SERVICE_history].handled_us = 0;
	fail_at(event, WB_SERVICE_inventory, 10, true);
	wb_story_end(&story);
	assert_contains(mermaid(),
	                "    Note over inventory: order.placed.v1 "
	                "failed, attempt 1: NOT_YET\n"
	                "    orders-xinventory: order.placed.v1, "
	                "dead-lettered\n"
	                "    orders--)history: order.placed.v1, not "
	                "handled yet\n"
	                "    Note over orders: expected of operator: "
	                "replay or discard order.placed.v1");
}

static struct json_object *
member(struct json_object *json, const char *name)
{
	struct json_object *found = NULL;

	if (!json_object_object_get_ex(json, name, &found))
		fail_msg("no member %s", name);
	return found;
}

static const char *
text_member(struct json_object *json, const char *name)
{
	return json_object_get_string(member(json, name));
}

static void
json_has_all_of_it(void **state)
{
	struct wb_json out = { 0 };
	struct json_object *json, *consumer, *failure;

	(void)state;
	fail_at(add_placed(), WB_SERVICE_inventory, 10, false);
	wb_story_end(&story);
	wb_json_object(&out, NULL);
	wb_trace_json(&out, &story);
	wb_json_close(&out);
	json = json_tokener_parse(wb_buf_text(&out.text));
	assert_non_null(json);
	assert_string_equal(text_member(json, "status"), "PENDING");
	assert_string_equal(text_member(json, "placed_at"),
	                    "2026-11-28T21:06:40.000000Z");
	consumer = json_object_array_get_idx(
	    member(json_object_array_get_idx(member(json, "events"), 0),
	           "consumers"),
	    0);
	assert_string_equal(text_member(consumer, "consumer"), "inventory");
	assert_string_equal(text_member(consumer, "state"), "scheduled");
	failure = json_object_array_get_idx(member(consumer, "failures"), 0);
	assert_string_equal(text_member(failure, "error_code"), "NOT_YET");
	assert_string_equal(
	    text_member(json_object_array_get_idx(member(json, "expected"), 0),
	                "kind"),
	    "retry");
	assert_null(member(json, "compensation"));
	(void)json_object_put(json);
	wb_json_fini(&out);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_finished_order_awaits_nothing),
		TEST(a_consumer_that_is_away_is_awaited),
		TEST(a_retry_is_due),
		TEST(a_retry_that_is_sent_waits),
		TEST(a_dead_letter_needs_a_hand),
		TEST(what_operators_did_counts),
		TEST(what_the_broker_dead_lettered_can_be_given_up),
		TEST(a_parked_retry_can_be_given_up),
		TEST(the_relay_is_awaited),
		TEST(the_provider_is_awaited),
		TEST(a_lost_event_leaves_nothing_under_way),
		TEST(what_only_history_has_is_old),
		TEST(what_is_undone_is_told),
		TEST(the_timeline_is_in_order),
		TEST(others_words_command_nothing),
		TEST(the_diagram_is_as_mermaid_wants_it),
		TEST(the_diagram_shows_what_is_not_over),
		TEST(json_has_all_of_it),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
