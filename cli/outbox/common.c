/* What several verbs need. */
#include "verbs.h"

#include "base/attr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- databases ---- */

void
wb_outboxes_close(struct wb_outboxes *outboxes)
{
	wb_dbs_close(&outboxes->dbs);
	wb_outbox_names_fini(&outboxes->names);
}

enum wb_err
wb_outboxes_open(struct wb_cli *cli, struct wb_outboxes *ret,
                 struct wb_note *note)
{
	struct wb_dbs *dbs = &ret->dbs;
	enum wb_err err = wb_outbox_names_init(&ret->names, cli, note);

	while (err == WB_OK && dbs->n < ret->names.n) {
		err = wb_db_open(cli, ret->names.list[dbs->n],
		                 &dbs->list[dbs->n], note);
		if (err == WB_OK)
			dbs->n++;
	}
	if (err != WB_OK)
		wb_outboxes_close(ret);
	return err;
}

/* ---- ids ---- */

static const char *const kinds[] = { "event", "delivery" };

const char *
wb_parked_id_kind(const struct wb_parked_id *id)
{
	return kinds[id->is_delivery];
}

/* The database is what stands before the last two colons: its name may hold
 * some itself. */
enum wb_err
wb_parked_id_parse(const char *text, struct wb_parked_id *ret,
                   struct wb_note *note)
{
	const char *number = strrchr(text, ':'), *kind = number;
	struct wb_parked_id id = { .number = -1 };
	char *end = NULL;

	while (kind != NULL && kind > text && kind[-1] != ':')
		kind--;
	if (kind == NULL || kind <= text + 1 ||
	    (size_t)(kind - 1 - text) >= sizeof(id.database))
		goto wrong;
	memcpy(id.database, text, (size_t)(kind - 1 - text));
	for (size_t i = 0; i < WB_ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i]) == (size_t)(number - kind) &&
		    memcmp(kind, kinds[i], strlen(kinds[i])) == 0) {
			id.is_delivery = i == 1;
			errno = 0;
			id.number = strtoll(number + 1, &end, 10);
		}
	if (end == NULL || end == number + 1 || *end != '\0' || errno != 0 ||
	    id.number < 0)
		goto wrong;
	*ret = id;
	return WB_OK;
wrong:
	return wb_fail(note, WB_ERR_BAD_CONFIG,
	               "%.100s: no ID as `waybill outbox parked` shows it "
	               "(orders:event:12)",
	               text);
}

/* ---- parked rows ---- */

static const struct wb_pg_stmt parked_stmt = {
	.name = "outbox_parked",
	.sql =
	    "SELECT p.kind, p.id, p.event_id, p.name, p.belongs_to,"
	    " p.attempts::bigint, (extract(epoch FROM clock_timestamp()"
	    " - p.parked_at) * 1000)::bigint, p.reason,"
	    " (SELECT count(*) FROM outbox_held b WHERE b.parked_at IS NULL"
	    "  AND b.aggregate_type = h.aggregate_type"
	    "  AND b.aggregate_id = h.aggregate_id AND b.sequence > h.sequence)"
	    " FROM outbox_parked p"
	    " LEFT JOIN outbox_held h ON p.kind = 'event' AND h.seq = p.id"
	    " WHERE $1 = '' OR p.name = $1"
	    " ORDER BY p.parked_at, p.kind, p.id LIMIT nullif($2::bigint, 0)",
};

struct wb_rows *
wb_parked_read(struct wb_db *db, const char *type, int64_t limit)
{
	struct wb_pg_args *args = wb_pg_args_new();

	wb_pg_arg_text(args, type);
	wb_pg_arg_i64(args, limit);
	return wb_db_stream(db, &parked_stmt, args);
}
