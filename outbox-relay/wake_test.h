/* Proves that a commit can wake a sleeping relay, all the way: one session
 * listens and holds a lock; a second one sees that the lock is held and
 * notifies, as the trigger does; the notification comes back to the first. That
 * fails where a proxy gives two transactions different sessions, or swallows
 * notifications.
 *
 * The lock is a random one, not the gate's, which another relay may hold at the
 * time. Notifications of tests can be told from those of the trigger. */
#ifndef RELAY_WAKE_TEST_H
#define RELAY_WAKE_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"
#include "pg/pg.h"

enum {
	WAKE_TEST_MS = 5000, /* for the second session and the notification */
};

struct wake_test_config {
	struct wb_loop *loop;
	const struct wb_pg_params *pg_params; /* for the second session */
	const char *application_name;
	/* From the loop, once per test that was not stopped; the session is
	 * idle again. why: one line, valid during the call. */
	void (*done)(void *arg, bool works, const char *why);
	void *arg;
};

/* IDLE       no test is under way
 * LISTENING, LOCKING: that statement is under way on the first session
 * TRYING     the second session connects and notifies
 * UNLOCKING  it is decided; the first session gives the lock back */
enum wake_test_state {
	WAKE_TEST_IDLE,
	WAKE_TEST_LISTENING,
	WAKE_TEST_LOCKING,
	WAKE_TEST_TRYING,
	WAKE_TEST_UNLOCKING,
};

struct wake_test {
	unsigned magic;
	struct wake_test_config config;
	enum wake_test_state state;
	struct wb_pg *listener; /* not ours */
	struct wb_pg *notifier; /* NULL: none */
	struct wb_pg_args *args;
	struct wb_timer timer;
	int32_t key;
	char payload[32];
	int64_t started_us;
	bool answer; /* of the statement under way */
	bool works;
	struct wb_note why;
};

void wake_test_init(struct wake_test *test,
                    const struct wake_test_config *config);
void wake_test_fini(struct wake_test *test);

/* The session must be idle, is used by the test alone until done is called, and
 * listens to the trigger's channel from then on. */
void wake_test_start(struct wake_test *test, struct wb_pg *listener);

/* Forgets about it: the session is lost, or nobody wants to know any more. */
void wake_test_stop(struct wake_test *test);

/* A notification came on that session. False: it is no test's, neither this
 * one's nor another relay's. */
bool wake_test_heard(struct wake_test *test, const char *payload);

#endif
