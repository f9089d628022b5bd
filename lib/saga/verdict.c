/* What becomes of a message that was not handled: a row of outbox_deliveries,
 * which is a retry to its own queue or a dead letter, in the transaction that
 * ends the message. And what is counted and logged about each end. */
#include "saga/engine.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum wb_err
wb_verdict_err(const struct wb_message *message)
{
	return message->decided != WB_OK ? message->decided : message->failed;
}

/* Anything that is not final by its nature is tried again: a handler's read
 * that reports an infrastructure error spends an attempt like any other. */
static bool
is_final(const struct wb_consumer *c, const struct wb_message *message)
{
	return wb_err_verdict(wb_verdict_err(message)) == WB_PARK ||
	       message->is_last_attempt ||
	       message->attempt >= c->params->max_attempts;
}

/* Headers that are written anew, and those by which the broker tells the fate
 * of one delivery; all others travel on. */
static bool
travels(const char *name)
{
	static const char *const ours[] = {
		"waybill-attempt",
		"waybill-attempts",
		"waybill-consumer",
		"waybill-error",
		"waybill-error-code",
		"waybill-first-failed-at",
		"waybill-last-failed-at",
		"waybill-routing-key",
		"x-delivery-count",
		"x-acquired-count",
		"x-death",
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return false;
	return strncmp(name, "x-first-death-", 14) != 0 &&
	       strncmp(name, "x-last-death-", 13) != 0;
}

static void
add_name(struct wb_buf *buf, const char *name)
{
	wb_buf_adds(buf, buf->len > 0 ? "," : "{");
	wb_buf_add_json_string(buf, name, strlen(name));
	wb_buf_adds(buf, ":");
}

static void
add_text(struct wb_buf *buf, const char *name, const char *text)
{
	add_name(buf, name);
	wb_buf_add_json_string(buf, text, strlen(text));
}

static void
add_number(struct wb_buf *buf, const char *name, int64_t number)
{
	add_name(buf, name);
	wb_buf_printf(buf, "%lld", (long long)number);
}

static void
print_headers(struct wb_consumer *c, const struct wb_message *message,
              bool is_dead_letter)
{
	const struct wb_amqp_header *first;
	char now[WB_TIME_TEXT_BYTES];
	struct wb_buf *buf = &c->headers;

	wb_buf_clear(buf);
	for (size_t i = 0; i < message->n_headers; i++) {
		const struct wb_amqp_header *header = &message->headers[i];

		if (!travels(header->name))
			continue;
		if (header->text != NULL)
			add_text(buf, header->name, header->text);
		else
			add_number(buf, header->name, header->number);
	}
	(void)wb_time_format(wb_wall_us(), now);
	first = wb_message_header(message, "waybill-first-failed-at");
	if (is_dead_letter)
		add_number(buf, "waybill-attempts", message->attempt);
	else
		add_number(buf, "waybill-attempt", message->attempt + 1);
	add_text(buf, "waybill-consumer", c->config->name);
	add_text(buf, "waybill-error-code",
	         wb_err_name(wb_verdict_err(message)));
	add_text(buf, "waybill-error", message->note.text);
	add_text(buf, "waybill-first-failed-at",
	         first != NULL && first->text != NULL ? first->text : now);
	add_text(buf, "waybill-last-failed-at", now);
	add_text(buf, "waybill-routing-key", message->routing_key);
	wb_buf_adds(buf, "}");
}

/* A text column takes no invalid UTF-8, and a row that is refused would hold
 * the message up for ever. These columns are for people: the exact text is in
 * the headers and the body. */
static const char *
printable(struct wb_arena *arena, const char *text)
{
	char *copy = wb_arena_strdup(arena, text);

	for (char *at = copy; *at != '\0'; at++)
		if (*at < 0x20 || *at > 0x7e)
			*at = '?';
	return copy;
}

void
wb_verdict_deliver(struct wb_consumer *c, const struct wb_message *message)
{
	const struct wb_backoff backoff = {
		.base_ms = c->params->retry_base_ms,
		.factor = c->params->retry_factor,
		.cap_ms = c->params->retry_cap_ms,
	};
	bool is_dead_letter = is_final(c, message);
	unsigned wait = (unsigned)message->attempt - 1;
	struct wb_arena *arena = c->run.arena;

	print_headers(c, message, is_dead_letter);
	wb_outbox_deliver(
	    c->outbox,
	    &(struct wb_outbox_delivery){
	        .consumer = c->config->name,
	        .queue = is_dead_letter ? c->dlq : c->config->name,
	        .routing_key = printable(arena, message->routing_key),
	        .event_id = message->id,
	        .replay = printable(arena, message->replay),
	        .attempt = message->attempt + 1,
	        .content_type = printable(arena, message->content_type),
	        .headers = wb_buf_text(&c->headers),
	        .body = message->body,
	        .body_bytes = message->body_bytes,
	        .delay_ms = is_dead_letter ? 0 : wb_backoff_ms(&backoff, wait),
	    });
}

static void
log_failure(struct wb_consumer *c, const struct wb_message *message,
            bool is_dead_letter)
{
	char id[WB_UUID_TEXT_BYTES];

	wb_log_warn(is_dead_letter ? WB_LOG_CONSUMER_PARK
	                           : WB_LOG_CONSUMER_RETRY,
	            "queue=%s event_id=%s attempt=%d error=%s note=\"%s\"",
	            c->config->name, wb_uuid_format(&message->id, id),
	            (int)message->attempt, wb_err_name(wb_verdict_err(message)),
	            message->note.text);
}

void
wb_verdict_settle(struct wb_consumer *c, const struct wb_message *message)
{
	enum wb_ending ending = WB_ENDING_DUPLICATE;

	if (wb_verdict_err(message) != WB_OK) {
		bool is_dead_letter = is_final(c, message);

		ending = is_dead_letter ? WB_ENDING_PARKED : WB_ENDING_RETRIED;
		log_failure(c, message, is_dead_letter);
	} else if (message->is_fresh) {
		ending = WB_ENDING_HANDLED;
	}
	wb_counter_add(message->route->endings[ending], 1);
	if (message->event.doc != NULL)
		wb_gauge_set(c->lag,
		             (double)(wb_wall_us() - message->event.time_us) /
		                 1e6);
}
