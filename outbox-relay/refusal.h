/* What the broker's channel.close tells about a message. */
#ifndef RELAY_REFUSAL_H
#define RELAY_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

/* Of which messages the broker complained. */
struct refusal {
	/* Those larger than so many bytes ("message size 20 larger than max
	 * size 16"). 0: no.
	 * Source: RabbitMQ's rabbit_channel, check_msg_size. */
	size_t limit_bytes;
	/* Those to this exchange ("no exchange 'x' in vhost '/'", "access to
	 * exchange 'x' in vhost '/' refused"). "": no. */
	char exchange[256];
};

struct refusal refusal_of(uint16_t code, const char *text);

#endif
