/* A received body as struct wb_event. What its data must hold is for handlers
 * to say. */
#include "event/envelope.h"

#include "base/clock.h"
#include "base/json_scan.h"

#include <json-c/json.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* JSON text → document. */
static enum wb_err
parse_document(const char *body, size_t bytes, struct wb_note *note,
               struct json_object **ret_doc)
{
	static const struct wb_json_rules rules = {
		.max_depth = WB_JSON_MAX_DEPTH,
	};
	struct json_tokener *tokener;
	struct json_object *doc;
	enum wb_err err;

	if (bytes > INT_MAX)
		return wb_fail(note, WB_ERR_BAD_MESSAGE, "%zu bytes", bytes);
	err = wb_json_scan(body, bytes, &rules, note);
	if (err != WB_OK)
		return err;
	tokener = json_tokener_new_ex(WB_JSON_MAX_DEPTH + 1);
	if (tokener == NULL)
		return wb_fail(note, WB_ERR_NO_MEMORY, "a JSON parser");
	doc = json_tokener_parse_ex(tokener, body, (int)bytes);
	if (doc == NULL)
		err = wb_fail(
		    note, WB_ERR_BAD_MESSAGE, "%s",
		    json_tokener_error_desc(json_tokener_get_error(tokener)));
	json_tokener_free(tokener);
	*ret_doc = doc;
	return err;
}

/* Attributes, all of them texts. */
enum {
	SPECVERSION,
	ID,
	SOURCE,
	TYPE,
	SUBJECT,
	TIME,
	CONTENT_TYPE,
	SEQUENCE,
	CORRELATION_ID,
	CAUSATION_ID,
	TRACEPARENT,
	N_TEXTS,
};

struct attribute {
	const char *name;
	bool is_needed;
};

static const struct attribute attributes[N_TEXTS] = {
	[SPECVERSION] = { "specversion", true },
	[ID] = { "id", true },
	[SOURCE] = { "source", true },
	[TYPE] = { "type", true },
	[SUBJECT] = { "subject", true },
	[TIME] = { "time", true },
	[CONTENT_TYPE] = { "datacontenttype", false },
	[SEQUENCE] = { "sequence", true },
	[CORRELATION_ID] = { "correlationid", false },
	[CAUSATION_ID] = { "causationid", false },
	[TRACEPARENT] = { "traceparent", false },
};

/* "" when it is absent or null, which CloudEvents holds to be the same; NULL
 * and a note when it is wrong. */
static const char *
read_text(struct json_object *doc, const struct attribute *attribute,
          struct wb_note *note)
{
	struct json_object *value =
	    json_object_object_get(doc, attribute->name);
	const char *text = "", *fault = NULL;

	if (value != NULL && !json_object_is_type(value, json_type_string))
		fault = "must be text";
	else if (value != NULL)
		text = json_object_get_string(value);
	if (fault == NULL && attribute->is_needed && text[0] == '\0')
		fault = "missing or empty";
	if (fault == NULL)
		return text;
	(void)wb_fail(note, WB_ERR_BAD_MESSAGE, "%s: %s", attribute->name,
	              fault);
	return NULL;
}

/* 20 digits, from 1. */
static bool
parse_sequence(const char *text, int64_t *ret_sequence)
{
	int64_t sequence = 0;

	if (strlen(text) != WB_SEQUENCE_DIGITS ||
	    strspn(text, "0123456789") != WB_SEQUENCE_DIGITS)
		return false;
	for (; *text != '\0'; text++) {
		int digit = *text - '0';

		if (sequence > (INT64_MAX - digit) / 10)
			return false;
		sequence = sequence * 10 + digit;
	}
	*ret_sequence = sequence;
	return sequence > 0;
}

static enum wb_err
read_attributes(struct wb_event *event, struct wb_note *note)
{
	const char *texts[N_TEXTS];

	for (size_t i = 0; i < N_TEXTS; i++) {
		texts[i] = read_text(event->doc, &attributes[i], note);
		if (texts[i] == NULL)
			return WB_ERR_BAD_MESSAGE;
	}
	if (strcmp(texts[SPECVERSION], "1.0") != 0)
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "specversion: must be \"1.0\"");
	if (!wb_uuid_parse(texts[ID], &event->id))
		return wb_fail(note, WB_ERR_BAD_MESSAGE, "id: must be a UUID");
	if (!wb_time_parse(texts[TIME], &event->time_us))
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "time: must be an RFC 3339 time");
	if (!parse_sequence(texts[SEQUENCE], &event->sequence))
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "sequence: must be %d digits, from 1",
		               WB_SEQUENCE_DIGITS);
	if (texts[CONTENT_TYPE][0] != '\0' &&
	    strcmp(texts[CONTENT_TYPE], "application/json") != 0)
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "datacontenttype: must be application/json");
	event->type = texts[TYPE];
	event->source = texts[SOURCE];
	event->subject = texts[SUBJECT];
	event->correlation_id = texts[CORRELATION_ID];
	event->causation_id = texts[CAUSATION_ID];
	event->traceparent = texts[TRACEPARENT];
	return WB_OK;
}

static enum wb_err
read_data(struct wb_event *event, struct wb_note *note)
{
	event->data = json_object_object_get(event->doc, "data");
	if (event->data == NULL)
		return wb_fail(note, WB_ERR_BAD_MESSAGE, "data: missing");
	if (!json_object_is_type(event->data, json_type_object))
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "data: must be an object");
	return WB_OK;
}

enum wb_err
wb_event_parse(const void *body, size_t bytes, struct wb_note *note,
               struct wb_event *ret_event)
{
	struct wb_event event = { .doc = NULL };
	enum wb_err err;

	if ((err = parse_document(body, bytes, note, &event.doc)) != WB_OK ||
	    (err = read_attributes(&event, note)) != WB_OK ||
	    (err = read_data(&event, note)) != WB_OK) {
		wb_event_fini(&event);
		return err;
	}
	*ret_event = event;
	return WB_OK;
}

void
wb_event_fini(struct wb_event *event)
{
	json_object_put(event->doc); /* NULL is fine */
	*event = (struct wb_event){ .doc = NULL };
}
