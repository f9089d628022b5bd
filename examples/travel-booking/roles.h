/* The services of the example, a file each. One binary is all of them: its
 * first argument says which one a process is. */
#ifndef WB_TRAVEL_ROLES_H
#define WB_TRAVEL_ROLES_H

#include "saga/handler.h"

/* X(name, what it does). The name is also that of its queue, its database's
 * role and its inbox key. */
#define TRAVEL_ROLES(X)                                                        \
	X(flight, "Books a trip's flight, or gives it back.")                  \
	X(hotel, "Books a trip's hotel, or gives it back.")                    \
	X(car, "Books a trip's car: the point of no return.")                  \
	X(trips, "Ends trips.")                                                \
	X(notices, "Tells travellers how their trips ended.")

/* NULL-ended. */
#define X(name, usage)                                                         \
	extern const struct wb_handler *const travel_##name##_handlers[];
TRAVEL_ROLES(X)
#undef X

#endif
