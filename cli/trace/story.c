#include "story.h"

#include "base/attr.h"
#include "base/mem.h"
#include "shop/events.h"
#include "topology_table.h"

#include <stdlib.h>
#include <string.h>

void
wb_story_init(struct wb_story *story, struct wb_arena *arena,
              const struct wb_uuid *id)
{
	*story = (struct wb_story){
		.arena = arena,
		.id = *id,
		.status = "",
		.customer = "",
		.currency = "",
	};
	(void)wb_uuid_format(id, story->id_text);
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		story->steps[i] = (struct wb_story_step){
			.status = "",
			.detail = "",
			.cause_code = "",
			.cause_detail = "",
		};
}

/* ---- events ---- */

struct wb_story_event *
wb_story_find(const struct wb_story *story, const struct wb_uuid *id)
{
	for (size_t i = 0; i < story->n_events; i++)
		if (wb_uuid_compare(&story->events[i]->id, id) == 0)
			return story->events[i];
	return NULL;
}

static void
route(struct wb_story_event *event)
{
	static const struct {
		size_t consumer;
		const struct wb_event_type *type;
	} bindings[] = {
#define X(consumer, event) { WB_SERVICE_##consumer, &shop_##event },
		TOPOLOGY_BINDINGS(X)
#undef X
	};

	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		struct wb_story_delivery *delivery = &event->deliveries[i];

		delivery->attempts_end = &delivery->attempts;
		delivery->deeds_end = &delivery->deeds;
	}
	for (size_t i = 0; i < WB_ARRAY_LEN(bindings); i++)
		if (strcmp(bindings[i].type->name, event->type) == 0)
			event->deliveries[bindings[i].consumer].is_routed =
			    true;
}

/* Room for the next one: doubled whenever it is a power of two. */
static void
make_room(struct wb_story *story)
{
	size_t n = story->n_events;
	struct wb_story_event **events;

	if ((n & (n - 1)) != 0)
		return;
	events =
	    wb_arena_alloc(story->arena, (n == 0 ? 1 : 2 * n) *
	                                     sizeof(struct wb_story_event *));
	if (n > 0)
		memcpy(events, story->events,
		       n * sizeof(struct wb_story_event *));
	story->events = events;
}

struct wb_story_event *
wb_story_add(struct wb_story *story, const struct wb_uuid *id, size_t service,
             const char *type)
{
	struct wb_story_event *event =
	    wb_arena_alloc(story->arena, sizeof(*event));

	event->id = *id;
	event->service = service;
	event->type = wb_arena_strdup(story->arena, type);
	event->held_reason = "";
	event->discarded_by = "";
	event->discarded_why = "";
	route(event);
	make_room(story);
	story->events[story->n_events++] = event;
	return event;
}

void
wb_story_add_attempt(struct wb_story_delivery *delivery,
                     struct wb_story_attempt *attempt)
{
	*delivery->attempts_end = attempt;
	delivery->attempts_end = &attempt->next;
}

void
wb_story_add_deed(struct wb_story_delivery *delivery,
                  struct wb_story_deed *deed)
{
	*delivery->deeds_end = deed;
	delivery->deeds_end = &deed->next;
}

const struct wb_story_attempt *
wb_story_last_attempt(const struct wb_story_delivery *delivery)
{
	const struct wb_story_attempt *at = delivery->attempts;

	while (at != NULL && at->next != NULL)
		at = at->next;
	return at;
}

/* ---- judging ---- */

static const struct wb_story_deed *
last_deed(const struct wb_story_delivery *delivery)
{
	const struct wb_story_deed *at = delivery->deeds;

	while (at != NULL && at->next != NULL)
		at = at->next;
	return at;
}

/* By the row of the relay, or by the journal: a letter may lie there without an
 * attempt of ours, since the broker dead-letters by itself, too. */
static bool
is_given_up(const struct wb_story_attempt *attempt,
            const struct wb_story_deed *deed)
{
	if (attempt != NULL && attempt->discarded_us != 0)
		return true;
	return deed != NULL && strcmp(deed->outcome, "discarded") == 0 &&
	       (attempt == NULL || deed->at_us > attempt->failed_us);
}

/* Of a message whose last attempt was its last, by the journal and the broker:
 * is its dead letter still there? */
static enum wb_story_fate
judge_dead(const struct wb_story_attempt *attempt,
           const struct wb_story_deed *deed, bool has_looked)
{
	bool is_later = deed != NULL && deed->at_us > attempt->failed_us;

	/* Sent again: the inbox or another failure will tell. */
	if (is_later && deed->is_sent && deed->outcome[0] == '\0')
		return WB_FATE_WAITING;
	if (has_looked && attempt->sent_us != 0)
		return WB_FATE_GIVEN_UP;
	return WB_FATE_DEAD;
}

