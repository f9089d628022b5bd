/* A message as a line of JSON and back: what `waybill dlq export` prints,
 * `import` reads, and the journal keeps of what was edited or discarded. The
 * body is text where it is UTF-8 without NUL, else base64: it survives byte by
 * byte. */
#include "letter.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <json-c/json.h>
#include <openssl/evp.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LINE_DEPTH 8

/* ---- out ---- */

static void
add_name(struct wb_buf *out, const char *name)
{
	char last = out->len == 0 ? '{' : out->data[out->len - 1];

	if (last != '{')
		wb_buf_adds(out, ",");
	wb_buf_add_json_string(out, name, strlen(name));
	wb_buf_adds(out, ":");
}

static void
add_text(struct wb_buf *out, const char *name, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	add_name(out, name);
	wb_buf_add_json_string(out, text, strlen(text));
}

static void
add_number(struct wb_buf *out, const char *name, int64_t number)
{
	add_name(out, name);
	wb_buf_printf(out, "%lld", (long long)number);
}

static void
add_base64(struct wb_buf *out, const char *data, size_t bytes)
{
	size_t room = 4 * ((bytes + 2) / 3) + 1;
	unsigned char *text = wb_zalloc(room);

	(void)EVP_EncodeBlock(text, (const unsigned char *)data, (int)bytes);
	wb_buf_add_json_string(out, (const char *)text, room - 1);
	free(text);
}

static void
add_body(struct wb_buf *out, const struct wb_letter *letter)
{
	if (memchr(letter->body, '\0', letter->body_bytes) == NULL &&
	    wb_utf8_is_valid(letter->body, letter->body_bytes)) {
		add_name(out, "body");
		wb_buf_add_json_string(out, letter->body, letter->body_bytes);
	} else {
		add_name(out, "body_base64");
		add_base64(out, letter->body, letter->body_bytes);
	}
}

/* A header that is not UTF-8 is shown as well as it can be. */
static void
add_headers(struct wb_buf *out, const struct wb_letter *letter)
{
	add_name(out, "headers");
	wb_buf_adds(out, "{");
	for (size_t i = 0; i < letter->props.n_headers; i++) {
		const struct wb_amqp_header *header = &letter->props.headers[i];

		if (header->text == NULL) {
			add_number(out, header->name, header->number);
			continue;
		}
		add_name(out, header->name);
		wb_buf_add_json_string(out, header->text, strlen(header->text));
	}
	wb_buf_adds(out, "}");
}

void
wb_letter_print(const struct wb_letter *letter, struct wb_buf *out)
{
	const struct wb_amqp_properties *props = &letter->props;

	wb_buf_adds(out, "{");
	add_text(out, "consumer", letter->consumer);
	add_text(out, "id", letter->id);
	add_text(out, "message_id", props->message_id);
	add_text(out, "type", props->type);
	add_text(out, "content_type", props->content_type);
	add_text(out, "correlation_id", props->correlation_id);
	add_text(out, "app_id", props->app_id);
	if (props->timestamp_s != 0)
		add_number(out, "timestamp", props->timestamp_s);
	add_headers(out, letter);
	add_body(out, letter);
	wb_buf_adds(out, "}");
}

/* ---- in ---- */

static const char *
take_text(struct json_object *line, const char *name, struct wb_arena *arena)
{
	struct json_object *member = NULL;

	if (!json_object_object_get_ex(line, name, &member) ||
	    !json_object_is_type(member, json_type_string))
		return "";
	return wb_arena_strdup(arena, json_object_get_string(member));
}

static enum wb_err
take_headers(struct json_object *line, struct wb_arena *arena,
             struct wb_note *note, struct wb_amqp_properties *props)
{
	struct json_object *object = NULL;
	struct json_object_iterator at, end;
	struct wb_amqp_header *headers;

