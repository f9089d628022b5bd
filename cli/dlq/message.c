#include "message.h"

#include <string.h>

static bool
is_ours(const char *name)
{
	static const char *const ours[] = {
		WB_DLQ_H_REPLAY,
		WB_DLQ_H_COUNT,
		WB_DLQ_H_WHO,
		WB_DLQ_H_KEY,
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return true;
	return false;
}

/* Room for those that are set anew. */
enum { MORE_HEADERS = 4 };

static void
set_headers(struct wb_amqp_properties *props, const struct wb_letter *letter,
            const struct wb_job_row *job, struct wb_arena *arena)
{
	size_t most = letter->props.n_headers + MORE_HEADERS, n = 0;
	struct wb_amqp_header *headers =
	    wb_arena_alloc(arena, most * sizeof *headers);

	for (size_t i = 0; i < letter->props.n_headers; i++) {
		const struct wb_amqp_header *header = &letter->props.headers[i];

		if (!wb_letter_is_brokers(header->name) &&
		    !is_ours(header->name))
			headers[n++] = *header;
	}
	headers[n++] = (struct wb_amqp_header){ .name = WB_DLQ_H_REPLAY,
		                                .text = job->name };
	headers[n++] = (struct wb_amqp_header){ .name = WB_DLQ_H_COUNT,
		                                .number = letter->replays + 1 };
	headers[n++] =
	    (struct wb_amqp_header){ .name = WB_DLQ_H_WHO, .text = job->who };
	if (letter->type[0] != '\0')
		headers[n++] = (struct wb_amqp_header){ .name = WB_DLQ_H_KEY,
			                                .text = letter->type };
	props->headers = headers;
	props->n_headers = n;
}

static const char *
optional(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

/* An edited message may have got the id that its body had not before. */
static const char *
message_id(const struct wb_letter *letter, const struct wb_uuid *event_id,
           const struct wb_job_row *job, struct wb_arena *arena)
{
	char text[WB_UUID_TEXT_BYTES];
	struct wb_uuid id;

	if (job->kind != WB_JOB_EDIT &&
	    wb_uuid_parse(letter->props.message_id, &id) &&
	    !wb_uuid_is_nil(&id))
		return letter->props.message_id;
	return wb_arena_strdup(arena, wb_uuid_format(event_id, text));
}

struct wb_amqp_message
wb_dlq_message(const struct wb_letter *letter, const struct wb_uuid *event_id,
               const struct wb_job_row *job, struct wb_arena *arena)
{
	struct wb_amqp_message message = {
		.exchange = "",
		.routing_key = job->consumer,
		.is_mandatory = true,
		.props = {
			.content_type = optional(letter->props.content_type),
			.message_id = message_id(letter, event_id, job, arena),
			.correlation_id =
			    optional(letter->props.correlation_id),
			.type = optional(letter->props.type),
			.app_id = optional(letter->props.app_id),
			.timestamp_s = letter->props.timestamp_s,
			.is_persistent = true,
		},
		.body = letter->body,
		.body_bytes = letter->body_bytes,
	};

	set_headers(&message.props, letter, job, arena);
	return message;
}
