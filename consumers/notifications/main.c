/* notifications: writes to customers how their orders ended. */
#include "handlers.h"
#include "mailer.h"

static const struct wb_handler *const handlers[] = {
#define X(name) &notifications_##name,
	NOTIFICATIONS_HANDLERS(X) NULL
#undef X
};

int
main(int argc, char **argv)
{
	return wb_participant_main(
	    &(struct wb_participant){
	        .name = "notifications",
	        .usage = "Mails customers how their orders ended.",
	        .handlers = handlers,
	        .job = notifications_mailer(),
	        .is_patient = true,
	    },
	    argc, argv);
}
