/* What a test does to the whole broker, by WB_TEST_RABBIT_CTL. Fails the test
 * when that fails; leaves with 77 when it is not set. */
#ifndef WB_TESTS_BROKER_CTL_H
#define WB_TESTS_BROKER_CTL_H

#include <sys/types.h>

#include "loop/loop.h"

/* "start" or "kill"; the loop runs on meanwhile. */
void wb_test_broker(struct wb_loop *loop, const char *what);

/* rabbitmqctl COMMAND ARGUMENT */
void wb_test_rabbitmqctl(struct wb_loop *loop, const char *command,
                         const char *argument);

/* A memory alarm: begun by wb_test_alarm_begin, over after wb_test_alarm_end. A
 * process of its own ends it even when the test has been killed. */
struct wb_test_alarm {
	pid_t pid; /* of that process; 0: no alarm */
	int fd;    /* it waits until this is closed */
};

void wb_test_alarm_begin(struct wb_loop *loop, struct wb_test_alarm *alarm);
/* Harmless without an alarm. */
void wb_test_alarm_end(struct wb_loop *loop, struct wb_test_alarm *alarm);

#endif
