/* `outbox-relay --install=DSN`: the tables that the relay reads, in a database
 * that has nothing else of Waybill. */
#ifndef RELAY_INSTALL_H
#define RELAY_INSTALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/params.h"

struct install_params {
	char *dsn;  /* empty: nothing to install */
	char *role; /* the relay's, gets its rights; empty: none */
	int64_t deadline_ms;
};

extern const struct wb_param install_params_table[];
extern const size_t install_params_count;

/* False: this is not about installing. Else it has happened or failed, in a
 * loop of its own; what was done is on stdout, a complaint is one line on
 * stderr, *ret_status is the exit status: 0, 1 failed, 2 called wrongly. */
bool install_run(const struct install_params *params, int *ret_status);

#endif
