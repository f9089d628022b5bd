/* The connection: its states, how it is lost, its beginning and end. */
#include "pg/internal.h"

#include "base/attr.h"
#include "base/backoff.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BACKOFF_BASE_MS = 100,
	BACKOFF_FACTOR = 2,
};

static enum wb_pg_state enter_down(struct wb_pg *pg);
static enum wb_pg_state enter_ready(struct wb_pg *pg);
static enum wb_pg_state enter_closed(struct wb_pg *pg);

static const struct {
	unsigned to; /* states that may follow, as bits */
	enum wb_pg_state (*on_entry)(struct wb_pg *pg);
} states[] = {
#define TO(name)              (1u << WB_PG_STATE_##name)
#define X(name, to, on_entry) [WB_PG_STATE_##name] = { to, on_entry },
	WB_PG_STATE_TABLE(X)
#undef X
#undef TO
};

void
wb_pg_enter(struct wb_pg *pg, enum wb_pg_state state)
{
	while (state != WB_PG_STATE_STAY) {
		WB_ASSERT(states[pg->state].to & 1u << state);
		pg->state = state;
		state = states[state].on_entry(pg);
	}
}

static void
set_why(struct wb_pg *pg, enum wb_err err, const char *why)
{
	pg->why_err = err;
	(void)wb_fail(&pg->why, err, "%s", why);
}

enum wb_pg_state
wb_pg_give_up(struct wb_pg *pg)
{
	set_why(pg, WB_ERR_DB_LOST, PQerrorMessage(pg->conn));
	return WB_PG_STATE_DOWN;
}

static void
disconnect(struct wb_pg *pg)
{
	/* Events first: once closed, the number of the socket is reused. */
	wb_pg_io_stop(pg);
	wb_pg_keep_session(pg, NULL);
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->is_pooled = false;
	wb_pg_prepared_clear(&pg->prepared);
}

static enum wb_pg_state
enter_ready(struct wb_pg *pg)
{
	wb_timer_stop(&pg->timer);
	if (PQenterPipelineMode(pg->conn) == 0)
		return wb_pg_give_up(pg);
	pg->attempt = 0;
	pg->first_host = 0;
	wb_log_info(WB_LOG_PG_CONNECTED, "host=%s db=%s pid=%d pooled=%d",
	            pg->host.text, PQdb(pg->conn), PQbackendPID(pg->conn),
	            pg->is_pooled);
	if (pg->events->on_ready != NULL)
		pg->events->on_ready(pg->arg);
	return WB_PG_STATE_STAY;
}

/* ---- losing it ---- */

/* libpq's messages end in a newline and may have several lines; those that
 * begin with a tab are advice. */
