/* The payment provider's HTTP interface. */
#include "provider.h"

#include "base/buf.h"
#include "base/utf8.h"

#include <json-c/json.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
provider_outcome_name(enum provider_outcome outcome)
{
	static const char *const names[] = {
		[PROVIDER_UNKNOWN] = "UNKNOWN",
		[PROVIDER_CAPTURED] = "CAPTURED",
		[PROVIDER_DECLINED] = "DECLINED",
		[PROVIDER_REFUNDED] = "REFUNDED",
		[PROVIDER_REFUSED] = "REFUSED",
	};

	return names[outcome];
}

void
provider_send(struct wb_http_client *client, const char *base_url,
              const struct provider_call *call, wb_http_response_fn fn,
              void *arg)
{
	char id[WB_UUID_TEXT_BYTES], url[512], key[80];
	const char *headers[] = { "Content-Type: application/json", key, NULL };
	struct wb_buf body = { 0 };

	wb_uuid_format(&call->order_id, id);
	(void)snprintf(url, sizeof(url), "%s/%s", base_url,
	               call->is_refund ? "refunds" : "charges");
	(void)snprintf(key, sizeof(key), "Idempotency-Key: %s%s", id,
	               call->is_refund ? "-refund" : "");
	wb_buf_printf(&body,
	              "{\"reference\":\"%s\",\"amount_minor\":%" PRId64
	              ",\"currency\":",
	              id, call->amount_minor);
	wb_buf_add_json_string(&body, call->currency, strlen(call->currency));
	wb_buf_adds(&body, ",\"payment_method\":");
	wb_buf_add_json_string(&body, call->method, strlen(call->method));
	wb_buf_adds(&body, "}");
	wb_http_client_send(client,
	                    &(struct wb_http_call){
	                        .method = "POST",
	                        .url = url,
	                        .headers = headers,
	                        .body = body.data,
	                        .body_bytes = body.len,
	                        .deadline_ms = call->deadline_ms,
	                    },
	                    fn, arg);
	wb_buf_fini(&body);
}

static void
copy_member(struct json_object *object, const char *name,
            char ret_text[PROVIDER_TEXT_BYTES])
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object) &&
	    json_object_object_get_ex(object, name, &value) &&
	    json_object_is_type(value, json_type_string))
		(void)snprintf(ret_text, PROVIDER_TEXT_BYTES, "%s",
		               json_object_get_string(value));
}

/* What is not UTF-8, by the provider's doing or because it was cut, would be
 * refused by the database, and with it the outcomes of all calls of a batch. */
static void
make_storable(char *text)
{
	size_t bytes = wb_utf8_trim(text, strlen(text)), step;

	text[bytes] = '\0';
	for (size_t at = 0; at < bytes; at += step) {
		step = wb_utf8_char(text + at, bytes - at);
		if (step == 0) {
			text[at] = '?';
			step = 1;
		}
	}
}

static enum provider_outcome
outcome_of(int status, const char *said, bool is_refund)
{
	if (status == 200 && !is_refund && strcmp(said, "captured") == 0)
		return PROVIDER_CAPTURED;
	if (status == 200 && is_refund && strcmp(said, "refunded") == 0)
		return PROVIDER_REFUNDED;
	if (status == 402 && !is_refund && strcmp(said, "declined") == 0)
		return PROVIDER_DECLINED;
	/* Other 4xx are not about this payment: a wrong login or address, too
	 * many calls, the same call still under way. */
	if (status == 400 || status == 422)
		return PROVIDER_REFUSED;
	return PROVIDER_UNKNOWN;
}

void
provider_read(const struct wb_http_response *response, bool is_refund,
              struct provider_answer *ret_answer)
{
	struct json_object *doc = NULL;
	char said[PROVIDER_TEXT_BYTES] = "";

	*ret_answer = (struct provider_answer){ .outcome = PROVIDER_UNKNOWN };
	if (response->err == WB_OK) {
		doc = json_tokener_parse(response->body);
		copy_member(doc, "status", said);
		copy_member(doc, "reference", ret_answer->reference);
		copy_member(doc, "reason", ret_answer->detail);
		ret_answer->outcome =
		    outcome_of(response->status, said, is_refund);
	}
	/* The events have to name it. */
	if (ret_answer->outcome == PROVIDER_CAPTURED &&
	    ret_answer->reference[0] == '\0')
		ret_answer->outcome = PROVIDER_UNKNOWN;
	if (ret_answer->outcome == PROVIDER_REFUSED)
		copy_member(doc, "detail", said);
	if (ret_answer->outcome == PROVIDER_UNKNOWN ||
	    ret_answer->outcome == PROVIDER_REFUSED)
		(void)snprintf(ret_answer->detail, PROVIDER_TEXT_BYTES,
		               "status %d: %.90s", response->status,
		               response->err != WB_OK ? response->error : said);
	make_storable(ret_answer->reference);
	make_storable(ret_answer->detail);
	json_object_put(doc);
}
