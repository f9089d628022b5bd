/* Orders that stay pending too long: their cancellation is requested, and again
 * while they stay so. */
#ifndef WB_ORDERS_SWEEPER_H
#define WB_ORDERS_SWEEPER_H

#include "service/participant.h"

extern const struct wb_side_job orders_sweeper;

#endif
