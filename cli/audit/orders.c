/* Every order, over all services that know of it, and the provider: sorted
 * streams are walked through side by side. orders is read first, and what
 * caused it to show what it shows must then be visible in the others. */
#include "audit.h"

#include "base/mem.h"
#include "books.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum part { ORDERS, SHIPPING, PAYMENTS, INVENTORY, HISTORY, MAILS, N_PARTS };

/* Lines as "SKU*quantity …", sorted. */
#define LINES(from)                                                            \
	"(SELECT string_agg(sku || '*' || quantity, ' ' ORDER BY sku"          \
	" COLLATE \"C\") FROM (SELECT sku, sum(quantity) AS quantity"          \
	" FROM " from " AS l (sku, quantity) GROUP BY sku) AS lines)"

static const struct {
	const char *service, *name, *sql;
} parts[N_PARTS] = {
	[ORDERS] = { "orders", "audit_orders",
	             "SELECT o.order_id::text, status, total_minor, currency,"
	             " status = 'PENDING' AND least(deadline_at,"
	             " cancel_requested_at) < {old}, updated_at < {old},"
	             " coalesce(" LINES(
	                 "(SELECT x ->> 'sku', (x ->> 'quantity')::bigint"
	                 " FROM json_array_elements(snapshot -> 'lines')"
	                 " AS x)") ", '')"
	                           " FROM orders o ORDER BY o.order_id" },
	[SHIPPING] = { "shipping", "audit_shipments",
	               "SELECT o.order_id::text, created_at < {old}, status"
	               " FROM shipments o ORDER BY o.order_id" },
	/* What is due and not parked is waited for: a claim moves due_at on. */
	[PAYMENTS] = { "payments", "audit_payments",
	               "SELECT o.order_id::text, created_at < {old}, status,"
	               " amount_minor, currency,"
	               " coalesce(provider_reference, ''),"
	               " status IN ('REQUESTED', 'ATTEMPTING', 'VOIDING',"
	               " 'REFUNDING') AND due_at >= {old}"
	               " AND due_at < 'infinity'"
	               " FROM payments o ORDER BY o.order_id" },
	[INVENTORY] = { "inventory", "audit_reservations",
	                "SELECT o.order_id::text, created_at < {old}, status,"
	                " coalesce(" LINES(
	                    "unnest(skus, quantities)") ", '')"
	                                                " FROM reservations o"
	                                                " ORDER BY "
	                                                "o.order_id" },
	[HISTORY] = { "history", "audit_views",
	              "SELECT o.order_id::text, placed_at < {old}, status"
	              " FROM orders o WHERE generation = (SELECT serving"
	              " FROM projection) ORDER BY o.order_id" },
	[MAILS] = { "notifications", "audit_mails",
	            "SELECT o.order_id::text, bool_and(created_at < {old}),"
	            " string_agg(kind, ' ') FROM mails o GROUP BY o.order_id"
	            " ORDER BY o.order_id" },
};

/* Columns of ORDERS. */
enum { STATUS = 1, TOTAL, CURRENCY, IS_OVERDUE, IS_OLD_ORDER, ORDER_LINES };
/* Of the others, and of some of them. */
enum { IS_OLD = 1, ITS_STATUS, AMOUNT, ITS_CURRENCY, REFERENCE, IS_WAITING };
enum { ITS_LINES = 3 };

struct walk {
	struct audit *audit;
	struct audit_stream streams[N_PARTS];
	bool is_here[N_PARTS]; /* it knows the order in hand */
	struct wb_buf key;
	struct audit_books *books;
};

/* ---- the order in hand ---- */

static const char *
status_of(const struct walk *walk, enum part part)
{
	return walk->is_here[part]
	           ? wb_rows_text(walk->streams[part].rows, ITS_STATUS)
	           : "NONE";
}

/* Is the status one of these words? */
static bool
is_in(const char *words, const char *status)
{
	size_t bytes = strlen(status);

	for (const char *at = words; at != NULL; at = strchr(at, ' ')) {
		at += *at == ' ';
		if (strncmp(at, status, bytes) == 0 &&
		    (at[bytes] == ' ' || at[bytes] == '\0'))
			return true;
	}
	return false;
}

static void
check_payment(struct walk *walk, const char *status, bool is_confirmed)
{
	const struct wb_rows *order = walk->streams[ORDERS].rows;
	const struct wb_rows *payment = walk->streams[PAYMENTS].rows;
	const char *paid = status_of(walk, PAYMENTS);
	bool is_here = walk->is_here[PAYMENTS];
	bool is_well;

	audit_checked(walk->audit, AUDIT_PAYMENT, 1);
	if (is_confirmed)
		is_well = strcmp(paid, "CAPTURED") == 0 &&
		          strcmp(wb_rows_text(payment, AMOUNT),
		                 wb_rows_text(order, TOTAL)) == 0 &&
		          strcmp(wb_rows_text(payment, ITS_CURRENCY),
		                 wb_rows_text(order, CURRENCY)) == 0;
	else
		is_well = is_in("NONE DECLINED VOIDED REFUNDED", paid);
	if (!is_well)
		audit_broken(
		    walk->audit, AUDIT_PAYMENT,
		    "order %s: %s of %s %s, payment %s of %s %s",
		    wb_buf_text(&walk->key), status, wb_rows_text(order, TOTAL),
		    wb_rows_text(order, CURRENCY), paid,
		    is_here ? wb_rows_text(payment, AMOUNT) : "0",
		    is_here ? wb_rows_text(payment, ITS_CURRENCY) : "");
}

