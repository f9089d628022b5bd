/* Every event, from the outbox that emitted it to each consumer that it is for.
 * Twelve sorted streams are walked through side by side: what the outboxes
 * show, and what each consumer knows of an event. The consumers' snapshots are
 * taken first, so that whatever they have handled must be in an outbox. */
#include "audit.h"

#include "base/mem.h"
#include "effects.h"
#include "shop/events.h"
#include "topology_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TYPES = 64 };

enum effect { EFFECT_none, EFFECT_mark, EFFECT_answer };

/* What an event is to a consumer. */
struct route {
	bool is_bound;
	enum effect effect;
};

struct walk {
	struct audit *audit;
	/* Of consumers, by wb_services; then of emitters. */
	struct audit_stream streams[2 * WB_N_SERVICES];
	struct route routes[WB_N_SERVICES][MAX_TYPES];
	struct wb_buf key;
	/* Events without a trace, per consumer: its dead-letter queue may hold
	 * some that the broker put there by itself. As many as are shown. */
	char **lost[WB_N_SERVICES];
	int64_t n_lost[WB_N_SERVICES];
};

/* ---- SQL ---- */

/* k: i, it is in the inbox; m, a row of the consumer's names it as its cause;
 * a, an event names it so; else where it is if it has not been handled, of
 * which the last in the alphabet counts: c, its retry was published long ago;
 * d, dead-lettered; g, given up; p, its delivery is parked; q, its retry was
 * published a short while ago; r, it is being replayed; s, its retry is
 * scheduled. c comes first: the broker may have dead-lettered the retry by
 * itself, and then only the journal tells what became of it. A letter that was
 * edited may have gone on under another id. */
#define CONSUMER(marks)                                                        \
	"SELECT known.event_id::text, count(*) FILTER (WHERE k = 'i'),"        \
	" count(*) FILTER (WHERE k = 'm'), count(*) FILTER (WHERE k = 'a'),"   \
	" coalesce(max(k) FILTER (WHERE k NOT IN ('i', 'm', 'a')), '')"        \
	" FROM (SELECT event_id, 'i' AS k FROM inbox"                          \
	" WHERE consumer = '{service}'"                                        \
	" UNION ALL SELECT id, 'm' FROM (" marks ") AS marks (id)"             \
	" UNION ALL SELECT causation_id, 'a' FROM outbox_events"               \
	" WHERE causation_id IS NOT NULL"                                      \
	" UNION ALL SELECT event_id, k FROM (SELECT DISTINCT ON (event_id)"    \
	" event_id, CASE WHEN published_at IS NULL AND parked_at IS NOT NULL"  \
	" THEN 'p' WHEN published_at IS NULL THEN 's'"                         \
	" WHEN reason LIKE 'discarded by %' THEN 'g'"                          \
	" WHEN queue = '{service}.dlq' THEN 'd'"                               \
	" WHEN published_at >= {old} THEN 'q' ELSE 'c' END AS k"               \
	" FROM outbox_deliveries WHERE consumer = '{service}'"                 \
	" ORDER BY event_id, id DESC) AS deliveries"                           \
	" UNION ALL SELECT event_id,"                                          \
	" CASE WHEN outcome = 'discarded' THEN 'g' ELSE 'r' END"               \
	" FROM dlq_items WHERE outcome = 'discarded'"                          \
	" OR sent_at IS NOT NULL AND outcome IS NULL"                          \
	" UNION ALL SELECT letter::uuid, 'g' FROM dlq_items"                   \
	" WHERE length(letter) = 36 AND letter ~ '^[0-9a-f-]+$'"               \
	" AND letter <> event_id::text"                                        \
	" AND (sent_at IS NOT NULL OR outcome = 'discarded')) AS known"        \
	" GROUP BY known.event_id ORDER BY known.event_id"

enum { EVENT_ID, N_INBOX, N_MARKS, N_ANSWERS, WHEREABOUTS };

static const struct {
	const char *consumer, *sql;
} consumers[] = {
#define X(consumer, marks) { #consumer, CONSUMER(marks) },
	AUDIT_MARKS(X)
#undef X
};

/* Where the event is: o, published long ago; y, not, or not long ago; h,
 * refused by the broker or behind one that is; g, given up. That it was
 * published before {old} is told by the cursor that its lane had then. An event
 * that goes its own way (exchange, routing key) is for no consumer of ours. */
