/* The charger: claims the wishes that the handlers recorded, calls the
 * provider, and records what came of it together with its event. It holds no
 * lock and no transaction during a call; at most max-calls are under way
 * (bulkhead). */
#ifndef WB_PAYMENTS_CHARGER_H
#define WB_PAYMENTS_CHARGER_H

#include "service/participant.h"

extern const struct wb_side_job payments_charger;

#endif
