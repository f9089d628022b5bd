/* Whether this process can do its work: one entry per dependency. */
#ifndef WB_BASE_HEALTH_H
#define WB_BASE_HEALTH_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

struct wb_health;

/* name: "postgres", "rabbitmq", "queue orders"; lives for ever; starts as not
 * ready with the detail "starting". */
struct wb_health *wb_health(const char *name);

/* Logs each change (READY / NOT_READY). detail is copied. */
void wb_health_set(struct wb_health *health, bool is_ready, const char *fmt,
                   ...) WB_PRINTF(3, 4);

bool wb_health_all_ready(void);

/* {"status":"ready","dependencies":[{"name":…,"ready":true,"detail":…}]} */
void wb_health_print(struct wb_buf *buf);

#endif
