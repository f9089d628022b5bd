/* What a dead letter says about itself. */
#include "letter.h"

#include "base/clock.h"
#include "base/mem.h"

#include <json-c/json.h>
#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENER_DEPTH 64

bool
wb_letter_is_brokers(const char *header)
{
	return strncmp(header, "x-first-death-", 14) == 0 ||
	       strncmp(header, "x-last-death-", 13) == 0 ||
	       strcmp(header, "x-death") == 0 ||
	       strcmp(header, "x-delivery-count") == 0 ||
	       strcmp(header, "x-acquired-count") == 0;
}

static const struct wb_amqp_header *
find_header(const struct wb_letter *letter, const char *name)
{
	for (size_t i = 0; i < letter->props.n_headers; i++)
		if (strcmp(letter->props.headers[i].name, name) == 0)
			return &letter->props.headers[i];
	return NULL;
}

static const char *
header_text(const struct wb_letter *letter, const char *name, const char *none)
{
	const struct wb_amqp_header *header = find_header(letter, name);

	return header != NULL && header->text != NULL && header->text[0] != '\0'
	           ? header->text
	           : none;
}

/* A number also where some tool has made a text of it. */
static int64_t
header_number(const struct wb_letter *letter, const char *name)
{
	const struct wb_amqp_header *header = find_header(letter, name);
	int64_t number;

	if (header == NULL)
		return 0;
	number = header->text == NULL ? header->number
	                              : strtoll(header->text, NULL, 10);
	return number < 0 || number > INT32_MAX ? 0 : number;
}

static int64_t
header_time(const struct wb_letter *letter, const char *name)
{
	int64_t us;

	return wb_time_parse(header_text(letter, name, ""), &us) ? us : 0;
}

const char *
wb_letter_header(const struct wb_letter *letter, const char *name,
                 struct wb_arena *arena)
{
	const struct wb_amqp_header *header = find_header(letter, name);

	if (header == NULL)
		return "";
	return header->text != NULL
	           ? header->text
	           : wb_arena_printf(arena, "%lld", (long long)header->number);
}

/* ---- identity ---- */

static void
set_id(struct wb_letter *letter)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned bytes = 0;

	if (letter->props.message_id[0] != '\0' &&
	    strlen(letter->props.message_id) < sizeof letter->id) {
		(void)snprintf(letter->id, sizeof letter->id, "%s",
		               letter->props.message_id);
		for (char *at = letter->id; *at != '\0'; at++)
			if (*at <= ' ' || *at > '~' || *at == ',')
				*at = '?';
		return;
	}
	WB_ASSERT(EVP_Digest(letter->body, letter->body_bytes, digest, &bytes,
	                     EVP_sha256(), NULL) == 1);
	(void)snprintf(letter->id, sizeof letter->id, "sha256-");
	for (unsigned i = 0; i < 12; i++)
		(void)snprintf(letter->id + 7 + 2 * (size_t)i, 3, "%02x",
		               digest[i]);
}

/* "DELIVERY_LIMIT" of the broker's own "delivery_limit"; the few that there are
 * live as long as the program. */
static const char *
broker_code(const char *reason)
{
	static const char *const codes[][2] = {
		{ "delivery_limit", "DELIVERY_LIMIT" },
		{ "rejected", "REJECTED" },
		{ "expired", "EXPIRED" },
		{ "maxlen", "MAXLEN" },
	};

	for (size_t i = 0; i < WB_ARRAY_LEN(codes); i++)
		if (strcmp(reason, codes[i][0]) == 0)
			return codes[i][1];
	return WB_DLQ_NO_CODE;
}

void
wb_letter_read(struct wb_letter *letter,
               const struct wb_amqp_delivery *delivery, const char *consumer)
{
	const char *reason;

	*letter = (struct wb_letter){
		.tag = delivery->tag,
		.consumer = consumer,
		.props = delivery->props,
		.body = delivery->body,
		.body_bytes = delivery->body_bytes,
	};
	set_id(letter);
	reason = header_text(letter, "x-first-death-reason", "");
	/* What was put into the queue by hand has the queue's name for a key.
	 */
	letter->type = header_text(letter, WB_DLQ_H_KEY, letter->props.type);
	if (strcmp(letter->type, consumer) == 0)
		letter->type = "";
	letter->error_code =
	    header_text(letter, "waybill-error-code", broker_code(reason));
	letter->error =
	    header_text(letter, "waybill-error",
	                reason[0] == '\0' ? "" : "dead-lettered by the broker");
	letter->replay = header_text(letter, WB_DLQ_H_REPLAY, "");
	letter->replays = header_number(letter, WB_DLQ_H_COUNT);
	letter->attempts = header_number(letter, WB_DLQ_H_ATTEMPTS);
	letter->failed_us = header_time(letter, "waybill-last-failed-at");
	letter->first_failed_us =
	    header_time(letter, "waybill-first-failed-at");
	if (letter->failed_us == 0)
		letter->failed_us = letter->props.timestamp_s * 1000000;
}

