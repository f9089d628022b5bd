/* The life of a connection to a real Postgres: set-up, loss, reconnect, several
 * hosts, notifications, scripts, and being freed at any moment. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/pg_fixture.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char database[64];

struct fixture {
	struct wb_test_conn conn, admin;
	struct wb_loop *loop;
	char *dsn;
	struct wb_buf other_dsn;
	/* For the tests of wb_pg_free. */
	const char *free_in;
	size_t n_freed;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = wb_loop_new();
	f->dsn = wb_test_pg_dsn_of(database);
	wb_test_conn_params(&f->conn, f->dsn);
	wb_test_conn_params(&f->admin, f->dsn);
	wb_test_conn_open(&f->admin, f->loop, "admin", NULL);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	wb_test_conn_close(&f->conn);
	wb_test_conn_close(&f->admin);
	wb_loop_free(f->loop);
	wb_buf_fini(&f->other_dsn);
	free(f->dsn);
	free(f);
	return 0;
}

static void
open_conn(struct fixture *f, const char *first_sql)
{
	wb_test_conn_open(&f->conn, f->loop, "tested", first_sql);
}

static void
terminate(struct fixture *f)
{
	assert_string_equal(wb_test_select(&f->admin,
	                                   "SELECT pg_terminate_backend(pid)"
	                                   " FROM pg_stat_activity"
	                                   " WHERE application_name = 'tested'"
	                                   " AND datname = current_database()"),
	                    "t");
}

static void
run_query(struct fixture *f, const struct wb_pg_stmt *stmt)
{
	wb_pg_query(f->conn.pg, stmt, NULL, NULL, wb_test_on_done, &f->conn);
	assert_true(
	    wb_test_run_until(f->loop, &f->conn.n_done, f->conn.n_done + 1));
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
}

/* ---- set-up ---- */

static void
sets_up_its_session(void **state)
{
	struct fixture *f = *state;

	f->conn.params.statement_timeout_ms = 7000;
	open_conn(f, NULL);
	wb_pg_setting(f->conn.pg, "enable_sort", "off");
	wb_pg_setting(f->conn.pg, "enable_seqscan", "off");
	wb_pg_reset(f->conn.pg, "for its settings");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, 2));
	assert_string_equal(wb_test_select(&f->conn, "SHOW enable_sort"),
	                    "off");
	assert_string_equal(wb_test_select(&f->conn, "SHOW enable_seqscan"),
	                    "off");
	assert_string_equal(wb_test_select(&f->conn, "SHOW statement_timeout"),
	                    "7s");
	assert_string_equal(wb_test_select(&f->conn, "SHOW client_encoding"),
	                    "UTF8");
	assert_string_equal(wb_test_select(&f->conn, "SHOW application_name"),
	                    "tested");
	terminate(f);
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, 3));
	assert_string_equal(wb_test_select(&f->conn, "SHOW enable_sort"),
	                    "off");
	assert_false(wb_pg_is_pooled(f->conn.pg));
}

/* The plan of a look-up by key is made while the table is empty: as a hash join
 * with all of it, if nothing is done about it. */
static void
looks_up_by_key_for_ever(void **state)
{
	static const struct wb_pg_stmt make = {
		"make",
		"CREATE TEMP TABLE pinned (id uuid PRIMARY KEY, note text)",
	};
	static const struct wb_pg_stmt prepare = {
		"prepare",
		"PREPARE look_up(uuid[]) AS SELECT p.note FROM"
		" unnest($1) AS a (id) JOIN pinned p USING (id)",
	};
	struct fixture *f = *state;

	open_conn(f, NULL);
	wb_pg_pin_plans(f->conn.pg);
	wb_pg_reset(f->conn.pg, "for its settings");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, 2));
	run_query(f, &make);
	run_query(f, &prepare);
	assert_string_equal(wb_test_select(&f->conn,
	                                   "EXPLAIN (COSTS OFF) EXECUTE look_up"
	                                   "(array[gen_random_uuid()])"),
	                    "Nested Loop");
}

static void
the_dsn_has_the_last_word(void **state)
{
	struct fixture *f = *state;

	wb_buf_printf(&f->other_dsn,
	              "%s%capplication_name=mine&options=-c%%20"
	              "statement_timeout%%3D1234",
	              f->dsn, strchr(f->dsn, '?') != NULL ? '&' : '?');
	if (strstr(f->dsn, "://") == NULL)
		skip(); /* the text above is a URI's */
	f->conn.params.dsn = f->other_dsn.data;
	open_conn(f, NULL);
	assert_string_equal(wb_test_select(&f->conn, "SHOW statement_timeout"),
	                    "1234ms");
	assert_string_equal(wb_test_select(&f->conn, "SHOW application_name"),
	                    "mine");
}

