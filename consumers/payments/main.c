/* payments: takes the money for orders, and gives it back. */
#include "charger.h"
#include "handlers.h"

static const struct wb_handler *const handlers[] = {
#define X(name) &payments_##name,
	PAYMENTS_HANDLERS(X) NULL
#undef X
};

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    &(struct wb_participant){
	        .name = "payments",
	        .usage = "Charges orders at the payment provider, or "
	                 "refunds.",
	        .handlers = handlers,
	        .job = &payments_charger,
	    },
	    argc, argv);
}
