/* A pool on a real Postgres: who gets a connection, when, and who does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "pg/pool.h"
#include "support/pg_fixture.h"

#include <stdlib.h>
#include <string.h>

/* What happened, in order: a letter per taker; upper case: no connection. */
static char story[64];
static size_t n_story;

static struct fixture {
	struct wb_loop *loop;
	struct wb_pg_params params;
	struct wb_pg_pool *pool;
	struct wb_test_conn admin;
} f;

static const struct wb_pg_stmt nap = { "nap", "SELECT pg_sleep(0.1)" };
static const struct wb_pg_stmt long_nap = { "long_nap", "SELECT pg_sleep(5)" };

static void
add_to_story(char c)
{
	story[n_story++] = c;
	story[n_story] = '\0';
	wb_loop_stop(f.loop);
}

static void
forget_story(void)
{
	n_story = 0;
	story[0] = '\0';
}

/* arg: the taker's name; 'z' sleeps long. */
static void
on_taken(struct wb_pg *pg, void *arg)
{
	const char *name = arg;

	if (pg == NULL) {
		add_to_story((char)(*name - 'a' + 'A'));
		return;
	}
	add_to_story(*name);
	wb_pg_query(pg, *name == 'z' ? &long_nap : &nap, NULL, NULL, NULL,
	            NULL);
}

static char names[][2] = { "a", "b", "c", "d", "e", "z" };

static void
take(size_t i)
{
	wb_pg_pool_take(f.pool, on_taken, names[i]);
}

static void
open_pool(int64_t size, int64_t max_waiting, int64_t max_wait_ms)
{
	const struct wb_pg_pool_params limits = { .size = size,
		                                  .max_waiting = max_waiting,
		                                  .max_wait_ms = max_wait_ms };

	f.pool = wb_pg_pool_new(f.loop, &f.params, &limits, "pool-tested");
	for (int i = 0; i < 500 && !wb_pg_pool_is_ready(f.pool); i++)
		wb_test_run_for(f.loop, 10);
	assert_true(wb_pg_pool_is_ready(f.pool));
}

static void
until_story(size_t n)
{
	assert_true(wb_test_run_until(f.loop, &n_story, n));
}

/* Tried again until both are connected, which the pool does not tell. */
static void
serves_at_once_while_some_are_idle(void **state)
{
	(void)state;
	open_pool(2, 10, WB_TEST_WAIT_MS);
	take(0);
	take(1);
	for (int i = 0; i < 100 && n_story < 2; i++) {
		until_story(2);
		wb_test_run_for(f.loop, 200);
		forget_story();
		take(0);
		take(1);
	}
	assert_string_equal(story, "ab");
}

static void
serves_those_who_wait_in_order(void **state)
{
	(void)state;
	open_pool(1, 10, 5000);
	for (size_t i = 0; i < 5; i++)
		take(i);
	assert_string_equal(story, "a");
	until_story(5);
	assert_string_equal(story, "abcde");
}

static void
turns_away_when_too_many_wait(void **state)
{
	(void)state;
	open_pool(1, 2, 5000);
	for (size_t i = 0; i < 4; i++)
		take(i);
	assert_string_equal(story, "aD");
	until_story(4);
	assert_string_equal(story, "aDbc");
}

static void
nobody_waits_longer_than_the_limit(void **state)
{
	(void)state;
	open_pool(1, 10, 50);
	take(5);
	take(0);
	take(1);
	until_story(3);
	assert_string_equal(story, "zAB");
}

static void
forgets_those_who_left(void **state)
{
	(void)state;
	open_pool(1, 10, 5000);
	for (size_t i = 0; i < 4; i++)
		take(i);
	wb_pg_pool_forget(f.pool, names[3]); /* the last */
	wb_pg_pool_forget(f.pool, names[1]);
	take(4);
	until_story(3);
	wb_test_run_for(f.loop, 200);
	assert_string_equal(story, "ace");
}

static void
goes_on_after_a_loss(void **state)
{
	(void)state;
	open_pool(1, 10, 5000);
	take(5);
	take(0);
	take(1);
	wb_test_run_for(f.loop, 50);
	wb_test_script(&f.admin,
	               "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	               " WHERE application_name = 'pool-tested'");
	until_story(3);
	assert_string_equal(story, "zab");
}

static void
is_freed_with_takers_waiting(void **state)
{
	(void)state;
	open_pool(1, 10, 5000);
	take(0);
	take(1);
	take(2);
	assert_string_equal(story, "a");
}

static int
set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	forget_story();
	f.loop = wb_loop_new();
	wb_test_conn_params(&f.admin, wb_test_pg_dsn_of("postgres"));
	wb_test_conn_open(&f.admin, f.loop, "admin", NULL);
	f.params = f.admin.params;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	wb_pg_pool_free(f.pool);
	wb_test_conn_close(&f.admin);
	wb_loop_free(f.loop);
	free(f.params.dsn);
	return 0;
}

#define TEST(function)                                                         \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(serves_at_once_while_some_are_idle),
		TEST(serves_those_who_wait_in_order),
		TEST(turns_away_when_too_many_wait),
		TEST(nobody_waits_longer_than_the_limit),
		TEST(forgets_those_who_left),
		TEST(goes_on_after_a_loss),
		TEST(is_freed_with_takers_waiting),
	};

	(void)wb_test_pg_dsn();
	wb_log_setup("test", WB_LOG_ERROR);
	return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
