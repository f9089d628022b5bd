/* The started mark. A redelivered message may be the one that crashed this
 * process: before it is handled, alone, its start is counted in a transaction
 * of its own; the count goes away in the transaction that ends the message. So
 * a count above the limit means that many starts without an end. */
#include "saga/engine.h"

#include "pg/pg.h"

static const struct wb_pg_stmt mark = {
	.name = "consumer_mark",
	.sql = "INSERT INTO inbox_starts AS s (consumer, event_id)"
	       " VALUES ($1::text, $2::uuid)"
	       " ON CONFLICT (consumer, event_id) DO UPDATE"
	       " SET starts = s.starts + 1, started_at = clock_timestamp()"
	       " RETURNING starts",
};

static const struct wb_pg_stmt unmark = {
	.name = "consumer_unmark",
	.sql = "DELETE FROM inbox_starts"
	       " WHERE consumer = $1::text AND event_id = $2::uuid",
};

/* The message_id, for parsing the body may be what crashes. Only without one
 * the body is asked; what has no id at all runs no handler either. */
static bool
find_id(struct wb_consumer *c, struct wb_message *message)
{
	if (wb_uuid_parse(message->message_id, &message->mark_id) &&
	    !wb_uuid_is_nil(&message->mark_id))
		return true;
	wb_message_parse(c, message);
	message->mark_id = message->id;
	return message->event.doc != NULL;
}

static void
on_mark(const struct wb_pg_result *result, void *arg)
{
	struct wb_consumer *c;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	if (wb_pg_rows(result) == 1)
		c->starts = wb_pg_i64(result, 0, 0);
}

static void
check_starts(struct wb_consumer *c, struct wb_message *message)
{
	if (c->starts <= c->params->max_starts)
		return;
	/* Not parsed any more: that may be where it crashes. */
	message->is_parsed = true;
	message->id = message->mark_id;
	if (message->route == NULL)
		message->route = &c->routes[c->n_routes - 1];
	message->decided = wb_fail(&message->note, WB_ERR_CRASH_LOOP,
	                           "started %lld times without an end",
	                           (long long)c->starts - 1);
}

/* An unknown commit is taken as done: at worst one start goes uncounted,
 * while marking again would count a lost connection as a crash. */
static void
on_mark_done(const struct wb_tx_outcome *outcome, void *arg)
{
	struct wb_consumer *c;
	struct wb_message *message;

	WB_CAST(c, arg, WB_CONSUMER_MAGIC);
	message = c->wave.messages[0];
	if (outcome->end == WB_TX_COMMITTED || outcome->end == WB_TX_UNKNOWN) {
		message->is_marked = true;
		check_starts(c, message);
		wb_consumer_enter(c, wb_consumer_next(c));
		return;
	}
	/* Whatever it was, it was not the message's fault. */
	c->wave.waits++;
	wb_health_set(c->pg_health, false, "%s", outcome->message);
	wb_consumer_enter(c, WB_CONSUMER_WAITING);
}

static void
add_key(struct wb_consumer *c, const struct wb_message *message)
{
	wb_pg_args_clear(c->args);
	wb_pg_arg_text(c->args, c->config->name);
	wb_pg_arg_uuid(c->args, &message->mark_id);
}

enum wb_consumer_state
wb_mark_start(struct wb_consumer *c)
{
	struct wb_message *message = c->wave.messages[0];
	struct wb_tx *tx;

	if (!find_id(c, message))
		return WB_CONSUMER_RUNNING;
	c->starts = 0;
	add_key(c, message);
	tx = wb_tx_begin(c->pg, on_mark_done, c);
	wb_tx_query(tx, &mark, c->args, on_mark, c);
	wb_tx_commit(tx);
	return WB_CONSUMER_STAY;
}

void
wb_mark_remove(struct wb_consumer *c, const struct wb_message *message)
{
	add_key(c, message);
	wb_tx_query(c->run.tx, &unmark, c->args, NULL, NULL);
}
