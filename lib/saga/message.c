/* A delivery's copy in one block of memory, and what its headers and body say.
 * Knows nothing of transactions. */
#include "saga/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Far above any number of attempts; keeps a forged header from overflowing. */
#define MAX_ATTEMPT 1000000

const struct wb_amqp_header *
wb_message_header(const struct wb_message *message, const char *name)
{
	for (size_t i = 0; i < message->n_headers; i++)
		if (strcmp(message->headers[i].name, name) == 0)
			return &message->headers[i];
	return NULL;
}

static const char *
header_text(const struct wb_message *message, const char *name,
            const char *otherwise)
{
	const struct wb_amqp_header *header = wb_message_header(message, name);

	return header != NULL && header->text != NULL ? header->text
	                                              : otherwise;
}

/* A number also when a foreign tool sent it back as text; 0 for none. */
static int32_t
header_count(const struct wb_message *message, const char *name)
{
	const struct wb_amqp_header *header = wb_message_header(message, name);
	long long number;

	if (header == NULL)
		return 0;
	number = header->number;
	if (header->text != NULL) {
		char *end;

		errno = 0;
		number = strtoll(header->text, &end, 10);
		if (errno != 0 || *end != '\0')
			return 0;
	}
	return number < 0 || number > MAX_ATTEMPT ? 0 : (int32_t)number;
}

static size_t
text_bytes(const char *text)
{
	return text == NULL ? 1 : strlen(text) + 1;
}

/* Copies to *at, which moves on behind the copy. */
static char *
put(char **at, const void *data, size_t bytes)
{
	char *copy = *at;

	if (bytes > 0)
		memcpy(copy, data, bytes);
	*at += bytes;
	return copy;
}

static char *
put_text(char **at, const char *text)
{
	return put(at, text == NULL ? "" : text, text_bytes(text));
}

static size_t
copy_bytes(const struct wb_amqp_delivery *delivery)
{
	const struct wb_amqp_properties *props = &delivery->props;
	size_t bytes = props->n_headers * sizeof(struct wb_amqp_header);

	for (size_t i = 0; i < props->n_headers; i++) {
		bytes += text_bytes(props->headers[i].name);
		if (props->headers[i].text != NULL)
			bytes += text_bytes(props->headers[i].text);
	}
	return bytes + text_bytes(delivery->routing_key) +
	       text_bytes(props->content_type) + text_bytes(props->message_id) +
	       delivery->body_bytes;
}

/* A dead letter that is back, by a replay or moved by hand, gets one attempt,
 * numbered on from those before: the key of its next dead letter must not be
 * that of its last one, or the outbox would fold the two and lose it. */
static void
read_attempt(struct wb_message *message)
{
	int32_t before = header_count(message, "waybill-attempts");
	int32_t attempt = header_count(message, "waybill-attempt");

	message->replay = header_text(message, "waybill-replay", "");
	message->is_last_attempt = before > 0 || message->replay[0] != '\0';
	message->attempt = before > 0 ? before + 1 : attempt;
	if (message->attempt < 1)
		message->attempt = 1;
}

struct wb_message *
wb_message_new(const struct wb_amqp_delivery *delivery)
{
	const struct wb_amqp_properties *props = &delivery->props;
	struct wb_message *m = wb_zalloc(sizeof *m + copy_bytes(delivery));
	char *at = (char *)(m + 1);

	/* The headers come first, for their alignment is the struct's. */
	m->headers = (void *)(m + 1);
	m->n_headers = props->n_headers;
	at += props->n_headers * sizeof *m->headers;
	for (size_t i = 0; i < props->n_headers; i++) {
		const struct wb_amqp_header *header = &props->headers[i];

		m->headers[i].name = put_text(&at, header->name);
		if (header->text != NULL)
			m->headers[i].text = put_text(&at, header->text);
		m->headers[i].number = header->number;
	}
	m->tag = delivery->tag;
	m->is_redelivered = delivery->is_redelivered;
	m->content_type = put_text(&at, props->content_type);
	m->message_id = put_text(&at, props->message_id);
	m->routing_key = header_text(m, "waybill-routing-key",
	                             put_text(&at, delivery->routing_key));
	m->body_bytes = delivery->body_bytes;
	m->body = put(&at, delivery->body, delivery->body_bytes);
	read_attempt(m);
	return m;
}

void
wb_message_free(struct wb_message *message)
{
	if (message == NULL)
		return;
	if (message->event.doc != NULL)
		wb_event_fini(&message->event);
	free(message);
}

/* For the dead letter of what is no event. Without a message_id, a crash
 * between commit and ack leaves it in the dead-letter queue twice. */
static struct wb_uuid
id_without_event(const struct wb_message *message)
{
	struct wb_uuid id;

	if (wb_uuid_parse(message->message_id, &id) && !wb_uuid_is_nil(&id))
		return id;
	return wb_uuid_v7();
}

/* The handler's, or the one without. */
static struct wb_route *
find_route(struct wb_consumer *c, const char *type)
{
	struct wb_route *route = c->routes;

	while (route->handler != NULL &&
	       strcmp(route->handler->on->name, type) != 0)
		route++;
	return route;
}

void
wb_message_parse(struct wb_consumer *c, struct wb_message *message)
{
	struct wb_event event;

	if (message->is_parsed)
		return;
	message->is_parsed = true;
	message->route = &c->routes[c->n_routes - 1];
	message->decided = wb_event_parse(message->body, message->body_bytes,
	                                  &message->note, &event);
	if (message->decided != WB_OK) {
		message->id = id_without_event(message);
		return;
	}
	message->event = event;
	message->id = event.id;
	message->route = find_route(c, event.type);
	if (message->route->handler == NULL)
		message->decided = wb_fail(&message->note, WB_ERR_UNKNOWN_TYPE,
		                           "type=%s", event.type);
}
