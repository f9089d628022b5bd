/* The connections. */
#include "db_priv.h"

#include "base/mem.h"
#include "migrate/files.h"
#include "pg/dsn.h"
#include "services.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_TIMEOUT_MS = 5000,
	RECONNECT_CAP_MS = 1000,
	TX_DEADLINE_MS = 86400000, /* where the server itself has none */
	GRACE_MS = 5000,
};

/* ---- where it is ---- */

/* What lies between the entries of --databases: in a file, a line each. */
static const char spaces[] = " \t\r\n";

/* The text of --databases that is the service's: "name=URI name=URI". */
static const char *
find_own_dsn(const struct wb_cli *cli, const char *service, size_t *ret_bytes)
{
	const char *at = cli->common.databases;
	size_t name_bytes = strlen(service);

	for (at += strspn(at, spaces); *at != '\0'; at += strspn(at, spaces)) {
		size_t bytes = strcspn(at, spaces);

		if (bytes > name_bytes && at[name_bytes] == '=' &&
		    memcmp(at, service, name_bytes) == 0) {
			*ret_bytes = bytes - name_bytes - 1;
			return at + name_bytes + 1;
		}
		at += bytes;
	}
	return NULL;
}

enum wb_err
wb_db_dsn(struct wb_cli *cli, const char *service, struct wb_buf *ret_dsn,
          struct wb_note *note)
{
	struct wb_buf given = { 0 };
	struct wb_note why;
	size_t bytes = 0;
	const char *own = find_own_dsn(cli, service, &bytes);
	bool is_named = false;
	enum wb_err err;

	if (own != NULL)
		wb_buf_add(&given, own, bytes);
	else
		wb_buf_adds(&given, cli->common.dsn);
	err = wb_pg_dsn_with_database(wb_buf_text(&given), service, ret_dsn,
	                              &is_named, &why);
	wb_buf_fini(&given);
	if (err != WB_OK)
		return wb_fail(note, err, "%s: %s: %s",
		               own != NULL ? "databases" : "dsn", service,
		               why.text);
	if (own != NULL || !is_named)
		return WB_OK;
	if (cli->named_dsn_of != NULL &&
	    strcmp(cli->named_dsn_of, service) != 0)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "dsn: it names a database, which can't be both "
		               "%s and %s: leave the name out, or use "
		               "--databases",
		               cli->named_dsn_of, service);
	cli->named_dsn_of = service;
	return WB_OK;
}

/* ---- the connection ---- */

static void
give_up(struct wb_db *db, enum wb_err err, const char *why)
{
	db->is_given_up = true;
	(void)wb_fail(&db->why, err, "%s", why);
	wb_timer_stop(&db->wait);
	if (db->rows != NULL && !db->rows->is_started)
		wb_rows_finish(db->rows, err, why);
	wb_loop_stop(db->cli->loop);
}

static void
on_ready(void *arg)
{
	struct wb_db *db = arg;

	db->is_up = true;
	wb_timer_stop(&db->wait);
	wb_loop_stop(db->cli->loop);
	if (db->rows != NULL && !db->rows->is_started)
		wb_rows_start(db->rows);
}

/* Before the first session lib/pg tries again by itself; a session that was
 * lost has failed what ran on it, and nothing here counts on the next one. */
static void
on_lost(void *arg, const char *why)
{
	struct wb_db *db = arg;

	(void)wb_fail(&db->why, WB_ERR_DB_LOST, "%s", why);
	if (db->is_up)
		give_up(db, WB_ERR_DB_LOST, why);
}

static void
on_wait_over(void *arg)
{
	struct wb_db *db = arg;
	struct wb_note why = db->why;

	give_up(db, WB_ERR_DB_LOST,
	        why.text[0] != '\0' ? why.text : "no server answers");
}

static void
set_params(struct wb_db *db)
{
	int64_t wait_ms = db->cli->common.wait_ms;
	int64_t limit_ms = db->cli->common.statement_timeout_ms;

	db->params = (struct wb_pg_params){
		.dsn = db->dsn.data,
		.connect_timeout_ms =
		    wait_ms < CONNECT_TIMEOUT_MS ? wait_ms : CONNECT_TIMEOUT_MS,
		.statement_timeout_ms = limit_ms,
		.tx_deadline_ms =
		    limit_ms > 0 ? limit_ms + GRACE_MS : TX_DEADLINE_MS,
		.reconnect_cap_ms = RECONNECT_CAP_MS,
	};
}

