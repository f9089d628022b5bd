/* What Prometheus expects of every process, read when asked for. */
#ifndef WB_SERVICE_PROCESS_METRICS_H
#define WB_SERVICE_PROCESS_METRICS_H

#include "base/buf.h"

/* Once, at start. process: as the label of wb_build_info; must last. */
void wb_process_metrics_setup(const char *process);

/* Text exposition format, appended. */
void wb_process_metrics_print(struct wb_buf *buf);

#endif
