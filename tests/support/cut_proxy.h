/* A TCP proxy in the test's own loop that cuts connections where a test wants
 * it: at once, or so that the answer to a certain request is lost. */
#ifndef WB_TESTS_CUT_PROXY_H
#define WB_TESTS_CUT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

struct wb_cut_proxy;

/* Listens on a free port of 127.0.0.1 and passes everything on to host:port
 * (a numeric address). */
struct wb_cut_proxy *wb_cut_proxy_new(struct wb_loop *loop, const char *host,
                                      uint16_t port);
void wb_cut_proxy_free(struct wb_cut_proxy *proxy);

uint16_t wb_cut_proxy_port(const struct wb_cut_proxy *proxy);

/* Cuts all connections now; new ones are taken. */
void wb_cut_proxy_cut(struct wb_cut_proxy *proxy);

/* Once: the next request that contains the text is passed on, the first answer
 * after it is swallowed, and its connection cut. */
void wb_cut_proxy_swallow_after(struct wb_cut_proxy *proxy, const char *text);

/* How often that has happened. */
size_t wb_cut_proxy_swallowed(const struct wb_cut_proxy *proxy);

#endif
