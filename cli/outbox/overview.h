/* How an outbox is: one statement, asked by `waybill outbox` and `waybill top`.
 * Needs no more than the tables of schema/messaging, and the right to read
 * them. */
#ifndef WB_CLI_OUTBOX_OVERVIEW_H
#define WB_CLI_OUTBOX_OVERVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "pg/pg.h"

/* Its columns, in this order: numbers (-1 for NULL), then texts. */
enum wb_outbox_number {
	WB_OUTBOX_EVENTS,    /* neither published nor parked */
	WB_OUTBOX_OLDEST_MS, /* age of the oldest of them */
	WB_OUTBOX_HELD,      /* of them: refused so far, or behind such a one */
	WB_OUTBOX_DUE,       /* deliveries that could go now */
	WB_OUTBOX_SCHEDULED, /* deliveries for later */
	WB_OUTBOX_PARKED,    /* events and deliveries */
	WB_OUTBOX_INSERTED,  /* events since the outbox was made, about */
	WB_OUTBOX_OPEN_MS,   /* age of the oldest open transaction of others */
	WB_OUTBOX_OPEN_PID,  /* who holds it; none: it is prepared */
	WB_OUTBOX_N_NUMBERS,
};

struct wb_outbox_overview {
	int64_t numbers[WB_OUTBOX_N_NUMBERS];
	char open_by[80];    /* application name, or the prepared one's id */
	char open_state[40]; /* "idle in transaction" */
	/* Without the role pg_read_all_stats, transactions of other roles are
	 * not seen. */
	bool sees_all;
};

/* $1: stop counting there. */
extern const struct wb_pg_stmt wb_outbox_overview_stmt;

/* Reads its one row, from where it came. */
void wb_outbox_overview_from_rows(struct wb_outbox_overview *overview,
                                  const struct wb_rows *rows);
void wb_outbox_overview_from_result(struct wb_outbox_overview *overview,
                                    const struct wb_pg_result *result);

#endif
