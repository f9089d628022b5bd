/* shipping: the saga's point of no return. */
#include "handlers.h"

#include "service/participant.h"

static const struct wb_handler *const handlers[] = {
#define X(name) &shipping_##name,
	SHIPPING_HANDLERS(X) NULL
#undef X
};

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    &(struct wb_participant){
	        .name = "shipping",
	        .usage = "Ships paid orders, or refuses what can't be "
	                 "reached.",
	        .handlers = handlers,
	    },
	    argc, argv);
}
