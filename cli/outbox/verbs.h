/* The verbs of `waybill outbox`, and what they share. outbox.c holds their rows
 * and parameters. */
#ifndef WB_CLI_OUTBOX_VERBS_H
#define WB_CLI_OUTBOX_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli.h"
#include "db.h"
#include "names.h"

struct wb_outbox_params {
	char *type;   /* "" = every one */
	bool is_all;  /* retry, discard: all that are parked */
	char *reason; /* discard: why */
	char *who;
	int64_t limit; /* parked: so many rows per database */
};

int wb_outbox_list(struct wb_cli *cli, const void *params);
int wb_outbox_parked(struct wb_cli *cli, const void *params);
int wb_outbox_show(struct wb_cli *cli, const void *params);
int wb_outbox_retry(struct wb_cli *cli, const void *params);
int wb_outbox_discard(struct wb_cli *cli, const void *params);

/* The databases of wb_outbox_names, open. Zeroed before; all rows are ended
 * before close. */
struct wb_outboxes {
	struct wb_dbs dbs;
	struct wb_outbox_names names;
};
enum wb_err wb_outboxes_open(struct wb_cli *cli, struct wb_outboxes *ret,
                             struct wb_note *note) WB_MUST_USE;
void wb_outboxes_close(struct wb_outboxes *outboxes);

/* What a parked row is called: "orders:event:12". */
struct wb_parked_id {
	char database[64];
	bool is_delivery;
	int64_t number;
};
enum wb_err wb_parked_id_parse(const char *text, struct wb_parked_id *ret,
                               struct wb_note *note) WB_MUST_USE;

/* "event" or "delivery", as the SQL functions call it. */
const char *wb_parked_id_kind(const struct wb_parked_id *id);

/* Begins to read the parked rows of a database: kind, id, and what else
 * wb_outbox_parked shows. limit: 0 = all. */
struct wb_rows *wb_parked_read(struct wb_db *db, const char *type,
                               int64_t limit);

#endif