static const char emitter_sql[] =
    "WITH past AS MATERIALIZED (SELECT b.* FROM generate_series(0, 7) AS l "
    "(lane)"
    " CROSS JOIN LATERAL (SELECT * FROM outbox_batches b"
    " WHERE b.lane = l.lane::smallint AND b.confirmed_at < {old}"
    " ORDER BY b.number DESC LIMIT 1) b)"
    " SELECT e.event_id::text,"
    " CASE WHEN e.exchange IS NULL AND e.routing_key IS NULL"
    " THEN e.event_type ELSE '' END,"
    " CASE WHEN d.seq IS NOT NULL THEN 'g' WHEN h.seq IS NOT NULL THEN 'h'"
    " WHEN e.created_at < {old} AND (pg_visible_in_snapshot(e.xid, p.done)"
    " OR e.xid = p.part_xid AND e.seq <= p.part_seq) THEN 'o' ELSE 'y' END,"
    " e.created_at >= {kept}"
    " FROM outbox_events e LEFT JOIN past p ON p.lane = e.lane"
    " LEFT JOIN outbox_held h ON h.seq = e.seq AND h.slot = e.slot"
    " LEFT JOIN outbox_discarded d ON d.seq = e.seq AND d.event_id = e.event_id"
    " ORDER BY e.event_id";

enum { EVENT_TYPE = 1, STATE, IS_KEPT };

/* ---- what is for whom ---- */

