/* An HTTP client that does what a test tells it, wrong bytes included: one
 * blocking socket, where each wait ends after WB_TEST_HTTP_WAIT_MS. */
#ifndef WB_TESTS_HTTP_PEER_H
#define WB_TESTS_HTTP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WB_TEST_HTTP_WAIT_MS 10000

struct wb_test_reply {
	int status; /* 0: none came */
	char head[8192];
	char body[1 << 19]; /* terminated */
	size_t body_bytes;
};

/* To 127.0.0.1; fails the test when refused. */
int wb_test_http_connect(uint16_t port);

/* Whether a connection is accepted by the kernel at all. */
bool wb_test_http_can_connect(uint16_t port);

/* False when the peer has closed. */
bool wb_test_http_send(int fd, const char *text);
bool wb_test_http_send_bytes(int fd, const void *data, size_t bytes);

/* Reads one response, by its Content-Length. has_body: false after HEAD. */
void wb_test_http_read(int fd, struct wb_test_reply *reply, bool has_body);

/* Sends text on a new connection and reads the one response. */
void wb_test_http_ask(uint16_t port, const char *text,
                      struct wb_test_reply *reply);

/* Whether the peer closes, having sent nothing more. */
bool wb_test_http_is_closed(int fd);

/* Whether the head has this line ("Allow: GET"), in any case. */
bool wb_test_http_has_line(const struct wb_test_reply *reply, const char *line);

/* The value of a header, in a static buffer; "" when absent. */
const char *wb_test_http_value(const struct wb_test_reply *reply,
                               const char *name);

#endif