/* ---- loss ---- */

static void
reconnects(void **state)
{
	static const struct wb_pg_stmt one = { "one", "SELECT 1" };
	struct fixture *f = *state;

	open_conn(f, NULL);
	for (size_t i = 1; i <= 3; i++) {
		run_query(f, &one);
		terminate(f);
		assert_true(wb_test_run_until(f->loop, &f->conn.n_lost, i));
		assert_non_null(strstr(f->conn.why, "administrator command"));
		assert_true(
		    wb_test_run_until(f->loop, &f->conn.n_ready, i + 1));
	}
	run_query(f, &one);
}

static void
is_reset_while_idle(void **state)
{
	struct fixture *f = *state;

	open_conn(f, NULL);
	wb_pg_reset(f->conn.pg, "no answer from somewhere");
	assert_false(wb_pg_is_ready(f->conn.pg));
	assert_int_equal(f->conn.n_lost, 0);
	assert_true(wb_test_run_until(f->loop, &f->conn.n_lost, 1));
	assert_string_equal(f->conn.why, "no answer from somewhere");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, 2));
}

static void
on_lost_count(void *arg, const char *why)
{
	struct wb_test_conn *conn = arg;

	conn->n_lost++;
	(void)snprintf(conn->why, sizeof(conn->why), "%s", why);
	wb_loop_stop(conn->loop);
}

static const struct wb_pg_events losses_only = { .on_lost = on_lost_count };

/* And tried again. */
static void
wrong_set_up_is_a_loss(void **state)
{
	struct fixture *f = *state;

	f->conn.loop = f->loop;
	f->conn.pg = wb_pg_new(f->loop, &f->conn.params, "tested", &losses_only,
	                       &f->conn);
	wb_pg_setting(f->conn.pg, "no_such_thing", "1");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_lost, 2));
	assert_non_null(strstr(f->conn.why, "no_such_thing"));
	assert_false(wb_pg_is_ready(f->conn.pg));
}

/* Connects to nothing: each try is told. */
static void
check_never_connects(struct fixture *f, char *dsn, const char *why)
{
	f->conn.loop = f->loop;
	f->conn.params.dsn = dsn;
	f->conn.params.connect_timeout_ms = 200;
	f->conn.params.reconnect_cap_ms = 20;
	f->conn.pg = wb_pg_new(f->loop, &f->conn.params, "tested", &losses_only,
	                       &f->conn);
	assert_true(wb_test_run_until(f->loop, &f->conn.n_lost, 3));
	assert_false(wb_pg_is_ready(f->conn.pg));
	assert_non_null(strstr(f->conn.why, why));
	assert_null(strstr(f->conn.why, "hunter2"));
	assert_null(strchr(f->conn.why, '\n'));
}

static void
is_refused(void **state)
{
	char dsn[] = "host=127.0.0.1 port=1 password=hunter2";

	check_never_connects(*state, dsn, "refused");
}

static void
has_a_wrong_dsn(void **state)
{
	char dsn[] = "host=127.0.0.1 hunter2";

	check_never_connects(*state, dsn, "no libpq connection string");
}

/* A port that takes connections and never says anything. */
static int
open_black_hole(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, bytes), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &bytes),
	                 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void
gets_no_answer(void **state)
{
	uint16_t port = 0;
	int fd = open_black_hole(&port);
	char dsn[64];

	(void)snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u", port);
	check_never_connects(*state, dsn, "no answer within ");
	(void)close(fd);
}

/* ---- several hosts ---- */

/* Before the host of the test's DSN stands another one. */
static void
connect_after(struct fixture *f, uint16_t dead_port)
{
	struct wb_buf *dsn = &f->other_dsn;
	const char *host = NULL;
	size_t before = 0;

	if (strstr(f->dsn, "://") == NULL)
		skip();
	host = strstr(f->dsn, "://") + 3;
	if (memchr(host, '@', strcspn(host, "/?")) != NULL)
		host = strchr(host, '@') + 1;
	before = (size_t)(host - f->dsn);
	wb_buf_add(dsn, f->dsn, before);
	wb_buf_printf(dsn, "127.0.0.1:%u,%s", dead_port, host);
	f->conn.params.dsn = dsn->data;
	f->conn.params.connect_timeout_ms = 300;
	open_conn(f, NULL);
	assert_string_equal(wb_test_select(&f->conn, "SELECT 1"), "1");
}

