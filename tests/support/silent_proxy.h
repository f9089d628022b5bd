/* A TCP proxy on a port of 127.0.0.1, in the test's own loop: it forwards to
 * another port, may end TLS on its own side, may fall silent, and may speak for
 * its target. */
#ifndef WB_TESTS_SILENT_PROXY_H
#define WB_TESTS_SILENT_PROXY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

struct wb_silent_proxy;

/* target_port 0: accepts and never says anything by itself. tls: NULL, or a
 * server context, which must outlive the proxy. */
struct wb_silent_proxy *wb_silent_proxy_new(struct wb_loop *loop,
                                            uint16_t target_port, SSL_CTX *tls);
void wb_silent_proxy_free(struct wb_silent_proxy *proxy);

uint16_t wb_silent_proxy_port(const struct wb_silent_proxy *proxy);

/* Nothing passes any more in either direction, not even an end; new connections
 * are silent too. */
void wb_silent_proxy_freeze(struct wb_silent_proxy *proxy, bool is_frozen);

/* Likewise, in each direction by itself. What was held back passes once it may
 * again. */
void wb_silent_proxy_freeze_ways(struct wb_silent_proxy *proxy, bool to_target,
                                 bool to_client);

/* Closes every connection. */
void wb_silent_proxy_cut(struct wb_silent_proxy *proxy);

/* Says `bytes` to every client as if the target had. */
void wb_silent_proxy_say(struct wb_silent_proxy *proxy, const void *data,
                         size_t bytes);

/* Counts accepted connections. */
const size_t *wb_silent_proxy_accepted(const struct wb_silent_proxy *proxy);

#endif