	if (!json_object_object_get_ex(line, "headers", &object))
		return WB_OK;
	if (!json_object_is_type(object, json_type_object))
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "headers: must be an object");
	headers = wb_arena_alloc(
	    arena, (size_t)json_object_object_length(object) * sizeof *headers);
	at = json_object_iter_begin(object);
	end = json_object_iter_end(object);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		struct json_object *value = json_object_iter_peek_value(&at);
		struct wb_amqp_header *header = &headers[props->n_headers];

		header->name =
		    wb_arena_strdup(arena, json_object_iter_peek_name(&at));
		if (json_object_is_type(value, json_type_string))
			header->text = wb_arena_strdup(
			    arena, json_object_get_string(value));
		else if (json_object_is_type(value, json_type_int))
			header->number = json_object_get_int64(value);
		else
			return wb_fail(note, WB_ERR_BAD_MESSAGE,
			               "headers: %.100s: must be text or an "
			               "integer",
			               header->name);
		props->n_headers++;
	}
	props->headers = headers;
	return WB_OK;
}

static enum wb_err
take_base64(struct json_object *member, struct wb_arena *arena,
            struct wb_note *note, struct wb_amqp_delivery *delivery)
{
	const char *text = json_object_get_string(member);
	int bytes = json_object_get_string_len(member), padding = 0, decoded;
	unsigned char *body;

	while (padding < 2 && padding < bytes &&
	       text[bytes - 1 - padding] == '=')
		padding++;
	body = wb_arena_alloc(arena, (size_t)bytes + 1);
	decoded = EVP_DecodeBlock(body, (const unsigned char *)text, bytes);
	if (decoded < 0 || bytes % 4 != 0)
		return wb_fail(note, WB_ERR_BAD_MESSAGE,
		               "body_base64: is no base64");
	delivery->body = body;
	delivery->body_bytes = (size_t)(decoded - padding);
	return WB_OK;
}

static enum wb_err
take_body(struct json_object *line, struct wb_arena *arena,
          struct wb_note *note, struct wb_amqp_delivery *delivery)
{
	struct json_object *member = NULL;

	if (json_object_object_get_ex(line, "body", &member) &&
	    json_object_is_type(member, json_type_string)) {
		delivery->body_bytes =
		    (size_t)json_object_get_string_len(member);
		delivery->body =
		    wb_arena_strndup(arena, json_object_get_string(member),
		                     delivery->body_bytes);
		return WB_OK;
	}
	if (json_object_object_get_ex(line, "body_base64", &member) &&
	    json_object_is_type(member, json_type_string))
		return take_base64(member, arena, note, delivery);
	return wb_fail(note, WB_ERR_BAD_MESSAGE,
	               "has neither the text body nor body_base64");
}

static struct json_object *
parse_object(const char *line, size_t bytes)
{
	struct json_tokener *tokener = json_tokener_new_ex(LINE_DEPTH);
	struct json_object *object = NULL;

	if (tokener == NULL || bytes > INT_MAX)
		goto out;
	object = json_tokener_parse_ex(tokener, line, (int)bytes);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    !json_object_is_type(object, json_type_object)) {
		(void)json_object_put(object);
		object = NULL;
	}
out:
	if (tokener != NULL)
		json_tokener_free(tokener);
	return object;
}

enum wb_err
wb_letter_parse(const char *line, size_t bytes, struct wb_arena *arena,
                struct wb_note *note, struct wb_letter *ret_letter)
{
	struct json_object *object = parse_object(line, bytes);
	struct wb_amqp_delivery delivery = { 0 };
	struct json_object *member = NULL;
	const char *consumer;
	enum wb_err err;

	if (object == NULL)
		return wb_fail(note, WB_ERR_BAD_MESSAGE, "is no JSON object");
	consumer = take_text(object, "consumer", arena);
	delivery.props = (struct wb_amqp_properties){
		.message_id = take_text(object, "message_id", arena),
		.type = take_text(object, "type", arena),
		.content_type = take_text(object, "content_type", arena),
		.correlation_id = take_text(object, "correlation_id", arena),
		.app_id = take_text(object, "app_id", arena),
		.is_persistent = true,
	};
	if (json_object_object_get_ex(object, "timestamp", &member))
		delivery.props.timestamp_s = json_object_get_int64(member);
	err = consumer[0] == '\0'
	          ? wb_fail(note, WB_ERR_BAD_MESSAGE, "consumer: is missing")
	          : take_headers(object, arena, note, &delivery.props);
	if (err == WB_OK)
		err = take_body(object, arena, note, &delivery);
	if (err == WB_OK)
		wb_letter_read(ret_letter, &delivery, consumer);
	(void)json_object_put(object);
	return err;
}
