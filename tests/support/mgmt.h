/* RabbitMQ's management API, blocking, for tests. */
#ifndef WB_TESTS_MGMT_H
#define WB_TESTS_MGMT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The value of an environment variable that a test needs; without it the
 * program leaves with 77 (skipped). */
const char *wb_test_need_env(const char *name);

/* path: "/api/…" below WB_TEST_MGMT_URL. body: JSON or NULL. Appends the
 * answer to ret_answer (may be NULL) and returns the HTTP status; a server that
 * can't be reached fails the test. */
long wb_test_mgmt(const char *method, const char *path, const char *body,
                  struct wb_buf *ret_answer);

/* Makes the vhost anew, with all rights for the user of WB_TEST_AMQP_URL.
 * Returns that URL with this vhost; freed by the caller. */
char *wb_test_vhost_create(const char *vhost);
void wb_test_vhost_delete(const char *vhost);

/* Closes the connections of a vhost whose names (as their clients give them)
 * begin so; returns how many. The broker's list is some seconds behind. */
size_t wb_test_connections_close(const char *vhost, const char *name);

/* url with another scheme, host and port; valid until the next call. */
const char *wb_test_url_at(const char *url, const char *scheme,
                           const char *host, uint16_t port);

/* Its port, 5672 if it names none. */
uint16_t wb_test_port_of(const char *url);

#endif
