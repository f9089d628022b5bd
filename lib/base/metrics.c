#include "base/metrics.h"

#include "base/attr.h"
#include "base/mem.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Upper bounds of the buckets. The label is how Prometheus sees them. */
static const struct {
	int64_t us;
	const char *label;
} buckets[] = {
	{ 500, "0.0005" },  { 1000, "0.001" },  { 2500, "0.0025" },
	{ 5000, "0.005" },  { 10000, "0.01" },  { 25000, "0.025" },
	{ 50000, "0.05" },  { 100000, "0.1" },  { 250000, "0.25" },
	{ 500000, "0.5" },  { 1000000, "1" },   { 2500000, "2.5" },
	{ 5000000, "5" },   { 10000000, "10" }, { 30000000, "30" },
	{ 60000000, "60" },
};

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const char *const kind_names[] = {
	[COUNTER] = "counter",
	[GAUGE] = "gauge",
	[HISTOGRAM] = "histogram",
};

struct wb_counter {
	uint64_t count;
};

struct wb_gauge {
	double value;
	double (*read)(void *arg); /* NULL: value */
	void *arg;
};

struct wb_histogram {
	uint64_t
	    counts[WB_ARRAY_LEN(buckets)]; /* each without the lower ones */
	uint64_t count;
	int64_t sum_us;
};

/* One label set of a family. */
struct series {
	struct series *next;
	char *labels;
	union {
		struct wb_counter counter;
		struct wb_gauge gauge;
		struct wb_histogram histogram;
	} value;
};

struct family {
	struct family *next;
	char *name, *help;
	enum kind kind;
	struct series *series;
};

static struct family *families;

static struct family *
find_family(const char *name, enum kind kind, const char *help)
{
	struct family **link;

	for (link = &families; *link != NULL; link = &(*link)->next) {
		if (strcmp((*link)->name, name) == 0) {
			WB_ASSERT((*link)->kind == kind);
			return *link;
		}
	}
	*link = wb_zalloc(sizeof(**link));
	(*link)->name = wb_strdup(name);
	(*link)->help = wb_strdup(help);
	(*link)->kind = kind;
	return *link;
}

static struct series *
find_series(const char *name, enum kind kind, const char *labels,
            const char *help)
{
	struct series **link = &find_family(name, kind, help)->series;

	for (; *link != NULL; link = &(*link)->next) {
		if (strcmp((*link)->labels, labels) == 0)
			return *link;
	}
	*link = wb_zalloc(sizeof(**link));
	(*link)->labels = wb_strdup(labels);
	return *link;
}

struct wb_counter *
wb_counter(const char *name, const char *labels, const char *help)
{
	return &find_series(name, COUNTER, labels, help)->value.counter;
}

struct wb_gauge *
wb_gauge(const char *name, const char *labels, const char *help)
{
	return &find_series(name, GAUGE, labels, help)->value.gauge;
}

struct wb_histogram *
wb_histogram(const char *name, const char *labels, const char *help)
{
	return &find_series(name, HISTOGRAM, labels, help)->value.histogram;
}

void
wb_counter_add(struct wb_counter *counter, uint64_t n)
{
	counter->count += n;
}

void
wb_gauge_set(struct wb_gauge *gauge, double value)
{
	gauge->value = value;
}

void
wb_gauge_ask(struct wb_gauge *gauge, double (*read)(void *arg), void *arg)
{
	gauge->read = read;
	gauge->arg = arg;
}

void
wb_gauge_relabel(struct wb_gauge *gauge, const char *labels)
{
	struct series *series =
	    (struct series *)(void *)((char *)gauge -
	                              offsetof(struct series, value));

	if (strcmp(series->labels, labels) == 0)
		return;
	free(series->labels);
	series->labels = wb_strdup(labels);
}

void
wb_metrics_label(struct wb_buf *buf, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			wb_buf_adds(buf, "\\n");
		else if (*text == '"' || *text == '\\')
			wb_buf_printf(buf, "\\%c", *text);
		else
			wb_buf_add(buf, text, 1);
	}
}

