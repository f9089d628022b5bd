/* A row of a table → a row of the batch with its AMQP message. */
#ifndef RELAY_MESSAGE_H
#define RELAY_MESSAGE_H

#include "claim.h"

/* Adds row at of sql_read_events: a CloudEvents envelope for the exchange. A
 * row that can't be published is added too, with its end: TOO_LARGE, MALFORMED.
 */
void message_of_event(struct claim *claim, const struct wb_pg_result *result,
                      size_t at);

/* Adds row at of sql_claim_deliveries: its body as it is, for one queue. */
void message_of_delivery(struct claim *claim, const struct wb_pg_result *result,
                         size_t at);

#endif