static enum wb_story_fate
judge(const struct wb_story *story, const struct wb_story_event *event,
      size_t consumer)
{
	const struct wb_story_delivery *delivery = &event->deliveries[consumer];
	const struct wb_story_attempt *attempt =
	    wb_story_last_attempt(delivery);
	const struct wb_story_deed *deed = last_deed(delivery);

	if (delivery->handled_us != 0)
		return WB_FATE_HANDLED;
	if (delivery->letter != NULL)
		return WB_FATE_DEAD;
	if (is_given_up(attempt, deed))
		return WB_FATE_GIVEN_UP;
	if (attempt != NULL && attempt->is_last)
		return judge_dead(attempt, deed, story->has_looked[consumer]);
	if (attempt != NULL)
		return attempt->sent_us == 0 ? WB_FATE_SCHEDULED
		                             : WB_FATE_WAITING;
	if (event->discarded_us != 0)
		return WB_FATE_GIVEN_UP;
	if (!event->is_in_outbox || story->gaps[consumer].text[0] != '\0')
		return WB_FATE_UNKNOWN;
	return event->is_published ? WB_FATE_WAITING : WB_FATE_UNPUBLISHED;
}

static int
compare(const void *a, const void *b)
{
	const struct wb_story_event *x = *(struct wb_story_event *const *)a;
	const struct wb_story_event *y = *(struct wb_story_event *const *)b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

void
wb_story_end(struct wb_story *story)
{
	if (story->n_events > 0)
		qsort(story->events, story->n_events,
		      sizeof(struct wb_story_event *), compare);
	for (size_t i = 0; i < story->n_events; i++)
		for (size_t j = 0; j < WB_N_SERVICES; j++)
			if (story->events[i]->deliveries[j].is_routed)
				story->events[i]->deliveries[j].fate =
				    judge(story, story->events[i], j);
}

/* ---- the order ---- */

bool
wb_story_is_known(const struct wb_story *story)
{
	if (story->status[0] != '\0' || story->n_events > 0)
		return true;
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (story->steps[i].status[0] != '\0')
			return true;
	return false;
}

static const struct wb_story_event *
find_end(const struct wb_story *story, const char **ret_status)
{
	static const struct {
		const struct wb_event_type *type;
		const char *status;
	} ends[] = {
		{ &shop_order_confirmed, "CONFIRMED" },
		{ &shop_order_rejected, "REJECTED" },
		{ &shop_order_cancelled, "CANCELLED" },
	};

	for (size_t i = 0; i < story->n_events; i++)
		for (size_t j = 0; j < WB_ARRAY_LEN(ends); j++)
			if (strcmp(story->events[i]->type,
			           ends[j].type->name) == 0) {
				*ret_status = ends[j].status;
				return story->events[i];
			}
	return NULL;
}

const char *
wb_story_status(const struct wb_story *story)
{
	const char *status = story->status;

	/* The row is the first that is read: it may have ended meanwhile. */
	if ((status[0] != '\0' && strcmp(status, "PENDING") != 0) ||
	    find_end(story, &status) != NULL || status[0] != '\0')
		return status;
	return story->n_events > 0 ? "PENDING" : "UNKNOWN";
}

bool
wb_story_is_ended(const struct wb_story *story)
{
	const char *status = wb_story_status(story);

	return strcmp(status, "PENDING") != 0 && strcmp(status, "UNKNOWN") != 0;
}

int64_t
wb_story_began_us(const struct wb_story *story)
{
	if (story->placed_us != 0)
		return story->placed_us;
	return story->n_events > 0 ? story->events[0]->at_us : story->asked_us;
}

int64_t
wb_story_ended_us(const struct wb_story *story)
{
	const char *status;
	const struct wb_story_event *end = find_end(story, &status);

	if (end != NULL)
		return end->at_us;
	return wb_story_is_ended(story) ? story->updated_us : 0;
}

bool
wb_story_has_gaps(const struct wb_story *story)
{
	for (size_t i = 0; i < WB_N_SERVICES; i++)
		if (story->gaps[i].text[0] != '\0')
			return true;
	return story->broker_gap.text[0] != '\0';
}

const char *
wb_story_fate_name(enum wb_story_fate fate)
{
	static const char *const names[] = {
		[WB_FATE_UNKNOWN] = "unknown",
		[WB_FATE_UNPUBLISHED] = "unpublished",
		[WB_FATE_WAITING] = "waiting",
		[WB_FATE_SCHEDULED] = "scheduled",
		[WB_FATE_DEAD] = "dead-lettered",
		[WB_FATE_GIVEN_UP] = "given up",
		[WB_FATE_HANDLED] = "handled",
	};

	return names[fate];
}
