/* RabbitMQ's management API for the command line: one request after the other,
 * each waited for. */
#ifndef WB_CLI_MANAGEMENT_H
#define WB_CLI_MANAGEMENT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "loop/loop.h"

struct wb_management;

void wb_management_free(struct wb_management *management);

/* url: http[s]://user:password@host:port, kept; wait_ms: how long an API that
 * can't be reached (yet) is asked again. */
struct wb_management *wb_management_new(struct wb_loop *loop, const char *url,
                                        int64_t wait_ms)
    WB_OWNED_BY(wb_management_free);

/* path: "/api/…", percent-encoded. body: JSON or NULL. The answer replaces what
 * is in ret_answer. OK with any status below 300, and with 404; HTTP_FAILED,
 * TIMEOUT, or BROKER_REFUSED for other statuses, with a note. Runs the loop. */
enum wb_err wb_management_call(struct wb_management *management,
                               const char *method, const char *path,
                               const char *body, int *ret_status,
                               struct wb_buf *ret_answer, struct wb_note *note);

/* Adds text as a path segment, percent-encoded. */
void wb_management_add_segment(struct wb_buf *path, const char *text);

/* The major version of the broker. */
enum wb_err wb_management_version(struct wb_management *management,
                                  unsigned *ret_major, struct wb_note *note);

#endif
