#include "expect.h"

#include "base/attr.h"
#include "shop/answers.h"
#include "shop/events.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	bool needs_hand;
} kinds[] = {
#define X(kind, name, needs_hand) { name, needs_hand },
	WB_EXPECT_TABLE(X)
#undef X
};

const char *
wb_expect_kind_name(enum wb_expect_kind kind)
{
	return kinds[kind].name;
}

bool
wb_expect_needs_hand(const struct wb_expectation *expectation)
{
	return kinds[expectation->kind].needs_hand;
}

struct expecting {
	const struct wb_story *story;
	struct wb_expectation *list;
	size_t n;
};

static struct wb_expectation *
add(struct expecting *x, enum wb_expect_kind kind, const char *who,
    const char *what)
{
	struct wb_expectation *expectation = &x->list[x->n++];

	*expectation = (struct wb_expectation){
		.kind = kind,
		.who = who,
		.what = what,
		.event_id = "",
		.event_type = "",
	};
	return expectation;
}

/* ---- events ---- */

static void
name_event(struct expecting *x, struct wb_expectation *expectation,
           const struct wb_story_event *event)
{
	char *id = wb_arena_alloc(x->story->arena, WB_UUID_TEXT_BYTES);

	expectation->event_id = wb_uuid_format(&event->id, id);
	expectation->event_type = event->type;
}

