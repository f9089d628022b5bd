#include "order_view.h"

#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum {
	ORDER_ID,
	VERSION,
	STATUS,
	CUSTOMER_ID,
	TOTAL_MINOR,
	CURRENCY,
	LINES,
	SHIP_TO,
	PAYMENT_METHOD,
	CAUSE,
	SHIPMENT,
	CANCEL_REQUESTED,
	CANCEL_REFUSED,
	PLACED_US,
	UPDATED_US,
	N_COLUMNS,
};

static_assert(N_COLUMNS == ORDER_COLUMN_COUNT, "a name for each column");

struct row {
	const struct wb_pg_result *result;
	size_t row;
};

static void
add_text(struct wb_buf *buf, const char *name, struct row at, size_t col)
{
	wb_buf_adds(buf, name);
	wb_buf_add_json_string(buf, wb_pg_text(at.result, at.row, col),
	                       wb_pg_bytes(at.result, at.row, col));
}

/* A column that is JSON already. */
static void
add_json(struct wb_buf *buf, const char *name, struct row at, size_t col)
{
	wb_buf_adds(buf, name);
	wb_buf_adds(buf, wb_pg_is_null(at.result, at.row, col)
	                     ? "null"
	                     : wb_pg_text(at.result, at.row, col));
}

static void
add_bool(struct wb_buf *buf, const char *name, struct row at, size_t col)
{
	wb_buf_adds(buf, name);
	wb_buf_adds(buf, wb_pg_bool(at.result, at.row, col) ? "true" : "false");
}

static void
add_time(struct wb_buf *buf, const char *name, struct row at, size_t col)
{
	char text[WB_TIME_TEXT_BYTES];

	wb_buf_printf(buf, "%s\"%s\"", name,
	              wb_time_format(wb_pg_i64(at.result, at.row, col), text));
}

void
order_view_print(struct wb_buf *buf, const struct wb_pg_result *result,
                 size_t row)
{
	const struct row at = { .result = result, .row = row };

	add_text(buf, "{\"order_id\":", at, ORDER_ID);
	add_text(buf, ",\"status\":", at, STATUS);
	add_text(buf, ",\"customer_id\":", at, CUSTOMER_ID);
	wb_buf_printf(buf, ",\"total_minor\":%" PRId64,
	              wb_pg_i64(result, row, TOTAL_MINOR));
	add_text(buf, ",\"currency\":", at, CURRENCY);
	add_json(buf, ",\"lines\":", at, LINES);
	add_json(buf, ",\"ship_to\":", at, SHIP_TO);
	add_json(buf, ",\"payment_method\":", at, PAYMENT_METHOD);
	add_json(buf, ",\"cause\":", at, CAUSE);
	add_json(buf, ",\"shipment\":", at, SHIPMENT);
	add_bool(buf, ",\"cancel_requested\":", at, CANCEL_REQUESTED);
	add_bool(buf, ",\"cancel_refused\":", at, CANCEL_REFUSED);
	add_time(buf, ",\"placed_at\":", at, PLACED_US);
	add_time(buf, ",\"updated_at\":", at, UPDATED_US);
	wb_buf_adds(buf, "}");
}

int64_t
order_view_version(const struct wb_pg_result *result, size_t row)
{
	return wb_pg_i64(result, row, VERSION);
}

bool
order_view_is_pending(const struct wb_pg_result *result, size_t row)
{
	return strcmp(wb_pg_text(result, row, STATUS), "PENDING") == 0;
}