void
wb_histogram_add_us(struct wb_histogram *histogram, int64_t us)
{
	size_t i = 0;

	if (us < 0)
		us = 0;
	while (i < WB_ARRAY_LEN(buckets) && us > buckets[i].us)
		i++;
	if (i < WB_ARRAY_LEN(buckets))
		histogram->counts[i]++;
	histogram->count++;
	histogram->sum_us += us;
}

/* name{labels} or name, and the space before the value. */
static void
print_name(struct wb_buf *buf, const char *name, const char *suffix,
           const char *labels)
{
	wb_buf_printf(buf, "%s%s", name, suffix);
	if (labels[0] != '\0')
		wb_buf_printf(buf, "{%s}", labels);
	wb_buf_adds(buf, " ");
}

static void
print_gauge(struct wb_buf *buf, const struct family *family,
            const struct series *series)
{
	const struct wb_gauge *gauge = &series->value.gauge;
	double value =
	    gauge->read != NULL ? gauge->read(gauge->arg) : gauge->value;

	print_name(buf, family->name, "", series->labels);
	if (isnan(value))
		wb_buf_adds(buf, "NaN\n");
	else if (isinf(value))
		wb_buf_adds(buf, value > 0 ? "+Inf\n" : "-Inf\n");
	else
		wb_buf_printf(buf, "%.15g\n", value);
}

static void
print_bucket(struct wb_buf *buf, const struct family *family,
             const struct series *series, const char *label, uint64_t count)
{
	wb_buf_printf(buf, "%s_bucket{%s%sle=\"%s\"} %llu\n", family->name,
	              series->labels, series->labels[0] == '\0' ? "" : ",",
	              label, (unsigned long long)count);
}

static void
print_histogram(struct wb_buf *buf, const struct family *family,
                const struct series *series)
{
	const struct wb_histogram *histogram = &series->value.histogram;
	uint64_t so_far = 0;
	size_t i;

	for (i = 0; i < WB_ARRAY_LEN(buckets); i++) {
		so_far += histogram->counts[i];
		print_bucket(buf, family, series, buckets[i].label, so_far);
	}
	print_bucket(buf, family, series, "+Inf", histogram->count);
	print_name(buf, family->name, "_sum", series->labels);
	wb_buf_printf(buf, "%lld.%06lld\n",
	              (long long)(histogram->sum_us / 1000000),
	              (long long)(histogram->sum_us % 1000000));
	print_name(buf, family->name, "_count", series->labels);
	wb_buf_printf(buf, "%llu\n", (unsigned long long)histogram->count);
}

static void
print_series(struct wb_buf *buf, const struct family *family,
             const struct series *series)
{
	switch (family->kind) {
	case COUNTER:
		print_name(buf, family->name, "", series->labels);
		wb_buf_printf(buf, "%llu\n",
		              (unsigned long long)series->value.counter.count);
		break;
	case GAUGE:
		print_gauge(buf, family, series);
		break;
	case HISTOGRAM:
		print_histogram(buf, family, series);
		break;
	}
}

static void
print_help(struct wb_buf *buf, const struct family *family)
{
	const char *at;

	wb_buf_printf(buf, "# HELP %s ", family->name);
	for (at = family->help; *at != '\0'; at++) {
		if (*at == '\n')
			wb_buf_adds(buf, "\\n");
		else if (*at == '\\')
			wb_buf_adds(buf, "\\\\");
		else
			wb_buf_add(buf, at, 1);
	}
	wb_buf_printf(buf, "\n# TYPE %s %s\n", family->name,
	              kind_names[family->kind]);
}

void
wb_metrics_print(struct wb_buf *buf)
{
	const struct family *family;
	const struct series *series;

	for (family = families; family != NULL; family = family->next) {
		print_help(buf, family);
		for (series = family->series; series != NULL;
		     series = series->next)
			print_series(buf, family, series);
	}
}