static void
skips_a_refusing_host(void **state)
{
	struct fixture *f = *state;

	connect_after(f, 1);
	assert_int_equal(f->conn.n_lost, 0); /* at the first try */
}

static void
skips_a_silent_host(void **state)
{
	struct fixture *f = *state;
	uint16_t port = 0;
	int fd = open_black_hole(&port);

	connect_after(f, port);
	assert_int_equal(f->conn.n_lost, 1);
	assert_non_null(strstr(f->conn.why, "no answer within 300 ms"));
	(void)close(fd);
}

/* ---- notifications ---- */

static void
is_notified(void **state)
{
	static const struct wb_pg_stmt listen = { "listen", "LISTEN two" };
	struct fixture *f = *state;

	open_conn(f, "LISTEN one");
	run_query(f, &listen);
	wb_test_script(&f->admin, "NOTIFY one");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_notified, 1));
	assert_string_equal(f->conn.channel, "one");
	wb_test_script(&f->admin, "NOTIFY two; NOTIFY one; NOTIFY three");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_notified, 3));
	assert_string_equal(f->conn.channel, "one");
	wb_test_script(&f->admin, "NOTIFY two, 'with words'");
	assert_true(wb_test_run_until(f->loop, &f->conn.n_notified, 4));
	assert_string_equal(f->conn.payload, "with words");
}

/* One that comes together with a result, behind it in the same bytes, is told
 * too: nothing more may come for a long time. */
static void
is_notified_along_with_a_result(void **state)
{
	static const struct wb_pg_stmt notify = {
		"notify", "SELECT pg_notify('one', '')"
	};
	struct fixture *f = *state;
	size_t i;

	open_conn(f, "LISTEN one");
	for (i = 1; i <= 20; i++) {
		run_query(f, &notify);
		assert_true(wb_test_run_until(f->loop, &f->conn.n_notified, i));
	}
}

/* ---- scripts ---- */

static void
runs_a_script(void **state)
{
	struct fixture *f = *state;

	open_conn(f, NULL);
	wb_test_script(&f->conn,
	               "CREATE TABLE a (id int); INSERT INTO a VALUES (1), (2);"
	               "CREATE FUNCTION b() RETURNS int LANGUAGE sql AS"
	               " $$ SELECT 1; SELECT count(*)::int FROM a $$;"
	               "SELECT b(); -- the end");
	assert_int_equal(f->conn.end, WB_TX_COMMITTED);
	assert_true(wb_pg_is_idle(f->conn.pg));
	assert_string_equal(wb_test_select(&f->conn, "SELECT b()"), "2");
}

static void
a_script_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	open_conn(f, NULL);
	wb_test_script(&f->conn, "CREATE TABLE c (id int);"
	                         "INSERT INTO c VALUES (1);"
	                         "SELECT 1 / 0;"
	                         "INSERT INTO c VALUES (2);");
	assert_int_equal(f->conn.end, WB_TX_FAILED);
	assert_string_equal(f->conn.sqlstate, "22012");
	assert_string_equal(
	    wb_test_select(&f->conn, "SELECT to_regclass('c') IS NULL"), "t");
	assert_int_equal(f->conn.n_lost, 0);
}

static void
a_script_must_end_its_transaction(void **state)
{
	struct fixture *f = *state;

	open_conn(f, NULL);
	wb_test_script(&f->conn, "BEGIN; CREATE TABLE d (id int)");
	assert_int_equal(f->conn.end, WB_TX_UNKNOWN);
	assert_non_null(strstr(f->conn.message, "still open"));
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, 2));
	assert_string_equal(
	    wb_test_select(&f->conn, "SELECT to_regclass('d') IS NULL"), "t");
}

static void
a_script_must_not_copy(void **state)
{
	struct fixture *f = *state;

	open_conn(f, NULL);
	wb_test_script(&f->conn, "CREATE TABLE e (id int); COPY e FROM STDIN");
	assert_int_not_equal(f->conn.end, WB_TX_COMMITTED);
	assert_true(wb_test_run_until(f->loop, &f->conn.n_ready, 2));
	assert_string_equal(
	    wb_test_select(&f->conn, "SELECT to_regclass('e') IS NULL"), "t");
}

