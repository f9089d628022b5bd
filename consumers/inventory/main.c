/* inventory: reserves stock for orders, gives it back, sends it out. */
#include "handlers.h"

#include "service/participant.h"

static const struct wb_handler *const handlers[] = {
#define X(name) &inventory_##name,
	INVENTORY_HANDLERS(X) NULL
#undef X
};

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    &(struct wb_participant){
	        .name = "inventory",
	        .usage = "Reserves stock for orders, or gives it back.",
	        .handlers = handlers,
	    },
	    argc, argv);
}
