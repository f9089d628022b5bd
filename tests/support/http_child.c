#include "support/http_child.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/json_check.h"
#include "support/http_peer.h"

#include <json-c/json.h>

#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG_BYTES 300000
#define LATER_MS  50

/* A request that is answered later. */
struct pending {
	struct wb_http_request *request;
	struct wb_timer timer;
};

static struct child {
	struct wb_loop *loop;
	struct wb_http_server *server;
	struct pending *until_drained; /* NULL = none */
	unsigned n_gone;
} child;

static void
reply_buf(struct wb_http_request *request, struct wb_buf *buf)
{
	wb_http_reply_json(request, 200, buf->data, buf->len);
	wb_buf_fini(buf);
}

static void
get_hello(struct wb_http_request *request, void *arg)
{
	static const char body[] = "{\"hello\":\"world\"}";

	(void)arg;
	wb_http_reply_json(request, 200, body, sizeof(body) - 1);
}

static void
get_item(struct wb_http_request *request, void *arg)
{
	struct wb_buf buf = { .data = NULL };
	const char *id = wb_http_path_param(request, "id");

	(void)arg;
	wb_buf_adds(&buf, "{\"id\":");
	wb_buf_add_json_string(&buf, id, strlen(id));
	wb_buf_adds(&buf, "}");
	/* The second one is refused: it would make a header of its own. */
	wb_http_set_header(request, "ETag", "\"v1\"");
	wb_http_set_header(request, "X-Bad", "a\r\nX-Worse: b");
	reply_buf(request, &buf);
}

static void
put_item(struct wb_http_request *request, void *arg)
{
	(void)arg;
	wb_http_reply_json(request, 200, "{}", 2);
}

static void
get_query(struct wb_http_request *request, void *arg)
{
	struct wb_buf buf = { .data = NULL };
	const char *q = wb_http_query_param(request, "q");

	(void)arg;
	wb_buf_adds(&buf, "{\"q\":");
	if (q == NULL)
		wb_buf_adds(&buf, "null");
	else
		wb_buf_add_json_string(&buf, q, strlen(q));
	wb_buf_adds(&buf, "}");
	reply_buf(request, &buf);
}

static void
get_ids(struct wb_http_request *request, void *arg)
{
	struct wb_buf buf = { .data = NULL };

	(void)arg;
	wb_buf_printf(&buf, "{\"request_id\":\"%s\",\"traceparent\":\"%s\"}",
	              wb_http_request_id(request),
	              wb_http_traceparent(request));
	reply_buf(request, &buf);
}

static void
post_echo(struct wb_http_request *request, void *arg)
{
	struct json_object *json = wb_http_json_body(request);
	size_t bytes;
	const char *body;

	(void)arg;
	if (json == NULL)
		return;
	json_object_put(json);
	body = wb_http_body(request, &bytes);
	wb_http_reply_json(request, 200, body, bytes);
}

static void
post_check(struct wb_http_request *request, void *arg)
{
	static const char *const names[] = { "sku", "quantity", NULL };
	struct json_object *json = wb_http_json_body(request);
	struct wb_http_errors *errors;
	int64_t quantity;

	(void)arg;
	if (json == NULL)
		return;
	errors = wb_http_errors_new();
	wb_json_only(json, "", names, errors);
	(void)wb_json_need_text(json, "", "sku", 1, 8, errors);
	(void)wb_json_need_int(json, "", "quantity", 1, 9, &quantity, errors);
	wb_http_problem_errors(request, 400, "invalid-order",
	                       "The order is wrong.", errors);
	wb_http_errors_free(errors);
	json_object_put(json);
}

static void
free_pending(struct pending *pending)
{
	if (child.until_drained == pending)
		child.until_drained = NULL;
	wb_timer_fini(&pending->timer);
	free(pending);
}

static void
on_gone(void *arg)
{
	child.n_gone++;
	free_pending(arg);
}

static void
on_later(void *arg)
{
	struct pending *pending = arg;

	wb_http_reply_json(pending->request, 200, "{\"late\":true}", 13);
	free_pending(pending);
}

static struct pending *
new_pending(struct wb_http_request *request)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (pending == NULL)
		abort();
	pending->request = request;
	wb_timer_init(&pending->timer, child.loop, on_later, pending);
	wb_http_on_gone(request, on_gone, pending);
	return pending;
}

static void
get_later(struct wb_http_request *request, void *arg)
{
	(void)arg;
	wb_timer_start_ms(&new_pending(request)->timer, LATER_MS);
}

static void
get_drained(struct wb_http_request *request, void *arg)
{
	(void)arg;
	child.until_drained = new_pending(request);
}

static void
get_never(struct wb_http_request *request, void *arg)
{
	(void)arg;
	(void)new_pending(request);
}

static void
get_gone(struct wb_http_request *request, void *arg)
{
	struct wb_buf buf = { .data = NULL };

	(void)arg;
	wb_buf_printf(&buf, "{\"gone\":%u}", child.n_gone);
	reply_buf(request, &buf);
}

static void
get_big(struct wb_http_request *request, void *arg)
{
	char *body = malloc(BIG_BYTES);

	(void)arg;
	if (body == NULL)
		abort();
	memset(body, 'x', BIG_BYTES);
	wb_http_reply(request, 200, "text/plain", body, BIG_BYTES);
	free(body);
}

static void
get_fail(struct wb_http_request *request, void *arg)
{
	(void)arg;
	wb_http_problem(request, 500, NULL, "It fails.");
}

/* ---- streams ---- */

struct stream {
	struct wb_http_request *request;
	struct wb_timer timer;
	int64_t again_ms; /* 0: the next one is the last */
	const char *text;
	size_t bytes;
};

