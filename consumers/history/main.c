/* history: the read model of orders, fed by every event. */
#include "api.h"
#include "handlers.h"

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    "history", "Records every order event, and serves the timelines.",
	    history_handlers, history_api(), argc, argv);
}
