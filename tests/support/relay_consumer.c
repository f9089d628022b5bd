/* The consumer of a test of the relay, and its record of every delivery. */
#include "support/relay_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "event/envelope.h"

enum { PREFETCH = 500, AGAIN_MS = 200 };

void
wb_test_go_wrong(struct wb_test_bus *bus, const char *fmt, ...)
{
	va_list ap;

	bus = bus->first;
	if (bus->wrong[0] != '\0')
		return; /* the first thing is the one to know */
	va_start(ap, fmt);
	(void)vsnprintf(bus->wrong, sizeof bus->wrong, fmt, ap);
	va_end(ap);
}

/* ---- the record ---- */

/* Where the id of an event is kept. */
static struct wb_uuid *
place_of(struct wb_test_history *history, int64_t sequence)
{
	size_t n = (size_t)sequence;

	if (n > history->cap) {
		history->cap = 2 * n;
		history->ids = wb_realloc(history->ids,
		                          history->cap * sizeof *history->ids);
	}
	for (; history->n < n; history->n++)
		history->ids[history->n] = (struct wb_uuid){ .bytes = { 0 } };
	return &history->ids[n - 1];
}

static void
note_first(struct wb_test_bus *bus, size_t aggregate, int64_t sequence)
{
	struct wb_test_history *history = &bus->history[aggregate];
	int64_t *next = &bus->next[aggregate];

	bus->n_new++;
	bus->n_out_of_order += sequence > *next;
	while ((size_t)*next <= history->n &&
	       !wb_uuid_is_nil(&history->ids[*next - 1]))
		++*next;
}

static struct wb_test_bus *
bus_of(struct wb_test_bus *bus, const char *event_source)
{
	while (bus != NULL && (event_source[0] != '/' ||
	                       strcmp(event_source + 1, bus->source) != 0))
		bus = bus->beside;
	return bus;
}

static void
note_event(struct wb_test_bus *first, const struct wb_event *event)
{
	struct wb_test_bus *bus = bus_of(first, event->source);
	long aggregate = strtol(event->subject + 1, NULL, 10);
	struct wb_uuid *place;

	if (bus == NULL || aggregate < 0 || aggregate >= WB_TEST_AGGREGATES ||
	    event->sequence < 1 || event->sequence > INT32_MAX) {
		wb_test_go_wrong(first, "event %lld of %s about %s",
		                 (long long)event->sequence, event->source,
		                 event->subject);
		return;
	}
	place = place_of(&bus->history[aggregate], event->sequence);
	if (wb_uuid_is_nil(place)) {
		*place = event->id;
		note_first(bus, (size_t)aggregate, event->sequence);
	} else {
		bus->n_duplicate++;
		bus->n_changed += wb_uuid_compare(place, &event->id) != 0;
	}
}

bool
wb_test_was_delivered(const struct wb_test_bus *bus, long aggregate,
                      int64_t sequence, const struct wb_uuid *id)
{
	const struct wb_test_history *history = &bus->history[aggregate];

	return sequence >= 1 && (size_t)sequence <= history->n &&
	       wb_uuid_compare(&history->ids[sequence - 1], id) == 0;
}

/* ---- deliveries ---- */

static void
take_event(struct wb_test_bus *bus, const struct wb_amqp_delivery *delivery)
{
	struct wb_event event;
	struct wb_note note;

	if (wb_event_parse(delivery->body, delivery->body_bytes, &note,
	                   &event) != WB_OK) {
		wb_test_go_wrong(bus, "not an event: %s", note.text);
		return;
	}
	note_event(bus, &event);
	wb_event_fini(&event);
}

static void
note_headers(struct wb_test_bus *bus, const struct wb_amqp_properties *props)
{
	bus->last_header[0] = '\0';
	bus->last_number = 0;
	for (size_t i = 0; i < props->n_headers; i++) {
		const struct wb_amqp_header *header = &props->headers[i];

		if (header->text != NULL)
			(void)snprintf(bus->last_header,
			               sizeof bus->last_header, "%s",
			               header->text);
		else if (strcmp(header->name, "attempt") == 0)
			bus->last_number = header->number;
	}
}

