/* What the tests of `waybill trace` tell: the story of an order, event by
 * event. */
#ifndef WB_TESTS_UNIT_TRACE_CASE_H
#define WB_TESTS_UNIT_TRACE_CASE_H

#include "capture.h"
#include "trace/story.h"

#define T0 INT64_C(1795900000000000) /* when the order was placed */
#define MS INT64_C(1000)

/* That of one test. */
extern struct wb_story story;

/* cmocka's: an order that is placed, and nothing else; frees it. */
int setup(void **state);
int teardown(void **state);

/* Published, and handled by nobody. */
struct wb_story_event *add_event(size_t service, const char *type,
                                 int64_t after_ms);
void handle(struct wb_story_event *event, size_t consumer, int64_t after_ms);
struct wb_story_attempt *fail_at(struct wb_story_event *event, size_t consumer,
                                 int64_t after_ms, bool is_last);

/* order.placed, which the history has. */
struct wb_story_event *add_placed(void);

/* Confirmed, and everybody knows it. */
void tell_confirmed(void);

#endif
