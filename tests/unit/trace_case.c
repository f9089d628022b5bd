#include "trace_case.h"

#include "base/attr.h"

struct wb_story story;

int
setup(void **state)
{
	struct wb_uuid id;

	(void)state;
	assert_true(wb_uuid_parse("0190a000-0000-7000-8000-0000000000aa", &id));
	wb_story_init(&story, wb_arena_new(), &id);
	story.status = "PENDING";
	story.placed_us = story.updated_us = T0;
	story.deadline_us = T0 + 900000 * MS;
	story.asked_us = T0 + 60000 * MS;
	story.steps[WB_SERVICE_orders].status = "PENDING";
	story.steps[WB_SERVICE_orders].since_us = T0;
	return 0;
}

int
teardown(void **state)
{
	(void)state;
	wb_arena_free(story.arena);
	return 0;
}

struct wb_story_event *
add_event(size_t service, const char *type, int64_t after_ms)
{
	struct wb_uuid id = { { 0 } };
	struct wb_story_event *event;

	id.bytes[15] = (uint8_t)(story.n_events + 1);
	event = wb_story_add(&story, &id, service, type);
	event->sequence = 1;
	event->at_us = T0 + after_ms * MS;
	event->is_in_outbox = true;
	event->is_published = true;
	event->confirmed_us = event->at_us + 2 * MS;
	return event;
}

void
handle(struct wb_story_event *event, size_t consumer, int64_t after_ms)
{
	assert_true(event->deliveries[consumer].is_routed);
	event->deliveries[consumer].handled_us = T0 + after_ms * MS;
}

struct wb_story_attempt *
fail_at(struct wb_story_event *event, size_t consumer, int64_t after_ms,
        bool is_last)
{
	struct wb_story_delivery *delivery = &event->deliveries[consumer];
	struct wb_story_attempt *attempt =
	    wb_arena_alloc(story.arena, sizeof(*attempt));

	attempt->nth = delivery->attempts == NULL ? 1 : 2;
	attempt->failed_us = T0 + after_ms * MS;
	attempt->is_last = is_last;
	attempt->due_us = attempt->failed_us + 90000 * MS;
	attempt->code = "NOT_YET";
	attempt->error = "no such SKU";
	attempt->replay = "";
	wb_story_add_attempt(delivery, attempt);
	return attempt;
}

struct wb_story_event *
add_placed(void)
{
	struct wb_story_event *event =
	    add_event(WB_SERVICE_orders, "order.placed.v1", 0);

	handle(event, WB_SERVICE_history, 6);
	return event;
}

void
tell_confirmed(void)
{
	static const struct {
		size_t service;
		const char *type;
		size_t consumers[3];
	} chain[] = {
		{ WB_SERVICE_orders,
		  "order.placed.v1",
		  { WB_SERVICE_inventory } },
		{ WB_SERVICE_inventory,
		  "stock.reserved.v1",
		  { WB_SERVICE_payments } },
		{ WB_SERVICE_payments,
		  "payment.captured.v1",
		  { WB_SERVICE_shipping } },
		{ WB_SERVICE_shipping,
		  "shipment.created.v1",
		  { WB_SERVICE_orders, WB_SERVICE_inventory } },
		{ WB_SERVICE_orders,
		  "order.confirmed.v1",
		  { WB_SERVICE_notifications } },
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(chain); i++) {
		int64_t at = 10 * (int64_t)i;
		struct wb_story_event *event =
		    add_event(chain[i].service, chain[i].type, at);

		for (size_t j = 0; j < 3 && chain[i].consumers[j] != 0; j++)
			handle(event, chain[i].consumers[j],
			       at + 4 + (int64_t)j);
		handle(event, WB_SERVICE_history, at + 8);
	}
	story.status = "CONFIRMED";
	wb_story_end(&story);
}
