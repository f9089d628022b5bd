#include "tell_json.h"

#include "base/clock.h"
#include "expect.h"

static void
put_time(struct wb_json *json, const char *name, int64_t us)
{
	char text[WB_TIME_TEXT_BYTES];

	wb_json_text(json, name, us != 0 ? wb_time_format(us, text) : NULL);
}

static void
put_text(struct wb_json *json, const char *name, const char *text)
{
	wb_json_text(json, name, text[0] != '\0' ? text : NULL);
}

static void
put_cause(struct wb_json *json, const char *code, const char *detail)
{
	if (code[0] == '\0') {
		wb_json_null(json, "cause");
		return;
	}
	wb_json_object(json, "cause");
	wb_json_text(json, "code", code);
	put_text(json, "detail", detail);
	wb_json_close(json);
}

/* ---- events ---- */

static void
put_attempts(struct wb_json *json, const struct wb_story_delivery *delivery)
{
	wb_json_array(json, "failures");
	for (const struct wb_story_attempt *at = delivery->attempts; at != NULL;
	     at = at->next) {
		wb_json_object(json, NULL);
		wb_json_i64(json, "attempt", at->nth);
		put_time(json, "failed_at", at->failed_us);
		wb_json_text(json, "then",
		             at->is_last ? "dead letter" : "retry");
		put_time(json, "due_at", at->due_us);
		put_time(json, "sent_at", at->sent_us);
		put_time(json, "parked_at", at->parked_us);
		put_time(json, "discarded_at", at->discarded_us);
		put_text(json, "error_code", at->code);
		put_text(json, "error", at->error);
		put_text(json, "replay", at->replay);
		wb_json_close(json);
	}
	wb_json_close(json);
}

static void
put_deeds(struct wb_json *json, const struct wb_story_delivery *delivery)
{
	wb_json_array(json, "interventions");
	for (const struct wb_story_deed *at = delivery->deeds; at != NULL;
	     at = at->next) {
		wb_json_object(json, NULL);
		wb_json_text(json, "kind", at->kind);
		put_time(json, "at", at->at_us);
		wb_json_bool(json, "is_sent", at->is_sent);
		wb_json_text(json, "who", at->who);
		put_text(json, "why", at->why);
		wb_json_text(json, "job", at->job);
		put_text(json, "outcome", at->outcome);
		wb_json_close(json);
	}
	wb_json_close(json);
}

static void
put_letter(struct wb_json *json, const struct wb_story_letter *letter)
{
	if (letter == NULL) {
		wb_json_null(json, "dead_letter");
		return;
	}
	wb_json_object(json, "dead_letter");
	put_time(json, "failed_at", letter->failed_us);
	wb_json_i64(json, "attempts", letter->attempts);
	wb_json_text(json, "error_code", letter->code);
	put_text(json, "error", letter->error);
	wb_json_close(json);
}

static void
put_delivery(struct wb_json *json, const struct wb_story_delivery *delivery,
             size_t consumer)
{
	wb_json_object(json, NULL);
	wb_json_text(json, "consumer", wb_services[consumer].name);
	wb_json_text(json, "state", wb_story_fate_name(delivery->fate));
	put_time(json, "handled_at", delivery->handled_us);
	wb_json_i64(json, "starts", delivery->starts);
	put_attempts(json, delivery);
	put_deeds(json, delivery);
	put_letter(json, delivery->letter);
	wb_json_close(json);
}

/* Why the relay has not published it. */
static void
put_held(struct wb_json *json, const struct wb_story_event *event)
{
	if (!event->is_held && event->discarded_us == 0) {
		wb_json_null(json, "held");
		return;
	}
	wb_json_object(json, "held");
	wb_json_i64(json, "attempts", event->held_attempts);
	put_time(json, "retry_at", event->retry_us);
	put_time(json, "parked_at", event->parked_us);
	put_text(json, "reason", event->held_reason);
	put_time(json, "discarded_at", event->discarded_us);
	put_text(json, "discarded_by", event->discarded_by);
	put_text(json, "discarded_why", event->discarded_why);
	wb_json_close(json);
}

