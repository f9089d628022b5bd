/* The table against what the broker has, by the management API: neither a
 * passive declare nor a returned message shows that one binding among several
 * is missing. */
#include "topology_run.h"

#include "topology_model.h"
#include "topology_table.h"

#include <json-c/json.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct comparing {
	struct wb_management *management;
	const char *vhost;
	struct wb_note *note;
	void (*tell)(void *arg, const char *difference);
	void *arg;
};

static void WB_PRINTF(2, 3) differ(struct comparing *c, const char *fmt, ...)
{
	char text[512]; /* names of AMQP have 255 bytes at most */
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	c->tell(c->arg, text);
}

/* GET /api/<kind>/<vhost>/<name><rest>; *ret is NULL when there is no such
 * thing. */
static enum wb_err
fetch(struct comparing *c, const char *kind, const char *name, const char *rest,
      struct json_object **ret)
{
	struct wb_buf path = { 0 }, answer = { 0 };
	int status = 0;
	enum wb_err err;

	*ret = NULL;
	wb_buf_printf(&path, "/api/%s/", kind);
	wb_management_add_segment(&path, c->vhost);
	wb_buf_adds(&path, "/");
	wb_management_add_segment(&path, name);
	wb_buf_adds(&path, rest);
	err = wb_management_call(c->management, "GET", wb_buf_text(&path), NULL,
	                         &status, &answer, c->note);
	if (err == WB_OK && status < 300) {
		*ret = json_tokener_parse(wb_buf_text(&answer));
		if (*ret == NULL)
			err = wb_fail(c->note, WB_ERR_HTTP_FAILED,
			              "GET %s: the answer is no JSON",
			              wb_buf_text(&path));
	}
	wb_buf_fini(&path);
	wb_buf_fini(&answer);
	return err;
}

static const char *
text_of(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, name, &value);
	return value == NULL ? "" : json_object_get_string(value);
}

static bool
flag_of(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, name, &value);
	return json_object_get_boolean(value) != 0;
}

/* ---- arguments ---- */

static void
compare_argument(struct comparing *c, const char *queue,
                 struct json_object *arguments,
                 const struct wb_amqp_header *want)
{
	struct json_object *have = NULL;
	char number[24];
	const char *text = want->text;

	if (text == NULL) {
		(void)snprintf(number, sizeof(number), "%" PRId64,
		               want->number);
		text = number;
	}
	if (!json_object_object_get_ex(arguments, want->name, &have))
		differ(c, "queue %s: argument %s is missing, want \"%s\"",
		       queue, want->name, text);
	else if (json_object_is_type(have, json_type_string) !=
	             (want->text != NULL) ||
	         strcmp(json_object_get_string(have), text) != 0)
		differ(c, "queue %s: argument %s is \"%s\", want \"%s\"", queue,
		       want->name, json_object_get_string(have), text);
}

static void
compare_arguments(struct comparing *c, const struct wb_topology_queue *want,
                  struct json_object *have)
{
	struct json_object *arguments = NULL;
	size_t i;

	(void)json_object_object_get_ex(have, "arguments", &arguments);
	for (i = 0; i < want->n_arguments; i++)
		compare_argument(c, want->name, arguments, &want->arguments[i]);
	if (!json_object_is_type(arguments, json_type_object))
		return;
	json_object_object_foreach(arguments, name, value)
	{
		for (i = 0; i < want->n_arguments; i++) {
			if (strcmp(want->arguments[i].name, name) == 0)
				break;
		}
		if (i == want->n_arguments)
			differ(c, "queue %s: has the argument %s \"%s\"",
			       want->name, name, json_object_get_string(value));
	}
}

/* ---- exchange, queues, bindings ---- */

