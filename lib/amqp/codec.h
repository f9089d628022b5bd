/* librabbitmq's headers, wherever its version keeps them. It is used as a codec
 * only: nothing of its sockets. */
#ifndef WB_AMQP_CODEC_H
#define WB_AMQP_CODEC_H

#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#endif

#endif
