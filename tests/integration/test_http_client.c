/* lib/http's client against lib/http's server in a child process. */
#include "http/client.h"
#include "support/http_child.h"
#include "support/http_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint16_t port;
static pid_t pid;
static struct wb_loop *loop;
static struct wb_http_client *client;

/* The last response, copied, and how many there were. */
static struct {
	enum wb_err err;
	int status;
	char body[1024], error[256];
	size_t body_bytes;
	unsigned count, wanted;
} got;

static int
start(void **state)
{
	struct wb_http_params params = wb_test_http_params();

	(void)state;
	pid = wb_test_http_start(&params, &port);
	loop = wb_loop_new();
	client = wb_http_client_new(loop);
	memset(&got, 0, sizeof(got));
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	wb_http_client_free(client);
	wb_loop_free(loop);
	assert_int_equal(wb_test_http_stop(pid), 0);
	return 0;
}

static void
on_response(const struct wb_http_response *response, void *arg)
{
	(void)arg;
	got.err = response->err;
	got.status = response->status;
	(void)snprintf(got.body, sizeof(got.body), "%s", response->body);
	(void)snprintf(got.error, sizeof(got.error), "%s", response->error);
	got.body_bytes = response->body_bytes;
	got.count++;
	if (got.count == got.wanted)
		wb_loop_stop(loop);
}

static struct wb_http_call
call_of(const char *method, const char *path, char url[128])
{
	(void)snprintf(url, 128, "http://127.0.0.1:%u%s", (unsigned)port, path);
	return (struct wb_http_call){
		.method = method,
		.url = url,
		.deadline_ms = 5000,
	};
}

static void
send_and_wait(const struct wb_http_call *call)
{
	got.wanted = got.count + 1;
	wb_http_client_send(client, call, on_response, NULL);
	assert_int_equal(wb_http_client_in_flight(client), 1);
	wb_loop_run(loop);
	assert_int_equal(got.count, got.wanted);
	assert_int_equal(wb_http_client_in_flight(client), 0);
}

static void
get(const char *path)
{
	char url[128];
	struct wb_http_call call = call_of("GET", path, url);

	send_and_wait(&call);
}

static void
responses_come_back(void **state)
{
	(void)state;
	get("/hello");
	assert_int_equal(got.err, WB_OK);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "{\"hello\":\"world\"}");
	assert_string_equal(got.error, "");
	get("/fail");
	assert_int_equal(got.err, WB_OK);
	assert_int_equal(got.status, 500);
	get("/big");
	assert_int_equal(got.body_bytes, 300000);
	get("/later");
	assert_string_equal(got.body, "{\"late\":true}");
}

static void
bodies_and_headers_are_sent(void **state)
{
	static const char *const headers[] = { "Content-Type: application/json",
		                               "X-Request-Id: mine", NULL };
	char url[128], body[64] = "{\"a\":\"b\"}";
	struct wb_http_call call = call_of("POST", "/echo", url);

	(void)state;
	call.headers = headers;
	call.body = body;
	call.body_bytes = strlen(body);
	call.user = "someone:secret";
	got.wanted = 1;
	wb_http_client_send(client, &call, on_response, NULL);
	/* Everything was copied. */
	memset(body, 'x', sizeof(body));
	memset(url, 'x', sizeof(url));
	wb_loop_run(loop);
	assert_int_equal(got.status, 200);
	assert_string_equal(got.body, "{\"a\":\"b\"}");
	/* Nothing of it is left for the next request of the same handle. */
	get("/ids");
	assert_null(strstr(got.body, "mine"));
	call = call_of("PUT", "/items/7", url);
	call.body = "";
	send_and_wait(&call);
	assert_string_equal(got.body, "{}");
	call = call_of("HEAD", "/hello", url);
	send_and_wait(&call);
	assert_int_equal(got.status, 200);
	assert_int_equal(got.body_bytes, 0);
}

static void
many_at_once(void **state)
{
	char url[128];
	struct wb_http_call call = call_of("GET", "/later", url);
	int i;

	(void)state;
	got.wanted = 6;
	for (i = 0; i < 6; i++)
		wb_http_client_send(client, &call, on_response, NULL);
	assert_int_equal(wb_http_client_in_flight(client), 6);
	wb_loop_run(loop);
	assert_int_equal(got.count, 6);
	assert_int_equal(wb_http_client_in_flight(client), 0);
	assert_int_equal(got.status, 200);
}

static void
deadlines_hold(void **state)
{
	char url[128];
	struct wb_http_call call = call_of("GET", "/never", url);

	(void)state;
	call.deadline_ms = 100;
	send_and_wait(&call);
	assert_int_equal(got.err, WB_ERR_TIMEOUT);
	assert_int_equal(got.status, 0);
	assert_string_not_equal(got.error, "");
}

static void
failures_are_told(void **state)
{
	char url[128];
	struct wb_http_call call = call_of("GET", "/hello", url);

	(void)state;
	call.url = "http://127.0.0.1:1/";
	send_and_wait(&call);
	assert_int_equal(got.err, WB_ERR_HTTP_FAILED);
	assert_int_equal(got.status, 0);
	assert_string_not_equal(got.error, "");
	call.url = "file:///etc/passwd";
	send_and_wait(&call);
	assert_int_equal(got.err, WB_ERR_HTTP_FAILED);
	assert_string_equal(got.body, "");
	call.url = "no url at all";
	send_and_wait(&call);
	assert_int_equal(got.err, WB_ERR_HTTP_FAILED);
}

static void
large_responses_are_refused(void **state)
{
	char url[128];
	struct wb_http_call call = call_of("GET", "/big", url);

	(void)state;
	call.max_body_bytes = 1000;
	send_and_wait(&call);
	assert_int_equal(got.err, WB_ERR_HTTP_FAILED);
	assert_string_equal(got.error, "the response's body is too large");
	get("/hello");
	assert_int_equal(got.status, 200);
}

static void
the_environments_proxy_is_ignored(void **state)
{
	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	get("/hello");
	assert_int_equal(got.status, 200);
	assert_int_equal(unsetenv("http_proxy"), 0);
}

static void
on_stop(void *arg)
{
	(void)arg;
	wb_loop_stop(loop);
}

/* One on its way, one not even begun. */
static void
a_client_may_be_freed_with_requests_in_flight(void **state)
{
	char url[128];
	struct wb_http_call call = call_of("GET", "/never", url);
	struct wb_timer stop_timer;

	(void)state;
	get("/hello");
	wb_http_client_send(client, &call, on_response, NULL);
	wb_timer_init(&stop_timer, loop, on_stop, NULL);
	wb_timer_start_ms(&stop_timer, 50);
	wb_loop_run(loop);
	wb_timer_fini(&stop_timer);
	assert_int_equal(wb_http_client_in_flight(client), 1);
	wb_http_client_send(client, &call, on_response, NULL);
	wb_http_client_free(client);
	client = NULL;
	assert_int_equal(got.count, 1);
}

int
main(void)
{
#define WITH_SERVER(fn) cmocka_unit_test_setup_teardown(fn, start, stop)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(responses_come_back),
		WITH_SERVER(bodies_and_headers_are_sent),
		WITH_SERVER(many_at_once),
		WITH_SERVER(deadlines_hold),
		WITH_SERVER(failures_are_told),
		WITH_SERVER(large_responses_are_refused),
		WITH_SERVER(the_environments_proxy_is_ignored),
		WITH_SERVER(a_client_may_be_freed_with_requests_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
