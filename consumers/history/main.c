/* history: the read model of orders, fed by every event. */
#include "api.h"
#include "handlers.h"

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    &(struct wb_participant){
	        .name = "history",
	        .usage = "Records every order event, and serves the "
	                 "timelines.",
	        .handlers = history_handlers,
	        .job = history_api(),
	        .is_patient = true,
	        .is_unordered = true,
	    },
	    argc, argv);
}
