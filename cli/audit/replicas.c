/* Copies of products and customers in the databases of those who need them. The
 * copies are read first: none may be ahead of its original. */
#include "audit.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_COPIES = 2 };

/* The columns: key, version (a number, or what was copied), is_old of the
 * original. */
#define CUSTOMERS(time)                                                        \
	"SELECT c.customer_id::text, name || ' <' || email || '>'" time        \
	" FROM customers c ORDER BY c.customer_id"

static const struct {
	const char *what; /* "product" */
	const char *original, *sql;
	struct {
		const char *service, *sql;
	} copies[MAX_COPIES];
} replicas[] = {
	{ "product",
	  "catalog",
	  "SELECT sku, version::text, updated_at < {old} FROM products"
	  " ORDER BY sku COLLATE \"C\"",
	  { { "orders", "SELECT sku, version::text FROM products"
	                " ORDER BY sku COLLATE \"C\"" },
	    /* Only that there is one. */
	    { "inventory", "SELECT sku, NULL FROM stock"
	                   " ORDER BY sku COLLATE \"C\"" } } },
	{ "customer",
	  "customers",
	  CUSTOMERS(", registered_at < {old}"),
	  { { "orders", CUSTOMERS("") }, { "notifications", CUSTOMERS("") } } },
};

enum { KEY, VERSION, IS_OLD };

struct walk {
	struct audit *audit;
	const char *what;
	/* The copies, then the original. */
	struct audit_stream streams[MAX_COPIES + 1];
	size_t services[MAX_COPIES];
	struct wb_buf key;
};

/* The copy has another version than the original. It may lag behind for a
 * while, or for as long as it is owed an event; a customer never changes. */
static void
judge(struct walk *walk, size_t i, bool is_here, const char *version)
{
	struct audit *audit = walk->audit;
	const struct audit_stream *original = &walk->streams[MAX_COPIES];
	const struct wb_rows *rows = original->rows;
	const char *key = wb_buf_text(&walk->key);
	const char *service = wb_services[walk->services[i]].name;

	audit_checked(audit, AUDIT_REPLICAS, 1);
	if (!audit_stream_is_at(original, key)) {
		audit_broken(audit, AUDIT_REPLICAS,
		             "%s %s: %s has it, its owner does not", walk->what,
		             key, service);
		return;
	}
	if (is_here && (version == NULL ||
	                strcmp(version, wb_rows_text(rows, VERSION)) == 0))
		return;
	if (wb_rows_bool(rows, IS_OLD) && audit->owed[walk->services[i]] == 0)
		audit_broken(audit, AUDIT_REPLICAS,
		             "%s %s: %s has %s, its owner %s", walk->what, key,
		             service, is_here ? version : "none",
		             wb_rows_text(rows, VERSION));
}

static void
judge_all(struct walk *walk)
{
	const char *key = wb_buf_text(&walk->key);

	for (size_t i = 0; i < MAX_COPIES; i++) {
		const struct wb_rows *rows = walk->streams[i].rows;
		bool is_here = audit_stream_is_at(&walk->streams[i], key);
		bool has_version = is_here && !wb_rows_is_null(rows, VERSION);

		if (is_here ||
		    audit_stream_is_at(&walk->streams[MAX_COPIES], key))
			judge(walk, i, is_here,
			      has_version ? wb_rows_text(rows, VERSION) : NULL);
	}
	for (size_t i = 0; i <= MAX_COPIES; i++)
		if (audit_stream_is_at(&walk->streams[i], key))
			audit_stream_next(&walk->streams[i]);
}

static enum wb_err
open_streams(struct walk *walk, size_t r, struct wb_note *note)
{
	enum wb_err err = WB_OK;

	for (size_t i = 0; i < MAX_COPIES && err == WB_OK; i++) {
		walk->services[i] =
		    (size_t)(wb_service_find(replicas[r].copies[i].service) -
		             wb_services);
		err = audit_stream_connect(walk->audit, &walk->streams[i],
		                           replicas[r].copies[i].service, note);
	}
	if (err == WB_OK)
		err = audit_stream_connect(walk->audit,
		                           &walk->streams[MAX_COPIES],
		                           replicas[r].original, note);
	for (size_t i = 0; i < MAX_COPIES && err == WB_OK; i++)
		err = audit_stream_start(walk->audit, &walk->streams[i],
		                         "audit_copy",
		                         replicas[r].copies[i].sql, note);
	if (err == WB_OK)
		err =
		    audit_stream_start(walk->audit, &walk->streams[MAX_COPIES],
		                       "audit_original", replicas[r].sql, note);
	return err;
}

static enum wb_err
compare(struct audit *audit, size_t r, struct wb_note *note)
{
	struct walk walk = { .audit = audit, .what = replicas[r].what };
	struct wb_note why;
	enum wb_err end, err = open_streams(&walk, r, note);

	for (size_t i = 0; i <= MAX_COPIES && err == WB_OK; i++)
		audit_stream_next(&walk.streams[i]);
	while (err == WB_OK &&
	       audit_streams_key(walk.streams, MAX_COPIES + 1, &walk.key))
		judge_all(&walk);
	end = audit_streams_close(walk.streams, MAX_COPIES + 1, &why);
	if (err == WB_OK && end != WB_OK) {
		err = end;
		*note = why;
	}
	wb_buf_fini(&walk.key);
	return err;
}

enum wb_err
audit_replicas(struct audit *audit, struct wb_note *note)
{
	enum wb_err err = WB_OK;

	for (size_t r = 0; r < WB_ARRAY_LEN(replicas) && err == WB_OK; r++)
		err = compare(audit, r, note);
	return err;
}
