/* Many POST /orders at once, and what became of each: for tests of what a
 * client was promised. */
#ifndef WB_TESTS_ORDER_LOAD_H
#define WB_TESTS_ORDER_LOAD_H

#include "base/buf.h"
#include "support/orders_case.h"

struct wb_test_load {
	struct wb_test_producer *api;
	size_t n_total;
	size_t n_at_once;
	/* The body of the n-th order, from 0; a static text. */
	const char *(*body)(size_t n);
	/* Another header of each request, or NULL. */
	const char *header;
	/* Called after each answer; NULL = nothing. */
	void (*on_answer)(struct wb_test_load *load);

	/* What came. */
	size_t n_sent, n_answered;
	size_t n_accepted, n_refused, n_unavailable, n_failed, n_lost;
	size_t n_conflicts; /* of n_failed: 409 */
	size_t n_unknown;   /* of n_unavailable: perhaps it exists */
	struct wb_buf ids;  /* of those accepted: "{id,id,…}", unended */
};

/* Sends all and runs the loop until each has its answer. */
void wb_test_load_run(struct wb_test_load *load);

/* That each accepted order exists, that no order exists without its one event
 * with sequence 1, and none twice. */
void wb_test_load_check(struct wb_test_load *load);

void wb_test_load_fini(struct wb_test_load *load);

#endif
