/* What a source needs beside publishing, on a connection of its own, so that it
 * delays nothing: every count-ms its metrics, and what is old is given back. */
#ifndef RELAY_UPKEEP_H
#define RELAY_UPKEEP_H

#include "base/buf.h"
#include "base/metrics.h"
#include "floor.h"
#include "horizon.h"
#include "params.h"
#include "pg/pg.h"

struct upkeep_config {
	struct wb_loop *loop;
	const struct relay_params *params;
	const struct wb_pg_params *pg_params;
	const char *application_name;
	const char *name; /* of the source */
	const struct horizon *horizon;
	const struct floor *deliveries;
};

struct upkeep {
	unsigned magic;
	struct upkeep_config config;
	struct wb_pg *pg;
	struct wb_pg_args *args;
	struct wb_timer timer;
	bool is_draining;
	struct wb_gauge *depth, *parked, *oldest, *open;
	struct wb_buf labels;
};

/* config is copied; what it points to must outlive it. Connects. */
void upkeep_init(struct upkeep *upkeep, const struct upkeep_config *config);
void upkeep_fini(struct upkeep *upkeep);

/* Begins nothing more. */
void upkeep_drain(struct upkeep *upkeep);

#endif