static enum wb_err
compare_exchange(struct comparing *c)
{
	struct json_object *have, *arguments = NULL;
	enum wb_err err = fetch(c, "exchanges", TOPOLOGY_EXCHANGE, "", &have);

	if (err != WB_OK)
		return err;
	if (have == NULL) {
		differ(c, "exchange %s: missing", TOPOLOGY_EXCHANGE);
		return WB_OK;
	}
	if (strcmp(text_of(have, "type"), TOPOLOGY_EXCHANGE_TYPE) != 0)
		differ(c, "exchange %s: type is %s, want %s", TOPOLOGY_EXCHANGE,
		       text_of(have, "type"), TOPOLOGY_EXCHANGE_TYPE);
	if (!flag_of(have, "durable"))
		differ(c, "exchange %s: not durable", TOPOLOGY_EXCHANGE);
	if (flag_of(have, "auto_delete") || flag_of(have, "internal"))
		differ(c, "exchange %s: auto-delete or internal",
		       TOPOLOGY_EXCHANGE);
	/* An alternate exchange would hide events that no queue takes. */
	(void)json_object_object_get_ex(have, "arguments", &arguments);
	if (json_object_is_type(arguments, json_type_object) &&
	    json_object_object_length(arguments) > 0)
		differ(c, "exchange %s: has arguments %s", TOPOLOGY_EXCHANGE,
		       json_object_get_string(arguments));
	(void)json_object_put(have);
	return WB_OK;
}

static enum wb_err
compare_queue(struct comparing *c, const struct wb_topology_queue *want)
{
	struct json_object *have;
	enum wb_err err = fetch(c, "queues", want->name, "", &have);

	if (err != WB_OK)
		return err;
	if (have == NULL) {
		differ(c, "queue %s: missing", want->name);
		return WB_OK;
	}
	if (!flag_of(have, "durable"))
		differ(c, "queue %s: not durable", want->name);
	compare_arguments(c, want, have);
	(void)json_object_put(have);
	return WB_OK;
}

/* Is there a binding of this queue with this key in the broker's list? */
static bool
list_has(struct json_object *list, const struct wb_topology_binding *want)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *have = json_object_array_get_idx(list, i);

		if (strcmp(text_of(have, "destination"), want->queue) == 0 &&
		    strcmp(text_of(have, "routing_key"), want->event->name) ==
		        0)
			return true;
	}
	return false;
}

static bool
table_has(const char *queue, const char *key)
{
	size_t i;

	for (i = 0; i < wb_topology_n_bindings; i++) {
		const struct wb_topology_binding *want =
		    &wb_topology_bindings[i];

		if (strcmp(want->queue, queue) == 0 &&
		    strcmp(want->event->name, key) == 0)
			return true;
	}
	return false;
}

/* Bindings to queues and exchanges that are not in the table are others'
 * business. */
static enum wb_err
compare_bindings(struct comparing *c)
{
	struct json_object *list;
	enum wb_err err =
	    fetch(c, "exchanges", TOPOLOGY_EXCHANGE, "/bindings/source", &list);
	size_t i;

	if (err != WB_OK || list == NULL)
		return err;
	for (i = 0; i < wb_topology_n_bindings; i++) {
		const struct wb_topology_binding *want =
		    &wb_topology_bindings[i];

		if (!list_has(list, want))
			differ(c, "binding %s -> %s: missing",
			       want->event->name, want->queue);
	}
	for (i = 0; i < json_object_array_length(list); i++) {
		struct json_object *have = json_object_array_get_idx(list, i);
		const char *queue = text_of(have, "destination");
		const char *key = text_of(have, "routing_key");

		if (wb_topology_has_queue(queue) && !table_has(queue, key))
			differ(c, "binding %s -> %s: not in the table", key,
			       queue);
	}
	(void)json_object_put(list);
	return WB_OK;
}

enum wb_err
wb_topology_compare(struct wb_management *management, const char *vhost,
                    void (*tell)(void *arg, const char *difference), void *arg,
                    struct wb_note *note)
{
	struct comparing c = {
		.management = management,
		.vhost = vhost,
		.note = note,
		.tell = tell,
		.arg = arg,
	};
	unsigned major = 0;
	enum wb_err err = wb_management_version(management, &major, note);
	size_t i;

	if (err == WB_OK)
		err = compare_exchange(&c);
	for (i = 0; err == WB_OK && i < wb_topology_n_queues(); i++) {
		struct wb_topology_queue queue = wb_topology_queue(i, major);

		err = compare_queue(&c, &queue);
	}
	if (err == WB_OK)
		err = compare_bindings(&c);
	return err;
}
