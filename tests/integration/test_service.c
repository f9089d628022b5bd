/* The frame of every process, seen from outside: argv[1] is the binary of
 * tests/support/service_child.c, started anew by each test. */
#include "support/http_case.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT_WORD "admin_port="

static const char *binary;
static struct wb_test_reply reply;

/* One run of the child; out holds its stdout and stderr. */
static struct {
	pid_t pid;
	int output;
	char out[32768];
	size_t n_out;
	uint16_t port;
} run;

static void
start(const char *first, const char *second)
{
	int ends[2];

	memset(&run, 0, sizeof(run));
	assert_int_equal(pipe(ends), 0);
	run.pid = fork();
	assert_true(run.pid >= 0);
	if (run.pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)dup2(ends[1], STDERR_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		(void)execl(binary, "service-child", first, second,
		            (char *)NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	run.output = ends[0];
}

/* False at the end of the output. */
static bool
read_more(void)
{
	ssize_t n = read(run.output, run.out + run.n_out,
	                 sizeof(run.out) - run.n_out - 1);

	if (n <= 0)
		return false;
	run.n_out += (size_t)n;
	run.out[run.n_out] = '\0';
	return true;
}

static void
wait_for(const char *word)
{
	while (strstr(run.out, word) == NULL) {
		if (!read_more())
			fail_msg("no %s in: %s", word, run.out);
	}
}

static void
start_and_find_port(const char *first, const char *second)
{
	const char *port;

	start(first, second);
	wait_for("WB-START");
	wait_for("\n");
	port = strstr(run.out, PORT_WORD);
	assert_non_null(port);
	run.port = (uint16_t)strtoul(port + sizeof(PORT_WORD) - 1, NULL, 10);
	assert_true(run.port > 0);
}

/* The exit status, once the child has closed its output. */
static int
finish(void)
{
	int status;

	while (read_more()) {
	}
	(void)close(run.output);
	assert_int_equal(waitpid(run.pid, &status, 0), run.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
get(const char *path)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	               "GET %s HTTP/1.1\r\nHost: x\r\n"
	               "Connection: close\r\n\r\n",
	               path);
	wb_test_http_ask(run.port, text, &reply);
}

static void
ready_follows_the_dependencies(void **state)
{
	int i;

	(void)state;
	start_and_find_port("--ready-after-ms=300", NULL);
	get("/health");
	assert_int_equal(reply.status, 200);
	get("/ready");
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.body, "\"name\":\"dependency\","
	                                   "\"ready\":false"));
	for (i = 0; i < 200 && reply.status != 200; i++) {
		wb_test_sleep_ms(20);
		get("/ready");
	}
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.body, "\"status\":\"ready\""));
	assert_int_equal(kill(run.pid, SIGTERM), 0);
	assert_int_equal(finish(), 0);
}

static void
metrics_are_shown(void **state)
{
	static const char counted[] =
	    "wb_http_requests_total{route=\"/health\",method=\"GET\","
	    "code=\"200\"} 1\n";
	static const char *const names[] = {
		"\nprocess_resident_memory_bytes ",
		"\nprocess_cpu_seconds_total ",
		"\nprocess_open_fds ",
		"\nprocess_start_time_seconds ",
		"\nwb_build_info{process=\"service-child\",version=\"",
		counted,
		"wb_http_request_seconds_count{route=\"/health\"} 1\n",
	};
	size_t i;

	(void)state;
	start_and_find_port(NULL, NULL);
	get("/health");
	get("/metrics");
	assert_int_equal(reply.status, 200);
	assert_true(wb_test_http_has_line(
	    &reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strstr(reply.body, names[i]) == NULL)
			fail_msg("no %s in %s", names[i], reply.body);
	}
	get("/nothing");
	assert_int_equal(reply.status, 404);
	assert_int_equal(kill(run.pid, SIGINT), 0);
	assert_int_equal(finish(), 0);
}

static void
sigterm_drains(void **state)
{
	(void)state;
	start_and_find_port("--drain-ms=300", "--ready-after-ms=0");
	assert_int_equal(kill(run.pid, SIGTERM), 0);
	wait_for("WB-DRAIN");
	get("/ready");
	assert_int_equal(reply.status, 503);
	assert_non_null(strstr(reply.body, "draining"));
	get("/health");
	assert_int_equal(reply.status, 200);
	assert_int_equal(finish(), 0);
	assert_non_null(strstr(run.out, "WB-STOP status=0"));
}