static void
free_stream(struct stream *stream)
{
	wb_timer_fini(&stream->timer);
	free(stream);
}

static void
on_stream_gone(void *arg)
{
	child.n_gone++;
	free_stream(arg);
}

static void
on_stream_timer(void *arg)
{
	struct stream *stream = arg;
	struct wb_http_request *request = stream->request;

	wb_http_stream_send(request, stream->text, stream->bytes);
	if (stream->again_ms > 0) {
		wb_timer_start_ms(&stream->timer, stream->again_ms);
		return;
	}
	free_stream(stream);
	wb_http_stream_end(request);
}

/* NULL after HEAD. */
static struct stream *
start_stream(struct wb_http_request *request)
{
	struct stream *stream = wb_zalloc(sizeof(*stream));

	stream->request = request;
	wb_timer_init(&stream->timer, child.loop, on_stream_timer, stream);
	wb_http_on_gone(request, on_stream_gone, stream);
	if (wb_http_stream_start(request, "text/event-stream"))
		return stream;
	free_stream(stream);
	return NULL;
}

static void
get_stream(struct wb_http_request *request, void *arg)
{
	struct stream *stream = start_stream(request);

	(void)arg;
	if (stream == NULL)
		return;
	wb_http_stream_send(request, "one\n", 4);
	stream->text = "two\n";
	stream->bytes = 4;
	wb_timer_start_ms(&stream->timer, LATER_MS);
}

static void
get_open(struct wb_http_request *request, void *arg)
{
	struct stream *stream = start_stream(request);

	(void)arg;
	if (stream != NULL)
		wb_http_stream_send(request, "one\n", 4);
}

static void
get_flood(struct wb_http_request *request, void *arg)
{
	static char bytes[100000];
	struct stream *stream = start_stream(request);

	(void)arg;
	if (stream == NULL)
		return;
	stream->text = bytes;
	stream->bytes = sizeof(bytes);
	stream->again_ms = 1;
	wb_timer_start_ms(&stream->timer, 1);
}

static const struct wb_http_route routes[] = {
	{ .method = "GET", .path = "/hello", .handle = get_hello },
	{ .method = "GET", .path = "/items/{id}", .handle = get_item },
	{ .method = "PUT", .path = "/items/{id}", .handle = put_item },
	{ .method = "GET", .path = "/query", .handle = get_query },
	{ .method = "GET", .path = "/ids", .handle = get_ids },
	{ .method = "POST", .path = "/echo", .handle = post_echo },
	{ .method = "POST", .path = "/check", .handle = post_check },
	{ .method = "GET", .path = "/later", .handle = get_later },
	{ .method = "GET", .path = "/drained", .handle = get_drained },
	{ .method = "GET", .path = "/never", .handle = get_never },
	{ .method = "GET", .path = "/gone", .handle = get_gone },
	{ .method = "GET", .path = "/big", .handle = get_big },
	{ .method = "GET", .path = "/fail", .handle = get_fail },
	{ .method = "GET",
	  .path = "/stream",
	  .handle = get_stream,
	  .produces = "text/event-stream" },
	{ .method = "GET",
	  .path = "/open",
	  .handle = get_open,
	  .produces = "text/event-stream" },
	{ .method = "GET",
	  .path = "/flood",
	  .handle = get_flood,
	  .produces = "text/event-stream" },
	{ .method = NULL },
};

struct wb_http_params
wb_test_http_params(void)
{
	static char any_port[] = "127.0.0.1:0";

	return (struct wb_http_params){
		.listen = any_port,
		.max_body_bytes = 2048,
		.max_header_bytes = 1024,
		.max_connections = 8,
		.read_deadline_ms = 300,
		.reply_deadline_ms = 600,
		.idle_timeout_ms = 5000,
	};
}

static void
on_drained(void *arg)
{
	(void)arg;
	wb_loop_stop(child.loop);
}

static void
on_sigterm(void *arg)
{
	(void)arg;
	wb_http_server_drain(child.server, on_drained, NULL);
	if (child.until_drained != NULL)
		wb_timer_start_ms(&child.until_drained->timer, LATER_MS);
}

/* exit, not _exit: the sanitizer looks for leaks. */
static void
run_child(const struct wb_http_params *params, int report)
{
	struct wb_note note = { "" };
	uint16_t port;

	wb_log_setup("child", WB_LOG_ERROR);
	child.loop = wb_loop_new();
	child.server =
	    wb_http_server_new(child.loop, params, routes, NULL, &note);
	if (child.server == NULL)
		exit(3);
	wb_loop_on_signal(child.loop, SIGTERM, on_sigterm, NULL);
	port = wb_http_server_port(child.server);
	if (write(report, &port, sizeof(port)) != (ssize_t)sizeof(port))
		exit(3);
	(void)close(report);
	wb_loop_run(child.loop);
	wb_http_server_free(child.server);
	wb_loop_free(child.loop);
	exit(0);
}

pid_t
wb_test_http_start(const struct wb_http_params *params, uint16_t *ret_port)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		run_child(params, ends[1]);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], ret_port, sizeof(*ret_port)),
	                 sizeof(*ret_port));
	(void)close(ends[0]);
	return pid;
}

void
wb_test_http_terminate(pid_t pid)
{
	assert_int_equal(kill(pid, SIGTERM), 0);
}

int
wb_test_http_wait(pid_t pid)
{
	struct timespec pause = { 0, 5000000 };
	int status, waited_ms;

	for (waited_ms = 0; waited_ms < WB_TEST_HTTP_WAIT_MS; waited_ms += 5) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)nanosleep(&pause, NULL);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return status;
}

int
wb_test_http_stop(pid_t pid)
{
	wb_test_http_terminate(pid);
	return wb_test_http_wait(pid);
}
