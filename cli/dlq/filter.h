/* Which dead letters a verb is about: the parameters that all of them have. */
#ifndef WB_CLI_DLQ_FILTER_H
#define WB_CLI_DLQ_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/params.h"
#include "letter.h"
#include "where.h"

struct wb_filter_params {
	char *consumer, *group, *type, *error, *order, *id, *where;
	char *older_than, *newer_than;
};

/* The rows of a verb's own table for them; the member called `filter` of its
 * struct is a struct wb_filter_params. */
#define WB_FILTER_PARAMS(params)                                               \
	{ .name = "consumer",                                                  \
	  .type = WB_PARAM_TEXT,                                               \
	  .offset = offsetof(params, filter.consumer),                         \
	  .def = "",                                                           \
	  .max = 4096,                                                         \
	  .unit = "",                                                          \
	  .help = "whose dead letters, such as inventory; several with "       \
		  "commas; empty: everybody's" },                              \
	    { .name = "group",                                                 \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.group),                        \
	      .def = "",                                                       \
	      .max = 4096,                                                     \
	      .unit = "",                                                      \
	      .help = "a failure group as `waybill dlq list` names it, such "  \
		      "as inventory/NOT_YET/order.placed.v1" },                \
	    { .name = "type",                                                  \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.type),                         \
	      .def = "",                                                       \
	      .max = 4096,                                                     \
	      .unit = "",                                                      \
	      .help = "event types, with commas, such as order.placed.v1" },   \
	    { .name = "error",                                                 \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.error),                        \
	      .def = "",                                                       \
	      .max = 4096,                                                     \
	      .unit = "",                                                      \
	      .help = "error codes, with commas, such as NOT_YET" },           \
	    { .name = "order",                                                 \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.order),                        \
	      .def = "",                                                       \
	      .max = 4096,                                                     \
	      .unit = "",                                                      \
	      .help = "order ids, with commas" },                              \
	    { .name = "id",                                                    \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.id),                           \
	      .def = "",                                                       \
	      .max = 65536,                                                    \
	      .unit = "",                                                      \
	      .help = "message ids, with commas" },                            \
	    { .name = "older-than",                                            \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.older_than),                   \
	      .def = "",                                                       \
	      .max = 32,                                                       \
	      .unit = "",                                                      \
	      .help = "last failed longer ago than: 90s, 15m, 2h, 7d" },       \
	    { .name = "newer-than",                                            \
	      .type = WB_PARAM_TEXT,                                           \
	      .offset = offsetof(params, filter.newer_than),                   \
	      .def = "",                                                       \
	      .max = 32,                                                       \
	      .unit = "",                                                      \
	      .help = "last failed less long ago than that" },                 \
	{                                                                      \
		.name = "where", .type = WB_PARAM_TEXT,                        \
		.offset = offsetof(params, filter.where), .def = "",           \
		.max = 4096, .unit = "",                                       \
		.help = "conditions on the message's JSON, such as "           \
		        "'data.order.total_minor > 10000 and "                 \
		        "data.order.lines.*.sku = TEA-100'"                    \
	}

struct wb_filter {
	const struct wb_filter_params *params;
	struct wb_where *where;
	int64_t newest_us, oldest_us; /* of the last failure; 0 = no bound */
	const char *one_id;           /* what an argument asks for; or NULL */
};

/* BAD_CONFIG with a note. Ages count from now on. */
enum wb_err wb_filter_init(struct wb_filter *filter,
                           const struct wb_filter_params *params,
                           struct wb_note *note) WB_MUST_USE;
void wb_filter_fini(struct wb_filter *filter);

/* Has it a condition besides --consumer? */
bool wb_filter_is_open(const struct wb_filter *filter);

bool wb_filter_has_consumer(const struct wb_filter *filter,
                            const char *consumer);
bool wb_filter_matches(const struct wb_filter *filter,
                       const struct wb_letter *letter);

/* In words, for the journal: "type=order.placed.v1 error=NOT_YET". */
void wb_filter_print(const struct wb_filter *filter, struct wb_buf *out);

/* "inventory/NOT_YET/order.placed.v1", the type "-" where it is unknown. */
void wb_letter_group(const struct wb_letter *letter, struct wb_buf *out);

#endif