static void
a_second_signal_leaves(void **state)
{
	(void)state;
	start_and_find_port("--drain-ms=600000", NULL);
	assert_int_equal(kill(run.pid, SIGTERM), 0);
	wait_for("WB-DRAIN");
	assert_int_equal(kill(run.pid, SIGTERM), 0);
	assert_int_equal(finish(), 1);
}

static void
draining_has_a_limit(void **state)
{
	(void)state;
	start_and_find_port("--drain-ms=600000", "--drain-timeout-ms=100");
	assert_int_equal(kill(run.pid, SIGTERM), 0);
	assert_int_equal(finish(), 1);
	assert_non_null(strstr(run.out, "not drained in time"));
}

/* Reads messages until this one comes. */
static void
manager_hears(int manager, const char *text)
{
	char got[64];
	ssize_t n;

	do {
		n = recv(manager, got, sizeof(got) - 1, 0);
		if (n < 0)
			fail_msg("the manager has not heard %s", text);
		got[n] = '\0';
	} while (strcmp(got, text) != 0);
}

static void
the_service_manager_is_told(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const struct timeval limit = { .tv_sec = 20 };
	socklen_t bytes = sizeof(at);
	int manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	char name[sizeof(at.sun_path) + 1] = "@";

	(void)state;
	/* Without a name the kernel gives an abstract one. */
	assert_int_equal(
	    bind(manager, (struct sockaddr *)&at, sizeof(at.sun_family)), 0);
	assert_int_equal(getsockname(manager, (struct sockaddr *)&at, &bytes),
	                 0);
	memcpy(name + 1, at.sun_path + 1,
	       bytes - offsetof(struct sockaddr_un, sun_path) - 1);
	assert_int_equal(
	    setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)),
	    0);
	(void)setenv("NOTIFY_SOCKET", name, 1);
	(void)setenv("WATCHDOG_USEC", "200000", 1);
	start("--drain-ms=50", NULL);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	manager_hears(manager, "READY=1");
	manager_hears(manager, "WATCHDOG=1");
	manager_hears(manager, "WATCHDOG=1");
	assert_int_equal(kill(run.pid, SIGTERM), 0);
	manager_hears(manager, "STOPPING=1");
	assert_int_equal(finish(), 0);
	(void)close(manager);
}

/* Leaves at once with this status and one line that has this word. */
static void
leaves(const char *flag, int status, const char *word)
{
	const char *end;

	start(flag, NULL);
	assert_int_equal(finish(), status);
	if (strstr(run.out, word) == NULL)
		fail_msg("no %s in: %s", word, run.out);
	end = strchr(run.out, '\n');
	if (end == NULL || end[1] != '\0')
		fail_msg("not one line: %s", run.out);
}

static void
wrong_parameters_are_named(void **state)
{
	(void)state;
	leaves("--drain-timeout-ms=soon", 2, "drain-timeout-ms");
	leaves("--drain-timeout-ms=-1", 2, "drain-timeout-ms");
	leaves("--ready-after-ms=99999", 2, "ready-after-ms");
	leaves("--nonsense=1", 2, "nonsense");
	leaves("nonsense", 2, "nonsense");
	leaves("--log-level=loud", 2, "log-level");
	leaves("--version", 0, ".");
	start("--admin-listen=localhost:80", NULL);
	assert_int_equal(finish(), 2);
	assert_non_null(strstr(run.out, "localhost:80"));
}

static void
a_failed_start_is_told(void **state)
{
	(void)state;
	start("--fails=true", NULL);
	assert_int_equal(finish(), 1);
	assert_non_null(strstr(run.out, "err=IO what=\"told to\""));
}

static void
help_and_configuration_are_shown(void **state)
{
	(void)state;
	start("--help", NULL);
	assert_int_equal(finish(), 0);
	assert_non_null(strstr(run.out, "--admin-listen"));
	assert_non_null(strstr(run.out, "--drain-ms"));
	start("--print-config", "--drain-ms=7");
	assert_int_equal(finish(), 0);
	assert_non_null(strstr(run.out, "drain-ms = 7"));
	assert_non_null(strstr(run.out, "drain-timeout-ms = 20000"));
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_follows_the_dependencies),
		cmocka_unit_test(metrics_are_shown),
		cmocka_unit_test(sigterm_drains),
		cmocka_unit_test(a_second_signal_leaves),
		cmocka_unit_test(draining_has_a_limit),
		cmocka_unit_test(the_service_manager_is_told),
		cmocka_unit_test(wrong_parameters_are_named),
		cmocka_unit_test(a_failed_start_is_told),
		cmocka_unit_test(help_and_configuration_are_shown),
	};

	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s service_child\n", argv[0]);
		return 2;
	}
	binary = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