static void
make_one_line(struct wb_note *note)
{
	char *to = note->text;
	bool is_advice = false;

	for (const char *from = note->text; *from != '\0'; from++) {
		if (*from == '\n')
			is_advice = from[1] == '\t';
		if (!is_advice)
			*to++ = *from == '\n' ? ' ' : *from;
	}
	while (to > note->text && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* What a standby refuses it calls "in a read-only transaction", "during
 * recovery" and so on. Servers from 14 on report that they are one. */
static void
note_standby(struct wb_pg *pg)
{
	const char *is_standby =
	    pg->conn == NULL ? NULL
	                     : PQparameterStatus(pg->conn, "in_hot_standby");
	size_t used = strlen(pg->why.text);

	if (is_standby != NULL && strcmp(is_standby, "on") == 0)
		(void)snprintf(pg->why.text + used, sizeof(pg->why.text) - used,
		               " (the server is a read-only standby)");
}

static enum wb_pg_state
enter_down(struct wb_pg *pg)
{
	const struct wb_backoff backoff = {
		.base_ms = BACKOFF_BASE_MS,
		.factor = BACKOFF_FACTOR,
		.cap_ms = pg->params->reconnect_cap_ms,
	};
	int64_t wait_ms = wb_backoff_ms(&backoff, pg->attempt++);
	struct wb_note why;

	if (pg->last_words.text[0] != '\0')
		pg->why = pg->last_words;
	pg->last_words.text[0] = '\0';
	make_one_line(&pg->why);
	note_standby(pg);
	disconnect(pg);
	wb_timer_start_ms(&pg->timer, wait_ms);
	pg->is_doomed = false;
	why = pg->why; /* a callback may doom the next connection */
	wb_log_warn(WB_LOG_PG_LOST, "host=%s retry_ms=%lld why=\"%s\"",
	            pg->host.text, (long long)wait_ms, why.text);
	wb_tx_on_lost(&pg->tx, pg->why_err, why.text);
	if (pg->state != WB_PG_STATE_CLOSED && pg->events->on_lost != NULL)
		pg->events->on_lost(pg->arg, why.text);
	return WB_PG_STATE_STAY;
}

void
wb_pg_lose(struct wb_pg *pg, enum wb_err err, const char *why)
{
	set_why(pg, err, why);
	wb_pg_enter(pg, WB_PG_STATE_DOWN);
}

static void
on_doomed(void *arg)
{
	struct wb_pg *pg = NULL;

	WB_CAST(pg, arg, WB_PG_MAGIC);
	wb_pg_enter_callback(pg);
	if (pg->is_doomed)
		wb_pg_enter(pg, WB_PG_STATE_DOWN);
	wb_pg_leave_callback(pg);
}

void
wb_pg_doom(struct wb_pg *pg, enum wb_err err, const char *why)
{
	if (pg->is_doomed || pg->state == WB_PG_STATE_DOWN ||
	    pg->state == WB_PG_STATE_CLOSED)
		return;
	set_why(pg, err, why);
	/* libpq may have closed the socket, and its number be reused before
	 * on_doomed. */
	wb_pg_io_stop(pg);
	pg->is_doomed = true;
	wb_loop_defer(pg->loop, on_doomed, pg);
}

void
wb_pg_reset(struct wb_pg *pg, const char *why)
{
	WB_ASSERT(pg->magic == WB_PG_MAGIC);
	wb_pg_doom(pg, WB_ERR_DB_LOST, why);
}

static void
on_deadline(struct wb_pg *pg)
{
	wb_log_warn(WB_LOG_PG_DEADLINE, "host=%s db=%s pid=%d", pg->host.text,
	            PQdb(pg->conn), PQbackendPID(pg->conn));
	wb_pg_lose(pg, WB_ERR_DB_TIMEOUT, "the transaction's deadline passed");
}

static void
on_timer(void *arg)
{
	struct wb_pg *pg = NULL;
	struct wb_note why;

	WB_CAST(pg, arg, WB_PG_MAGIC);
	wb_pg_enter_callback(pg);
	switch (pg->state) {
	case WB_PG_STATE_DOWN:
		wb_pg_enter(pg, WB_PG_STATE_CONNECTING);
		break;
	case WB_PG_STATE_CONNECTING:
	case WB_PG_STATE_MEETING:
	case WB_PG_STATE_SETUP:
		(void)wb_fail(&why, WB_ERR_DB_TIMEOUT,
		              "%s: no answer within %lld ms", pg->host.text,
		              (long long)pg->params->connect_timeout_ms);
		wb_pg_lose(pg, WB_ERR_DB_TIMEOUT, why.text);
		break;
	case WB_PG_STATE_READY:
		on_deadline(pg);
		break;
	case WB_PG_STATE_CLOSED:
	case WB_PG_STATE_STAY:
		break;
	}
	wb_pg_leave_callback(pg);
}

/* ---- life ---- */

static enum wb_pg_state
enter_closed(struct wb_pg *pg)
{
	wb_loop_undefer(pg->loop, pg);
	wb_timer_fini(&pg->timer);
	disconnect(pg);
	return WB_PG_STATE_STAY;
}

static void
destroy(struct wb_pg *pg)
{
	wb_pg_pending_fini(&pg->tx.pending);
	wb_pg_prepared_fini(&pg->prepared);
	wb_pg_settings_fini(&pg->settings);
	wb_arena_free(pg->arena);
	free(pg->application_name);
	pg->tx.magic = 0;
	pg->magic = 0;
	free(pg);
}

void
wb_pg_enter_callback(struct wb_pg *pg)
{
	pg->depth++;
}

void
wb_pg_leave_callback(struct wb_pg *pg)
{
	if (--pg->depth == 0 && pg->state == WB_PG_STATE_CLOSED)
		destroy(pg);
}

void
wb_pg_free(struct wb_pg *pg)
{
	if (pg == NULL)
		return;
	WB_ASSERT(pg->magic == WB_PG_MAGIC);
	wb_pg_enter(pg, WB_PG_STATE_CLOSED);
	if (pg->depth == 0)
		destroy(pg);
}

struct wb_pg *
wb_pg_new(struct wb_loop *loop, const struct wb_pg_params *params,
          const char *application_name, const struct wb_pg_events *events,
          void *arg)
{
	struct wb_pg *pg = wb_zalloc(sizeof(*pg));

	pg->magic = WB_PG_MAGIC;
	pg->loop = loop;
	pg->params = params;
	pg->events = events;
	pg->arg = arg;
	pg->application_name = wb_strdup(application_name);
	wb_pg_settings_init(&pg->settings, params);
	pg->arena = wb_arena_new();
	pg->state = WB_PG_STATE_DOWN;
	pg->tx.magic = WB_TX_MAGIC;
	pg->tx.pg = pg;
	wb_timer_init(&pg->timer, loop, on_timer, pg);
	wb_timer_start_ms(&pg->timer, 0);
	return pg;
}

void
wb_pg_setting(struct wb_pg *pg, const char *name, const char *value)
{
	WB_ASSERT(pg->magic == WB_PG_MAGIC);
	wb_pg_settings_add(&pg->settings, name, value);
}

bool
wb_pg_is_ready(const struct wb_pg *pg)
{
	return pg->state == WB_PG_STATE_READY && !pg->is_doomed;
}

const char *
wb_pg_why(const struct wb_pg *pg)
{
	return pg->why.text;
}

bool
wb_pg_is_pooled(const struct wb_pg *pg)
{
	return pg->is_pooled;
}

bool
wb_pg_is_idle(const struct wb_pg *pg)
{
	return wb_pg_is_ready(pg) && pg->tx.state == WB_TX_STATE_NONE;
}
