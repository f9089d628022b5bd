/* The limits of lib/http's server: sizes, deadlines, connections kept, lost and
 * drained. As in test_http.c, the server runs in a child process. */
#include "support/http_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

/* A request with n bytes in all its headers. */
static void
ask_with_header(size_t n)
{
	char text[8192], filler[8001];

	memset(filler, 'a', sizeof(filler) - 1);
	filler[n] = '\0';
	(void)snprintf(text, sizeof(text), "GET /hello" HOST "X: %s\r\n" END,
	               filler);
	wb_test_http_get(text);
}

static void
large_heads_get_431(void **state)
{
	char text[4096];

	(void)state;
	ask_with_header(500);
	assert_int_equal(http.reply.status, 200);
	ask_with_header(1000);
	wb_test_http_is_problem(431);
	ask_with_header(8000);
	wb_test_http_is_problem(431);
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	text[sizeof(text) - 1] = '\0';
	wb_test_http_gets_problem(text, 431);
}

/* With unread megabytes behind it the answer still arrives. */
static void
large_bodies_get_413(void **state)
{
	static char megabytes[4 << 20];
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(wb_test_http_send(
	    fd, "POST /echo" HOST "Content-Length: 4194304\r\n"
	        "Content-Type: application/json\r\n" END));
	(void)wb_test_http_send_bytes(fd, megabytes, sizeof(megabytes));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(413);
	assert_true(wb_test_http_has_line(&http.reply, "Connection: close"));
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	wb_test_http_gets_problem("POST /echo" HOST "Content-Length: 2049\r\n"
	                          "Expect: 100-continue\r\n" END,
	                          413);
	wb_test_http_gets_problem(
	    "POST /echo" HOST "Transfer-Encoding: chunked\r\n" END "900\r\n",
	    413);
	wb_test_http_gets_problem("POST /echo" HOST
	                          "Transfer-Encoding: chunked\r\n" END "zz\r\n",
	                          413);
}

static int64_t
cpu_us_of(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &used), 0);
	return used.tv_sec * INT64_C(1000000) + used.tv_nsec / 1000;
}

/* Who was refused and does not close is waited for, not asked again and again:
 * a loop that turned without end would take most of a core. */
static void
a_refused_peer_costs_nothing(void **state)
{
	int fd = wb_test_http_connect(http.port);
	int64_t began_us, cpu_us;

	(void)state;
	assert_true(
	    wb_test_http_send(fd, "POST /echo" HOST "Content-Length: 1\r\n"
	                          "Transfer-Encoding: chunked\r\n" END "1"));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(400);
	began_us = wb_mono_us();
	cpu_us = cpu_us_of(http.pid);
	wb_test_sleep_ms(150);
	cpu_us = cpu_us_of(http.pid) - cpu_us;
	assert_true(cpu_us < (wb_mono_us() - began_us) / 5);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
}

static void
connections_are_kept(void **state)
{
	int i, fd = wb_test_http_connect(http.port);

	(void)state;
	for (i = 0; i < 5; i++) {
		assert_true(wb_test_http_send(fd, "GET /hello" HOST END));
		wb_test_http_read(fd, &http.reply, true);
		assert_int_equal(http.reply.status, 200);
	}
	assert_true(wb_test_http_send(fd, "GET /later" HOST END));
	wb_test_http_read(fd, &http.reply, true);
	assert_int_equal(http.reply.status, 200);
	assert_true(wb_test_http_send(fd, "GET /hello" HOST
	                                  "Connection: close\r\n" END));
	wb_test_http_read(fd, &http.reply, true);
	assert_int_equal(http.reply.status, 200);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	fd = wb_test_http_connect(http.port);
	assert_true(wb_test_http_send(fd, "GET /hello HTTP/1.0\r\n\r\n"));
	wb_test_http_read(fd, &http.reply, true);
	assert_int_equal(http.reply.status, 200);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(
	    wb_test_http_send(fd, "GET /later" HOST END "GET /items/1" HOST END
	                          "GET /later" HOST END "GET /items/2" HOST END
	                          "nonsense" END "GET /items/3" HOST END));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"late\":true}");
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"id\":\"1\"}");
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"late\":true}");
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"id\":\"2\"}");
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(400);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
}

/* The body of a HEAD is not read; it must not become the next request. */
static void
a_body_is_no_request(void **state)
{
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(wb_test_http_send(fd, "HEAD /hello" HOST
	                                  "Content-Length: 30\r\n" END
	                                  "GET /items/evil" HOST END));
	wb_test_http_read(fd, &http.reply, false);
	assert_int_equal(http.reply.status, 200);
	assert_true(wb_test_http_has_line(&http.reply, "Connection: close"));
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
}