/* ---- wb_pg_free ---- */

static void
free_here(struct fixture *f, const char *where)
{
	if (strcmp(f->free_in, where) != 0)
		return;
	wb_pg_free(f->conn.pg);
	f->conn.pg = NULL;
	f->n_freed++;
	wb_loop_stop(f->loop);
}

static void
on_result_free(const struct wb_pg_result *result, void *arg)
{
	assert_int_equal(wb_pg_rows(result), 1);
	free_here(arg, "result");
}

static void
on_done_free(const struct wb_tx_outcome *outcome, void *arg)
{
	struct fixture *f = arg;

	free_here(f, outcome->end == WB_TX_COMMITTED ? "done" : "lost tx");
}

static void
on_ready_free(void *arg)
{
	static const struct wb_pg_stmt nap = { "nap", "SELECT pg_sleep(0.1)" };
	static const struct wb_pg_stmt listen = { "listen", "LISTEN free" };
	struct fixture *f = arg;
	struct wb_tx *tx = NULL;

	free_here(f, "ready");
	if (f->conn.pg == NULL)
		return;
	tx = wb_tx_begin(f->conn.pg, on_done_free, f);
	wb_tx_query(tx, &listen, NULL, NULL, NULL);
	wb_tx_query(tx, &nap, NULL, on_result_free, f);
	wb_tx_commit(tx);
	if (strcmp(f->free_in, "lost tx") == 0 ||
	    strcmp(f->free_in, "lost") == 0)
		wb_pg_reset(f->conn.pg, "on purpose");
	free_here(f, "ready with tx");
}

static void
on_lost_free(void *arg, const char *why)
{
	(void)why;
	free_here(arg, "lost");
}

static void
on_notify_free(void *arg, const char *channel, const char *payload)
{
	(void)channel, (void)payload;
	free_here(arg, "notify");
}

static void
is_freed_anywhere(void **state)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready_free,
		.on_lost = on_lost_free,
		.on_notify = on_notify_free,
	};
	static const char *const places[] = {
		"ready",  "ready with tx", "result", "done",
		"notify", "lost tx",       "lost",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < WB_ARRAY_LEN(places); i++) {
		f->free_in = places[i];
		f->conn.pg =
		    wb_pg_new(f->loop, &f->conn.params, "tested", &events, f);
		/* Who does not listen yet hears none: so again and again. */
		while (strcmp(places[i], "notify") == 0 && f->n_freed == i) {
			wb_test_script(&f->admin, "NOTIFY free");
			wb_test_run_for(f->loop, 50);
		}
		assert_true(wb_test_run_until(f->loop, &f->n_freed, i + 1));
		assert_null(f->conn.pg);
	}
	wb_test_run_for(f->loop, 50);
}

static void
is_freed_while_connecting(void **state)
{
	struct fixture *f = *state;

	for (int64_t ms = 0; ms < 12; ms++) {
		struct wb_pg *pg = wb_pg_new(f->loop, &f->conn.params, "tested",
		                             &losses_only, &f->conn);

		wb_test_run_for(f->loop, ms / 2);
		wb_pg_free(pg);
	}
	wb_test_run_for(f->loop, 50);
	assert_int_equal(f->conn.n_lost, 0);
}

static int
make_database(void **state)
{
	(void)state;
	wb_test_database_create(database);
	return 0;
}

static int
drop_database(void **state)
{
	(void)state;
	wb_test_database_drop(database);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sets_up_its_session),
		TEST(looks_up_by_key_for_ever),
		TEST(wrong_set_up_is_a_loss),
		TEST(the_dsn_has_the_last_word),
		TEST(reconnects),
		TEST(is_reset_while_idle),
		TEST(is_refused),
		TEST(has_a_wrong_dsn),
		TEST(gets_no_answer),
		TEST(skips_a_refusing_host),
		TEST(skips_a_silent_host),
		TEST(is_notified),
		TEST(is_notified_along_with_a_result),
		TEST(runs_a_script),
		TEST(a_script_that_fails_leaves_nothing),
		TEST(a_script_must_end_its_transaction),
		TEST(a_script_must_not_copy),
		TEST(is_freed_anywhere),
		TEST(is_freed_while_connecting),
	};

	wb_log_setup("test_pg_conn", WB_LOG_DEBUG);
	(void)wb_test_pg_dsn();
	(void)snprintf(database, sizeof(database), "test_pg_conn_%ld",
	               (long)getpid());
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
