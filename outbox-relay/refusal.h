/* What the broker's channel.close tells about a message. */
#ifndef RELAY_REFUSAL_H
#define RELAY_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

/* The broker's largest message in bytes, when it closed the channel because one
 * was larger ("message size 20 larger than max size 16"); else 0.
 * Source: RabbitMQ's rabbit_channel, check_msg_size. */
size_t refusal_limit(uint16_t code, const char *text);

#endif
