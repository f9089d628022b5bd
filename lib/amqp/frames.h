/* Encoders of single frames into memory: no state, no allocation. Each returns
 * the frame's length, or 0 when it does not fit into `room` or can't be encoded
 * (a short string over 255 bytes). */
#ifndef WB_AMQP_FRAMES_H
#define WB_AMQP_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "amqp/amqp.h"
#include "amqp/codec.h"

/* decoded: librabbitmq's struct of the method; it is only read. */
size_t wb_amqp_put_method(uint8_t *at, size_t room, uint16_t channel,
                          amqp_method_number_t method, void *decoded);

/* The content header of basic. */
size_t wb_amqp_put_header(uint8_t *at, size_t room, uint16_t channel,
                          uint64_t body_bytes,
                          amqp_basic_properties_t *properties);

/* room must hold bytes + WB_AMQP_FRAME_OVERHEAD. */
size_t wb_amqp_put_body(uint8_t *at, uint16_t channel, const void *data,
                        size_t bytes);

size_t wb_amqp_put_heartbeat(uint8_t *at);

/* A table from headers; it points into them and into entries, which has room
 * for n. Returns the encoded length. */
size_t wb_amqp_fill_headers(const struct wb_amqp_header *headers, size_t n,
                            amqp_table_entry_t *entries,
                            amqp_table_t *ret_table);

/* Fills librabbitmq's struct from ours; it points into ours and into entries,
 * which has room for props->n_headers. Returns an upper bound of the encoded
 * length. */
size_t wb_amqp_fill_properties(const struct wb_amqp_properties *props,
                               amqp_table_entry_t *entries,
                               amqp_basic_properties_t *ret_properties);

#endif
