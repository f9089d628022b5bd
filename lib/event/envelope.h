/* The CloudEvents 1.0 envelope (structured JSON): written by the relay, read by
 * consumers. */
#ifndef WB_EVENT_ENVELOPE_H
#define WB_EVENT_ENVELOPE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "event/types.h"

struct json_object;

#define WB_CLOUDEVENTS_JSON "application/cloudevents+json"

/* What a row of outbox_events becomes. Texts are borrowed. */
struct wb_envelope_out {
	struct wb_uuid id;
	const char *source;         /* "/orders" */
	const char *type;           /* "order.placed.v1" */
	const char *subject;        /* aggregate id */
	int64_t time_us;            /* wall clock */
	const char *dataschema;     /* URI, or "" for none */
	int64_t sequence;           /* 1, 2, … per source and subject */
	const char *correlation_id; /* "" for none */
	const char *causation_id;   /* "" for none */
	const char *traceparent;    /* "" for none */
	const char *data;           /* JSON text */
	size_t data_bytes;
};

/* sequence is a string of so many digits. */
#define WB_SEQUENCE_DIGITS 20

/* Appends the JSON text. */
void wb_envelope_format(struct wb_buf *buf, const struct wb_envelope_out *out);

/* A received event. Texts and data are borrowed from doc. */
struct wb_event {
	struct json_object *doc; /* the whole envelope: owns the rest */
	struct wb_uuid id;
	const char *type;
	const char *source;
	const char *subject;
	int64_t time_us;
	int64_t sequence;
	const char *correlation_id; /* "" when absent */
	const char *causation_id;
	const char *traceparent;
	struct json_object *data; /* an object */
};

/* BAD_MESSAGE with a note, or WB_OK: then wb_event_fini. Unknown extension
 * attributes are ignored; specversion must be "1.0"; id must be a UUID; data
 * must be an object. The JSON must be as base/json_scan.h says, without
 * integers beyond 64 bits. */
enum wb_err wb_event_parse(const void *body, size_t bytes, struct wb_note *note,
                           struct wb_event *ret_event) WB_MUST_USE;
void wb_event_fini(struct wb_event *event);

#endif
