/* POST /charges and /refunds with an Idempotency-Key; GET /charges and
 * /charges/{key} tell what was charged, for audits, tests and the curious.
 * GET /charges?after=KEY&limit=N gives a page, sorted by key.
 *
 * GET /modes and PUT /modes/{payment_method} ("*": all others) with
 * {"charges":…,"refunds":…} change how it behaves: see modes.h.
 *
 * In the usual mode the test payment methods decide what becomes of a charge:
 *   pm_ok        captured
 *   pm_declined  declined
 *   pm_slow      captured, but the first answer of a key takes its time
 *   pm_flaky     the first calls of a key fail with 503, then captured
 *   pm_timeout   captured, but the first call of a key is never answered
 * anything else is declined. */
#include "api.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "ledger.h"
#include "modes.h"

#include <json-c/json.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static struct wb_loop *loop;
static const struct api_params *params;
static struct wb_gauge *most_held_gauge;
static size_t n_held, most_held;

/* A request whose answer waits. */
struct held {
	struct wb_http_request *request;
	struct wb_timer timer;
	const struct ledger_entry *entry; /* NULL: it is never answered */
};

static void
reply_entry(struct wb_http_request *request, const struct ledger_entry *entry)
{
	bool is_declined = entry->kind == LEDGER_DECLINED;
	struct wb_buf body = { 0 };

	wb_buf_printf(&body, "{\"status\":\"%s\",\"reference\":\"%s\"%s}",
	              ledger_kind_name(entry->kind), entry->reference,
	              is_declined ? ",\"reason\":\"the card was declined\""
	                          : "");
	wb_http_reply_json(request, is_declined ? 402 : 200, body.data,
	                   body.len);
	wb_buf_fini(&body);
}

static void
held_free(void *arg)
{
	struct held *held = arg;

	n_held--;
	wb_timer_fini(&held->timer);
	free(held);
}

static void
on_gone(void *arg)
{
	struct held *held = arg;

	wb_timer_stop(&held->timer);
	wb_loop_defer(loop, held_free, held);
}

static void
on_held_long_enough(void *arg)
{
	struct held *held = arg;

	reply_entry(held->request, held->entry);
	wb_loop_defer(loop, held_free, held);
}

/* entry NULL: never answered; the server's own reply deadline ends it. */
static void
hold(struct wb_http_request *request, const struct ledger_entry *entry)
{
	struct held *held = wb_zalloc(sizeof(*held));

	held->request = request;
	held->entry = entry;
	wb_timer_init(&held->timer, loop, on_held_long_enough, held);
	wb_http_on_gone(request, on_gone, held);
	if (entry != NULL)
		wb_timer_start_ms(&held->timer, params->slow_ms);
	if (++n_held > most_held) {
		most_held = n_held;
		wb_gauge_set(most_held_gauge, (double)most_held);
	}
}

/* What the mode does before money can move; true if that was all. */
static bool
refuse(struct wb_http_request *request, enum mode mode)
{
	switch (mode) {
	case MODE_FAILING:
		wb_http_problem(request, 503, NULL, "told to fail");
		return true;
	case MODE_REFUSING:
		wb_http_problem(request, 422, NULL, "told to refuse");
		return true;
	case MODE_HANGING:
		hold(request, NULL);
		return true;
	case MODE_USUAL:
	case MODE_SLOW:
	case MODE_LYING:
	case MODE_COUNT:
		break;
	}
	return false;
}

/* How the mode tells what has happened. */
static void
answer(struct wb_http_request *request, enum mode mode,
       const struct ledger_entry *entry)
{
	if (mode == MODE_LYING)
		wb_http_hang_up(request);
	else if (mode == MODE_SLOW)
		hold(request, entry);
	else
		reply_entry(request, entry);
}

static bool
is_chargeable(const char *method)
{
	static const char *const methods[] = {
		"pm_ok",
		"pm_slow",
		"pm_flaky",
		"pm_timeout",
	};
	size_t i = 0;

	while (i < WB_ARRAY_LEN(methods) && strcmp(methods[i], method) != 0)
		i++;
	return i < WB_ARRAY_LEN(methods);
}

static void
charge(struct wb_http_request *request, struct ledger_entry *entry,
       const char *method, int64_t amount_minor)
{
	enum mode mode = modes_of(method).charges;
	bool is_first = entry->kind == LEDGER_NONE;
	bool is_by_name = is_first && mode == MODE_USUAL;

	if (refuse(request, mode))
		return;
	if (is_by_name && strcmp(method, "pm_flaky") == 0 &&
	    entry->calls <= params->flaky_calls) {
		wb_http_problem(request, 503, NULL, "try again");
		return;
	}
	if (is_first)
		ledger_record(entry,
		              is_chargeable(method) ? LEDGER_CHARGED
		                                    : LEDGER_DECLINED,
		              amount_minor);
	if (is_by_name && strcmp(method, "pm_timeout") == 0)
		hold(request, NULL);
	else if (is_by_name && strcmp(method, "pm_slow") == 0)
		hold(request, entry);
	else
		answer(request, mode, entry);
}

