/* `waybill top`: servers are asked again and again, each on its own, so that
 * one that is down or hangs keeps nobody waiting. Here: what is known of them;
 * top.c asks, frame.c and line.c show. */
#ifndef WB_CLI_TOP_TOP_H
#define WB_CLI_TOP_TOP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "cli.h"
#include "http/client.h"
#include "outbox/names.h"
#include "outbox/overview.h"
#include "pg/pg.h"

/* What all servers have in common. */
struct wb_top_source {
	struct wb_loop *loop;
	/* Something is new: called from the loop. */
	void (*on_change)(void *arg);
	void *arg;
	bool is_asking;
	bool has_answer; /* the latest that was asked was answered */
	int64_t asked_us;
	int64_t rounds;     /* that have ended, well or not */
	struct wb_note why; /* it has no answer */
};

/* NULL: it is well. Else why not, in words. */
const char *wb_top_trouble(const struct wb_top_source *source);

/* The source's round has ended: WB_OK, or why it could not be had. */
void wb_top_ended(struct wb_top_source *source, enum wb_err err,
                  const char *why);

/* ---- database.c: an outbox, and the sagas beside it ---- */

enum { WB_TOP_MAX_SAGA = 6 };

/* What is counted of a service's sagas; columns of one row, all bigint. */
struct wb_top_saga {
	const char *service, *title;
	struct wb_pg_stmt stmt;
	/* "pending"; one that ends in "_ms" is an age, NULL if there is none */
	const char *keys[WB_TOP_MAX_SAGA];
	size_t n_keys;
};

struct wb_top_database {
	struct wb_top_source source;
	const char *name;
	struct wb_buf dsn;
	struct wb_pg_params params;
	struct wb_pg *pg;

	struct wb_outbox_overview overview;
	int64_t inserted_us; /* when overview's INSERTED was true; 0: never */
	double events_per_s; /* -1: not known yet */

	const struct wb_top_saga *saga; /* NULL: it has none */
	bool has_saga;
	int64_t saga_values[WB_TOP_MAX_SAGA]; /* -1: NULL */
};

enum wb_err wb_top_database_open(struct wb_top_database *database,
                                 struct wb_cli *cli, const char *name,
                                 struct wb_note *note) WB_MUST_USE;
void wb_top_database_close(struct wb_top_database *database);
void wb_top_database_ask(struct wb_top_database *database);

/* ---- broker.c: queues and alarms, by the management API ---- */

struct wb_top_queue {
	char name[256];
	int64_t ready, unacked, consumers;
	int64_t dead;               /* in <name>.dlq; -1: there is none */
	double in_per_s, out_per_s; /* as the broker counts, about every 5 s */
};

struct wb_top_broker {
	struct wb_top_source source;
	struct wb_http_client *client;
	struct wb_buf queues_url, nodes_url;
	size_t n_waiting; /* answers of this round */
	enum wb_err err;  /* the first failure of this round */
	struct wb_note note;
	struct wb_top_queue *queues; /* by name */
	size_t n_queues;
	struct wb_buf alarms; /* "memory alarm on rabbit@a, …"; "" */
};

void wb_top_broker_open(struct wb_top_broker *broker, struct wb_cli *cli);
void wb_top_broker_close(struct wb_top_broker *broker);
void wb_top_broker_ask(struct wb_top_broker *broker);

/* ---- all of it ---- */

struct wb_top {
	struct wb_cli *cli;
	int64_t interval_ms;
	struct wb_outbox_names names;
	struct wb_top_database databases[WB_OUTBOX_MAX_NAMES];
	size_t n_databases;
	struct wb_top_broker broker;
	bool has_broker; /* --management-url was given */
};

/* For people, on out. is_live: with what tells how to leave. */
void wb_top_print_frame(const struct wb_top *top, bool is_live, FILE *out);

/* A JSON line on stdout. */
void wb_top_print_line(const struct wb_top *top);

#endif
