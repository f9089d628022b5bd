/* From the protocol header to connection.open-ok. */
#include "amqp/internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define HEARTBEAT_MAX_S 65535

static bool
bytes_equal(amqp_bytes_t bytes, const char *text)
{
	return bytes.len == strlen(text) &&
	       (bytes.len == 0 || memcmp(bytes.bytes, text, bytes.len) == 0);
}

void
wb_amqp_send_protocol_header(struct wb_amqp *conn)
{
	static const char header[8] = { 'A', 'M', 'Q', 'P', 0, 0, 9, 1 };
	uint8_t *at = wb_amqp_out_reserve(conn, sizeof(header));

	memcpy(at, header, sizeof(header));
	wb_amqp_out_commit(conn, at, sizeof(header));
}

static amqp_table_entry_t
entry_text(const char *key, const char *text)
{
	amqp_table_entry_t entry = { .key = amqp_cstring_bytes(key) };

	entry.value.kind = AMQP_FIELD_KIND_UTF8;
	entry.value.value.bytes = amqp_cstring_bytes(text);
	return entry;
}

static amqp_table_entry_t
entry_true(const char *key)
{
	amqp_table_entry_t entry = { .key = amqp_cstring_bytes(key) };

	entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
	entry.value.value.boolean = 1;
	return entry;
}

/* Without connection.blocked and consumer_cancel_notify a broker would stall or
 * starve us silently. */
static void
send_start_ok(struct wb_amqp *conn, const char *mechanism,
              amqp_bytes_t response)
{
	amqp_table_entry_t capabilities[] = {
		entry_true("connection.blocked"),
		entry_true("consumer_cancel_notify"),
		entry_true("basic.nack"),
		entry_true("publisher_confirms"),
		entry_true("exchange_exchange_bindings"),
		entry_true("authentication_failure_close"),
	};
	amqp_table_entry_t properties[] = {
		entry_text("product", "Waybill"),
		entry_text("version", WB_VERSION),
		entry_text("platform", "C, libevent, librabbitmq"),
		entry_text("connection_name", conn->name),
		{ .key = amqp_cstring_bytes("capabilities") },
	};
	amqp_field_value_t *nested =
	    &properties[WB_ARRAY_LEN(properties) - 1].value;
	amqp_connection_start_ok_t ok = {
		.mechanism = amqp_cstring_bytes(mechanism),
		.response = response,
		.locale = amqp_cstring_bytes("en_US"),
	};

	nested->kind = AMQP_FIELD_KIND_TABLE;
	nested->value.table.num_entries = (int)WB_ARRAY_LEN(capabilities);
	nested->value.table.entries = capabilities;
	ok.client_properties.num_entries = (int)WB_ARRAY_LEN(properties);
	ok.client_properties.entries = properties;
	wb_amqp_send_method(conn, 0, AMQP_CONNECTION_START_OK_METHOD, &ok);
}

static bool
offers(amqp_bytes_t mechanisms, const char *mechanism)
{
	const char *at = mechanisms.bytes;
	size_t i, from = 0, len = strlen(mechanism);

	for (i = 0; i <= mechanisms.len; i++) {
		if (i < mechanisms.len && at[i] != ' ')
			continue;
		if (i - from == len && memcmp(at + from, mechanism, len) == 0)
			return true;
		from = i + 1;
	}
	return false;
}

static void
remember_version(struct wb_amqp *conn, const amqp_table_t *properties)
{
	int i;

	conn->server_version[0] = '\0';
	for (i = 0; i < properties->num_entries; i++) {
		const amqp_table_entry_t *entry = &properties->entries[i];
		amqp_bytes_t text = entry->value.value.bytes;

		if (!bytes_equal(entry->key, "version") ||
		    entry->value.kind != AMQP_FIELD_KIND_UTF8 ||
		    text.len >= sizeof(conn->server_version))
			continue;
		memcpy(conn->server_version, text.bytes, text.len);
		conn->server_version[text.len] = '\0';
	}
}

void
wb_amqp_on_start(struct wb_amqp *conn, amqp_connection_start_t *start)
{
	const struct wb_amqp_broker *broker = wb_amqp_broker(conn);
	const char *mechanism = broker->is_external ? "EXTERNAL" : "PLAIN";
	struct wb_buf response = { 0 };
	amqp_bytes_t bytes;

	remember_version(conn, &start->server_properties);
	if (!offers(start->mechanisms, mechanism)) {
		wb_amqp_lost(conn, "the broker offers no %s login", mechanism);
		return;
	}
	if (!broker->is_external) { /* NUL user NUL password: RFC 4616 */
		wb_buf_add(&response, "", 1);
		wb_buf_add(&response, broker->user, strlen(broker->user) + 1);
		wb_buf_adds(&response, broker->password);
	}
	bytes.bytes = response.data;
	bytes.len = response.len;
	send_start_ok(conn, mechanism, bytes);
	wb_buf_fini(&response);
	wb_amqp_go(conn, WB_AMQP_TUNE);
}

/* Zero means "no limit" from the broker. */
static uint32_t
lower_of(uint32_t ours, uint32_t theirs)
{
	return theirs == 0 || ours < theirs ? ours : theirs;
}

/* Only now may the codec be tuned: it must have seen a frame. Its heartbeats
 * are not used. */
void
wb_amqp_on_tune(struct wb_amqp *conn, amqp_connection_tune_t *tune)
{
	amqp_connection_tune_ok_t ok = { 0 };
	amqp_connection_open_t open = { 0 };
	int64_t heartbeat_s = conn->params->heartbeat_s;

	if (heartbeat_s > HEARTBEAT_MAX_S)
		heartbeat_s = HEARTBEAT_MAX_S;
	ok.channel_max =
	    (uint16_t)lower_of(WB_AMQP_CHANNELS_MAX, tune->channel_max);
	ok.frame_max = lower_of(WB_AMQP_FRAME_MAX, tune->frame_max);
	ok.heartbeat = (uint16_t)heartbeat_s;
	if (tune->heartbeat < ok.heartbeat)
		ok.heartbeat = tune->heartbeat;
	if (ok.frame_max < WB_AMQP_FRAME_MIN) {
		wb_amqp_refuse(conn, AMQP_SYNTAX_ERROR,
		               "frame_max %u is below 4096",
		               (unsigned)ok.frame_max);
		return;
	}
	if (amqp_tune_connection(conn->codec, ok.channel_max, (int)ok.frame_max,
	                         0) != AMQP_STATUS_OK) {
		wb_amqp_lost(conn, "out of memory");
		return;
	}
	conn->frame_max = ok.frame_max;
	conn->heartbeat_ms = (int64_t)ok.heartbeat * 1000;
	conn->channel_max = ok.channel_max;
	conn->channels =
	    wb_zalloc(conn->channel_max * sizeof(struct wb_amqp_channel *));
	wb_amqp_send_method(conn, 0, AMQP_CONNECTION_TUNE_OK_METHOD, &ok);
	open.virtual_host = amqp_cstring_bytes(wb_amqp_broker(conn)->vhost);
	wb_amqp_send_method(conn, 0, AMQP_CONNECTION_OPEN_METHOD, &open);
	wb_amqp_go(conn, WB_AMQP_OPEN);
}