static void
check_shipment(struct walk *walk, const char *status, bool is_confirmed)
{
	const char *shipment = status_of(walk, SHIPPING);

	audit_checked(walk->audit, AUDIT_SHIPMENT, 1);
	if ((strcmp(shipment, "CREATED") == 0) != is_confirmed)
		audit_broken(walk->audit, AUDIT_SHIPMENT,
		             "order %s: %s, shipment %s",
		             wb_buf_text(&walk->key), status, shipment);
}

/* orders and inventory hear of a shipment at the same time: a confirmed order's
 * goods may still be reserved a little later, or until inventory has handled
 * what it is owed. */
static void
check_goods(struct walk *walk, const char *status, bool is_confirmed)
{
	const struct wb_rows *order = walk->streams[ORDERS].rows;
	const char *held = status_of(walk, INVENTORY);
	const char *lines =
	    walk->is_here[INVENTORY]
	        ? wb_rows_text(walk->streams[INVENTORY].rows, ITS_LINES)
	        : "";
	bool is_under_way = is_confirmed && strcmp(held, "RESERVED") == 0 &&
	                    (!wb_rows_bool(order, IS_OLD_ORDER) ||
	                     walk->audit->owed[WB_SERVICE_inventory] > 0);
	bool is_well =
	    is_confirmed
	        ? strcmp(held, "SHIPPED") == 0 &&
	              strcmp(lines, wb_rows_text(order, ORDER_LINES)) == 0
	        : is_in("NONE REJECTED RELEASED", held);

	audit_checked(walk->audit, AUDIT_GOODS, 1);
	if (!is_well && !is_under_way)
		audit_broken(walk->audit, AUDIT_GOODS,
		             "order %s: %s with lines %s, reservation %s with "
		             "lines %s",
		             wb_buf_text(&walk->key), status,
		             wb_rows_text(order, ORDER_LINES), held, lines);
}

static void
check_view(struct walk *walk, const char *status)
{
	const char *view = status_of(walk, HISTORY);

	if (!wb_rows_bool(walk->streams[ORDERS].rows, IS_OLD_ORDER) ||
	    walk->audit->owed[WB_SERVICE_history] > 0)
		return;
	audit_checked(walk->audit, AUDIT_VIEW, 1);
	if (strcmp(view, status) == 0)
		return;
	/* Its log may have begun after the order. */
	if (!walk->is_here[HISTORY] &&
	    audit_id_ms(wb_buf_text(&walk->key)) < walk->audit->kept_ms)
		audit_unprovable(walk->audit, AUDIT_VIEW, 1);
	else
		audit_broken(walk->audit, AUDIT_VIEW,
		             "order %s: %s, in the history %s",
		             wb_buf_text(&walk->key), status, view);
}

/* That a mail is missing is told by the event that asks for it. */
static void
check_told(struct walk *walk, const char *status)
{
	const char *told = status_of(walk, MAILS);

	if (!walk->is_here[MAILS])
		return;
	audit_checked(walk->audit, AUDIT_TOLD, 1);
	if (strcmp(told, status) != 0)
		audit_broken(walk->audit, AUDIT_TOLD,
		             "order %s: %s, the customer was told %s",
		             wb_buf_text(&walk->key), status, told);
}

static void
check_pending(struct walk *walk)
{
	const struct audit *audit = walk->audit;
	bool is_waiting =
	    !audit->params->is_quiet && walk->is_here[PAYMENTS] &&
	    wb_rows_bool(walk->streams[PAYMENTS].rows, IS_WAITING);

	if (wb_rows_bool(walk->streams[ORDERS].rows, IS_OVERDUE) && !is_waiting)
		audit_broken(
		    walk->audit, AUDIT_ORDER_ENDS,
		    "order %s: PENDING past its deadline; reservation "
		    "%s, payment %s, shipment %s",
		    wb_buf_text(&walk->key), status_of(walk, INVENTORY),
		    status_of(walk, PAYMENTS), status_of(walk, SHIPPING));
}

