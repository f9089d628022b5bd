/* A list of brokers as people write it, taken apart:
 *   amqp[s]://[user[:password]@]host[:port][/vhost], comma-separated
 * Percent-encoding is understood in every part (a comma in a password is %2C);
 * IPv6 addresses stand in brackets. Defaults: guest, guest, 5672 (amqps 5671),
 * vhost "/" (also for an empty path). */
#ifndef WB_AMQP_URL_H
#define WB_AMQP_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct wb_amqp_broker {
	char *user;
	char *password;
	char *host; /* without brackets */
	char *vhost;
	uint16_t port;
	bool is_tls;
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
