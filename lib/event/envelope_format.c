/* The envelope as JSON text, in the order in which a person reads it. */
#include "event/envelope.h"

#include "base/clock.h"

#include <string.h>

static void
add_text(struct wb_buf *buf, const char *name, const char *value)
{
	wb_buf_adds(buf, ",\"");
	wb_buf_adds(buf, name);
	wb_buf_adds(buf, "\":");
	wb_buf_add_json_string(buf, value, strlen(value));
}

static void
add_optional(struct wb_buf *buf, const char *name, const char *value)
{
	if (value[0] != '\0')
		add_text(buf, name, value);
}

/* A string that sorts as the number does. Without printf: it would be half of
 * what an envelope costs. */
static void
add_sequence(struct wb_buf *buf, int64_t sequence)
{
	char digits[WB_SEQUENCE_DIGITS];

	for (size_t i = sizeof(digits); i-- > 0; sequence /= 10)
		digits[i] = (char)('0' + sequence % 10);
	wb_buf_adds(buf, ",\"sequence\":\"");
	wb_buf_add(buf, digits, sizeof(digits));
	wb_buf_adds(buf, "\"");
}

void
wb_envelope_format(struct wb_buf *buf, const struct wb_envelope_out *out)
{
	char id[WB_UUID_TEXT_BYTES], time[WB_TIME_TEXT_BYTES];

	wb_buf_adds(buf, "{\"specversion\":\"1.0\"");
	add_text(buf, "id", wb_uuid_format(&out->id, id));
	add_text(buf, "source", out->source);
	add_text(buf, "type", out->type);
	add_text(buf, "subject", out->subject);
	add_text(buf, "time", wb_time_format(out->time_us, time));
	add_text(buf, "datacontenttype", "application/json");
	add_optional(buf, "dataschema", out->dataschema);
	add_sequence(buf, out->sequence);
	add_optional(buf, "correlationid", out->correlation_id);
	add_optional(buf, "causationid", out->causation_id);
	add_optional(buf, "traceparent", out->traceparent);
	wb_buf_adds(buf, ",\"data\":");
	wb_buf_add(buf, out->data, out->data_bytes);
	wb_buf_adds(buf, "}");
}
