/* The connection's life: states, waiting and connecting again, loss, close and
 * free. What is said on the wire is in the other files. */
#include "amqp/internal.h"

#include "amqp/channel.h"
#include "amqp/tls.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKOFF_BASE_MS 100
#define NAME_MAX_BYTES  200

/* ---- trampolines ---- */

static void
destroy(struct wb_amqp *conn)
{
	wb_amqp_channels_free(conn);
	if (conn->codec != NULL)
		(void)amqp_destroy_connection(conn->codec);
	wb_timer_fini(&conn->retry);
	wb_timer_fini(&conn->deadline);
	wb_timer_fini(&conn->heartbeat);
	wb_amqp_brokers_fini(&conn->brokers);
	SSL_CTX_free(conn->tls);
	free(conn->entries);
	free(conn->name);
	conn->magic = 0;
	free(conn);
}

void
wb_amqp_enter(struct wb_amqp *conn)
{
	conn->depth++;
}

void
wb_amqp_leave(struct wb_amqp *conn)
{
	conn->depth--;
	if (conn->depth == 0 && conn->is_freed)
		destroy(conn);
}

/* Gives back what belongs to the attempt to connect; not the codec, whose
 * memory the callback that we are in may still look at. */
static void
drop(struct wb_amqp *conn)
{
	wb_timer_stop(&conn->retry);
	wb_timer_stop(&conn->deadline);
	wb_timer_stop(&conn->heartbeat);
	wb_amqp_resolve_stop(conn);
	wb_amqp_socket_close(conn);
	wb_loop_undefer(conn->loop, conn);
	conn->is_blocked = false;
}

/* ---- entry functions: each returns the next state, or STAY ---- */

#define STAY WB_AMQP_STATE_COUNT

/* Each broker of the list is tried once before the waits grow. A connection
 * counts as lasting once it has outlived the longest wait. */
static void
plan_retry(struct wb_amqp *conn)
{
	struct wb_backoff backoff = { .base_ms = BACKOFF_BASE_MS,
		                      .factor = 2,
		                      .cap_ms =
		                          conn->params->reconnect_cap_ms };
	size_t n = conn->brokers.count == 0 ? 1 : conn->brokers.count;

	if (conn->ready_us != 0 &&
	    wb_mono_us() - conn->ready_us > backoff.cap_ms * 1000)
		conn->failures = 0;
	conn->ready_us = 0;
	wb_timer_start_ms(
	    &conn->retry,
	    wb_backoff_ms(&backoff, conn->failures / (unsigned)n));
	conn->failures++;
	conn->broker = (conn->broker + 1) % n;
}

static enum wb_amqp_state
enter_down(struct wb_amqp *conn)
{
	drop(conn);
	plan_retry(conn);
	wb_amqp_channels_end(conn, conn->why.text);
	/* The callbacks of the channels may have closed or freed us. */
	if (conn->state == WB_AMQP_DOWN)
		conn->events->on_lost(conn->arg, conn->why.text);
	return STAY;
}

static enum wb_amqp_state
enter_connecting(struct wb_amqp *conn)
{
	if (conn->brokers.count == 0) /* why says what is wrong with the list */
		return WB_AMQP_DOWN;
	if (wb_amqp_broker(conn)->is_tls && conn->tls == NULL &&
	    wb_amqp_tls_new(conn->params, &conn->tls, &conn->why) != WB_OK)
		return WB_AMQP_DOWN;
	conn->tried.text[0] = '\0';
	wb_timer_start_ms(&conn->deadline, conn->params->connect_timeout_ms);
	wb_amqp_resolve(conn);
	return STAY;
}

static enum wb_amqp_state
enter_start(struct wb_amqp *conn)
{
	if (conn->codec != NULL)
		(void)amqp_destroy_connection(conn->codec);
	conn->codec = amqp_new_connection();
	WB_ASSERT(conn->codec != NULL);
	wb_amqp_send_protocol_header(conn);
	return STAY;
}

static enum wb_amqp_state
enter_ready(struct wb_amqp *conn)
{
	wb_timer_stop(&conn->deadline);
	conn->ready_us = wb_mono_us();
	wb_amqp_heartbeat_start(conn);
	conn->events->on_ready(conn->arg);
	return STAY;
}

