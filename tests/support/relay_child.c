/* The relays of a test: child processes that run the shipped binary. */
#include "support/relay_fixture.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "support/http_peer.h"

/* Free a moment ago. */
static uint16_t
free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t bytes = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address),
	                 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes),
	                 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

static void
run_relay(const struct wb_test_bus *bus, uint16_t port, const char *more,
          const char *crash_at)
{
	enum { MOST = 32 };
	char *argv[MOST + 1];
	struct wb_buf sources = { 0 }, brokers = { 0 }, admin = { 0 };
	const struct wb_test_bus *each = bus;
	char *words = wb_strdup(more != NULL ? more : "");
	size_t n = 0;

	wb_buf_adds(&sources, "--sources=");
	for (; each != NULL; each = each->beside)
		wb_buf_printf(&sources, " %s=%s", each->source,
		              each->relay_dsn != NULL ? each->relay_dsn
		                                      : each->dsn);
	wb_buf_printf(&brokers, "--amqp-brokers=%s", bus->brokers);
	wb_buf_printf(&admin, "--admin-listen=127.0.0.1:%u", port);
	argv[n++] = wb_strdup(WB_TEST_RELAY);
	argv[n++] = sources.data;
	argv[n++] = brokers.data;
	argv[n++] = admin.data;
	for (char *word = strtok(words, " "); word != NULL && n < MOST;
	     word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
	if (crash_at != NULL)
		(void)setenv("WB_CRASH_AT", crash_at, 1);
	(void)execv(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

void
wb_test_relay_start(struct wb_test_bus *bus, size_t at, const char *more,
                    const char *crash_at)
{
	struct wb_test_relay *relay = &bus->relays[at];
	pid_t parent = getpid();

	assert_int_equal(relay->pid, 0);
	relay->port = free_port();
	relay->pid = fork();
	assert_true(relay->pid >= 0);
	if (relay->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		run_relay(bus, relay->port, more, crash_at);
	}
}

void
wb_test_relay_signal(struct wb_test_bus *bus, size_t at, int signum)
{
	assert_true(bus->relays[at].pid > 0);
	assert_int_equal(kill(bus->relays[at].pid, signum), 0);
}

int
wb_test_relay_wait(struct wb_test_bus *bus, size_t at)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	int status = 0;

	while (waitpid(bus->relays[at].pid, &status, WNOHANG) == 0) {
		if (wb_mono_us() > end_us)
			fail_msg("relay %zu does not end", at);
		wb_test_run_for(bus->loop, 5);
	}
	bus->relays[at].pid = 0;
	return status;
}

void
wb_test_relay_stop(struct wb_test_bus *bus, size_t at)
{
	int status;

	wb_test_relay_signal(bus, at, SIGTERM);
	status = wb_test_relay_wait(bus, at);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct wb_test_reply *
ask(const struct wb_test_bus *bus, size_t at, const char *path)
{
	static struct wb_test_reply reply;
	char request[128];

	(void)snprintf(
	    request, sizeof request,
	    "GET %s HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n",
	    path);
	reply.status = 0;
	if (wb_test_http_can_connect(bus->relays[at].port))
		wb_test_http_ask(bus->relays[at].port, request, &reply);
	return &reply;
}

double
wb_test_relay_metric(const struct wb_test_bus *bus, size_t at, const char *name)
{
	const struct wb_test_reply *reply = ask(bus, at, "/metrics");
	char line[256];
	const char *found;

	assert_int_equal(reply->status, 200);
	(void)snprintf(line, sizeof line, "\n%s ", name);
	found = strstr(reply->body, line);
	return found == NULL ? 0 : strtod(found + strlen(line), NULL);
}

double
wb_test_relay_events(const struct wb_test_bus *bus, size_t at,
                     const char *outcome)
{
	char name[128];

	(void)snprintf(name, sizeof name,
	               "wb_relay_events_total{source=\"%s\",outcome=\"%s\"}",
	               bus->source, outcome);
	return wb_test_relay_metric(bus, at, name);
}

void
wb_test_relay_until_events(struct wb_test_bus *bus, size_t at,
                           const char *outcome, double n)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	double now = wb_test_relay_events(bus, at, outcome);

	while (now < n) {
		if (wb_mono_us() > end_us)
			fail_msg("%.0f of %.0f events %s", now, n, outcome);
		wb_test_run_for(bus->loop, 20);
		now = wb_test_relay_events(bus, at, outcome);
	}
}

void
wb_test_relay_until_says(struct wb_test_bus *bus, size_t at, const char *text)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	const struct wb_test_reply *reply = ask(bus, at, "/ready");

	while (reply->status == 0 || strstr(reply->body, text) == NULL) {
		if (wb_mono_us() > end_us)
			fail_msg("/ready says %s", reply->body);
		wb_test_run_for(bus->loop, 20);
		reply = ask(bus, at, "/ready");
	}
}

void
wb_test_relay_until_ready(struct wb_test_bus *bus, size_t at, bool is_ready)
{
	int64_t end_us = wb_mono_us() + WB_TEST_RELAY_WAIT_MS * (int64_t)1000;
	const struct wb_test_reply *reply = ask(bus, at, "/ready");

	while ((reply->status == 200) != is_ready) {
		if (wb_mono_us() > end_us)
			fail_msg("/ready stays %d: %s", reply->status,
			         reply->body);
		wb_test_run_for(bus->loop, 20);
		reply = ask(bus, at, "/ready");
	}
}

void
wb_test_relays_kill(struct wb_test_bus *bus)
{
	for (size_t i = 0; i < WB_TEST_RELAYS; i++) {
		if (bus->relays[i].pid == 0)
			continue;
		(void)kill(bus->relays[i].pid, SIGKILL);
		(void)waitpid(bus->relays[i].pid, NULL, 0);
		bus->relays[i].pid = 0;
	}
}