enum wb_err
wb_db_open(struct wb_cli *cli, const char *service, struct wb_db **ret_db,
           struct wb_note *note)
{
	static const struct wb_pg_events events = {
		.on_ready = on_ready,
		.on_lost = on_lost,
	};
	struct wb_buf dsn = { 0 };
	struct wb_db *db = NULL;
	enum wb_err err = wb_db_dsn(cli, service, &dsn, note);

	if (err != WB_OK) {
		wb_buf_fini(&dsn);
		return err;
	}
	db = wb_zalloc(sizeof(*db));
	db->cli = cli;
	db->service = service;
	db->dsn = dsn;
	set_params(db);
	wb_timer_init(&db->wait, cli->loop, on_wait_over, db);
	wb_timer_start_ms(&db->wait, cli->common.wait_ms);
	db->pg = wb_pg_new(cli->loop, &db->params, cli->name, &events, db);
	/* A cursor is for all of its rows. */
	wb_pg_setting(db->pg, "cursor_tuple_fraction", "1");
	*ret_db = db;
	return WB_OK;
}

void
wb_db_close(struct wb_db *db)
{
	if (db == NULL)
		return;
	WB_ASSERT(db->rows == NULL);
	wb_pg_free(db->pg);
	wb_timer_fini(&db->wait);
	wb_buf_fini(&db->dsn);
	free(db);
}

const char *
wb_db_service(const struct wb_db *db)
{
	return db->service;
}

void
wb_db_setting(struct wb_db *db, const char *name, const char *value)
{
	wb_pg_setting(db->pg, name, value);
}

enum wb_err
wb_db_connect(struct wb_db *db, struct wb_pg **ret_pg, struct wb_note *note)
{
	WB_ASSERT(db->rows == NULL);
	while (!db->is_given_up && !wb_pg_is_idle(db->pg))
		wb_loop_run(db->cli->loop);
	if (db->is_given_up)
		return wb_fail(note, WB_ERR_DB_LOST, "%s: %s", db->service,
		               db->why.text);
	*ret_pg = db->pg;
	return WB_OK;
}

/* ---- statements ---- */

static struct wb_rows *
begin(struct wb_db *db, struct wb_rows *rows)
{
	WB_ASSERT(db->rows == NULL);
	db->rows = rows;
	if (db->is_given_up)
		wb_rows_finish(rows, WB_ERR_DB_LOST, db->why.text);
	else if (wb_pg_is_idle(db->pg))
		wb_rows_start(rows);
	return rows;
}

struct wb_rows *
wb_db_query(struct wb_db *db, const struct wb_pg_stmt *stmt,
            struct wb_pg_args *args)
{
	return begin(db, wb_rows_new(db, stmt, args, false));
}

struct wb_rows *
wb_db_stream(struct wb_db *db, const struct wb_pg_stmt *stmt,
             struct wb_pg_args *args)
{
	return begin(db, wb_rows_new(db, stmt, args, true));
}

/* ---- several ---- */

void
wb_dbs_close(struct wb_dbs *dbs)
{
	while (dbs->n > 0)
		wb_db_close(dbs->list[--dbs->n]);
}

static enum wb_err
check_name(const struct wb_cli *cli, size_t first, size_t i,
           struct wb_note *note)
{
	if (wb_service_find(cli->args[i]) == NULL)
		return wb_fail(note, WB_ERR_BAD_CONFIG,
		               "there is no service \"%s\": %s", cli->args[i],
		               wb_service_names());
	for (size_t j = first; j < i; j++)
		if (strcmp(cli->args[j], cli->args[i]) == 0)
			return wb_fail(note, WB_ERR_BAD_CONFIG,
			               "%s is named twice", cli->args[i]);
	return WB_OK;
}

enum wb_err
wb_dbs_open(struct wb_cli *cli, size_t first, struct wb_dbs *ret,
            struct wb_note *note)
{
	enum wb_err err = WB_OK;
	bool is_all = cli->n_args <= first;
	size_t n = is_all ? WB_N_SERVICES : cli->n_args - first;

	static_assert(WB_N_SERVICES <= WB_ARRAY_LEN(ret->list),
	              "room for all services");
	ret->n = 0;
	for (size_t i = first; !is_all && i < cli->n_args && err == WB_OK; i++)
		err = check_name(cli, first, i, note);
	for (size_t i = 0; i < n && err == WB_OK; i++) {
		err = wb_db_open(
		    cli, is_all ? wb_services[i].name : cli->args[first + i],
		    &ret->list[i], note);
		if (err == WB_OK)
			ret->n++;
	}
	if (err != WB_OK)
		wb_dbs_close(ret);
	return err;
}
