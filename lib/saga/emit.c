/* The events of a message: kept in the run's arena until it is known that
 * none of the message's rows reports a failure, then put into the outbox. */
#include "saga/engine.h"

#include <string.h>

static bool
may_emit(const struct wb_handler *handler, const struct wb_event_type *type)
{
	for (size_t i = 0; i < handler->n_emits; i++)
		if (handler->emits[i] == type)
			return true;
	return false;
}

/* data must live in the arena. */
static void
append(struct wb_emit *emit, const struct wb_event_type *type, int64_t sequence,
       const char *data)
{
	struct wb_message *message = emit->message;
	struct wb_emitted *emitted =
	    wb_arena_alloc(emit->arena, sizeof *emitted);

	WB_ASSERT(may_emit(message->route->handler, type));
	*emitted = (struct wb_emitted){
		.type = type,
		.sequence = sequence,
		.data = data,
		.data_bytes = strlen(data),
	};
	*message->emitted_end = emitted;
	message->emitted_end = &emitted->next;
}

void
wb_emit(struct wb_emit *emit, const struct wb_event_type *type,
        int64_t sequence, const char *data)
{
	append(emit, type, sequence, wb_arena_strdup(emit->arena, data));
}

/* The members of a JSON object's text, with the brace that ends it. */
static const char *
members_of(const char *object)
{
	const char *at = object == NULL ? "{}" : strchr(object, '{');

	WB_ASSERT(at != NULL);
	return at + 1 + strspn(at + 1, " \t\r\n");
}

void
wb_emit_with_snapshot(struct wb_emit *emit, const struct wb_event_type *type,
                      int64_t sequence, const char *beside)
{
	const char *members = members_of(beside);
	const char *path = wb_arena_printf(emit->arena, "/%s", type->aggregate);
	struct json_object *snapshot = NULL;
	struct wb_note note;
	const char *data;

	if (wb_data_object(emit->message->event.data, path, &note, &snapshot) !=
	    WB_OK)
		data = wb_arena_printf(emit->arena, "{%s", members);
	else
		data = wb_arena_printf(emit->arena, "{\"%s\":%s%s%s",
		                       type->aggregate, wb_data_print(snapshot),
		                       *members == '}' ? "" : ",", members);
	append(emit, type, sequence, data);
}

struct wb_arena *
wb_emit_arena(struct wb_emit *emit)
{
	return emit->arena;
}

/* A rerun after an unknown commit makes new ids, which is safe: either that
 * commit did not happen, and so the first ids never existed, or it did, and
 * then the inbox knows the message and nothing is emitted again. */
void
wb_emit_write(struct wb_consumer *c, const struct wb_message *message)
{
	const struct wb_event *event = &message->event;
	char cause[WB_UUID_TEXT_BYTES];

	if (message->emitted == NULL)
		return;
	wb_uuid_format(&event->id, cause);
	for (const struct wb_emitted *e = message->emitted; e != NULL;
	     e = e->next)
		wb_outbox_add(c->outbox,
		              &(struct wb_outbox_event){
		                  .id = wb_uuid_v7(),
		                  .type = e->type,
		                  .aggregate_id = event->subject,
		                  .sequence = e->sequence,
		                  .correlation_id = event->correlation_id,
		                  .causation_id = cause,
		                  .traceparent = event->traceparent,
		                  .data = e->data,
		                  .data_bytes = e->data_bytes,
		              });
}