static void
on_delivery(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_test_bus *bus = arg;

	if (strcmp(delivery->consumer_tag, "events") == 0)
		take_event(bus, delivery);
	bus->n_received++;
	(void)snprintf(bus->last_queue, sizeof bus->last_queue, "%s",
	               delivery->consumer_tag);
	(void)snprintf(bus->last_id, sizeof bus->last_id, "%s",
	               delivery->props.message_id);
	(void)snprintf(bus->last_type, sizeof bus->last_type, "%s",
	               delivery->props.type);
	note_headers(bus, &delivery->props);
	if (strlen(bus->ids) + 1 < sizeof bus->ids)
		strncat(bus->ids, delivery->props.message_id, 1);
	bus->last_tag = delivery->tag;
	if (!bus->is_holding)
		wb_amqp_ack(bus->channel, delivery->tag, false);
}

void
wb_test_bus_hold(struct wb_test_bus *bus, bool is_holding)
{
	if (bus->is_holding && !is_holding && bus->channel != NULL &&
	    bus->last_tag > 0)
		wb_amqp_ack(bus->channel, bus->last_tag, true);
	bus->is_holding = is_holding;
}

/* ---- its connection ---- */

static void
on_channel_closed(void *arg, uint16_t code, const char *text)
{
	struct wb_test_bus *bus = arg;

	bus->channel = NULL;
	if (!bus->may_lose_broker)
		wb_test_go_wrong(bus,
		                 "the consumer's channel was closed: %u %s",
		                 code, text);
	else if (code != 0) /* the queue is not back yet */
		wb_timer_start_ms(&bus->again, AGAIN_MS);
}

static void
on_reply(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	struct wb_test_bus *bus = arg;

	(void)messages;
	(void)consumers;
	if (err != WB_OK && !bus->may_lose_broker)
		wb_test_go_wrong(bus, "the broker answers %s",
		                 wb_err_name(err));
}

void
wb_test_bus_consume(struct wb_test_bus *bus, const char *queue)
{
	wb_amqp_consume(bus->channel, queue, queue, on_reply, bus);
}

static void
open_channel(void *arg)
{
	static const struct wb_amqp_channel_events events = {
		.on_closed = on_channel_closed,
		.on_delivery = on_delivery,
	};
	struct wb_test_bus *bus = arg;

	if (!wb_amqp_is_ready(bus->amqp))
		return;
	bus->last_tag = 0;
	bus->channel = wb_amqp_channel_open(bus->amqp, &events, bus);
	wb_amqp_qos(bus->channel, PREFETCH, on_reply, bus);
	wb_test_bus_consume(bus, "events");
}

static void
on_broker_ready(void *arg)
{
	struct wb_test_bus *bus = arg;

	bus->n_ready++;
	open_channel(bus);
}

static void
on_broker_lost(void *arg, const char *why)
{
	struct wb_test_bus *bus = arg;

	if (!bus->may_lose_broker)
		wb_test_go_wrong(bus, "the consumer's connection was lost: %s",
		                 why);
}

void
wb_test_consumer_open(struct wb_test_bus *bus)
{
	static const struct wb_amqp_events events = {
		.on_ready = on_broker_ready,
		.on_lost = on_broker_lost,
	};
	static char none[] = "";

	bus->amqp_params = (struct wb_amqp_params){
		.brokers = bus->brokers,
		.connect_timeout_ms = 5000,
		.rpc_timeout_ms = 5000,
		.heartbeat_s = 30,
		.reconnect_cap_ms = 1000,
		.tls_ca = none,
		.tls_cert = none,
		.tls_key = none,
	};
	wb_timer_init(&bus->again, bus->loop, open_channel, bus);
	bus->amqp =
	    wb_amqp_new(bus->loop, &bus->amqp_params, "test", &events, bus);
}

void
wb_test_consumer_close(struct wb_test_bus *bus)
{
	wb_amqp_free(bus->amqp);
	wb_timer_fini(&bus->again);
}

void
wb_test_consumer_reset(struct wb_test_bus *bus)
{
	bus->n_received = bus->n_new = bus->n_duplicate = 0;
	bus->n_out_of_order = bus->n_changed = 0;
	bus->ids[0] = bus->wrong[0] = '\0';
	for (size_t i = 0; i < WB_TEST_AGGREGATES; i++) {
		bus->next[i] = 1;
		free(bus->history[i].ids);
		bus->history[i] = (struct wb_test_history){ .ids = NULL };
	}
}
