#include "support/broker_ctl.h"

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/mgmt.h"
#include "support/pg_fixture.h"

/* RabbitMQ's default. */
#define WATERMARK "0.4"

/* in: its standard input. In a session of its own: an interrupt at the terminal
 * is not for it. */
static pid_t
spawn(const char *const argv[], int in)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setsid();
		(void)dup2(in, STDIN_FILENO);
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

/* It has a time limit of its own. */
static void
await(struct wb_loop *loop, pid_t pid, const char *what)
{
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0)
		wb_test_run_for(loop, 5);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s of the broker: wait status %d", what, status);
}

static void
run(struct wb_loop *loop, const char *const argv[])
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	assert_true(nothing >= 0);
	pid = spawn(argv, nothing);
	(void)close(nothing);
	await(loop, pid, argv[1]);
}

void
wb_test_broker(struct wb_loop *loop, const char *what)
{
	const char *const argv[] = { wb_test_need_env("WB_TEST_RABBIT_CTL"),
		                     what, NULL };

	run(loop, argv);
}

void
wb_test_rabbitmqctl(struct wb_loop *loop, const char *command,
                    const char *argument)
{
	const char *const argv[] = { wb_test_need_env("WB_TEST_RABBIT_CTL"),
		                     "rabbitmqctl", command, argument, NULL };

	run(loop, argv);
}

void
wb_test_alarm_begin(struct wb_loop *loop, struct wb_test_alarm *alarm)
{
	static const char script[] = "read -r nothing; exec \"$0\" rabbitmqctl "
	                             "set_vm_memory_high_watermark " WATERMARK;
	const char *ctl = wb_test_need_env("WB_TEST_RABBIT_CTL");
	const char *const guard[] = { "/bin/sh", "-c", script, ctl, NULL };
	const char *const raise[] = { ctl, "rabbitmqctl",
		                      "set_vm_memory_high_watermark", "0",
		                      NULL };
	int ends[2];

	assert_int_equal(alarm->pid, 0);
	assert_int_equal(pipe(ends), 0);
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	alarm->pid = spawn(guard, ends[0]);
	alarm->fd = ends[1];
	(void)close(ends[0]);
	run(loop, raise);
}

void
wb_test_alarm_end(struct wb_loop *loop, struct wb_test_alarm *alarm)
{
	pid_t pid = alarm->pid;

	if (pid == 0)
		return;
	alarm->pid = 0;
	(void)close(alarm->fd);
	await(loop, pid, "the end of the alarm");
}
