/* The wish to mail somebody how an order ended: what the three handlers have in
 * common. The text is written when the event is handled, so that each try sends
 * the same; only the addressee is looked up later. */
#ifndef WB_NOTIFICATIONS_WISH_H
#define WB_NOTIFICATIONS_WISH_H

#include "shop/order.h"
#include "handlers.h"
#include "letter.h"

struct wish {
	struct wb_uuid order_id;
	struct wb_uuid customer_id;
	const char *kind; /* "CONFIRMED" */
	const char *subject;
	const char *content;
};

/* Fills a wish of that kind. subject: what the order is, "is confirmed"; write:
 * the letter. SCHEMA_VIOLATION with a note. */
enum wb_err wish_parse(const struct wb_event *event, struct wish *wish,
                       const char *kind, const char *subject, letter_fn write,
                       struct wb_arena *arena, struct wb_note *note);

/* The rest of a handler: one statement for all three. */
extern const struct wb_pg_stmt wish_stmt;
extern const enum wb_pg_elem wish_columns[5];
void wish_bind(const void *payload, struct wb_pg_args *args, size_t array);
enum wb_err wish_read(const struct wb_event *event, const void *payload,
                      const struct wb_pg_result *result, size_t row,
                      struct wb_emit *emit, struct wb_note *note);

#endif