/* The body's two members and the key, or NULL when it has been answered. */
static struct json_object *
read_call(struct wb_http_request *request, const char **ret_key,
          const char **ret_method, int64_t *ret_amount)
{
	struct json_object *body, *method = NULL, *amount = NULL;

	*ret_key = wb_http_header(request, "Idempotency-Key");
	if (*ret_key == NULL || **ret_key == '\0' || strlen(*ret_key) > 200) {
		wb_http_problem(request, 400, "idempotency-key",
		                "an Idempotency-Key of 1 to 200 bytes is "
		                "needed");
		return NULL;
	}
	body = wb_http_json_body(request);
	if (body == NULL)
		return NULL;
	if (!json_object_object_get_ex(body, "payment_method", &method) ||
	    !json_object_is_type(method, json_type_string) ||
	    !json_object_object_get_ex(body, "amount_minor", &amount) ||
	    !json_object_is_type(amount, json_type_int)) {
		json_object_put(body);
		wb_http_problem(request, 422, NULL,
		                "payment_method and amount_minor are needed");
		return NULL;
	}
	*ret_method = json_object_get_string(method);
	*ret_amount = json_object_get_int64(amount);
	return body;
}

static void
post_charge(struct wb_http_request *request, void *arg)
{
	const char *key, *method;
	int64_t amount_minor;
	struct json_object *body =
	    read_call(request, &key, &method, &amount_minor);

	(void)arg;
	if (body == NULL)
		return;
	charge(request, ledger_call(key), method, amount_minor);
	json_object_put(body);
}

static void
post_refund(struct wb_http_request *request, void *arg)
{
	const char *key, *method;
	int64_t amount_minor;
	struct json_object *body =
	    read_call(request, &key, &method, &amount_minor);
	struct ledger_entry *entry;

	(void)arg;
	if (body == NULL)
		return;
	entry = ledger_call(key);
	if (!refuse(request, modes_of(method).refunds)) {
		if (entry->kind == LEDGER_NONE)
			ledger_record(entry, LEDGER_REFUNDED, amount_minor);
		answer(request, modes_of(method).refunds, entry);
	}
	json_object_put(body);
}

/* The whole list, or a page of it: after=KEY, limit=N. */
static void
get_charges(struct wb_http_request *request, void *arg)
{
	const char *after = wb_http_query_param(request, "after");
	const char *limit = wb_http_query_param(request, "limit");
	long long most = limit != NULL ? strtoll(limit, NULL, 10) : INT_MAX;
	struct wb_buf body = { 0 };

	(void)arg;
	if (most < 1) {
		wb_http_problem(request, 400, NULL,
		                "limit is a number from 1 on");
		return;
	}
	ledger_print(&body, after != NULL ? after : "", (size_t)most);
	wb_http_reply_json(request, 200, body.data, body.len);
	wb_buf_fini(&body);
}

static void
get_charge(struct wb_http_request *request, void *arg)
{
	const struct ledger_entry *entry =
	    ledger_find(wb_http_path_param(request, "key"));
	struct wb_buf body = { 0 };

	(void)arg;
	if (entry == NULL) {
		wb_http_problem(request, 404, NULL, "this key was never sent");
		return;
	}
	ledger_print_entry(&body, entry);
	wb_http_reply_json(request, 200, body.data, body.len);
	wb_buf_fini(&body);
}

/* Absent is usual. */
static enum mode
read_mode(struct json_object *body, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(body, name, &value))
		return MODE_USUAL;
	return json_object_is_type(value, json_type_string)
	           ? mode_parse(json_object_get_string(value))
	           : MODE_COUNT;
}

static void
put_modes(struct wb_http_request *request, void *arg)
{
	struct json_object *body = wb_http_json_body(request);
	struct modes modes;

	(void)arg;
	if (body == NULL)
		return;
	modes.charges = read_mode(body, "charges");
	modes.refunds = read_mode(body, "refunds");
	json_object_put(body);
	if (modes.charges == MODE_COUNT || modes.refunds == MODE_COUNT) {
		wb_http_problem(request, 422, NULL,
		                "charges and refunds are usual, slow, failing, "
		                "hanging, lying or refusing");
		return;
	}
	modes_set(wb_http_path_param(request, "method"), modes);
	wb_http_reply(request, 204, NULL, NULL, 0);
}

static void
get_modes(struct wb_http_request *request, void *arg)
{
	struct wb_buf body = { 0 };

	(void)arg;
	modes_print(&body);
	wb_http_reply_json(request, 200, body.data, body.len);
	wb_buf_fini(&body);
}

const struct wb_http_route api_routes[] = {
	{ .method = "POST", .path = "/charges", .handle = post_charge },
	{ .method = "POST", .path = "/refunds", .handle = post_refund },
	{ .method = "GET", .path = "/charges", .handle = get_charges },
	{ .method = "GET", .path = "/charges/{key}", .handle = get_charge },
	{ .method = "GET", .path = "/modes", .handle = get_modes },
	{ .method = "PUT", .path = "/modes/{method}", .handle = put_modes },
	{ .method = NULL },
};

void
api_init(struct wb_loop *the_loop, const struct api_params *the_params)
{
	loop = the_loop;
	params = the_params;
	most_held_gauge = wb_gauge("wb_sim_held_most", "",
	                           "Most calls that waited at one time.");
}

void
api_fini(void)
{
	modes_free();
}
