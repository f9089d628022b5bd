/* A list of brokers as people write it, taken apart:
 *   amqp[s]://[user[:password]@]host[:port][/vhost][?auth_mechanism=…]
 * comma-separated.
 * Percent-encoding is understood in every part (a comma in a password is %2C);
 * IPv6 addresses stand in brackets. Defaults: guest, guest, 5672 (amqps 5671),
 * vhost "/" (also for an empty path). auth_mechanism (the name is RabbitMQ's
 * own) is plain, the default, or external: then the client's certificate says
 * who it is, so the scheme must be amqps and the URL holds no user. */
#ifndef WB_AMQP_URL_H
#define WB_AMQP_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wb_amqp_broker {
	char *user;     /* "" when is_external */
	char *password; /* likewise */
	char *host;     /* without brackets */
	char *vhost;
	uint16_t port;
	bool is_tls;
	bool is_external;
};

struct wb_amqp_brokers {
	struct wb_amqp_broker *list;
	size_t count;
};

void wb_amqp_brokers_fini(struct wb_amqp_brokers *brokers);

/* BAD_CONFIG with a note that names the entry's number and what is wrong with
 * it, never its text (it holds a password). ret_brokers is written in both
 * cases; the caller frees it. */
enum wb_err wb_amqp_brokers_parse(const char *text,
                                  struct wb_amqp_brokers *ret_brokers,
                                  struct wb_note *note);

#endif
