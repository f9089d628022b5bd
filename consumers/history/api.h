/* Reading the history over HTTP, from a pool of connections of its own. */
#ifndef WB_HISTORY_API_H
#define WB_HISTORY_API_H

#include "service/participant.h"

/* Parameters: pool, http and auth. Lives for ever. */
const struct wb_side_job *history_api(void);

#endif
