/* What tests of lib/http's server share: the child process of one test, and
 * the last response. */
#ifndef WB_TESTS_HTTP_CASE_H
#define WB_TESTS_HTTP_CASE_H

#include "support/http_child.h"
#include "support/http_peer.h"

/* The end of a request's first line with its Host; the end of its head. */
#define HOST " HTTP/1.1\r\nHost: x\r\n"
#define END  "\r\n"

struct wb_test_http_case {
	struct wb_http_params params;
	pid_t pid;
	uint16_t port;
	struct wb_test_reply reply;
};

extern struct wb_test_http_case http;

/* cmocka's set-up and teardown: starts the child, has it drain. */
int wb_test_http_setup(void **state);
int wb_test_http_teardown(void **state);

/* Sends text on a connection of its own; the response is in http.reply. */
void wb_test_http_get(const char *text);

void wb_test_http_body_is(int status, const char *body);

/* That the response is as every error must be: problem+json with its status
 * inside and outside, and the request's id. */
void wb_test_http_is_problem(int status);

/* Both. */
void wb_test_http_gets_problem(const char *text, int status);

void wb_test_sleep_ms(long ms);

#endif
