/* lib/http's streams: answers without a known end, and clients that go, stop
 * reading, or outstay the server. */
#include "support/http_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What a connection has said. */
static char heard[4096];
static size_t n_heard;

static int
ask(const char *text)
{
	int fd = wb_test_http_connect(http.port);

	n_heard = 0;
	heard[0] = '\0';
	assert_true(wb_test_http_send(fd, text));
	return fd;
}

static void
hear(int fd, const char *text)
{
	while (strstr(heard, text) == NULL) {
		ssize_t n =
		    recv(fd, heard + n_heard, sizeof(heard) - 1 - n_heard, 0);

		if (n <= 0)
			fail_msg("no \"%s\" in: %s", text, heard);
		n_heard += (size_t)n;
		heard[n_heard] = '\0';
	}
}

static void
until_gone(const char *body)
{
	do
		wb_test_http_get("GET /gone" HOST END);
	while (strcmp(http.reply.body, body) != 0);
}

static void
a_stream_comes_bit_by_bit(void **state)
{
	int fd = ask("GET /stream" HOST END);

	(void)state;
	hear(fd, "HTTP/1.1 200 OK\r\n");
	hear(fd, "Transfer-Encoding: chunked\r\n");
	hear(fd, "\r\n\r\n4\r\none\n\r\n");
	assert_null(strstr(heard, "two"));
	hear(fd, "4\r\ntwo\n\r\n0\r\n\r\n");
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
}

/* HTTP/1.0 knows no chunks: the end is the end of the connection. */
static void
an_old_client_gets_it_plain(void **state)
{
	int fd = ask("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

	(void)state;
	hear(fd, "\r\n\r\none\ntwo\n");
	assert_null(strstr(heard, "chunked"));
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
}

static void
head_gets_no_stream(void **state)
{
	(void)state;
	wb_test_http_ask(http.port, "HEAD /open" HOST END, &http.reply);
	assert_int_equal(http.reply.status, 200);
	assert_true(wb_test_http_has_line(&http.reply,
	                                  "Content-Type: text/event-stream"));
	wb_test_http_gets_problem(
	    "GET /open" HOST "Accept: application/json\r\n" END, 406);
}

static void
it_may_be_silent_for_long(void **state)
{
	int fd = ask("GET /open" HOST END);

	(void)state;
	hear(fd, "one");
	/* Longer than every deadline. */
	wb_test_sleep_ms(http.params.reply_deadline_ms +
	                 http.params.read_deadline_ms);
	wb_test_http_get("GET /gone" HOST END);
	wb_test_http_body_is(200, "{\"gone\":0}");
	(void)close(fd);
	until_gone("{\"gone\":1}");
}

static void
a_slow_reader_is_cut_off(void **state)
{
	int fd = ask("GET /flood" HOST END);

	(void)state;
	until_gone("{\"gone\":1}");
	(void)close(fd);
}

/* It says more than it may: nobody keeps that. */
static void
a_client_that_talks_is_not_heard(void **state)
{
	static char noise[10000];
	int fd = ask("GET /open" HOST END);

	(void)state;
	hear(fd, "one");
	memset(noise, 'x', sizeof(noise));
	for (int i = 0; i < 100; i++)
		(void)send(fd, noise, sizeof(noise),
		           MSG_NOSIGNAL | MSG_DONTWAIT);
	wb_test_http_get("GET /hello" HOST END);
	assert_int_equal(http.reply.status, 200);
	(void)close(fd);
	until_gone("{\"gone\":1}");
}

static void
draining_ends_it(void **state)
{
	int fd = ask("GET /open" HOST END);

	(void)state;
	hear(fd, "one");
	wb_test_http_terminate(http.pid);
	hear(fd, "\r\n0\r\n\r\n");
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	assert_int_equal(wb_test_http_wait(http.pid), 0);
}

int
main(void)
{
#define WITH_SERVER(fn)                                                        \
	cmocka_unit_test_setup_teardown(fn, wb_test_http_setup,                \
	                                wb_test_http_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(a_stream_comes_bit_by_bit),
		WITH_SERVER(an_old_client_gets_it_plain),
		WITH_SERVER(head_gets_no_stream),
		WITH_SERVER(it_may_be_silent_for_long),
		WITH_SERVER(a_slow_reader_is_cut_off),
		WITH_SERVER(a_client_that_talks_is_not_heard),
		cmocka_unit_test_setup(draining_ends_it, wb_test_http_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
