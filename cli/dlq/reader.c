#include "reader.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* A quorum queue takes 0 for 2,000. So this much is asked for explicitly, and
 * what is more comes over one more consumer on the same channel. */
#define MOST_PREFETCH ((size_t)65535)

/* So long nothing has come: somebody else may have taken what is missing. */
#define QUIET_MS 300
/* So often in a row nothing has come, whatever the queue says. If it says that
 * it has none left, it has given them to us, and a busy broker may take seconds
 * to send them; or somebody has taken them and gone. */
#define MOST_QUIETS 60
/* So often in a row that it has none left while others read it too. Once is not
 * enough: the answer may come before what is ours. */
#define ENOUGH_EMPTY 2

/* A quorum queue whose leader is too busy to be counted within 250 ms is said
 * to hold 0 messages. So a 0 that came slowly is asked for again. Source:
 * rabbit_quorum_queue:stat/1. */
#define SLOW_ZERO_US   200000
#define MOST_SLOW_ZERO 60

/* Others that read the queue hold what can't be seen from here. One that has
 * just left (a look of the same person, a job that was killed) is still counted
 * for a moment. */
#define OTHERS_MS   200
#define MOST_OTHERS 50

struct wb_reader {
	struct wb_loop *loop;
	struct wb_amqp_channel *channel; /* NULL once it is gone */
	const char *consumer;
	char *queue;
	const struct wb_reader_events *events; /* NULL: being freed */
	void *arg;
	struct wb_timer quiet, again;
	size_t found, others, read, read_before;
	size_t n_consumers; /* of ours */
	unsigned quiets, empties, waits, zeros;
	int64_t asked_us;
	bool has_ended;
};

void
wb_reader_free(struct wb_reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->channel != NULL)
		wb_amqp_channel_close(reader->channel);
	wb_timer_fini(&reader->quiet);
	wb_timer_fini(&reader->again);
	wb_loop_undefer(reader->loop, reader);
	free(reader->queue);
	free(reader);
}

/* Our consumers stay: as long as they are there, others see that the queue
 * holds more than it shows. They go in the same moment in which the broker puts
 * back what they hold; cancelled, they would be gone before. What comes later
 * is delivered only when something has been acknowledged, and left alone. */
static void
end(struct wb_reader *reader)
{
	if (reader->has_ended)
		return;
	reader->has_ended = true;
	wb_timer_stop(&reader->quiet);
	reader->events->on_end(reader->arg);
}

static void
on_deferred_end(void *arg)
{
	end(arg);
}

static void
add_consumer(struct wb_reader *reader)
{
	char tag[32];

	(void)snprintf(tag, sizeof tag, "waybill-%zu", reader->n_consumers++);
	wb_amqp_consume(reader->channel, reader->queue, tag, NULL, NULL);
}

static void
inspect(struct wb_reader *reader, wb_amqp_reply_fn reply)
{
	reader->asked_us = wb_mono_us();
	wb_amqp_inspect_queue(reader->channel, reader->queue, reply, reader);
}

static bool
is_slow_zero(const struct wb_reader *reader, uint32_t messages)
{
	return messages == 0 && wb_mono_us() - reader->asked_us >= SLOW_ZERO_US;
}

/* ---- the channel ---- */

static void
fail(struct wb_reader *reader, enum wb_err err, const char *why)
{
	reader->channel = NULL;
	wb_timer_stop(&reader->quiet);
	wb_timer_stop(&reader->again);
	reader->events->on_failed(reader->arg, err, why);
}

static void
give_up(struct wb_reader *reader, enum wb_err err, const char *why)
{
	wb_amqp_channel_close(reader->channel);
	fail(reader, err, why);
}

/* 406 is its consumer timeout: the letters were held for too long, and can be
 * read again. */
static void
on_closed(void *arg, uint16_t code, const char *text)
{
	bool is_passing = code == 0 || code == 406;

	fail(arg, is_passing ? WB_ERR_BROKER_LOST : WB_ERR_BROKER_REFUSED,
	     text);
}

static void
on_cancelled(void *arg, const char *consumer_tag)
{
	struct wb_reader *reader = arg;

	(void)consumer_tag;
	if (!reader->has_ended)
		give_up(reader, WB_ERR_BROKER_LOST,
		        "the broker ended the reading");
}