static void
name_answers(struct wb_expectation *expectation, size_t consumer,
             const char *type)
{
	static const struct {
		size_t consumer;
		const struct wb_event_type *on, *answer;
	} answers[] = {
#define X(consumer, on, answer)                                                \
	{ WB_SERVICE_##consumer, &shop_##on, &shop_##answer },
		SHOP_ANSWERS(X)
#undef X
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(answers); i++) {
		if (answers[i].consumer != consumer ||
		    strcmp(answers[i].on->name, type) != 0)
			continue;
		WB_ASSERT(expectation->n_answers < WB_EXPECT_MAX_ANSWERS);
		expectation->answers[expectation->n_answers++] =
		    answers[i].answer->name;
	}
}

/* Not published: the relay's business, whoever gets it. */
static void
expect_relay(struct expecting *x, const struct wb_story_event *event)
{
	struct wb_arena *arena = x->story->arena;
	struct wb_expectation *e;

	if (event->is_published || event->discarded_us != 0)
		return;
	if (event->parked_us != 0) {
		e = add(x, WB_EXPECT_PARKED, "operator",
		        wb_arena_printf(arena,
		                        "retry or discard %s, which the broker "
		                        "would not take: %s",
		                        event->type, event->held_reason));
		e->since_us = event->parked_us;
	} else if (event->is_held && event->retry_us != 0) {
		e = add(x, WB_EXPECT_RELAY, "relay",
		        wb_arena_printf(arena,
		                        "publish %s again, which the broker "
		                        "would not take: %s",
		                        event->type, event->held_reason));
		e->due_us = event->retry_us;
	} else {
		e = add(x, WB_EXPECT_RELAY, "relay",
		        wb_arena_printf(arena, "publish %s%s", event->type,
		                        event->is_held ? ", behind an earlier "
		                                         "one of the order"
		                                       : ""));
	}
	if (e->since_us == 0)
		e->since_us = event->at_us;
	name_event(x, e, event);
}

/* The reason that is known best, "CODE: words". */
static const char *
reason_of(struct wb_arena *arena, const struct wb_story_delivery *delivery)
{
	const struct wb_story_attempt *last = wb_story_last_attempt(delivery);
	const char *code = "", *error = "";

	if (delivery->letter != NULL) {
		code = delivery->letter->code;
		error = delivery->letter->error;
	} else if (last != NULL) {
		code = last->code;
		error = last->error;
	}
	return wb_arena_printf(arena, "%s%s%s", code,
	                       error[0] != '\0' ? ": " : "", error);
}

static int64_t
dead_since(const struct wb_story_delivery *delivery)
{
	const struct wb_story_attempt *last = wb_story_last_attempt(delivery);

	if (delivery->letter != NULL && delivery->letter->failed_us != 0)
		return delivery->letter->failed_us;
	return last != NULL ? last->failed_us : 0;
}

static void
expect_dead(struct expecting *x, const struct wb_story_event *event,
            size_t consumer)
{
	const struct wb_story_delivery *delivery = &event->deliveries[consumer];
	struct wb_arena *arena = x->story->arena;
	struct wb_expectation *e =
	    add(x, WB_EXPECT_DEAD_LETTER, "operator",
	        wb_arena_printf(arena,
	                        "replay or discard %s, which lies in %s "
	                        "(%s)",
	                        event->type, wb_services[consumer].dead_letters,
	                        reason_of(arena, delivery)));

	e->since_us = dead_since(delivery);
	name_event(x, e, event);
}

static void
expect_retry(struct expecting *x, const struct wb_story_event *event,
             size_t consumer)
{
	const struct wb_story_delivery *delivery = &event->deliveries[consumer];
	const struct wb_story_attempt *last = wb_story_last_attempt(delivery);
	struct wb_arena *arena = x->story->arena;
	bool is_parked = last->parked_us != 0;
	const char *name = wb_services[consumer].name;
	struct wb_expectation *e;

	e = add(x, is_parked ? WB_EXPECT_PARKED : WB_EXPECT_RETRY,
	        is_parked ? "operator" : name,
	        is_parked
	            ? wb_arena_printf(arena,
	                              "retry or discard the delivery of "
	                              "%s to %s (%s)",
	                              event->type, name,
	                              reason_of(arena, delivery))
	            : wb_arena_printf(arena, "handle %s, attempt %lld (%s)",
	                              event->type, (long long)last->nth + 1,
	                              reason_of(arena, delivery)));
	e->since_us = is_parked ? last->parked_us : last->failed_us;
	e->due_us = is_parked ? 0 : last->due_us;
	name_event(x, e, event);
}

static void
expect_handled(struct expecting *x, const struct wb_story_event *event,
               size_t consumer)
{
	const struct wb_story_delivery *delivery = &event->deliveries[consumer];
	const struct wb_story_attempt *last = wb_story_last_attempt(delivery);
	struct wb_arena *arena = x->story->arena;
	struct wb_expectation *e =
	    add(x, WB_EXPECT_HANDLE, wb_services[consumer].name,
	        delivery->starts > 0
	            ? wb_arena_printf(arena,
	                              "handle %s, begun %lld times "
	                              "without an end",
	                              event->type, (long long)delivery->starts)
	            : wb_arena_printf(arena, "handle %s", event->type));

	e->since_us = event->at_us;
	if (last != NULL && last->sent_us != 0)
		e->since_us = last->sent_us;
	else if (event->confirmed_us != 0)
		e->since_us = event->confirmed_us;
	name_event(x, e, event);
}

/* The order's end depends on whoever answers with events; and on nobody any
 * more once it has ended. */
static void
expect_of(struct expecting *x, const struct wb_story_event *event,
          size_t consumer)
{
	static void (*const by_fate[])(struct expecting * x,
	                               const struct wb_story_event *event,
	                               size_t consumer) = {
		[WB_FATE_WAITING] = expect_handled,
		[WB_FATE_SCHEDULED] = expect_retry,
		[WB_FATE_DEAD] = expect_dead,
		[WB_FATE_HANDLED] = NULL,
	};
	enum wb_story_fate fate = event->deliveries[consumer].fate;
	size_t before = x->n;
	struct wb_expectation *e;

	if (!event->deliveries[consumer].is_routed || by_fate[fate] == NULL)
		return;
	by_fate[fate](x, event, consumer);
	e = &x->list[before];
	name_answers(e, consumer, event->type);
	e->is_aside = e->n_answers == 0;
}

/* ---- states ---- */

static void
expect_payment(struct expecting *x)
{
	static const struct {
		const char *status, *what;
	} wishes[] = {
		{ "REQUESTED", "charge it, by a call to the provider" },
		{ "ATTEMPTING", "learn from the provider what became of the "
		                "charge" },
		{ "VOIDING", "learn from the provider what became of the "
		             "charge, and take it back" },
		{ "REFUNDING", "refund it, by a call to the provider" },
	};
	const struct wb_story_step *step =
	    &x->story->steps[WB_SERVICE_payments];
	struct wb_arena *arena = x->story->arena;
	struct wb_expectation *e;
	size_t i = 0;

	while (i < WB_ARRAY_LEN(wishes) &&
	       strcmp(wishes[i].status, step->status) != 0)
		i++;
	if (i == WB_ARRAY_LEN(wishes))
		return;
	if (step->is_parked)
		e = add(x, WB_EXPECT_PARKED_PAYMENT, "operator",
		        wb_arena_printf(arena,
		                        "clear the refund with the "
		                        "provider, which refuses it "
		                        "(%s), then SELECT "
		                        "retry_payment('%s')",
		                        step->detail, x->story->id_text));
	else
		e = add(x, WB_EXPECT_PROVIDER, "payments",
		        wb_arena_printf(arena, "%s%s%s%s", wishes[i].what,
		                        step->detail[0] != '\0' ? " (" : "",
		                        step->detail,
		                        step->detail[0] != '\0' ? ")" : ""));
	e->since_us = step->since_us;
	e->due_us = step->due_us;
}

static void
expect_mail(struct expecting *x)
{
	const struct wb_story_step *step =
	    &x->story->steps[WB_SERVICE_notifications];
	struct wb_expectation *e;

	if (strcmp(step->status, "PENDING") != 0)
		return;
	e = add(x, WB_EXPECT_MAIL, "notifications",
	        wb_arena_printf(
	            x->story->arena, "hand the mail to the mail server%s%s%s",
	            step->detail[0] != '\0' ? " (" : "", step->detail,
	            step->detail[0] != '\0' ? ")" : ""));
	e->is_aside = true;
	e->since_us = step->since_us;
	e->due_us = step->due_us;
}

static bool
is_anything_awaited(const struct expecting *x)
{
	for (size_t i = 0; i < x->n; i++)
		if (!x->list[i].is_aside)
			return true;
	return false;
}

/* The sweeper, which heals what nothing else does. */
static void
expect_deadline(struct expecting *x)
{
	const struct wb_story *story = x->story;
	struct wb_expectation *e;

	if (strcmp(wb_story_status(story), "PENDING") != 0)
		return;
	if (!is_anything_awaited(x) && !wb_story_has_gaps(story)) {
		e = add(x, WB_EXPECT_NOTHING, "nobody",
		        "no step is under way: an event was lost or given up");
		e->since_us = story->n_events > 0
		                  ? story->events[story->n_events - 1]->at_us
		                  : story->placed_us;
	}
	if (story->deadline_us == 0)
		return;
	e = add(x, WB_EXPECT_DEADLINE, "orders",
	        story->cancel_requested_us != 0
	            ? "request the cancellation again, if it has not ended"
	            : "request its cancellation, if it has not ended");
	e->since_us = story->placed_us;
	e->due_us = story->deadline_us;
	e->answers[e->n_answers++] = shop_order_cancel_requested.name;
}

/* ---- all of them ---- */

static int
compare(const void *a, const void *b)
{
	const struct wb_expectation *x = a, *y = b;

	if (x->is_aside != y->is_aside)
		return x->is_aside ? 1 : -1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->since_us < y->since_us ? -1 : x->since_us > y->since_us;
}

size_t
wb_story_expect(const struct wb_story *story, struct wb_expectation **ret_list)
{
	/* Per event the relay and each consumer; and four of states. */
	size_t most = story->n_events * (WB_N_SERVICES + 1) + 4;
	struct expecting x = {
		.story = story,
		.list = wb_arena_alloc(story->arena, most * sizeof(*x.list)),
	};

	for (size_t i = 0; i < story->n_events; i++) {
		expect_relay(&x, story->events[i]);
		for (size_t j = 0; j < WB_N_SERVICES; j++)
			expect_of(&x, story->events[i], j);
	}
	expect_payment(&x);
	expect_mail(&x);
	expect_deadline(&x);
	qsort(x.list, x.n, sizeof(*x.list), compare);
	*ret_list = x.list;
	return x.n;
}

/* ---- compensation ---- */

struct meaning {
	const char *state, *means;
};

static const char *
look_up(const struct meaning *meanings, const char *state)
{
	while (meanings->state != NULL && strcmp(meanings->state, state) != 0)
		meanings++;
	return meanings->means;
}

static const struct wb_story_event *
find_trigger(const struct wb_story *story)
{
	static const struct wb_event_type *const triggers[] = {
		&shop_payment_declined,
		&shop_shipment_failed,
		&shop_shipment_voided,
	};

	for (size_t i = 0; i < story->n_events; i++)
		for (size_t j = 0; j < WB_ARRAY_LEN(triggers); j++)
			if (strcmp(story->events[i]->type, triggers[j]->name) ==
			    0)
				return story->events[i];
	return NULL;
}

const char *
wb_story_cause(const struct wb_story *story, const char **ret_detail)
{
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (story->steps[i].cause_code[0] != '\0') {
			*ret_detail = story->steps[i].cause_detail;
			return story->steps[i].cause_code;
		}
	*ret_detail = "";
	return "";
}

struct wb_compensation
wb_story_compensation(const struct wb_story *story)
{
	static const struct meaning money[] = {
		{ "", "nothing was taken" },
		{ "DECLINED", "nothing was taken" },
		{ "REQUESTED", "not to be taken any more" },
		{ "ATTEMPTING", "perhaps taken, to be taken back" },
		{ "VOIDING", "perhaps taken, being taken back" },
		{ "VOIDED", "nothing was taken" },
		{ "CAPTURED", "taken, to be refunded" },
		{ "REFUNDING", "taken, being refunded" },
		{ "REFUNDED", "given back" },
		{ NULL, "" },
	};
	static const struct meaning goods[] = {
		{ "", "nothing was reserved" },
		{ "REJECTED", "nothing was reserved" },
		{ "RESERVED", "reserved, to be released" },
		{ "RELEASED", "given back" },
		{ "SHIPPED", "gone out" },
		{ NULL, "" },
	};
	struct wb_compensation c = { .trigger = find_trigger(story) };

	c.cause_code = wb_story_cause(story, &c.cause_detail);
	c.is_over = wb_story_is_ended(story);
	c.money = story->steps[WB_SERVICE_payments].status;
	c.money_means = look_up(money, c.money);
	c.goods = story->steps[WB_SERVICE_inventory].status;
	c.goods_means = look_up(goods, c.goods);
	return c;
}
