#include "letters.h"

#include "dlq/look.h"

struct looking {
	struct wb_story *story;
	size_t consumer;
};

/* The id by which a consumer knows a message is the event's; the message's own
 * is the same, and costs no parsing. */
static struct wb_story_event *
find_event(const struct wb_story *story, const struct wb_letter *letter)
{
	struct wb_uuid id;

	if (!wb_uuid_parse(letter->id, &id) && !wb_letter_event_id(letter, &id))
		return NULL;
	return wb_story_find(story, &id);
}

static void
on_letter(void *arg, const struct wb_letter *letter)
{
	struct looking *looking = arg;
	struct wb_arena *arena = looking->story->arena;
	struct wb_story_event *event = find_event(looking->story, letter);
	struct wb_story_letter *found;

	if (event == NULL)
		return;
	found = wb_arena_alloc(arena, sizeof(*found));
	found->failed_us = letter->failed_us;
	found->attempts = letter->attempts;
	found->code = wb_arena_strdup(arena, letter->error_code);
	found->error = wb_arena_strdup(arena, letter->error);
	event->deliveries[looking->consumer].letter = found;
}

/* Something of it may lie there. */
static bool
is_suspect(const struct wb_story *story, size_t consumer)
{
	if (wb_services[consumer].queue == NULL)
		return false;
	for (size_t i = 0; i < story->n_events; i++) {
		const struct wb_story_event *event = story->events[i];
		const struct wb_story_delivery *delivery =
		    &event->deliveries[consumer];

		if (delivery->is_routed && event->is_published &&
		    delivery->fate != WB_FATE_HANDLED)
			return true;
	}
	return false;
}

/* Letters that somebody else holds just now can't be seen: then one that was
 * not found is not known to be gone. */
static enum wb_err
look_into(struct wb_look *look, struct wb_story *story, size_t consumer,
          struct wb_note *note)
{
	struct looking looking = { .story = story, .consumer = consumer };
	struct wb_look_counts counts;
	enum wb_err err = wb_look_read(look, wb_services[consumer].name,
	                               on_letter, &looking, &counts, note);

	story->has_looked[consumer] = err == WB_OK && counts.others == 0;
	return err;
}

void
trace_look(struct wb_cli *cli, struct wb_story *story)
{
	struct wb_look *look = NULL;
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++) {
		if (!is_suspect(story, i))
			continue;
		if (look == NULL)
			err = wb_look_open(cli, &look, &story->broker_gap);
		if (err == WB_OK)
			err = look_into(look, story, i, &story->broker_gap);
	}
	wb_look_close(look);
	wb_story_end(story);
}