static void
on_delivery(void *arg, const struct wb_amqp_delivery *delivery)
{
	struct wb_reader *reader = arg;
	struct wb_letter letter;

	if (reader->has_ended || reader->read >= reader->found)
		return; /* came later */
	reader->read++;
	if (reader->read == reader->n_consumers * MOST_PREFETCH &&
	    reader->read < reader->found)
		add_consumer(reader);
	if (reader->read == reader->found)
		wb_loop_defer(reader->loop, on_deferred_end, reader);
	wb_letter_read(&letter, delivery, reader->consumer);
	reader->events->on_letter(reader->arg, &letter);
}

static void
on_still_there(void *arg, enum wb_err err, uint32_t messages,
               uint32_t consumers)
{
	struct wb_reader *reader = arg;
	bool is_empty = messages == 0 && !is_slow_zero(reader, messages);
	bool is_over;

	if (err != WB_OK || reader->has_ended ||
	    reader->read != reader->read_before)
		return;
	reader->quiets++;
	reader->empties = is_empty ? reader->empties + 1 : 0;
	is_over =
	    reader->quiets >= MOST_QUIETS || (reader->empties >= ENOUGH_EMPTY &&
	                                      consumers > reader->n_consumers);
	if (is_over && is_empty)
		end(reader);
	else if (is_over)
		give_up(reader, WB_ERR_TIMEOUT,
		        "the queue has messages but delivers none");
}

static void
on_quiet(void *arg)
{
	struct wb_reader *reader = arg;

	wb_timer_start_ms(&reader->quiet, QUIET_MS);
	if (reader->read != reader->read_before) {
		reader->read_before = reader->read;
		reader->quiets = 0;
		reader->empties = 0;
		return;
	}
	inspect(reader, on_still_there);
}

static void
on_counted(void *arg, enum wb_err err, uint32_t messages, uint32_t consumers)
{
	struct wb_reader *reader = arg;
	size_t prefetch = messages < MOST_PREFETCH ? messages : MOST_PREFETCH;

	if (err != WB_OK)
		return; /* on_closed follows */
	if (is_slow_zero(reader, messages) &&
	    reader->zeros++ < MOST_SLOW_ZERO) {
		wb_timer_start_ms(&reader->again, OTHERS_MS);
		return;
	}
	if (is_slow_zero(reader, messages)) {
		give_up(reader, WB_ERR_TIMEOUT,
		        "the queue is too busy to say what it holds");
		return;
	}
	if (consumers > 0 && reader->waits++ < MOST_OTHERS) {
		wb_timer_start_ms(&reader->again, OTHERS_MS);
		return;
	}
	reader->found = messages;
	reader->others = consumers;
	if (messages == 0) {
		wb_loop_defer(reader->loop, on_deferred_end, reader);
		return;
	}
	wb_amqp_qos(reader->channel, (uint16_t)prefetch, NULL, NULL);
	add_consumer(reader);
	wb_timer_start_ms(&reader->quiet, QUIET_MS);
}

/* The channel is open, or the others have had their moment. */
static void
count(void *arg)
{
	struct wb_reader *reader = arg;

	inspect(reader, on_counted);
}

struct wb_reader *
wb_reader_new(struct wb_loop *loop, struct wb_amqp *amqp, const char *consumer,
              const struct wb_reader_events *events, void *arg)
{
	static const struct wb_amqp_channel_events channel_events = {
		.on_open = count,
		.on_closed = on_closed,
		.on_delivery = on_delivery,
		.on_cancelled = on_cancelled,
	};
	struct wb_reader *reader = wb_zalloc(sizeof *reader);
	struct wb_buf queue = { 0 };

	wb_buf_printf(&queue, "%s.dlq", consumer);
	reader->loop = loop;
	reader->consumer = consumer;
	reader->queue = queue.data;
	reader->events = events;
	reader->arg = arg;
	wb_timer_init(&reader->quiet, loop, on_quiet, reader);
	wb_timer_init(&reader->again, loop, count, reader);
	reader->channel = wb_amqp_channel_open(amqp, &channel_events, reader);
	WB_ASSERT(reader->channel != NULL);
	return reader;
}

size_t
wb_reader_found(const struct wb_reader *reader)
{
	return reader->found;
}

size_t
wb_reader_others(const struct wb_reader *reader)
{
	return reader->others;
}

size_t
wb_reader_read(const struct wb_reader *reader)
{
	return reader->read;
}

void
wb_reader_ack(struct wb_reader *reader, uint64_t tag)
{
	if (reader->channel != NULL)
		wb_amqp_ack(reader->channel, tag, false);
}
