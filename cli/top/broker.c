/* The broker: two requests a round, at the same time. */
#include "top.h"

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"

#include <json-c/json.h>

#include <stdlib.h>
#include <string.h>

enum {
	DEADLINE_MS = 3000,
	MAX_ANSWER_BYTES = 32 * 1024 * 1024,
};

#define DEAD_LETTERS ".dlq"

/* ---- reading ---- */

static int64_t
number_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value)
	           ? json_object_get_int64(value)
	           : 0;
}

static const char *
text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	return json_object_object_get_ex(object, key, &value)
	           ? json_object_get_string(value)
	           : "";
}

/* 0 of a queue to which nothing has happened yet. */
static double
rate_of(struct json_object *object, const char *key)
{
	struct json_object *stats, *details, *rate;

	if (!json_object_object_get_ex(object, "message_stats", &stats) ||
	    !json_object_object_get_ex(stats, key, &details) ||
	    !json_object_object_get_ex(details, "rate", &rate))
		return 0;
	return json_object_get_double(rate);
}

static void
read_queue(struct wb_top_queue *queue, struct json_object *object)
{
	(void)snprintf(queue->name, sizeof(queue->name), "%.255s",
	               text_of(object, "name"));
	queue->ready = number_of(object, "messages_ready");
	queue->unacked = number_of(object, "messages_unacknowledged");
	queue->consumers = number_of(object, "consumers");
	queue->in_per_s = rate_of(object, "publish_details");
	queue->out_per_s = rate_of(object, "ack_details");
	queue->dead = -1;
}

static int
by_name(const void *a, const void *b)
{
	const struct wb_top_queue *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static struct wb_top_queue *
find_queue(struct wb_top_broker *broker, const char *name, size_t bytes)
{
	for (size_t i = 0; i < broker->n_queues; i++)
		if (strlen(broker->queues[i].name) == bytes &&
		    memcmp(broker->queues[i].name, name, bytes) == 0)
			return &broker->queues[i];
	return NULL;
}

/* A queue of dead letters is a column of the queue that it belongs to. */
static void
fold_dead_letters(struct wb_top_broker *broker)
{
	size_t kept = 0;

	for (size_t i = 0; i < broker->n_queues; i++) {
		struct wb_top_queue *queue = &broker->queues[i];
		size_t bytes = strlen(queue->name), tail = strlen(DEAD_LETTERS);
		struct wb_top_queue *living = NULL;

		if (bytes > tail &&
		    strcmp(queue->name + bytes - tail, DEAD_LETTERS) == 0)
			living = find_queue(broker, queue->name, bytes - tail);
		if (living != NULL)
			living->dead = queue->ready + queue->unacked;
		else
			broker->queues[kept++] = *queue;
	}
	broker->n_queues = kept;
}

static void
read_queues(struct wb_top_broker *broker, struct json_object *array)
{
	size_t n = json_object_array_length(array);

	free(broker->queues);
	broker->queues = wb_zalloc((n + 1) * sizeof(*broker->queues));
	broker->n_queues = n;
	for (size_t i = 0; i < n; i++)
		read_queue(&broker->queues[i],
		           json_object_array_get_idx(array, i));
	/* "inventory" sorts before "inventory.dlq". */
	qsort(broker->queues, n, sizeof(*broker->queues), by_name);
	fold_dead_letters(broker);
}

static void
read_nodes(struct wb_top_broker *broker, struct json_object *array)
{
	static const struct {
		const char *key, *text;
		bool wanted;
	} signs[] = {
		{ "running", "down", true },
		{ "mem_alarm", "memory alarm", false },
		{ "disk_free_alarm", "disk alarm", false },
	};

	wb_buf_clear(&broker->alarms);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *node = json_object_array_get_idx(array, i);

		for (size_t j = 0; j < WB_ARRAY_LEN(signs); j++) {
			struct json_object *value;

			if (!json_object_object_get_ex(node, signs[j].key,
			                               &value) ||
			    (json_object_get_boolean(value) != 0) ==
			        signs[j].wanted)
				continue;
			wb_buf_printf(&broker->alarms, "%s%s: %s",
			              broker->alarms.len > 0 ? ", " : "",
			              text_of(node, "name"), signs[j].text);
		}
	}
}

/* ---- asking ---- */

static void
end_request(struct wb_top_broker *broker, enum wb_err err, const char *why)
{
	if (err != WB_OK && broker->err == WB_OK)
		broker->err = wb_fail(&broker->note, err, "%s", why);
	if (--broker->n_waiting == 0)
		wb_top_ended(&broker->source, broker->err, broker->note.text);
}

static void
read_response(struct wb_top_broker *broker,
              const struct wb_http_response *response,
              void (*read)(struct wb_top_broker *broker,
                           struct json_object *array))
{
	struct json_object *array = NULL;
	char status[32];

	if (response->err != WB_OK) {
		end_request(broker, response->err, response->error);
		return;
	}
	if (response->status == 200)
		array = json_tokener_parse(response->body);
	if (json_object_is_type(array, json_type_array)) {
		read(broker, array);
		end_request(broker, WB_OK, "");
	} else {
		(void)snprintf(status, sizeof(status), "HTTP status %d",
		               response->status);
		end_request(broker, WB_ERR_BROKER_REFUSED,
		            response->status == 200 ? "that is no management "
		                                      "API"
		                                    : status);
	}
	(void)json_object_put(array);
}

static void
on_queues(const struct wb_http_response *response, void *arg)
{
	read_response(arg, response, read_queues);
}

static void
on_nodes(const struct wb_http_response *response, void *arg)
{
	read_response(arg, response, read_nodes);
}

void
wb_top_broker_ask(struct wb_top_broker *broker)
{
	struct wb_http_call call = {
		.method = "GET",
		.deadline_ms = DEADLINE_MS,
		.max_body_bytes = MAX_ANSWER_BYTES,
	};

	if (broker->source.is_asking)
		return;
	broker->source.is_asking = true;
	broker->source.asked_us = wb_mono_us();
	broker->err = WB_OK;
	broker->n_waiting = 2;
	call.url = wb_buf_text(&broker->queues_url);
	wb_http_client_send(broker->client, &call, on_queues, broker);
	call.url = wb_buf_text(&broker->nodes_url);
	wb_http_client_send(broker->client, &call, on_nodes, broker);
}

void
wb_top_broker_open(struct wb_top_broker *broker, struct wb_cli *cli)
{
	const char *url = cli->common.management_url;
	size_t bytes = strlen(url);

	while (bytes > 0 && url[bytes - 1] == '/')
		bytes--;
	wb_buf_add(&broker->queues_url, url, bytes);
	wb_buf_adds(&broker->queues_url, "/api/queues/");
	wb_management_add_segment(&broker->queues_url,
	                          cli->brokers.list[0].vhost);
	wb_buf_adds(&broker->queues_url,
	            "?columns=name,messages_ready,messages_unacknowledged,"
	            "consumers,message_stats.publish_details.rate,"
	            "message_stats.ack_details.rate");
	wb_buf_add(&broker->nodes_url, url, bytes);
	wb_buf_adds(
	    &broker->nodes_url,
	    "/api/nodes?columns=name,running,mem_alarm,disk_free_alarm");
	broker->client = wb_http_client_new(cli->loop);
}

void
wb_top_broker_close(struct wb_top_broker *broker)
{
	wb_http_client_free(broker->client);
	wb_buf_fini(&broker->queues_url);
	wb_buf_fini(&broker->nodes_url);
	wb_buf_fini(&broker->alarms);
	free(broker->queues);
}
