/* For tests against RabbitMQ: a loop that is run until something has happened,
 * and a connection and channels whose events are counted. */
#ifndef WB_TESTS_AMQP_FIXTURE_H
#define WB_TESTS_AMQP_FIXTURE_H

/* cmocka.h needs these three before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>

#include "amqp/amqp.h"
#include "base/buf.h"
#include "loop/loop.h"

/* Longest wait for anything that should happen. */
#define WB_TEST_AMQP_WAIT_MS 15000

/* Runs the loop until *counter >= n; a deadline past fails the test. */
void wb_test_amqp_until(struct wb_loop *loop, const size_t *counter, size_t n);

/* Runs the loop for so long. */
void wb_test_amqp_run_ms(struct wb_loop *loop, int64_t ms);

struct wb_test_amqp {
	struct wb_loop *loop;
	struct wb_amqp_params params;
	struct wb_amqp *conn;
	size_t n_ready, n_lost, n_done;
	char why[256]; /* of the last loss */
};

/* Params with a 5 s connect and RPC deadline; not yet connecting. Change
 * params, then start. brokers is copied. */
void wb_test_amqp_init(struct wb_test_amqp *amqp, struct wb_loop *loop,
                       const char *brokers);
void wb_test_amqp_start(struct wb_test_amqp *amqp, const char *name);
void wb_test_amqp_fini(struct wb_test_amqp *amqp);

/* init, start, and ready. */
void wb_test_amqp_open(struct wb_test_amqp *amqp, struct wb_loop *loop,
                       const char *brokers);

struct wb_test_channel {
	struct wb_test_amqp *amqp;
	struct wb_amqp_channel *channel; /* NULL once closed */
	size_t n_open, n_closed, n_replies, n_cancelled;
	/* of the last on_closed */
	uint16_t code;
	char text[256];
	/* of the last reply */
	enum wb_err err;
	uint32_t messages, consumers;
	/* publishing: n_settled counts tags, so the multiples too */
	size_t n_settled, n_nacked, n_returned;
	size_t returned_after; /* n_settled when the last return came */
	uint64_t settled_to;
	uint16_t return_code;
	char return_key[64], return_id[64];
	/* consuming: the last delivery */
	size_t n_delivered;
	bool is_auto_acked;
	uint64_t tag;
	bool is_redelivered;
	struct wb_buf body;
	char message_id[64], type[64], header_text[64];
	int64_t header_number, timestamp_s;
	size_t n_headers;
};

/* Opens a channel and waits for it. */
void wb_test_channel_open(struct wb_test_channel *channel,
                          struct wb_test_amqp *amqp);
void wb_test_channel_fini(struct wb_test_channel *channel);

/* For any method's reply; arg is the struct wb_test_channel. */
void wb_test_on_reply(void *arg, enum wb_err err, uint32_t messages,
                      uint32_t consumers);

/* Waits for one more reply; returns its error. */
enum wb_err wb_test_reply(struct wb_test_channel *channel);

/* A quorum queue. */
void wb_test_declare(struct wb_test_channel *channel, const char *queue);

/* To a queue by its name, mandatory and persistent. Returns the tag. */
uint64_t wb_test_publish(struct wb_test_channel *channel, const char *queue,
                         const void *body, size_t bytes);

#endif
