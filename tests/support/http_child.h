/* A server of lib/http in a process of its own, whose routes do what the tests
 * of lib/http need:
 *   GET  /hello        200 {"hello":"world"}
 *   GET  /items/{id}   200 {"id":…}; PUT answers 200 {}
 *   GET  /query?q=     200 {"q":…}
 *   GET  /ids          200 {"request_id":…,"traceparent":…}
 *   POST /echo         the JSON body, or what is wrong with it
 *   POST /check        400 with one error per wrong field
 *   GET  /later        200, but 50 ms late
 *   GET  /drained      200, 50 ms after SIGTERM
 *   GET  /never        no answer
 *   GET  /gone         200 {"gone":N}: requests whose client has gone
 *   GET  /big          200 and 300,000 bytes
 *   GET  /fail         500
 *   GET  /stream       text/event-stream: "one" at once, "two" 50 ms later
 *   GET  /open         the same type, without an end
 *   GET  /flood        the same, as much as is taken */
#ifndef WB_TESTS_HTTP_CHILD_H
#define WB_TESTS_HTTP_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "http/server.h"

/* Small limits and short deadlines, on any free port. */
struct wb_http_params wb_test_http_params(void);

/* Forks; returns when the server listens. */
pid_t wb_test_http_start(const struct wb_http_params *params,
                         uint16_t *ret_port);

/* SIGTERM, which drains; returns its wait status. */
int wb_test_http_stop(pid_t pid);

/* The same in two steps. */
void wb_test_http_terminate(pid_t pid);
int wb_test_http_wait(pid_t pid);

#endif
