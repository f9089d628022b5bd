/* How much lies in the queues, by the broker's management API. */
#include "audit.h"

#include "base/mem.h"

#include <json-c/json.h>

#include <string.h>

static void
count(struct audit *audit, const char *name, int64_t messages)
{
	for (size_t i = 0; i < WB_N_SERVICES; i++) {
		if (wb_services[i].queue == NULL)
			continue;
		if (strcmp(name, wb_services[i].queue) == 0)
			audit->queue[i] = messages;
		else if (strcmp(name, wb_services[i].dead_letters) == 0 &&
		         messages > audit->dlq[i])
			audit->dlq[i] = messages;
	}
}

static enum wb_err
read_queues(struct audit *audit, const char *answer, struct wb_note *note)
{
	struct json_object *queues = json_tokener_parse(answer);
	enum wb_err err = WB_OK;

	if (!json_object_is_type(queues, json_type_array)) {
		err = wb_fail(note, WB_ERR_HTTP_FAILED,
		              "the management API lists no queues: %.100s",
		              answer);
		goto out;
	}
	for (size_t i = 0; i < json_object_array_length(queues); i++) {
		struct json_object *queue =
		    json_object_array_get_idx(queues, i);
		struct json_object *name = NULL, *messages = NULL;

		(void)json_object_object_get_ex(queue, "name", &name);
		(void)json_object_object_get_ex(queue, "messages", &messages);
		if (name != NULL)
			count(audit, json_object_get_string(name),
			      json_object_get_int64(messages));
	}
out:
	(void)json_object_put(queues);
	return err;
}

enum wb_err
audit_broker_look(struct audit *audit, struct wb_note *note)
{
	struct wb_cli *cli = audit->cli;
	struct wb_buf path = { 0 }, answer = { 0 };
	enum wb_err err;
	int status;

	if (cli->common.management_url[0] == '\0')
		return WB_OK;
	wb_buf_adds(&path, "/api/queues/");
	wb_management_add_segment(&path, cli->brokers.list[0].vhost);
	/* As they are now, not as they were when statistics were made. */
	wb_buf_adds(&path, "?disable_stats=true&enable_queue_totals=true");
	err = wb_management_call(wb_cli_management(cli), "GET",
	                         wb_buf_text(&path), NULL, &status, &answer,
	                         note);
	if (err == WB_OK)
		err = read_queues(audit, wb_buf_text(&answer), note);
	audit->has_broker = err == WB_OK;
	wb_buf_fini(&path);
	wb_buf_fini(&answer);
	return err;
}