static void
put_event(struct wb_json *json, const struct wb_story_event *event)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_json_object(json, NULL);
	wb_json_text(json, "event_id", wb_uuid_format(&event->id, id));
	wb_json_text(json, "type", event->type);
	wb_json_text(json, "service", wb_services[event->service].name);
	wb_json_i64(json, "sequence", event->sequence);
	wb_json_text(json, "caused_by",
	             wb_uuid_is_nil(&event->caused_by)
	                 ? NULL
	                 : wb_uuid_format(&event->caused_by, id));
	put_time(json, "at", event->at_us);
	wb_json_bool(json, "is_in_outbox", event->is_in_outbox);
	wb_json_bool(json, "is_published", event->is_published);
	put_time(json, "confirmed_at", event->confirmed_us);
	put_held(json, event);
	wb_json_array(json, "consumers");
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (event->deliveries[i].is_routed)
			put_delivery(json, &event->deliveries[i], i);
	wb_json_close(json);
	wb_json_close(json);
}

/* ---- conclusions ---- */

static void
put_expectation(struct wb_json *json, const struct wb_expectation *e)
{
	wb_json_object(json, NULL);
	wb_json_text(json, "kind", wb_expect_kind_name(e->kind));
	wb_json_bool(json, "needs_hand", wb_expect_needs_hand(e));
	wb_json_bool(json, "is_aside", e->is_aside);
	wb_json_text(json, "who", e->who);
	wb_json_text(json, "what", e->what);
	put_time(json, "since", e->since_us);
	put_time(json, "due_at", e->due_us);
	put_text(json, "event_id", e->event_id);
	put_text(json, "event_type", e->event_type);
	wb_json_array(json, "answers");
	for (size_t i = 0; i < e->n_answers; i++)
		wb_json_text(json, NULL, e->answers[i]);
	wb_json_close(json);
	wb_json_close(json);
}

static void
put_expected(struct wb_json *json, const struct wb_story *story)
{
	struct wb_expectation *list;
	size_t n = wb_story_expect(story, &list);

	wb_json_array(json, "expected");
	for (size_t i = 0; i < n; i++)
		put_expectation(json, &list[i]);
	wb_json_close(json);
}

static void
put_compensation(struct wb_json *json, const struct wb_story *story)
{
	struct wb_compensation c = wb_story_compensation(story);

	if (c.trigger == NULL) {
		wb_json_null(json, "compensation");
		return;
	}
	wb_json_object(json, "compensation");
	wb_json_text(json, "trigger", c.trigger->type);
	put_time(json, "since", c.trigger->at_us);
	wb_json_bool(json, "is_over", c.is_over);
	put_text(json, "money", c.money);
	wb_json_text(json, "money_means", c.money_means);
	put_text(json, "goods", c.goods);
	wb_json_text(json, "goods_means", c.goods_means);
	wb_json_close(json);
}

static void
put_steps(struct wb_json *json, const struct wb_story *story)
{
	wb_json_object(json, "services");
	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		const struct wb_story_step *step = &story->steps[i];

		if (step->status[0] == '\0')
			continue;
		wb_json_object(json, wb_services[i].name);
		wb_json_text(json, "status", step->status);
		put_time(json, "since", step->since_us);
		put_time(json, "due_at", step->due_us);
		wb_json_bool(json, "is_parked", step->is_parked);
		wb_json_i64(json, "tries", step->tries);
		put_text(json, "detail", step->detail);
		put_cause(json, step->cause_code, step->cause_detail);
		wb_json_close(json);
	}
	wb_json_close(json);
}

static void
put_gaps(struct wb_json *json, const struct wb_story *story)
{
	wb_json_array(json, "gaps");
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (story->gaps[i].text[0] != '\0')
			wb_json_text(json, NULL, story->gaps[i].text);
	if (story->broker_gap.text[0] != '\0')
		wb_json_text(json, NULL, story->broker_gap.text);
	wb_json_close(json);
}

void
wb_trace_json(struct wb_json *json, const struct wb_story *story)
{
	const char *detail, *cause = wb_story_cause(story, &detail);

	wb_json_text(json, "order_id", story->id_text);
	wb_json_text(json, "status", wb_story_status(story));
	put_cause(json, cause, detail);
	put_text(json, "customer_id", story->customer);
	put_text(json, "currency", story->currency);
	wb_json_i64(json, "total_minor", story->total_minor);
	put_time(json, "placed_at", wb_story_began_us(story));
	put_time(json, "ended_at", wb_story_ended_us(story));
	put_time(json, "deadline_at", story->deadline_us);
	put_time(json, "cancel_requested_at", story->cancel_requested_us);
	wb_json_bool(json, "is_cancel_refused", story->is_cancel_refused);
	put_time(json, "asked_at", story->asked_us);
	put_gaps(json, story);
	put_steps(json, story);
	wb_json_array(json, "events");
	for (size_t i = 0; i < story->n_events; i++)
		put_event(json, story->events[i]);
	wb_json_close(json);
	put_compensation(json, story);
	put_expected(json, story);
}