/* Once a connection is to be closed, nothing more is read from it. */
static void
the_last_answer_is_the_last(void **state)
{
	static const char *const texts[] = {
		"CONNECT /x" HOST "no colon\r\n" END "GET /hello" HOST END,
		"CONNECT /x" HOST "no colon\r\n" END "nonsense" END,
		"nonsense" END "nonsense" END,
	};
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < WB_ARRAY_LEN(texts); i++) {
		fd = wb_test_http_connect(http.port);
		assert_true(wb_test_http_send(fd, texts[i]));
		wb_test_http_read(fd, &http.reply, true);
		wb_test_http_is_problem(400);
		assert_true(wb_test_http_is_closed(fd));
		(void)close(fd);
	}
}

static void
slow_requests_get_408(void **state)
{
	int i, fd = wb_test_http_connect(http.port);

	(void)state;
	/* A byte now and then, which an inactivity timeout would let pass. */
	for (i = 0; i < 10; i++) {
		if (!wb_test_http_send(fd, i == 0 ? "GET /hello HTTP" : "/"))
			break;
		wb_test_sleep_ms(50);
	}
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(408);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	wb_test_http_gets_problem(
	    "POST /echo" HOST "Content-Length: 10\r\n" END "{", 408);
	fd = wb_test_http_connect(http.port);
	assert_true(wb_test_http_send(fd, "GET /hello" HOST END "GET /h"));
	wb_test_http_read(fd, &http.reply, true);
	assert_int_equal(http.reply.status, 200);
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(408);
	(void)close(fd);
}

static void
idle_connections_are_closed(void **state)
{
	struct wb_http_params hasty = wb_test_http_params();
	uint16_t hasty_port;
	pid_t hasty_pid;
	int fd;

	(void)state;
	hasty.idle_timeout_ms = 100;
	hasty_pid = wb_test_http_start(&hasty, &hasty_port);
	fd = wb_test_http_connect(hasty_port);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	fd = wb_test_http_connect(hasty_port);
	assert_true(wb_test_http_send(fd, "GET /hello" HOST END));
	wb_test_http_read(fd, &http.reply, true);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	assert_int_equal(wb_test_http_stop(hasty_pid), 0);
}

/* Long before the idle timeout, which is for those that were of use. */
static void
new_connections_must_speak(void **state)
{
	struct wb_http_params patient = wb_test_http_params();
	uint16_t port;
	pid_t pid;
	int fd;

	(void)state;
	patient.idle_timeout_ms = INT64_C(100) * WB_TEST_HTTP_WAIT_MS;
	pid = wb_test_http_start(&patient, &port);
	fd = wb_test_http_connect(port);
	assert_true(wb_test_http_is_closed(fd));
	(void)close(fd);
	assert_int_equal(wb_test_http_stop(pid), 0);
}

/* A client that takes no answers is cut off. */
static void
answers_must_be_taken(void **state)
{
	static const char text[] = "GET /big" HOST END;
	int i, small = 4096, fd = wb_test_http_connect(http.port);
	bool is_open = true;

	(void)state;
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	for (i = 0; i < 1000; i++)
		assert_true(wb_test_http_send(fd, text));
	for (i = 0; i < 40 && is_open; i++) {
		wb_test_sleep_ms(50);
		is_open = wb_test_http_send(fd, text);
	}
	assert_false(is_open);
	(void)close(fd);
	wb_test_http_get("GET /hello" HOST END);
	assert_int_equal(http.reply.status, 200);
}

static void
large_answers_arrive(void **state)
{
	(void)state;
	wb_test_http_get("GET /big" HOST END);
	assert_int_equal(http.reply.status, 200);
	assert_int_equal(http.reply.body_bytes, 300000);
}

static void
handlers_have_a_deadline(void **state)
{
	int fd = wb_test_http_connect(http.port);

	(void)state;
	assert_true(wb_test_http_send(fd, "GET /never" HOST END));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_is_problem(503);
	assert_true(wb_test_http_has_line(&http.reply, "Retry-After: 1"));
	assert_true(wb_test_http_send(fd, "GET /gone" HOST END));
	wb_test_http_read(fd, &http.reply, true);
	wb_test_http_body_is(200, "{\"gone\":1}");
	(void)close(fd);
}

/* Long before the reply deadline, whether the client closes or resets. */
static void
a_client_may_go(void **state)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int i, fd;

	(void)state;
	for (i = 0; i < 2; i++) {
		fd = wb_test_http_connect(http.port);
		assert_true(wb_test_http_send(fd, "GET /never" HOST END));
		wb_test_sleep_ms(50);
		if (i == 1)
			assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER,
			                            &reset, sizeof(reset)),
			                 0);
		(void)close(fd);
		wb_test_sleep_ms(50);
	}
	wb_test_http_get("GET /gone" HOST END);
	wb_test_http_body_is(200, "{\"gone\":2}");
	/* One that sends on is noticed by the answer only. */
	fd = wb_test_http_connect(http.port);
	assert_true(wb_test_http_send(fd, "GET /later" HOST END));
	wb_test_sleep_ms(20);
	assert_true(wb_test_http_send(fd, "GET /hello" HOST END));
	(void)close(fd);
	wb_test_sleep_ms(100);
	wb_test_http_get("GET /gone" HOST END);
	wb_test_http_body_is(200, "{\"gone\":2}");
}

