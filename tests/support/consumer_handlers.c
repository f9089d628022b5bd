#include "support/consumer_handlers.h"
#include "shop/events.h"

#include <signal.h>
#include <string.h>

/* tries is a sequence: it remembers what was rolled back. */
const char wb_test_handlers_sql[] =
    "CREATE TABLE effects (id bigserial, event_id uuid, subject text,"
    " n bigint, ord int, xid xid8 DEFAULT pg_current_xact_id());"
    "CREATE TABLE arrived (sku text);"
    "CREATE SEQUENCE tries;"
    "CREATE FUNCTION end_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "BEGIN"
    "  IF NEW.n = -1 AND nextval('tries') = 1 THEN"
    "    PERFORM pg_terminate_backend(pg_backend_pid());"
    "    PERFORM pg_sleep(5);"
    "  END IF;"
    "  RETURN NULL;"
    "END $$;"
    "CREATE CONSTRAINT TRIGGER end_at_commit AFTER INSERT ON effects"
    " DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION end_at_commit();"
    "CREATE FUNCTION act(ords int[], ids uuid[], subjects text[],"
    " modes text[], ns bigint[])"
    " RETURNS TABLE (ord int, outcome text, sequence bigint)"
    " LANGUAGE plpgsql AS $$ "
    "DECLARE mode text;"
    "BEGIN"
    "  FOR i IN 1 .. cardinality(ords) LOOP"
    "    ord := ords[i]; mode := modes[i]; sequence := ns[i];"
    "    outcome := 'done';"
    "    IF mode = 'fail' THEN"
    "      RAISE EXCEPTION 'as asked';"
    "    ELSIF mode = 'conflict' AND nextval('tries') <= 2 THEN"
    "      RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01';"
    "    ELSIF mode = 'terminate' AND nextval('tries') = 1 THEN"
    "      PERFORM pg_terminate_backend(pg_backend_pid());"
    "      PERFORM pg_sleep(5);"
    "    ELSIF mode = 'deadly' THEN"
    "      PERFORM pg_terminate_backend(pg_backend_pid());"
    "      PERFORM pg_sleep(5);"
    "    ELSIF mode = 'stuck' THEN"
    "      PERFORM pg_sleep(600);"
    "    ELSIF mode = 'slow' THEN"
    "      PERFORM pg_sleep(0.7);"
    "    ELSIF mode = 'wait' AND NOT EXISTS (SELECT FROM arrived) THEN"
    "      outcome := 'wait';"
    "    ELSIF mode IN ('emit', 'refuse') THEN"
    "      outcome := mode;"
    "    END IF;"
    "    IF outcome IN ('done', 'emit') THEN"
    "      INSERT INTO effects (event_id, subject, n, ord)"
    "        VALUES (ids[i], subjects[i],"
    "                CASE mode WHEN 'late' THEN -1 ELSE ns[i] END, ord);"
    "    END IF;"
    "    RETURN NEXT;"
    "  END LOOP;"
    "END $$;";

struct payload {
	const char *subject, *mode;
	int64_t n;
};

static enum wb_err
parse(const struct wb_event *event, void *payload, struct wb_arena *arena,
      struct wb_note *note)
{
	struct payload *p = payload;
	enum wb_err err = wb_data_text(event->data, "/mode", note, &p->mode);

	(void)arena;
	p->subject = event->subject;
	if (err == WB_OK)
		err = wb_data_int(event->data, "/n", 0, INT32_MAX, note, &p->n);
	return err;
}

static void
bind(const void *payload, struct wb_pg_args *args, size_t array)
{
	const struct payload *p = payload;

	if (strcmp(p->mode, "crash") == 0)
		(void)raise(SIGKILL);
	wb_pg_elem_text(args, array, p->subject);
	wb_pg_elem_text(args, array + 1, p->mode);
	wb_pg_elem_i64(args, array + 2, p->n);
}

static enum wb_err
read(const struct wb_event *event, const void *payload,
     const struct wb_pg_result *result, size_t row, struct wb_emit *emit,
     struct wb_note *note)
{
	const char *outcome = wb_pg_text(result, row, 1);
	const struct payload *p = payload;

	if (strcmp(outcome, "wait") == 0)
		return wb_fail(note, WB_ERR_NOT_YET, "nothing has arrived");
	if (strcmp(outcome, "refuse") == 0)
		return wb_fail(note, WB_ERR_STATE_CONFLICT, "subject=%s",
		               event->subject);
	if (strcmp(outcome, "emit") == 0)
		wb_emit_with_snapshot(emit, &shop_stock_reserved, p->n,
		                      "{\"answer\":42}");
	return WB_OK;
}

static const enum wb_pg_elem columns[] = { WB_PG_TEXT, WB_PG_TEXT, WB_PG_INT8 };

static const struct wb_event_type *const emits[] = { &shop_stock_reserved };

#define ACT                                                                    \
	"SELECT * FROM act($1::int[], $2::uuid[], $3::text[], $4::text[],"     \
	" $5::bigint[])"

static const struct wb_pg_stmt placed = { .name = "test_placed", .sql = ACT };
static const struct wb_pg_stmt received = { .name = "test_received",
	                                    .sql = ACT };

static const struct wb_handler on_order_placed = {
	.name = "on_order_placed",
	.on = &shop_order_placed,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &placed,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
	.read = read,
	.emits = emits,
	.n_emits = WB_ARRAY_LEN(emits),
};

static const struct wb_handler on_stock_received = {
	.name = "on_stock_received",
	.on = &shop_stock_received,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &received,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
	.read = read,
};

static const struct wb_handler on_customer_registered = {
	.name = "on_customer_registered",
	.on = &shop_customer_registered,
	.payload_size = sizeof(struct payload),
	.parse = parse,
	.stmt = &placed,
	.columns = columns,
	.n_columns = WB_ARRAY_LEN(columns),
	.bind = bind,
	.read = read,
};

const struct wb_handler *const wb_test_handlers[] = {
	&on_order_placed,
	&on_customer_registered,
	&on_stock_received,
	NULL,
};
