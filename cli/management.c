#include "management.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/client.h"

#include <json-c/json.h>

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 10000
#define PAUSE_MS    200
#define NOT_FOUND   404

struct wb_management {
	struct wb_loop *loop;
	struct wb_http_client *client;
	const char *url;
	int64_t wait_until_us;
	struct wb_timer pause;
	/* of the request in hand */
	bool is_over; /* it, or the pause before it; the loop may be stopped
	                 for other reasons, such as a row of a database */
	enum wb_err err;
	int status;
	struct wb_buf *answer;
	struct wb_note note;
};

static void
on_pause_end(void *arg)
{
	struct wb_management *management = arg;

	management->is_over = true;
	wb_loop_stop(management->loop);
}

static void
wait(struct wb_management *management)
{
	while (!management->is_over)
		wb_loop_run(management->loop);
	management->is_over = false;
}

struct wb_management *
wb_management_new(struct wb_loop *loop, const char *url, int64_t wait_ms)
{
	struct wb_management *management = wb_zalloc(sizeof(*management));

	management->loop = loop;
	management->client = wb_http_client_new(loop);
	management->url = url;
	management->wait_until_us = wb_mono_us() + wait_ms * 1000;
	wb_timer_init(&management->pause, loop, on_pause_end, management);
	return management;
}

void
wb_management_free(struct wb_management *management)
{
	if (management == NULL)
		return;
	wb_timer_fini(&management->pause);
	wb_http_client_free(management->client);
	free(management);
}

static void
on_response(const struct wb_http_response *response, void *arg)
{
	struct wb_management *management = arg;

	management->err = response->err;
	management->status = response->status;
	wb_buf_clear(management->answer);
	if (response->err == WB_OK)
		wb_buf_add(management->answer, response->body,
		           response->body_bytes);
	else
		(void)wb_fail(&management->note, response->err, "%s",
		              response->error);
	management->is_over = true;
	wb_loop_stop(management->loop);
}

static void
ask_once(struct wb_management *management, const struct wb_http_call *call)
{
	wb_http_client_send(management->client, call, on_response, management);
	wait(management);
}

/* RabbitMQ says why in the body: {"error":…,"reason":…}. */
static enum wb_err
check_status(const struct wb_management *management, const char *method,
             const char *path, struct wb_note *note)
{
	if (management->err != WB_OK)
		return wb_fail(note, management->err, "%s %s: %s", method, path,
		               management->note.text);
	if (management->status < 300 || management->status == NOT_FOUND)
		return WB_OK;
	return wb_fail(note, WB_ERR_BROKER_REFUSED, "%s %s: status %d %s",
	               method, path, management->status,
	               wb_buf_text(management->answer));
}

enum wb_err
wb_management_call(struct wb_management *management, const char *method,
                   const char *path, const char *body, int *ret_status,
                   struct wb_buf *ret_answer, struct wb_note *note)
{
	static const char *const headers[] = { "Content-Type: application/json",
		                               NULL };
	struct wb_buf url = { 0 };
	struct wb_http_call call = {
		.method = method,
		.headers = headers,
		.body = body,
		.body_bytes = body == NULL ? 0 : strlen(body),
		.deadline_ms = DEADLINE_MS,
	};
	size_t base = strlen(management->url);

	while (base > 0 && management->url[base - 1] == '/')
		base--;
	wb_buf_add(&url, management->url, base);
	wb_buf_adds(&url, path);
	call.url = wb_buf_text(&url);
	management->answer = ret_answer;
	ask_once(management, &call);
	while (management->err == WB_ERR_HTTP_FAILED &&
	       wb_mono_us() < management->wait_until_us) {
		wb_timer_start_ms(&management->pause, PAUSE_MS);
		wait(management);
		ask_once(management, &call);
	}
	wb_buf_fini(&url);
	*ret_status = management->status;
	return check_status(management, method, path, note);
}

void
wb_management_add_segment(struct wb_buf *path, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (isalnum(c) || strchr("-._~", c) != NULL)
			wb_buf_add(path, text, 1);
		else
			wb_buf_printf(path, "%%%02X", (unsigned)c);
	}
}

enum wb_err
wb_management_version(struct wb_management *management, unsigned *ret_major,
                      struct wb_note *note)
{
	struct wb_buf answer = { 0 };
	struct json_object *overview = NULL, *version = NULL;
	int status;
	enum wb_err err = wb_management_call(management, "GET", "/api/overview",
	                                     NULL, &status, &answer, note);

	if (err != WB_OK)
		goto out;
	overview = json_tokener_parse(wb_buf_text(&answer));
	if (!json_object_object_get_ex(overview, "rabbitmq_version",
	                               &version)) {
		err = wb_fail(note, WB_ERR_HTTP_FAILED,
		              "no RabbitMQ management API answers there");
		goto out;
	}
	*ret_major =
	    (unsigned)strtoul(json_object_get_string(version), NULL, 10);
out:
	(void)json_object_put(overview);
	wb_buf_fini(&answer);
	return err;
}
