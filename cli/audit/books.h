/* The provider's books beside the payments: in the order of the orders' ids. */
#ifndef WB_CLI_AUDIT_BOOKS_H
#define WB_CLI_AUDIT_BOOKS_H

#include "audit.h"

struct audit_books;

/* What our side says of an order's payment. */
struct audit_paid {
	const char *status; /* NONE where payments does not know the order */
	int64_t amount_minor;
	const char *reference; /* NULL with NONE */
	const char *order_status;
};

void audit_books_free(struct audit_books *books); /* NULL is fine */
struct audit_books *audit_books_new(struct audit *audit)
    WB_OWNED_BY(audit_books_free);

/* The next order; ids rise. What the provider has before it belongs to no order
 * of ours. */
void audit_books_check(struct audit_books *books, const char *order_id,
                       const struct audit_paid *paid);

/* After the last order. */
enum wb_err audit_books_end(struct audit_books *books,
                            struct wb_note *note) WB_MUST_USE;

#endif
