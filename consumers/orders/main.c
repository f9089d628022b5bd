/* orders-consumer: keeps the replicas of products and customers, and ends
 * orders. */
#include "handlers.h"
#include "sweeper.h"

static const struct wb_handler *const handlers[] = {
#define X(name) &orders_##name,
	ORDERS_HANDLERS(X) NULL
#undef X
};

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    "orders", "Confirms, rejects and cancels orders, in time.",
	    handlers, &orders_sweeper, argc, argv);
}