static enum wb_amqp_state
enter_closing(struct wb_amqp *conn)
{
	amqp_connection_close_t close = { .reply_code = AMQP_REPLY_SUCCESS };

	close.reply_text = amqp_cstring_bytes("bye");
	wb_amqp_send_method(conn, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
	wb_timer_stop(&conn->heartbeat);
	wb_timer_start_ms(&conn->deadline, conn->params->rpc_timeout_ms);
	return STAY;
}

static void
on_done(void *arg)
{
	struct wb_amqp *conn;

	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	wb_amqp_enter(conn);
	conn->done(conn->done_arg);
	wb_amqp_leave(conn);
}

static enum wb_amqp_state
enter_ended(struct wb_amqp *conn)
{
	drop(conn);
	if (conn->done != NULL)
		wb_loop_defer(conn->loop, on_done, conn);
	return STAY;
}

#define TO(name) (1u << WB_AMQP_##name)
static const struct {
	const char *name;
	unsigned next; /* bits of the states that may follow */
	enum wb_amqp_state (*enter)(struct wb_amqp *conn);
} states[] = {
#define X(state, may_follow, on_entry)                                         \
	[WB_AMQP_##state] = { .name = #state,                                  \
		              .next = (may_follow),                            \
		              .enter = (on_entry) },
	WB_AMQP_STATE_TABLE(X)
#undef X
};
#undef TO

void
wb_amqp_go(struct wb_amqp *conn, enum wb_amqp_state state)
{
	while (state != STAY) {
		WB_ASSERT((states[conn->state].next & 1u << state) != 0);
		wb_log_debug(WB_LOG_AMQP_STATE, "connection=%s state=%s",
		             conn->name, states[state].name);
		conn->state = state;
		state = states[state].enter == NULL ? STAY
		                                    : states[state].enter(conn);
	}
}

/* ---- the end of an attempt ---- */

static void
lose(struct wb_amqp *conn, const char *reason)
{
	switch (conn->state) {
	case WB_AMQP_DOWN:
	case WB_AMQP_ENDED:
		break;
	case WB_AMQP_CLOSING:
		wb_amqp_go(conn, WB_AMQP_ENDED);
		break;
	case WB_AMQP_CONNECTING:
	case WB_AMQP_START:
	case WB_AMQP_TUNE:
	case WB_AMQP_OPEN:
	case WB_AMQP_READY:
		(void)wb_fail(&conn->why, WB_ERR_BROKER_LOST, "%s:%u: %s",
		              wb_amqp_broker(conn)->host,
		              (unsigned)wb_amqp_broker(conn)->port, reason);
		wb_amqp_go(conn, WB_AMQP_DOWN);
		break;
	case WB_AMQP_STATE_COUNT:
		WB_ASSERT(false);
	}
}

void
wb_amqp_lost(struct wb_amqp *conn, const char *fmt, ...)
{
	char reason[WB_NOTE_BYTES];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	lose(conn, reason);
}

void
wb_amqp_refuse(struct wb_amqp *conn, uint16_t code, const char *fmt, ...)
{
	char reason[200]; /* fits a short string */
	amqp_connection_close_t close = { .reply_code = code };
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	close.reply_text = amqp_cstring_bytes(reason);
	wb_amqp_send_method(conn, 0, AMQP_CONNECTION_CLOSE_METHOD, &close);
	wb_amqp_out_push(conn);
	lose(conn, reason);
}

static void
on_retry(void *arg)
{
	struct wb_amqp *conn;

	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	wb_amqp_enter(conn);
	wb_amqp_go(conn, WB_AMQP_CONNECTING);
	wb_amqp_leave(conn);
}

static void
on_deadline(void *arg)
{
	struct wb_amqp *conn;

	WB_CAST(conn, arg, WB_AMQP_MAGIC);
	wb_amqp_enter(conn);
	wb_amqp_lost(conn, "no connection within %lld ms (state %s)",
	             (long long)conn->params->connect_timeout_ms,
	             states[conn->state].name);
	wb_amqp_leave(conn);
}

/* ---- public ---- */

struct wb_amqp *
wb_amqp_new(struct wb_loop *loop, const struct wb_amqp_params *params,
            const char *connection_name, const struct wb_amqp_events *events,
            void *arg)
{
	struct wb_amqp *conn = wb_zalloc(sizeof(*conn));

	conn->magic = WB_AMQP_MAGIC;
	conn->state = WB_AMQP_DOWN;
	conn->loop = loop;
	conn->params = params;
	conn->events = events;
	conn->arg = arg;
	conn->name = wb_strdup(connection_name);
	if (strlen(conn->name) > NAME_MAX_BYTES)
		conn->name[NAME_MAX_BYTES] = '\0';
	wb_timer_init(&conn->retry, loop, on_retry, conn);
	wb_timer_init(&conn->deadline, loop, on_deadline, conn);
	wb_timer_init(&conn->heartbeat, loop, wb_amqp_on_heartbeat_timer, conn);
	if (wb_amqp_brokers_parse(params->brokers, &conn->brokers,
	                          &conn->why) != WB_OK)
		wb_amqp_brokers_fini(&conn->brokers);
	wb_timer_start_ms(&conn->retry, 0);
	return conn;
}

void
wb_amqp_free(struct wb_amqp *conn)
{
	if (conn == NULL)
		return;
	wb_amqp_channels_silence(conn);
	conn->done = NULL;
	if (conn->state != WB_AMQP_ENDED)
		wb_amqp_go(conn, WB_AMQP_ENDED);
	wb_loop_undefer(conn->loop, conn); /* on_done of an earlier close */
	if (conn->depth == 0)
		destroy(conn);
	else
		conn->is_freed = true;
}

void
wb_amqp_close(struct wb_amqp *conn, wb_loop_fn done, void *arg)
{
	wb_amqp_channels_silence(conn);
	conn->done = done;
	conn->done_arg = arg;
	switch (conn->state) {
	case WB_AMQP_READY:
		wb_amqp_go(conn, WB_AMQP_CLOSING);
		break;
	case WB_AMQP_DOWN:
	case WB_AMQP_CONNECTING:
	case WB_AMQP_START:
	case WB_AMQP_TUNE:
	case WB_AMQP_OPEN:
		wb_amqp_go(conn, WB_AMQP_ENDED);
		break;
	case WB_AMQP_CLOSING: /* done comes with close-ok */
	case WB_AMQP_ENDED:   /* done is on its way */
		break;
	case WB_AMQP_STATE_COUNT:
		WB_ASSERT(false);
	}
}

bool
wb_amqp_is_ready(const struct wb_amqp *conn)
{
	return conn->state == WB_AMQP_READY;
}

bool
wb_amqp_is_blocked(const struct wb_amqp *conn)
{
	return conn->is_blocked;
}

const char *
wb_amqp_server_version(const struct wb_amqp *conn)
{
	return conn->server_version;
}

size_t
wb_amqp_unsent_bytes(const struct wb_amqp *conn)
{
	return conn->bev == NULL
	           ? 0
	           : evbuffer_get_length(bufferevent_get_output(conn->bev));
}