static const struct {
	const char *consumer;
	const struct wb_event_type *event;
	enum effect effect;
} effects[] = {
#define X(consumer, event, effect)                                             \
	{ #consumer, &shop_##event, EFFECT_##effect },
	AUDIT_EFFECTS(X)
#undef X
};

static size_t
type_index(const char *name)
{
	size_t i = 0;

	while (i < shop_n_events && strcmp(shop_events[i]->name, name) != 0)
		i++;
	return i;
}

static void
fill_routes(struct walk *walk)
{
	WB_ASSERT(shop_n_events < MAX_TYPES);
	for (size_t i = 0; i < wb_topology_n_bindings; i++) {
		const struct wb_topology_binding *b = &wb_topology_bindings[i];
		size_t c = (size_t)(wb_service_find(b->queue) - wb_services);

		walk->routes[c][type_index(b->event->name)].is_bound = true;
	}
	for (size_t i = 0; i < WB_ARRAY_LEN(effects); i++) {
		size_t c = (size_t)(wb_service_find(effects[i].consumer) -
		                    wb_services);
		struct route *route;

		route = &walk->routes[c][type_index(effects[i].event->name)];
		WB_ASSERT(route->is_bound);
		route->effect = effects[i].effect;
	}
}

/* ---- the judgement of one event ---- */

/* An event of the outboxes, as of the key in hand. */
struct emitted {
	size_t n;
	char type[256];
	char state;
	bool is_kept;
};

/* What one consumer knows of it. */
struct known {
	int64_t n_inbox, n_marks, n_answers;
	char whereabouts; /* '\0': none */
};

static void
lose(struct walk *walk, size_t c, const struct emitted *event)
{
	struct wb_buf text = { 0 };
	int64_t n = walk->n_lost[c]++;

	if (n >= walk->audit->params->findings)
		return;
	wb_buf_printf(&text, "%s has not handled %s (%s)", wb_services[c].name,
	              wb_buf_text(&walk->key), event->type);
	walk->lost[c] =
	    wb_realloc(walk->lost[c], ((size_t)n + 1) * sizeof(*walk->lost[c]));
	walk->lost[c][n] = text.data;
}

/* Emitted, for this consumer, and not in its inbox. */
static void
judge_unhandled(struct walk *walk, size_t c, const struct emitted *event,
                const struct known *known)
{
	struct audit *audit = walk->audit;

	if (known->n_marks + known->n_answers > 0 && event->is_kept) {
		audit_broken(audit, AUDIT_ONCE,
		             "%s shows an effect of %s (%s), which its inbox "
		             "does not know",
		             wb_services[c].name, wb_buf_text(&walk->key),
		             event->type);
		return;
	}
	audit->owed[c]++;
	if (event->state == 'g' || known->whereabouts == 'g')
		audit->counts.discarded++;
	else if (known->whereabouts == 's')
		audit->counts.scheduled++;
	else if (known->whereabouts == 'd')
		audit->counts.dead_letters++;
	else if (event->state != 'o' || known->whereabouts == 'p' ||
	         known->whereabouts == 'q' || known->whereabouts == 'r')
		audit->counts.in_flight++;
	else if (!event->is_kept)
		audit_unprovable(audit, AUDIT_HANDLED, 1);
	else
		lose(walk, c, event);
}

static void
judge_handled(struct walk *walk, size_t c, const struct emitted *event,
              const struct known *known, enum effect effect)
{
	struct audit *audit = walk->audit;
	int64_t want_marks = effect == EFFECT_mark;
	int64_t want_answers = effect == EFFECT_answer;

	audit_checked(audit, AUDIT_ONCE, 1);
	if (known->n_marks > 1 || known->n_answers > 1)
		audit_broken(audit, AUDIT_ONCE,
		             "%s shows more than one effect of %s (%s)",
		             wb_services[c].name, wb_buf_text(&walk->key),
		             event->type);
	else if (known->n_marks >= want_marks &&
	         known->n_answers >= want_answers)
		return;
	else if (!event->is_kept)
		audit_unprovable(audit, AUDIT_ONCE, 1);
	else
		audit_broken(audit, AUDIT_ONCE,
		             "%s shows no effect of %s (%s), which its inbox "
		             "knows",
		             wb_services[c].name, wb_buf_text(&walk->key),
		             event->type);
}

/* A consumer knows it, and no outbox does. */
static void
judge_unknown(struct walk *walk, size_t c, const struct known *known)
{
	struct audit *audit = walk->audit;
	const char *id = wb_buf_text(&walk->key);

	if (known->n_inbox + known->n_marks + known->n_answers == 0)
		return;
	audit_checked(audit, AUDIT_EMITTED, 1);
	if (audit_id_ms(id) < audit->kept_ms)
		audit_unprovable(audit, AUDIT_EMITTED, 1);
	else
		audit_broken(audit, AUDIT_EMITTED,
		             "%s has handled %s, which is in no outbox",
		             wb_services[c].name, id);
}

static void
judge(struct walk *walk, size_t c, const struct emitted *event,
      const struct known *known)
{
	const struct route *route = &walk->routes[c][type_index(event->type)];

	if (known->n_inbox == 0 && known->whereabouts == 'd')
		walk->audit->dead[c]++;
	if (event->n == 0) {
		judge_unknown(walk, c, known);
		return;
	}
	if (known->n_inbox > 0)
		audit_checked(walk->audit, AUDIT_EMITTED, 1);
	/* Of two events of one id, none can be followed. */
	if (!route->is_bound || event->n > 1)
		return;
	audit_checked(walk->audit, AUDIT_HANDLED, 1);
	if (known->n_inbox == 0)
		judge_unhandled(walk, c, event, known);
	else
		judge_handled(walk, c, event, known, route->effect);
}

/* ---- the walk ---- */

static struct emitted
read_emitted(struct walk *walk)
{
	struct audit_stream *emitters = walk->streams + WB_N_SERVICES;
	const char *key = wb_buf_text(&walk->key);
	struct emitted event = { 0 };

	for (size_t i = 0; i < WB_N_SERVICES; i++)
		while (audit_stream_is_at(&emitters[i], key)) {
			const struct wb_rows *rows = emitters[i].rows;

			event.n++;
			(void)snprintf(event.type, sizeof(event.type), "%s",
			               wb_rows_text(rows, EVENT_TYPE));
			event.state = wb_rows_text(rows, STATE)[0];
			event.is_kept = wb_rows_bool(rows, IS_KEPT);
			audit_stream_next(&emitters[i]);
		}
	return event;
}

static struct known
read_known(struct audit_stream *stream, const char *key)
{
	struct known known = { 0 };

	if (!audit_stream_is_at(stream, key))
		return known;
	known = (struct known){
		.n_inbox = wb_rows_i64(stream->rows, N_INBOX),
		.n_marks = wb_rows_i64(stream->rows, N_MARKS),
		.n_answers = wb_rows_i64(stream->rows, N_ANSWERS),
		.whereabouts = wb_rows_text(stream->rows, WHEREABOUTS)[0],
	};
	audit_stream_next(stream);
	return known;
}

static void
walk_through(struct walk *walk)
{
	struct audit *audit = walk->audit;

	for (size_t i = 0; i < WB_ARRAY_LEN(walk->streams); i++)
		if (walk->streams[i].rows != NULL)
			audit_stream_next(&walk->streams[i]);
	while (audit_streams_key(walk->streams, WB_ARRAY_LEN(walk->streams),
	                         &walk->key)) {
		struct emitted event = read_emitted(walk);

		if (event.n > 0) {
			audit->counts.events++;
			audit_checked(audit, AUDIT_UNIQUE, 1);
		}
		if (event.n > 1)
			audit_broken(audit, AUDIT_UNIQUE,
			             "%s was emitted %zu times",
			             wb_buf_text(&walk->key), event.n);
		for (size_t c = 0; c < WB_N_SERVICES; c++) {
			struct known known;

			if (wb_services[c].queue == NULL)
				continue;
			known = read_known(&walk->streams[c],
			                   wb_buf_text(&walk->key));
			judge(walk, c, &event, &known);
		}
	}
}

static enum wb_err
open_streams(struct walk *walk, struct wb_note *note)
{
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		if (wb_services[i].queue != NULL)
			err =
			    audit_stream_connect(walk->audit, &walk->streams[i],
			                         wb_services[i].name, note);
	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		if (wb_services[i].has_events)
			err = audit_stream_connect(
			    walk->audit, &walk->streams[WB_N_SERVICES + i],
			    wb_services[i].name, note);
	for (size_t i = 0; i < WB_ARRAY_LEN(consumers) && err == WB_OK; i++) {
		size_t c = (size_t)(wb_service_find(consumers[i].consumer) -
		                    wb_services);

		err = audit_stream_start(walk->audit, &walk->streams[c],
		                         "audit_consumer", consumers[i].sql,
		                         note);
	}
	for (size_t i = 0; i < WB_N_SERVICES && err == WB_OK; i++)
		if (wb_services[i].has_events)
			err = audit_stream_start(
			    walk->audit, &walk->streams[WB_N_SERVICES + i],
			    "audit_emitter", emitter_sql, note);
	return err;
}

/* ---- what the broker knows better ---- */

/* The broker dead-letters by itself what has taken its consumer down a hundred
 * times; then no outbox tells of it. */
static void
tell_lost(struct walk *walk, size_t c)
{
	struct audit *audit = walk->audit;
	int64_t n = walk->n_lost[c], limit = audit->params->findings;
	bool may_be_dead = n > 0 && audit->dlq[c] - audit->dead[c] >= n;

	if (may_be_dead)
		audit_unprovable(audit, AUDIT_HANDLED, n);
	for (int64_t i = 0; i < n; i++)
		if (!may_be_dead)
			audit_broken(audit, AUDIT_HANDLED, "%s",
			             i < limit ? walk->lost[c][i] : "");
	for (int64_t i = 0; i < n && i < limit; i++)
		free(walk->lost[c][i]);
	free(walk->lost[c]);
}

static void
compare_with_broker(struct audit *audit)
{
	for (size_t c = 0; c < WB_N_SERVICES && audit->has_broker; c++) {
		if (wb_services[c].queue == NULL)
			continue;
		audit_checked(audit, AUDIT_DEAD, audit->dead[c]);
		if (audit->dead[c] > audit->dlq[c])
			audit_broken(audit, AUDIT_DEAD,
			             "%s holds %" PRId64 " messages, %" PRId64
			             " were sent there and not handled since",
			             wb_services[c].dead_letters, audit->dlq[c],
			             audit->dead[c]);
		audit->counts.queued += audit->queue[c];
		audit_checked(audit, AUDIT_QUEUES, audit->queue[c]);
		if (audit->params->is_quiet && audit->queue[c] > 0)
			audit_broken(audit, AUDIT_QUEUES,
			             "%s holds %" PRId64 " messages",
			             wb_services[c].queue, audit->queue[c]);
	}
	if (audit->has_broker)
		return;
	audit_skip(audit, AUDIT_DEAD, "no --management-url");
	audit_skip(audit, AUDIT_QUEUES, "no --management-url");
}

enum wb_err
audit_events(struct audit *audit, struct wb_note *note)
{
	struct walk *walk = wb_zalloc(sizeof(*walk));
	struct wb_note why;
	enum wb_err end, err = audit_broker_look(audit, note);

	walk->audit = audit;
	fill_routes(walk);
	if (err == WB_OK)
		err = open_streams(walk, note);
	if (err == WB_OK)
		walk_through(walk);
	end = audit_streams_close(walk->streams, WB_ARRAY_LEN(walk->streams),
	                          &why);
	if (err == WB_OK && end != WB_OK) {
		err = end;
		*note = why;
	}
	if (err == WB_OK)
		err = audit_broker_look(audit, note);
	for (size_t c = 0; c < WB_N_SERVICES; c++)
		tell_lost(walk, c);
	compare_with_broker(audit);
	wb_buf_fini(&walk->key);
	free(walk);
	return err;
}