/* ---- copies ---- */

static size_t
text_bytes(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

static const char *
put_text(char **at, const char *text)
{
	char *copy = *at;

	if (text == NULL)
		return NULL;
	memcpy(copy, text, strlen(text) + 1);
	*at += strlen(text) + 1;
	return copy;
}

size_t
wb_letter_bytes(const struct wb_letter *letter)
{
	const struct wb_amqp_properties *props = &letter->props;
	size_t bytes =
	    sizeof *letter + props->n_headers * sizeof *props->headers;

	for (size_t i = 0; i < props->n_headers; i++)
		bytes += text_bytes(props->headers[i].name) +
		         text_bytes(props->headers[i].text);
	return bytes + text_bytes(props->content_type) +
	       text_bytes(props->message_id) +
	       text_bytes(props->correlation_id) + text_bytes(props->type) +
	       text_bytes(props->app_id) + letter->body_bytes + 1;
}

/* The headers come first, for their alignment is the struct's. */
struct wb_letter *
wb_letter_copy(const struct wb_letter *letter)
{
	struct wb_letter *copy = wb_zalloc(wb_letter_bytes(letter));
	struct wb_amqp_header *headers = (void *)(copy + 1);
	struct wb_amqp_delivery delivery = {
		.tag = letter->tag,
		.props = letter->props,
		.body_bytes = letter->body_bytes,
	};
	struct wb_amqp_properties *props = &delivery.props;
	char *at = (char *)(headers + props->n_headers);

	for (size_t i = 0; i < props->n_headers; i++) {
		headers[i].name = put_text(&at, letter->props.headers[i].name);
		headers[i].text = put_text(&at, letter->props.headers[i].text);
		headers[i].number = letter->props.headers[i].number;
	}
	props->headers = headers;
	props->content_type = put_text(&at, props->content_type);
	props->message_id = put_text(&at, props->message_id);
	props->correlation_id = put_text(&at, props->correlation_id);
	props->type = put_text(&at, props->type);
	props->app_id = put_text(&at, props->app_id);
	memcpy(at, letter->body, letter->body_bytes);
	delivery.body = at;
	wb_letter_read(copy, &delivery, letter->consumer);
	return copy;
}

/* ---- the body ---- */

struct json_object *
wb_letter_json(const struct wb_letter *letter)
{
	struct json_tokener *tokener = json_tokener_new_ex(TOKENER_DEPTH);
	struct json_object *json = NULL;
	int bytes = (int)letter->body_bytes;

	if (tokener == NULL || letter->body_bytes > INT32_MAX)
		goto out;
	json = json_tokener_parse_ex(tokener, letter->body, bytes);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		(void)json_object_put(json);
		json = NULL;
	}
out:
	if (tokener != NULL)
		json_tokener_free(tokener);
	return json;
}

static const char *
member_text(struct json_object *json, const char *name)
{
	struct json_object *member = NULL;

	return json_object_object_get_ex(json, name, &member) &&
	               json_object_is_type(member, json_type_string)
	           ? json_object_get_string(member)
	           : "";
}

bool
wb_letter_event_id(const struct wb_letter *letter, struct wb_uuid *ret_id)
{
	struct json_object *json = wb_letter_json(letter);
	bool has_id = json_object_is_type(json, json_type_object) &&
	              wb_uuid_parse(member_text(json, "id"), ret_id) &&
	              !wb_uuid_is_nil(ret_id);

	(void)json_object_put(json);
	return has_id || (wb_uuid_parse(letter->props.message_id, ret_id) &&
	                  !wb_uuid_is_nil(ret_id));
}

/* A correlation id is the order's where it is one: events about a product carry
 * the product's. */
const char *
wb_letter_order(const struct wb_letter *letter, struct wb_arena *arena)
{
	const char *order = letter->props.correlation_id;
	struct json_object *json = NULL;
	struct wb_uuid id;

	if (order[0] == '\0') {
		json = wb_letter_json(letter);
		if (json_object_is_type(json, json_type_object))
			order = member_text(json, "correlationid");
	}
	order = wb_uuid_parse(order, &id) ? wb_arena_strdup(arena, order) : "";
	(void)json_object_put(json);
	return order;
}
