#include "overload.h"

#include "base/attr.h"
#include "base/log.h"
#include "base/metrics.h"
#include "pg/pool.h"

#include <inttypes.h>
#include <stddef.h>

#define RETRY_AFTER "10"

struct overload_params {
	int64_t max_age_ms; /* 0 = none is too old */
	int64_t check_ms;
};

static struct overload_params params;

#define FIELD(name) .offset = offsetof(struct overload_params, name)

static const struct wb_param table[] = {
	{ .name = "overload-outbox-age-ms",
	  .type = WB_PARAM_INT,
	  FIELD(max_age_ms),
	  .def = "600000",
	  .min = 0,
	  .max = 86400000,
	  .unit = "ms",
	  .help = "orders are answered 503 while an event has waited longer to "
	          "be published; below order-deadline-ms, or they would be "
	          "cancelled; 0: never" },
	{ .name = "overload-check-ms",
	  .type = WB_PARAM_INT,
	  FIELD(check_ms),
	  .def = "1000",
	  .min = 10,
	  .max = 60000,
	  .unit = "ms",
	  .help = "how often the age of the outbox is looked at" },
};

const struct wb_param_set overload_param_set = {
	.params = table,
	.n_params = WB_ARRAY_LEN(table),
	.target = &params,
};

static struct {
	struct wb_db *db; /* NULL: not started, or not wanted */
	struct wb_timer timer;
	struct wb_gauge *age_seconds;
	int64_t age_ms; /* when it was looked at last */
} overload;

static const struct wb_pg_stmt find_age = {
	.name = "outbox_age",
	.sql = "SELECT outbox_age_ms()",
};

static bool
is_too_old(int64_t age_ms)
{
	return params.max_age_ms > 0 && age_ms > params.max_age_ms;
}

static void
on_age(const struct wb_pg_result *result, void *arg)
{
	int64_t age_ms = wb_pg_i64(result, 0, 0);

	(void)arg;
	if (is_too_old(age_ms) != is_too_old(overload.age_ms))
		wb_log_warn(WB_LOG_OVERLOAD,
		            "refusing=%s outbox_age_ms=%" PRId64,
		            is_too_old(age_ms) ? "true" : "false", age_ms);
	overload.age_ms = age_ms;
	wb_gauge_set(overload.age_seconds, (double)age_ms / 1000);
}

/* Whatever came of it: the next look will tell. */
static void
on_done(const struct wb_tx_outcome *outcome, void *arg)
{
	(void)outcome;
	(void)arg;
	wb_timer_start_ms(&overload.timer, params.check_ms);
}

static void
look(struct wb_pg *pg, void *arg)
{
	(void)arg;
	if (pg == NULL)
		wb_timer_start_ms(&overload.timer, params.check_ms);
	else
		wb_pg_query(pg, &find_age, NULL, on_age, on_done, NULL);
}

static void
on_timer(void *arg)
{
	(void)arg;
	wb_pg_pool_take(wb_db_pool(overload.db), look, &overload);
}

void
overload_start(struct wb_loop *loop, struct wb_db *db)
{
	overload.age_seconds =
	    wb_gauge("wb_orders_outbox_age_seconds", "",
	             "Age of the oldest event that waits to be published.");
	overload.db = db;
	wb_timer_init(&overload.timer, loop, on_timer, NULL);
	wb_timer_start_ms(&overload.timer, params.check_ms);
}

void
overload_stop(void)
{
	if (overload.db != NULL)
		wb_timer_fini(&overload.timer);
	overload.db = NULL;
}

bool
overload_refuses(struct wb_http_request *request)
{
	if (!is_too_old(overload.age_ms))
		return false;
	wb_http_set_header(request, "Retry-After", RETRY_AFTER);
	wb_http_problem(request, 503, "overloaded",
	                "Orders before this one are still waiting to be "
	                "processed.");
	return true;
}
