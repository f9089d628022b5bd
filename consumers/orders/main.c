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
	    &(struct wb_participant){
	        .name = "orders",
	        .usage = "Confirms, rejects and cancels orders, in time.",
	        .handlers = handlers,
	        .job = &orders_sweeper,
	    },
	    argc, argv);
}