static void
check_order(struct walk *walk)
{
	const char *status = wb_rows_text(walk->streams[ORDERS].rows, STATUS);
	bool is_confirmed = strcmp(status, "CONFIRMED") == 0;

	walk->audit->counts.orders++;
	audit_checked(walk->audit, AUDIT_ORDER_ENDS, 1);
	if (strcmp(status, "PENDING") == 0) {
		check_pending(walk);
		return;
	}
	check_payment(walk, status, is_confirmed);
	check_shipment(walk, status, is_confirmed);
	check_goods(walk, status, is_confirmed);
	check_view(walk, status);
	check_told(walk, status);
}

/* Somebody knows it, and orders does not. The others were read later, so only
 * what they have known for long counts. */
static void
check_unknown(struct walk *walk)
{
	for (size_t i = ORDERS + 1; i < N_PARTS; i++)
		if (walk->is_here[i] &&
		    wb_rows_bool(walk->streams[i].rows, IS_OLD)) {
			audit_broken(walk->audit, AUDIT_ORDER_EXISTS,
			             "order %s: %s knows it (%s), orders does "
			             "not",
			             wb_buf_text(&walk->key), parts[i].service,
			             status_of(walk, (enum part)i));
			return;
		}
}

/* ---- the provider's books ---- */

static void
check_books(struct walk *walk)
{
	const struct wb_rows *payment = walk->streams[PAYMENTS].rows;
	struct audit_paid paid = { .status = status_of(walk, PAYMENTS),
		                   .order_status = "NONE" };

	if (walk->is_here[PAYMENTS]) {
		paid.amount_minor = wb_rows_i64(payment, AMOUNT);
		paid.reference = wb_rows_text(payment, REFERENCE);
	}
	if (walk->is_here[ORDERS])
		paid.order_status =
		    wb_rows_text(walk->streams[ORDERS].rows, STATUS);
	audit_books_check(walk->books, wb_buf_text(&walk->key), &paid);
}

/* ---- the walk ---- */

/* That there is one row per order must not rest on the primary key alone. */
static void
advance(struct walk *walk, enum part part)
{
	static const enum audit_invariant doubled[N_PARTS] = {
		[ORDERS] = AUDIT_ORDER_EXISTS, [SHIPPING] = AUDIT_SHIPMENT,
		[PAYMENTS] = AUDIT_PAYMENT,    [INVENTORY] = AUDIT_GOODS,
		[HISTORY] = AUDIT_VIEW,        [MAILS] = AUDIT_TOLD,
	};
	struct audit_stream *stream = &walk->streams[part];
	const char *key = wb_buf_text(&walk->key);

	audit_stream_next(stream);
	while (audit_stream_is_at(stream, key)) {
		audit_broken(walk->audit, doubled[part],
		             "order %s: %s has it more than once", key,
		             parts[part].service);
		audit_stream_next(stream);
	}
}

static void
check(struct walk *walk)
{
	for (size_t i = 0; i < N_PARTS; i++)
		walk->is_here[i] = audit_stream_is_at(&walk->streams[i],
		                                      wb_buf_text(&walk->key));
	audit_checked(walk->audit, AUDIT_ORDER_EXISTS, 1);
	if (walk->is_here[ORDERS])
		check_order(walk);
	else
		check_unknown(walk);
	if (walk->books != NULL)
		check_books(walk);
	for (size_t i = 0; i < N_PARTS; i++)
		if (walk->is_here[i])
			advance(walk, (enum part)i);
}

static enum wb_err
open_streams(struct walk *walk, struct wb_note *note)
{
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < N_PARTS && err == WB_OK; i++)
		err = audit_stream_connect(walk->audit, &walk->streams[i],
		                           parts[i].service, note);
	for (size_t i = 0; i < N_PARTS && err == WB_OK; i++)
		err = audit_stream_start(walk->audit, &walk->streams[i],
		                         parts[i].name, parts[i].sql, note);
	return err;
}

static enum wb_err
walk_through(struct walk *walk, struct wb_note *note)
{
	for (size_t i = 0; i < N_PARTS; i++)
		audit_stream_next(&walk->streams[i]);
	while (audit_streams_key(walk->streams, N_PARTS, &walk->key))
		check(walk);
	return walk->books == NULL ? WB_OK : audit_books_end(walk->books, note);
}

enum wb_err
audit_orders(struct audit *audit, struct wb_note *note)
{
	struct walk walk = { .audit = audit };
	struct wb_note why;
	enum wb_err end, err = open_streams(&walk, note);

	if (audit->params->provider_url[0] != '\0') {
		walk.books = audit_books_new(audit);
	} else {
		audit_skip(audit, AUDIT_CHARGES, "no --provider-url");
		audit_skip(audit, AUDIT_BOOKS, "no --provider-url");
	}
	if (err == WB_OK)
		err = walk_through(&walk, note);
	end = audit_streams_close(walk.streams, N_PARTS, &why);
	if (err == WB_OK && end != WB_OK) {
		err = end;
		*note = why;
	}
	audit_books_free(walk.books);
	wb_buf_fini(&walk.key);
	return err;
}
