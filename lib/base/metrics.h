/* Metrics in Prometheus' text form, as static values of one process. A metric
 * is created once at start-up and lives for ever; label sets are created on
 * first use (keep them few: never an id). */
#ifndef WB_BASE_METRICS_H
#define WB_BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

struct wb_counter;
struct wb_gauge;
struct wb_histogram; /* seconds, buckets from 0.5 ms to 60 s */

/* name: full, by convention wb_<what>_total / _seconds / _bytes.
 * labels: `route="/orders",code="202"` or "" (copied). The same name and labels
 * give the same object again. help is used the first time. */
struct wb_counter *wb_counter(const char *name, const char *labels,
                              const char *help);
struct wb_gauge *wb_gauge(const char *name, const char *labels,
                          const char *help);
struct wb_histogram *wb_histogram(const char *name, const char *labels,
                                  const char *help);

void wb_counter_add(struct wb_counter *counter, uint64_t n);
void wb_gauge_set(struct wb_gauge *gauge, double value);
/* Its value is what read says whenever it is printed; NULL: no more. */
void wb_gauge_ask(struct wb_gauge *gauge, double (*read)(void *arg), void *arg);
/* From now on the gauge has these labels instead (copied): for what is one
 * thing at a time, with another name each time. */
void wb_gauge_relabel(struct wb_gauge *gauge, const char *labels);
void wb_histogram_add_us(struct wb_histogram *histogram, int64_t us);

/* text as the value of a label: quotes, backslashes and line ends escaped,
 * appended. */
void wb_metrics_label(struct wb_buf *buf, const char *text);

/* Text exposition format 0.0.4 of everything, appended. */
void wb_metrics_print(struct wb_buf *buf);

#endif