static void
connections_are_limited(void **state)
{
	int i, fds[8], waiting;

	(void)state;
	for (i = 0; i < 8; i++) {
		fds[i] = wb_test_http_connect(http.port);
		assert_true(wb_test_http_send(fds[i], "GET /hello" HOST END));
		wb_test_http_read(fds[i], &http.reply, true);
		assert_int_equal(http.reply.status, 200);
	}
	waiting = wb_test_http_connect(http.port);
	assert_true(wb_test_http_send(waiting, "GET /hello" HOST END));
	wb_test_sleep_ms(100);
	assert_int_equal(recv(waiting, fds, 1, MSG_DONTWAIT), -1);
	(void)close(fds[0]);
	wb_test_http_read(waiting, &http.reply, true);
	assert_int_equal(http.reply.status, 200);
	(void)close(waiting);
	for (i = 1; i < 8; i++)
		(void)close(fds[i]);
}

static void
a_reset_right_after_the_connect_is_fine(void **state)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int i, fd;

	(void)state;
	for (i = 0; i < 200; i++) {
		fd = wb_test_http_connect(http.port);
		if (i % 2 == 0)
			assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER,
			                            &reset, sizeof(reset)),
			                 0);
		(void)close(fd);
	}
	wb_test_http_get("GET /hello" HOST END);
	assert_int_equal(http.reply.status, 200);
}

static void
draining_finishes_what_is_in_hand(void **state)
{
	struct wb_http_params patient = wb_test_http_params();
	int busy, arriving, idle;
	uint16_t port;
	pid_t pid;

	(void)state;
	patient.read_deadline_ms = INT64_C(100) * WB_TEST_HTTP_WAIT_MS;
	patient.reply_deadline_ms = patient.read_deadline_ms;
	patient.idle_timeout_ms = patient.read_deadline_ms;
	pid = wb_test_http_start(&patient, &port);
	busy = wb_test_http_connect(port);
	assert_true(wb_test_http_send(busy, "GET /drained" HOST END));
	arriving = wb_test_http_connect(port);
	assert_true(wb_test_http_send(arriving, "GET /hello HTTP/1.1\r\n"));
	idle = wb_test_http_connect(port);
	/* Who came last has an answer: the server has all three. */
	assert_true(wb_test_http_send(idle, "GET /hello" HOST END));
	wb_test_http_read(idle, &http.reply, true);
	wb_test_http_terminate(pid);
	assert_true(wb_test_http_is_closed(idle));
	assert_false(wb_test_http_can_connect(port));
	wb_test_http_read(busy, &http.reply, true);
	wb_test_http_body_is(200, "{\"late\":true}");
	assert_true(wb_test_http_has_line(&http.reply, "Connection: close"));
	assert_true(wb_test_http_is_closed(busy));
	assert_true(wb_test_http_send(arriving, "Host: x\r\n\r\n"));
	wb_test_http_read(arriving, &http.reply, true);
	assert_int_equal(http.reply.status, 200);
	assert_int_equal(wb_test_http_wait(pid), 0);
	(void)close(idle);
	(void)close(busy);
	(void)close(arriving);
}

int
main(void)
{
#define WITH_SERVER(fn)                                                        \
	cmocka_unit_test_setup_teardown(fn, wb_test_http_setup,                \
	                                wb_test_http_teardown)
	const struct CMUnitTest tests[] = {
		WITH_SERVER(large_heads_get_431),
		WITH_SERVER(large_bodies_get_413),
		WITH_SERVER(a_refused_peer_costs_nothing),
		WITH_SERVER(connections_are_kept),
		WITH_SERVER(pipelined_requests_are_answered_in_order),
		WITH_SERVER(a_body_is_no_request),
		WITH_SERVER(the_last_answer_is_the_last),
		WITH_SERVER(slow_requests_get_408),
		WITH_SERVER(idle_connections_are_closed),
		WITH_SERVER(new_connections_must_speak),
		WITH_SERVER(answers_must_be_taken),
		WITH_SERVER(large_answers_arrive),
		WITH_SERVER(handlers_have_a_deadline),
		WITH_SERVER(a_client_may_go),
		WITH_SERVER(connections_are_limited),
		WITH_SERVER(a_reset_right_after_the_connect_is_fine),
		/* Has a server of its own. */
		cmocka_unit_test(draining_finishes_what_is_in_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
