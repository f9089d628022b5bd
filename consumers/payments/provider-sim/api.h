/* The simulated provider's HTTP interface. */
#ifndef WB_PROVIDER_SIM_API_H
#define WB_PROVIDER_SIM_API_H

#include "http/server.h"

struct api_params {
	int64_t slow_ms;
	int64_t flaky_calls;
};

/* Ended by a row with method NULL. */
extern const struct wb_http_route api_routes[];

/* Before the first request. */
void api_init(struct wb_loop *loop, const struct api_params *params);

void api_fini(void);

#endif
