/* What a service manager gets to hear, on a real datagram socket. */
#include "service/notify.h"

#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	struct wb_loop *loop;
	struct wb_notify notify;
	struct wb_timer limit;
	int manager;
	char name[64]; /* "/…" or "@…" */
} it;

static void
listen_at(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	size_t bytes = strlen(name);

	(void)snprintf(it.name, sizeof(it.name), "%s", name);
	memcpy(at.sun_path, name, bytes);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	it.manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(it.manager >= 0);
	assert_int_equal(
	    bind(it.manager, (struct sockaddr *)&at,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes)),
	    0);
	(void)setenv("NOTIFY_SOCKET", it.name, 1);
}

static void
assert_heard(const char *text)
{
	char got[64] = "";
	ssize_t n = recv(it.manager, got, sizeof(got) - 1, 0);

	assert_int_equal(n, (ssize_t)strlen(text));
	assert_string_equal(got, text);
}

static void
assert_silence(void)
{
	char got[64];

	assert_int_equal(recv(it.manager, got, sizeof(got), 0), -1);
}

static void
stop(void *arg)
{
	(void)arg;
	wb_loop_stop(it.loop);
}

static void
run_for_ms(int64_t ms)
{
	wb_timer_start_ms(&it.limit, ms);
	wb_loop_run(it.loop);
}

static int
setup(void **state)
{
	(void)state;
	it.manager = -1;
	it.loop = wb_loop_new();
	wb_timer_init(&it.limit, it.loop, stop, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	wb_notify_fini(&it.notify);
	wb_timer_fini(&it.limit);
	wb_loop_free(it.loop);
	if (it.manager >= 0)
		(void)close(it.manager);
	if (it.name[0] == '/')
		(void)unlink(it.name);
	it.name[0] = '\0';
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
	return 0;
}

static void
listen_at_path(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/tmp/test_notify.%ld",
	               (long)getpid());
	listen_at(path);
}

static void
a_path_is_told(void **state)
{
	(void)state;
	listen_at_path();
	wb_notify_init(&it.notify, it.loop);
	wb_notify_tell(&it.notify, "READY=1");
	wb_notify_tell(&it.notify, "STOPPING=1");
	assert_heard("READY=1");
	assert_heard("STOPPING=1");
	run_for_ms(50);
	assert_silence();
}

static void
an_abstract_name_is_told(void **state)
{
	char name[64];

	(void)state;
	(void)snprintf(name, sizeof(name), "@test_notify.%ld", (long)getpid());
	listen_at(name);
	wb_notify_init(&it.notify, it.loop);
	wb_notify_tell(&it.notify, "READY=1");
	assert_heard("READY=1");
}

static void
signs_of_life_come_twice_per_interval(void **state)
{
	char pid[32];
	char got[64];
	int n = 0;

	(void)state;
	listen_at_path();
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	(void)setenv("WATCHDOG_USEC", "100000", 1);
	(void)setenv("WATCHDOG_PID", pid, 1);
	wb_notify_init(&it.notify, it.loop);
	assert_int_equal(it.notify.interval_us, 50000);
	run_for_ms(30);
	assert_silence();
	run_for_ms(500);
	assert_heard("WATCHDOG=1");
	while (recv(it.manager, got, sizeof(got), 0) > 0)
		n++;
	assert_in_range(n, 3, 10);
}

static void
another_process_is_watched(void **state)
{
	(void)state;
	listen_at_path();
	(void)setenv("WATCHDOG_USEC", "20000", 1);
	(void)setenv("WATCHDOG_PID", "1", 1);
	wb_notify_init(&it.notify, it.loop);
	run_for_ms(100);
	assert_silence();
}

static void
nobody_is_told(void **state)
{
	(void)state;
	(void)setenv("WATCHDOG_USEC", "20000", 1);
	wb_notify_init(&it.notify, it.loop);
	wb_notify_tell(&it.notify, "READY=1");
	assert_int_equal(it.notify.fd, -1);
	assert_int_equal(it.notify.interval_us, 0);
}

/* The process goes on. */
static void
a_strange_address_is_logged(void **state)
{
	char name[200];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	(void)setenv("NOTIFY_SOCKET", name, 1);
	wb_notify_init(&it.notify, it.loop);
	assert_int_equal(it.notify.fd, -1);
	wb_notify_fini(&it.notify);
	(void)setenv("NOTIFY_SOCKET", "vsock:2:1", 1);
	wb_notify_init(&it.notify, it.loop);
	assert_int_equal(it.notify.fd, -1);
}

static void
a_manager_that_is_gone_does_no_harm(void **state)
{
	(void)state;
	listen_at_path();
	wb_notify_init(&it.notify, it.loop);
	(void)close(it.manager);
	it.manager = -1;
	wb_notify_tell(&it.notify, "READY=1");
	assert_true(it.notify.fd >= 0);
}

/* What is not read fills the socket: telling must not wait for room. */
static void
a_full_socket_does_not_block(void **state)
{
	(void)state;
	listen_at_path();
	wb_notify_init(&it.notify, it.loop);
	for (int i = 0; i < 2000; i++)
		wb_notify_tell(&it.notify, "WATCHDOG=1");
	assert_heard("WATCHDOG=1");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_path_is_told),
		CASE(an_abstract_name_is_told),
		CASE(signs_of_life_come_twice_per_interval),
		CASE(another_process_is_watched),
		CASE(nobody_is_told),
		CASE(a_strange_address_is_logged),
		CASE(a_manager_that_is_gone_does_no_harm),
		CASE(a_full_socket_does_not_block),
	};

	wb_log_setup("test", WB_LOG_ERROR); /* what is lost is warned of */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
